//! Takes out of a recording what tells whose it is, so that it can be shown to others: each name
//! that somebody chose becomes a pseudonym, the same wherever it stands. `docs/redact.md` is the
//! rule. Reports and exports are made of what is left, so nothing else has to hide anything.
//!
//! Each part of a recording is taken apart by its fields: a new one does not compile before it is
//! decided here what becomes of it.

mod command;
mod health;
mod incident;
mod kernel;
mod key;
mod net;
mod paths;

use std::collections::HashMap;

use crate::model::*;

pub use key::{BadKey, Key};

/// What a text stands for, which decides what of it is kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Role {
    /// Name of a user's task.
    Task,
    /// Name of a kernel thread.
    KernelThread,
    /// Path of a file or a cgroup.
    Path,
    /// Namespace and name of a pod.
    Pod,
    /// Function of a user's program.
    UserFunction,
    /// Function of the kernel.
    KernelFunction,
    /// Kernel module.
    KernelModule,
    /// Name that a driver gave its interrupt: that of a network interface, often.
    Irq,
    /// Name of one of our probes.
    Probe,
    /// Name of a network device.
    Device,
    /// Address of a host.
    Address,
    /// Words of the kernel's, and of programs that everybody has.
    Words,
    /// What was told in words that may hold names.
    Remark,
}

/// What stands for a text of which nothing is kept.
const LEFT_OUT: &str = "(left out)";

/// The recording without names that somebody chose. Equal names have equal pseudonyms; with the
/// same key, also in another recording.
#[must_use]
pub fn redact(r: Recording, key: &Key) -> Recording {
    let Recording {
        meta,
        strings,
        tasks,
        frames,
        stacks,
        mut samples,
        delays,
        runs,
        handoffs,
        runners,
        mut hardirqs,
        mut syscalls,
        file_calls,
        mut file_reads,
        steal,
        dying_memcgs,
        hists,
        mut lost,
        rx_cpus,
        mut rx_rows,
        mut rx_flows,
        mut ct_drops,
        mut syn_retransmits,
        mut ct_readings,
        mut ct_grown,
        mut ct_left_out,
        mut nat_rules,
        health: mut health_rows,
        mut health_numbers,
        snapshots: _,
        end,
        damage,
        thinned,
    } = r;
    let names = &mut Names::new(key, &strings);
    let tasks = tasks.iter().map(|task| of_task(names, task)).collect();
    let frames = frames.iter().map(|frame| of_frame(names, frame)).collect();
    samples.iter_mut().for_each(|sample| call(names, &mut sample.syscall));
    syscalls.iter_mut().for_each(|slow| call(names, &mut slow.syscall));
    hardirqs.iter_mut().for_each(|irq| irq.name = names.of(irq.name, Role::Irq));
    lost.iter_mut().for_each(|lost| lost.probe = names.of(lost.probe, Role::Probe));
    file_reads.iter_mut().for_each(|row| row.file = names.of(row.file, Role::Path));
    rx_rows.iter_mut().for_each(|row| net::received(names, row));
    rx_flows.iter_mut().for_each(|row| net::flow(key, row));
    ct_drops.iter_mut().for_each(|row| net::dropped(names, row));
    syn_retransmits.iter_mut().for_each(|row| net::ends(names, &mut row.flow));
    ct_readings.iter_mut().for_each(|row| net::reading(names, row));
    ct_grown.iter_mut().for_each(|row| row.counter = names.of(row.counter, Role::Words));
    ct_left_out.iter_mut().for_each(|row| row.what = names.of(row.what, Role::Remark));
    nat_rules.iter_mut().for_each(|row| net::rules(names, row));
    health::health(names, &mut health_rows, &mut health_numbers);
    Recording {
        thinned,
        meta: of_meta(meta, key),
        strings: std::mem::take(&mut names.new),
        tasks,
        frames,
        stacks,
        samples,
        delays,
        runs,
        handoffs,
        runners,
        hardirqs,
        syscalls,
        file_calls,
        file_reads,
        steal,
        dying_memcgs,
        hists,
        lost,
        rx_cpus,
        rx_rows,
        rx_flows,
        ct_drops,
        syn_retransmits,
        ct_readings,
        ct_grown,
        ct_left_out,
        nat_rules,
        health: health_rows,
        health_numbers,
        // Tables of the host's, as they were: addresses and names all over.
        snapshots: Vec::new(),
        end,
        damage: of_damage(&damage),
    }
}

fn of_task(names: &mut Names<'_>, task: &Task) -> Task {
    let Task { tid, tgid, start, comm, process, cgroup, pod, kthread } = *task;
    // The idle tasks are the kernel's too.
    let role = if kthread || tid.0 == 0 { Role::KernelThread } else { Role::Task };
    let (comm, process) = (names.of(comm, role), names.of(process, role));
    let (cgroup, pod) = (names.of(cgroup, Role::Path), names.of(pod, Role::Pod));
    Task { tid, tgid, start, comm, process, cgroup, pod, kthread }
}

fn of_frame(names: &mut Names<'_>, frame: &Frame) -> Frame {
    let Frame { function, offset: _, module, kernel } = *frame;
    let (function_role, module_role) = match kernel {
        true => (Role::KernelFunction, Role::KernelModule),
        false => (Role::UserFunction, Role::Path),
    };
    let (function, module) = (names.of(function, function_role), names.of(module, module_role));
    Frame { function, offset: 0, module, kernel }
}

/// Arguments are addresses, and numbers that a program chose.
fn call(names: &mut Names<'_>, call: &mut SyscallId) {
    let SyscallId { nr_plus_1, args: _, file } = *call;
    *call = SyscallId { nr_plus_1, args: [0; 3], file: names.of(file, Role::Path) };
}

fn of_meta(meta: Meta, key: &Key) -> Meta {
    let Meta {
        version,
        build,
        command,
        host,
        kernel,
        kernel_version: _,
        arch,
        cpus_online,
        cpus,
        start,
        start_realtime,
        stall_threshold,
        gap_threshold,
        sample_period,
        syscall_min,
        pid,
        dying_memcgs,
        hz,
        preemption,
        virtual_machine,
        threaded_napi,
        rx_path: _,
        netns,
        boot_id: _,
        incident,
        probes,
    } = meta;
    let known = ["none", "voluntary", "full", "lazy", "rt"];
    Meta {
        version: kernel::release(&version, key),
        build: build.filter(|build| is_commit(build)),
        command: command::command(&command),
        host: named("host", &host, key),
        kernel: kernel::release(&kernel, key),
        kernel_version: String::new(),
        arch: if kernel::is_word(&arch) { arch } else { String::new() },
        cpus_online,
        cpus,
        start,
        start_realtime,
        stall_threshold,
        gap_threshold,
        sample_period,
        syscall_min,
        pid,
        dying_memcgs,
        hz,
        preemption: preemption.filter(|model| known.contains(&model.as_str())),
        virtual_machine,
        threaded_napi: threaded_napi.iter().map(|device| named("dev", device, key)).collect(),
        // Devices, queues and keys of hashes: the packets that came in tell what matters.
        rx_path: None,
        netns,
        boot_id: None,
        incident: incident.map(|kept| incident::incident(kept, key)),
        probes,
    }
}

/// A commit of stallprof, as [`crate::BUILD`] has it: nobody's name.
fn is_commit(build: &str) -> bool {
    let commit = build.strip_suffix('+').unwrap_or(build);
    commit.len() <= 40 && commit.bytes().all(|b| b.is_ascii_hexdigit())
}

/// What a damaged file says of itself may hold names, too.
fn of_damage(damage: &[String]) -> Vec<String> {
    match damage.len() {
        0 => Vec::new(),
        n => vec![format!(
            "The recording this was made from was damaged; what is wrong with it is told there \
             ({n} remarks)."
        )],
    }
}

/// A pseudonym that tells of what kind it is; nothing for nothing.
fn named(kind: &str, name: &str, key: &Key) -> String {
    if name.is_empty() { String::new() } else { format!("{kind}-{}", key.tag(name)) }
}

/// The texts of a recording on their way to new ones: each once for each role it has.
struct Names<'a> {
    key: &'a Key,
    old: &'a [String],
    known: HashMap<(StrId, Role), StrId>,
    new: Vec<String>,
}

/// Both halves of `NAMESPACE/NAME`: which pods are of one namespace still shows.
fn pod(text: &str, key: &Key) -> String {
    let (namespace, name) = text.split_once('/').unwrap_or(("", text));
    format!("{}/{}", named("ns", namespace, key), named("pod", name, key))
}

impl<'a> Names<'a> {
    fn new(key: &'a Key, old: &'a [String]) -> Names<'a> {
        Names { key, old, known: HashMap::new(), new: vec![String::new()] }
    }

    fn of(&mut self, id: StrId, role: Role) -> StrId {
        let text = match self.old.get(id.0 as usize) {
            Some(text) if !text.is_empty() => text,
            _ => return StrId::NONE,
        };
        if let Some(&known) = self.known.get(&(id, role)) {
            return known;
        }
        let key = self.key;
        let new = match role {
            Role::Task => named("task", text, key),
            Role::KernelThread => kernel::thread(text, key),
            Role::Path => paths::path(text, key),
            Role::Pod => pod(text, key),
            Role::UserFunction => named("fn", text, key),
            Role::KernelFunction => kernel::function(text, key),
            Role::KernelModule if kernel::is_word(text) => text.clone(),
            Role::KernelModule => named("module", text, key),
            Role::Irq => named("irq", text, key),
            Role::Probe if kernel::is_word(text) => text.clone(),
            Role::Probe => named("probe", text, key),
            Role::Device => named("dev", text, key),
            Role::Address => net::address(text, key),
            Role::Words => net::words(text, key),
            Role::Remark => LEFT_OUT.to_owned(),
        };
        let number = self.put(new);
        self.known.insert((id, role), number);
        number
    }

    /// The text as it was.
    fn read(&self, id: StrId) -> &'a str {
        self.old.get(id.0 as usize).map_or("", String::as_str)
    }

    /// A new text.
    fn shown(&self, id: StrId) -> &str {
        self.new.get(id.0 as usize).map_or("", String::as_str)
    }

    /// Adds a text that holds nothing to hide.
    fn put(&mut self, text: String) -> StrId {
        if text.is_empty() {
            return StrId::NONE;
        }
        let number = StrId(self.new.len() as u32);
        self.new.push(text);
        number
    }
}

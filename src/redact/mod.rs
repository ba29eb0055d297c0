//! Takes out of a recording what tells whose it is, so that it can be shown to others: each name
//! that somebody chose becomes a pseudonym, the same wherever it stands. `docs/redact.md` is the
//! rule. Reports and exports are made of what is left, so nothing else has to hide anything.
//!
//! Each part of a recording is taken apart by its fields: a new one does not compile before it is
//! decided here what becomes of it.

mod command;
mod health;
mod incident;
mod kept;
mod kernel;
mod key;
mod meta;
mod names;
mod net;
mod paths;

use crate::model::*;

pub use key::{BadKey, Key};
use names::{LEFT_OUT, Names, Role, named};

/// The recording without names that somebody chose. Equal names have equal pseudonyms; with the
/// same key, also in another recording.
#[must_use]
pub fn redact(mut r: Recording, key: &Key) -> Recording {
    let old = std::mem::take(&mut r.strings);
    let names = &mut Names::new(key, &old);
    let Recording {
        meta,
        strings,
        tasks,
        frames,
        stacks: _,
        samples,
        delays: _,
        runs: _,
        handoffs: _,
        runners: _,
        hardirqs,
        syscalls,
        file_calls: _,
        file_reads,
        steal: _,
        dying_memcgs: _,
        snapshots,
        hists: _,
        lost,
        rx_cpus: _,
        rx_rows,
        rx_flows,
        ct_drops,
        syn_retransmits,
        ct_readings,
        ct_grown,
        ct_left_out,
        nat_rules,
        health,
        health_numbers,
        thinned: _,
        end: _,
        damage,
    } = &mut r;
    tasks.iter_mut().for_each(|task| *task = of_task(names, task));
    frames.iter_mut().for_each(|frame| *frame = of_frame(names, frame));
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
    health::health(names, health, health_numbers);
    *strings = std::mem::take(&mut names.new);
    *meta = meta::meta(std::mem::take(meta), key);
    // Tables of the host's, as they were: addresses and names all over.
    snapshots.clear();
    *damage = of_damage(damage);
    r
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

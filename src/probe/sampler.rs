//! The sampling timer of each CPU: culprit samples, interrupt gaps, the profile.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use libbpf_rs::skel::{OpenSkel, SkelBuilder};
use perf_event_open::config::{Cpu as OnCpu, Opts, Proc, SampleOn};
use perf_event_open::count::Counter;
use perf_event_open::event::sw::Software;

use super::skel::sampler::SamplerSkelBuilder;
use super::wire::types::sp_sample;
use super::wire::{Tail, read, syscall, wire};
use super::{Attached, Config, Method, Names, Shared, Source};
use crate::host::{CpuList, HostRoot};
use crate::model::{Event, Sample, StackId, Vector, syscalls};
use crate::units::{Cpu, Ktime, Nanos};

wire!(sp_sample);

pub fn attach(config: &Config, shared: &Shared, _: Method) -> Result<Attached> {
    let mut storage = MaybeUninit::uninit();
    let mut open = SamplerSkelBuilder::default().open(&mut storage)?;
    shared.lend(open.open_object_mut())?;
    if let Some(rodata) = open.maps.rodata_data.as_deref_mut() {
        rodata.period_ns = config.period().0;
        rodata.gap_ns = config.gap.0;
        rodata.evidence_ns = config.stall.0 / 2;
        rodata.profile_tgid = config.pid.map_or(0, |p| p.0);
        rodata.fd_calls = super::call_mask(syscalls::takes_fd);
    }
    let skel = open.load()?;
    let program = File::from(skel.progs.tick.as_fd().try_clone_to_owned()?);
    let mut timers = Timers {
        freq: config.freq,
        cpus: config.cpus.clone(),
        root: config.root.clone(),
        program,
        running: BTreeMap::new(),
        looked: Instant::now(),
    };
    for &cpu in &config.cpus {
        timers.start(cpu)?;
    }
    let timers = Rc::new(RefCell::new(timers));
    let source: Box<dyn Source> = Box::new(Watcher(Rc::downgrade(&timers)));
    Ok(Attached { keep: Box::new(timers), source: Some(source), note: None })
}

/// How often to look for CPUs that came back: their timers went with them.
const LOOK: Duration = Duration::from_millis(100);

/// A timer on each CPU that is online.
struct Timers {
    freq: u32,
    cpus: Vec<Cpu>,
    root: HostRoot,
    program: File,
    running: BTreeMap<Cpu, Counter>,
    looked: Instant,
}

impl Timers {
    fn start(&mut self, cpu: Cpu) -> Result<()> {
        let opts = Opts { sample_on: SampleOn::Freq(u64::from(self.freq)), ..Opts::default() };
        let timer = Counter::new(Software::CpuClock, (Proc::ALL, OnCpu(cpu.0)), opts)
            .with_context(|| format!("perf_event_open(cpu-clock) on CPU {cpu}"))?;
        timer.attach_bpf(&self.program).context("attaching the program to the timer")?;
        timer.enable()?;
        self.running.insert(cpu, timer);
        Ok(())
    }

    /// Stops those of CPUs that went offline, starts those of CPUs that are back.
    fn follow(&mut self, online: &CpuList) {
        self.running.retain(|cpu, _| online.contains(*cpu));
        let back = |cpu: &&Cpu| online.contains(**cpu) && !self.running.contains_key(cpu);
        for cpu in self.cpus.iter().filter(back).copied().collect::<Vec<_>>() {
            // It may have left again: the next look tells.
            let _ = self.start(cpu);
        }
    }
}

/// Looks after the timers for as long as they are attached.
struct Watcher(Weak<RefCell<Timers>>);

impl Source for Watcher {
    fn drain(&mut self, _: &mut dyn Names, _: &mut dyn FnMut(Event)) {
        let Some(timers) = self.0.upgrade() else { return };
        let mut timers = timers.borrow_mut();
        if timers.looked.elapsed() < LOOK {
            return;
        }
        timers.looked = Instant::now();
        if let Ok(online) = CpuList::online(&timers.root) {
            timers.follow(&online);
        }
    }
}

pub fn decode(record: &[u8], names: &mut dyn Names) -> Option<Event> {
    let e = read::<sp_sample>(record)?;
    let mut tail = Tail::after::<sp_sample>(record);
    let call = syscall(&e.call, tail.bytes(u32::from(e.call.path_len)), names);
    let kernel = tail.addresses(e.kernel_len);
    let user = tail.addresses(e.user_len);
    let irqs_off = irqs_off(tail.bytes(e.text_len));
    Some(Event::Sample(Sample {
        time: Ktime(e.head.time),
        cpu: Cpu(e.head.cpu),
        task: names.task(&e.task),
        policy: e.task.policy as u8,
        user_mode: e.user_mode != 0,
        syscall: call,
        kernel_stack: names.kernel_stack(&kernel),
        user_stack: if user.is_empty() { StackId::NONE } else { names.user_stack(&e.task, &user) },
        pending: e.pending as u16,
        pending_for: Nanos(e.pending_for),
        ksoftirqd_waits: Nanos(e.ksoftirqd_waits),
        since_softirq_entry: Nanos(e.since_softirq_entry),
        softirq_vector: Vector(e.softirq_vector as u8),
        gap: Nanos(e.gap),
        in_hardirq: Nanos(e.in_hardirq),
        hardirqs: Nanos(e.hardirqs),
        stolen: Nanos(e.stolen),
        stolen_over: Nanos(e.stolen_over),
        irqs_were_off: irqs_off & 1 == 1,
        irqs_were_off_in: irqs_off & !1,
        others: 0,
    }))
}

/// SP_TEXT of bpf/stallprof.h.
const TEXT: usize = 16;

/// The frames of whose code it is true that it has just enabled interrupts: bit n for frame n.
fn irqs_off(texts: &[u8]) -> u16 {
    let texts = texts.chunks_exact(TEXT).enumerate();
    texts.fold(0, |mask, (n, text)| mask | u16::from(sets_interrupt_flag(text)) << n)
}

/// Whether the code that ends here has just enabled interrupts: proof that it had them off. `sti`
/// (fb) holds them back for one more instruction, `popf` (9d) does not (Intel SDM vol. 2). Only
/// what compilers and the kernel's patching put behind an `sti` is taken for that instruction, so
/// that an fb inside of a constant is not taken for an `sti`.
fn sets_interrupt_flag(text: &[u8]) -> bool {
    const BEHIND_STI: [&[u8]; 12] = [
        &[0x90],
        // Of kernels up to 5.12 on AMD's family 15: K8_NOP3 and K8_NOP4 of asm/nops.h.
        &[0x66, 0x66, 0x90],
        &[0x66, 0x66, 0x66, 0x90],
        &[0x66, 0x90],
        &[0x0f, 0x1f, 0x00],
        &[0x0f, 0x1f, 0x40, 0x00],
        &[0x0f, 0x1f, 0x44, 0x00, 0x00],
        &[0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
        &[0x5b], // pop %rbx
        &[0x5d], // pop %rbp
        &[0x41, 0x5c],
        &[0xf3, 0x90],
    ];
    if cfg!(not(target_arch = "x86_64")) {
        return false;
    }
    text.ends_with(&[0x9d])
        || BEHIND_STI
            .iter()
            .any(|next| text.strip_suffix(*next).is_some_and(|t| t.ends_with(&[0xfb])))
}

#[cfg(test)]
mod tests {
    use super::sets_interrupt_flag;

    #[test]
    fn an_sti_and_one_instruction_prove_that_interrupts_were_off() {
        // css_rstat_flush on 6.18: pv_ops patched to `sti; nopl 0(%rax,%rax,1)`.
        let unlock = [0x66, 0x89, 0x05, 0x2c, 0xd0, 0x7a, 0x02, 0xfb, 0x0f, 0x1f, 0x44, 0, 0];
        assert_eq!(sets_interrupt_flag(&unlock), cfg!(target_arch = "x86_64"));
        assert!(!sets_interrupt_flag(&unlock[..7]));
        // An fb within an immediate, and one further back.
        assert!(!sets_interrupt_flag(&[0xb8, 0xfb, 0x00, 0x00, 0x00]));
        assert!(!sets_interrupt_flag(&[0xfb, 0x0f, 0x1f, 0x44, 0, 0, 0x48, 0x89, 0xc7]));
        assert!(!sets_interrupt_flag(&[]));
    }
}

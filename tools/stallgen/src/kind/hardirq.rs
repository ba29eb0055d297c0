//! A hard interrupt that runs long.

use std::hint;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use anyhow::{Context as _, Result};
use perf_event_open::config::{Cpu, Opts, Proc, SampleOn};
use perf_event_open::count::Counter;
use perf_event_open::event::sw::Software;

use super::{Hog, Workshop};
use crate::spin::Spin;
use crate::task::{pin_to, set_comm, set_fifo};
use crate::truth::{Header, Span};

/// Time from arming to the interrupt.
const PERIOD_NS: u64 = 200_000;

/// An interrupt with a BPF program that spins. No task is to blame, least of all the bystander:
/// this thread, which keeps the CPU busy.
pub struct Hardirq<'a> {
    workshop: Workshop<'a>,
    spin: &'a Spin<'a>,
    interrupt: Interrupt,
}

/// What interrupts the bystander.
enum Interrupt {
    /// The timer of a perf event: cpu-clock, which rests on idle CPUs.
    Timer(Counter),
    /// A thread on another CPU, told to wake one that has precedence here.
    Reschedule(Sender<()>),
}

impl<'a> Hardirq<'a> {
    /// The calling thread becomes the bystander.
    pub fn prepare(workshop: Workshop<'a>) -> Result<Self> {
        let (cpu, spin) = (workshop.args.cpu, workshop.spin()?);
        let interrupt = match workshop.args.reschedule {
            true => Interrupt::Reschedule(wakers(cpu, &workshop.args.other_cpus()?)),
            false => {
                let opts = Opts { sample_on: SampleOn::Count(PERIOD_NS), ..Opts::default() };
                let event = Counter::new(Software::CpuClock, (Proc::ALL, Cpu(cpu)), opts)
                    .context("cannot open a cpu-clock perf event")?;
                event
                    .attach_bpf(&spin.hardirq_program()?)
                    .context("cannot attach a BPF program to a perf event")?;
                Interrupt::Timer(event)
            }
        };
        set_comm("sg-bystander");
        pin_to(&[cpu])?;
        Ok(Self { workshop, spin, interrupt })
    }
}

/// A thread on one of `others` that, for each message, wakes a real-time thread on `cpu`.
fn wakers(cpu: u32, others: &[u32]) -> Sender<()> {
    let (wake, woken) = channel();
    let (send, messages) = channel();
    thread::spawn(move || sleep_on(cpu, &woken));
    let others = others.to_vec();
    thread::spawn(move || {
        let _ = pin_to(&others);
        for () in messages {
            let _ = wake.send(());
        }
    });
    send
}

/// Has the CPU for a moment, whoever else wants it, after each message.
fn sleep_on(cpu: u32, woken: &Receiver<()>) {
    if pin_to(&[cpu]).and_then(|()| set_fifo(1)).is_ok() {
        woken.iter().for_each(drop);
    }
}

impl Hog for Hardirq<'_> {
    fn header(&self) -> Header {
        self.workshop.header_without_task()
    }

    fn stall(&mut self) -> Result<Option<Span>> {
        match &self.interrupt {
            Interrupt::Timer(event) => {
                // On for this one interrupt: each one runs pending softirqs at its end
                // and would shorten what other tasks on this CPU wait for.
                let stall = self.spin.make(|| Ok(event.enable()?), hint::spin_loop);
                event.disable()?;
                stall
            }
            Interrupt::Reschedule(wake) => self.spin.make(|| Ok(wake.send(())?), hint::spin_loop),
        }
    }
}

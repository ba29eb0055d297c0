//! A hard interrupt that runs long.

use std::hint;

use anyhow::{Context as _, Result};
use perf_event_open::config::{Cpu, Opts, Proc, SampleOn};
use perf_event_open::count::Counter;
use perf_event_open::event::sw::Software;

use super::{Hog, Workshop};
use crate::spin::Spin;
use crate::task::{pin_to, set_comm};
use crate::truth::{Header, Span};

/// Time from arming to the interrupt.
const PERIOD_NS: u64 = 200_000;

/// The timer interrupt of a perf event, with a BPF program that spins. No task
/// is to blame, least of all the bystander: this thread, which keeps the CPU
/// busy because cpu-clock rests on idle ones.
pub struct Hardirq<'a> {
    workshop: Workshop<'a>,
    spin: &'a Spin<'a>,
    event: Counter,
}

impl<'a> Hardirq<'a> {
    /// The calling thread becomes the bystander.
    pub fn prepare(workshop: Workshop<'a>) -> Result<Self> {
        let cpu = workshop.args.cpu;
        let opts = Opts { sample_on: SampleOn::Count(PERIOD_NS), ..Opts::default() };
        let event = Counter::new(Software::CpuClock, (Proc::ALL, Cpu(cpu)), opts)
            .context("cannot open a cpu-clock perf event")?;
        let spin = workshop.spin()?;
        event
            .attach_bpf(&spin.hardirq_program()?)
            .context("cannot attach a BPF program to a perf event")?;
        set_comm("sg-bystander");
        pin_to(&[cpu])?;
        Ok(Self { workshop, spin, event })
    }
}

impl Hog for Hardirq<'_> {
    fn header(&self) -> Header {
        self.workshop.header_without_task()
    }

    fn stall(&mut self) -> Result<Option<Span>> {
        // On for this one interrupt: each one runs pending softirqs at its end
        // and would shorten what other tasks on this CPU wait for.
        let enable = || Ok(self.event.enable()?);
        let stall = self.spin.make(enable, hint::spin_loop);
        self.event.disable()?;
        stall
    }
}

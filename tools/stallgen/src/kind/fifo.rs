//! A SCHED_FIFO task that keeps the CPU in user mode.

use std::fs;
use std::hint;
use std::sync::atomic::Ordering;

use anyhow::{Result, ensure};

use super::{Hog, Workshop};
use crate::burst::BELL_PRIORITY;
use crate::clock::now_ns;
use crate::task::set_fifo;
use crate::truth::{Header, Span};

/// A real-time task that does nothing for long.
pub struct Fifo<'a> {
    workshop: Workshop<'a>,
}

impl<'a> Fifo<'a> {
    /// The calling thread becomes the hog.
    pub fn prepare(workshop: Workshop<'a>) -> Result<Self> {
        let share = workshop.args.length.as_secs_f64() / workshop.args.every.as_secs_f64();
        ensure!(
            share < real_time_share(),
            "--length is {:.0} % of --every, more than the kernel lets real-time tasks have \
             (/proc/sys/kernel/sched_rt_runtime_us): give a longer --every",
            100.0 * share
        );
        workshop.become_hog()?;
        set_fifo(BELL_PRIORITY - 1)?;
        Ok(Self { workshop })
    }
}

impl Hog for Fifo<'_> {
    fn header(&self) -> Header {
        self.workshop.header()
    }

    fn stall(&mut self) -> Result<Option<Span>> {
        let since_ns = self.workshop.since_ns;
        let start_ns = now_ns();
        since_ns.store(start_ns, Ordering::Relaxed);
        let until_ns = start_ns + self.workshop.args.length.as_nanos() as u64;
        let (mut last_ns, mut paused_ns) = (start_ns, 0);
        while last_ns < until_ns {
            hint::spin_loop();
            let now_ns = now_ns();
            paused_ns = paused_ns.max(now_ns - last_ns);
            last_ns = now_ns;
        }
        since_ns.store(0, Ordering::Relaxed);
        Ok(Some(Span { start_ns, end_ns: now_ns(), paused_ns }))
    }
}

/// The share of a CPU that real-time tasks may take, with some room left.
fn real_time_share() -> f64 {
    let read = |name| -> Option<f64> {
        fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok()?.trim().parse().ok()
    };
    match (read("sched_rt_runtime_us"), read("sched_rt_period_us")) {
        (Some(runtime), Some(period)) if runtime >= 0.0 => 0.95 * runtime / period,
        _ => 1.0,
    }
}

//! Waits of ksoftirqd for a CPU, without BPF: the kernel's own account of how long a thread was
//! runnable without running, looked at again and again.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::{Attached, Config, Names, Source};
use crate::host::schedstat::{SchedStat, SchedStatReader, keeps_waits};
use crate::host::{CpuList, HostRoot, ksoftirqd, monotonic};
use crate::model::{Event, Handoff};
use crate::units::{Cpu, Nanos};

/// What it does not see, or not exactly.
pub const BY_COUNTERS: &str = "only ksoftirqd's wait for the CPU, not who ran meanwhile nor \
                               whether others served its softirqs; shown as ending when it was \
                               looked at, some 5 ms late on small hosts; where ksoftirqd had \
                               several turns between two looks, their mean wait stands for the \
                               longest";

/// The looks take at most a five-hundredth of the time, and come no more often than this.
const LOOKS: (u32, Duration) = (500, Duration::from_millis(5));

/// The thread of one CPU.
struct Thread {
    cpu: Cpu,
    file: SchedStatReader,
    last: SchedStat,
}

/// The threads of all recorded CPUs.
struct Threads {
    threads: Vec<Thread>,
    stall: Nanos,
    due: Instant,
}

pub fn attach(config: &Config) -> Result<Attached> {
    let root = HostRoot::default();
    if !keeps_waits(&root) {
        bail!("the kernel does not account for waits in /proc/TID/schedstat (CONFIG_SCHED_INFO)");
    }
    let tids = ksoftirqd::ksoftirqds(&root, &CpuList::online(&root)?);
    let (mut threads, mut missing) = (Vec::new(), Vec::new());
    for &cpu in &config.cpus {
        match tids.get(&cpu) {
            Some(&tid) => {
                let file = SchedStatReader::open(&root, tid)?;
                let last = file.read()?;
                threads.push(Thread { cpu, file, last });
            }
            None => missing.push(cpu.to_string()),
        }
    }
    if threads.is_empty() {
        bail!(
            "ksoftirqd does not show in /proc: it is another pid namespace's, or hides processes"
        );
    }
    let note = (!missing.is_empty())
        .then(|| format!("no ksoftirqd was found of CPU {}", missing.join(", ")));
    let source = Threads { threads, stall: config.stall, due: Instant::now() };
    Ok(Attached { keep: Box::new(()), source: Some(Box::new(source)), note })
}

impl Source for Threads {
    fn patience(&self) -> Duration {
        self.due.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
    }

    fn drain(&mut self, _: &mut dyn Names, push: &mut dyn FnMut(Event)) {
        let began = Instant::now();
        if began < self.due {
            return;
        }
        for thread in &mut self.threads {
            // A CPU that is offline meanwhile takes its thread away.
            let Ok(now) = thread.file.read() else { continue };
            let wait = longest_wait(&thread.last, &now);
            thread.last = now;
            if wait < self.stall {
                continue;
            }
            push(Event::Handoff(Handoff {
                time: monotonic(),
                cpu: thread.cpu,
                wake_to_in: wait,
                // As where BPF does not see softirqs: it is not known that others served them.
                entered: true,
                ..Handoff::default()
            }));
        }
        self.due = began + (began.elapsed() * LOOKS.0).max(LOOKS.1);
    }
}

/// The longest of the waits that ended between two looks: exact where there was one, else the
/// least that it can have been.
fn longest_wait(before: &SchedStat, after: &SchedStat) -> Nanos {
    let turns = after.turns.saturating_sub(before.turns);
    let waited = after.waited.0.saturating_sub(before.waited.0);
    Nanos(waited.checked_div(turns).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_counts_when_the_turn_that_ended_it_does() {
        let at = |waited, turns| SchedStat { ran: Nanos(0), waited: Nanos(waited), turns };
        let start = at(100, 10);
        assert_eq!(longest_wait(&start, &start), Nanos(0));
        assert_eq!(longest_wait(&start, &at(20_000_100, 11)), Nanos(20_000_000));
        // Two turns: one of them waited for at least the mean.
        assert_eq!(longest_wait(&start, &at(20_000_100, 12)), Nanos(10_000_000));
        // Counters that step back, and a wait that its thread took to another run queue.
        assert_eq!(longest_wait(&start, &at(50, 9)), Nanos(0));
        assert_eq!(longest_wait(&start, &at(20_000_100, 10)), Nanos(0));
    }
}

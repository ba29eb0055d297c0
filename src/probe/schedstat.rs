//! Waits of ksoftirqd for a CPU, without BPF: the kernel's own account of how long a thread was
//! runnable without running, looked at again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::affinity::keep_off;
use super::{Attached, Config, Names, Source};
use crate::host::schedstat::{SchedStat, SchedStatReader, keeps_waits};
use crate::host::threads::refused;
use crate::host::{CpuList, ksoftirqd, monotonic, thread_cpu_time};
use crate::model::{Event, Handoff};
use crate::units::{Cpu, Nanos};

/// What it does not see, or not exactly.
pub const BY_COUNTERS: &str = "only ksoftirqd's wait for the CPU, not who ran meanwhile nor \
                               whether others served its softirqs; shown as ending when it was \
                               looked at, some 5 ms late on small hosts; where ksoftirqd had \
                               several turns between two looks, their mean wait stands for the \
                               longest";

/// The looks take a five-hundredth of the time at most, and come between so often and so seldom.
const LOOKS: (u32, Duration, Duration) =
    (500, Duration::from_millis(5), Duration::from_millis(200));

/// Waits that are told and not yet taken; there are hardly ever two.
const UNDER_WAY: usize = 4096;

/// Looks at the counters until it is dropped. A thread of its own: whoever takes the events also
/// gives names to things, which can take long.
struct Looking {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// ksoftirqd of one CPU.
struct Counters {
    cpu: Cpu,
    file: SchedStatReader,
    last: SchedStat,
}

/// Where the waits come from.
struct Waits(Receiver<Handoff>);

pub fn attach(config: &Config) -> Result<Attached> {
    let root = &config.root;
    if !keeps_waits(root) {
        bail!("the kernel does not account for waits in /proc/TID/schedstat (CONFIG_SCHED_INFO)");
    }
    let tids = ksoftirqd::ksoftirqds(root, &CpuList::online(root)?);
    let (mut all, mut missing) = (Vec::new(), Vec::new());
    for &cpu in &config.cpus {
        match tids.get(&cpu) {
            Some(&tid) => {
                let file = SchedStatReader::open(root, tid)?;
                let last = file.read()?;
                all.push(Counters { cpu, file, last });
            }
            None => missing.push(cpu.to_string()),
        }
    }
    if all.is_empty() {
        bail!(
            "ksoftirqd does not show in /proc: it is another pid namespace's, or hides processes"
        );
    }
    let note = (!missing.is_empty())
        .then(|| format!("no ksoftirqd was found of CPU {}", missing.join(", ")));
    let (send, waits) = sync_channel(UNDER_WAY);
    let stop = Arc::new(AtomicBool::new(false));
    let (cpus, stall, told) = (config.cpus.clone(), config.stall, Arc::clone(&stop));
    let thread = std::thread::Builder::new()
        .name("stallprof-look".to_owned())
        .spawn(move || {
            keep_off(&cpus);
            look(&mut all, stall, &send, &told);
        })
        .map_err(refused)
        .context("starting the thread that looks at the counters")?;
    let keep = Looking { stop, thread: Some(thread) };
    Ok(Attached { keep: Box::new(keep), source: Some(Box::new(Waits(waits))), note })
}

impl Source for Waits {
    fn drain(&mut self, _: &mut dyn Names, push: &mut dyn FnMut(Event)) {
        self.0.try_iter().map(Event::Handoff).for_each(push);
    }
}

fn look(all: &mut [Counters], stall: Nanos, send: &SyncSender<Handoff>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let began = thread_cpu_time();
        for counters in &mut *all {
            // A CPU that is offline meanwhile takes its thread away.
            let Ok(now) = counters.file.read() else { continue };
            let wait = longest_wait(&counters.last, &now);
            counters.last = now;
            if wait < stall {
                continue;
            }
            // Full only where nobody takes them any more.
            let _ = send.try_send(Handoff {
                time: monotonic(),
                cpu: counters.cpu,
                wake_to_in: wait,
                // As where BPF does not see softirqs: it is not known that others served them.
                entered: true,
                ..Handoff::default()
            });
        }
        let took = Duration::from_nanos(thread_cpu_time().0 - began.0);
        std::thread::sleep((took * LOOKS.0).clamp(LOOKS.1, LOOKS.2));
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

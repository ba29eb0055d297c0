//! Who had the CPU while ksoftirqd waited: many short turns do not hide a long one.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use stallprof::units::Tid;
use stallscore::found::Found;

use crate::host::{Folder, cpu, findings, machine, stallgen, stallprof, succeeded};

/// As many as have a row of their own in a record: `SP_RUNNERS`.
const SHORT: u32 = 8;
const TURN: Duration = Duration::from_micros(50);
const LONG_TURN: Duration = Duration::from_millis(30);
const EVERY: Duration = Duration::from_millis(61);

#[test]
fn a_long_turn_after_many_short_ones_is_named() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("turns");
    let recording = folder.path("r.stall");
    let (stop, began, turns) = (AtomicBool::new(false), Instant::now(), Mutex::new(Vec::new()));
    let take_turns = |n: u32, length: Duration| {
        real_time();
        for round in 1.. {
            // In this order, which is kept: they are of one priority.
            let next = EVERY * round + Duration::from_micros(10) * n;
            std::thread::sleep(next.saturating_sub(began.elapsed()));
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let (from, clock) = (stallprof::session::now(), Instant::now());
            while clock.elapsed() < length {}
            if length == LONG_TURN {
                turns.lock().unwrap().push((from.0, stallprof::session::now().0));
            }
        }
    };
    let (long, output) = std::thread::scope(|scope| {
        for n in 0..SHORT {
            scope.spawn(move || take_turns(n, TURN));
        }
        let (tell, tid) = std::sync::mpsc::channel();
        scope.spawn(move || {
            // SAFETY: gettid cannot fail.
            tell.send(Tid(unsafe { libc::gettid() } as u32)).unwrap();
            take_turns(SHORT, LONG_TURN);
        });
        let output = stallprof()
            .args(["record", "-C", &cpu().to_string(), "-o"])
            .arg(&recording)
            .arg("--")
            .arg(stallgen())
            .args(["fifo", "--cpu", &cpu().to_string(), "--count", "40", "--truth", "/dev/null"])
            .output()
            .unwrap();
        stop.store(true, Ordering::Relaxed);
        (tid.recv().unwrap(), output)
    });
    succeeded(&output);
    let turns = turns.into_inner().unwrap();
    let mut most = Vec::new();
    for stall in Found::all(&findings(&recording)).unwrap() {
        let within = |(from, to): &(u64, u64)| {
            (*to).min(stall.end()).saturating_sub((*from).max(stall.start))
        };
        if 2 * turns.iter().map(within).sum::<u64>() > stall.duration {
            most.push(stall);
        }
    }
    assert!(most.len() >= 5, "only {} waits lasted through a long turn", most.len());
    // Softirqs, or the hypervisor, may take the CPU from all of them.
    let other = |f: &&Found| match f.culprit["type"].as_str() {
        Some("task") => f.culprit["tid"] != u64::from(long.0),
        kind => kind == Some("several"),
    };
    let others: Vec<_> = most.iter().filter(other).collect();
    assert!(others.is_empty(), "{} of {}: {:?}", others.len(), most.len(), others.first());
    assert!(most.iter().any(|f| f.culprit["tid"] == u64::from(long.0)), "{most:?}");
}

/// SCHED_FIFO on the CPU that is recorded, above what stallgen makes.
fn real_time() {
    // SAFETY: plain data of the right size; both act on the calling thread.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu() as usize, &mut set);
        assert_eq!(libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set), 0);
        let priority = libc::sched_param { sched_priority: 3 };
        assert_eq!(libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const priority), 0);
    }
}

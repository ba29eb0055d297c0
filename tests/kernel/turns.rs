//! Who had the CPU while ksoftirqd waited: many short turns do not hide a long one.

use std::sync::Mutex;
use std::time::Duration;

use stallprof::units::Tid;
use stallscore::found::Found;

use crate::host::{Folder, findings, machine};
use crate::rivals::{FIFO, Rounds, pin, schedule, spin};

/// As many as have a row of their own in a record: `SP_RUNNERS`.
const SHORT: u32 = 8;
const TURN: Duration = Duration::from_micros(50);
const LONG_TURN: Duration = Duration::from_millis(30);

#[test]
fn a_long_turn_after_many_short_ones_is_named() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("turns");
    let recording = folder.path("r.stall");
    let (rounds, turns) = (Rounds::new(), Mutex::new(Vec::new()));
    let take_turns = |n: u32, length: Duration| {
        pin();
        schedule(FIFO);
        // In this order, which is kept: they are of one priority.
        rounds.each(Duration::from_micros(10) * n, || {
            let from = stallprof::session::now();
            spin(length);
            if length == LONG_TURN {
                turns.lock().unwrap().push((from.0, stallprof::session::now().0));
            }
        });
    };
    let long = std::thread::scope(|scope| {
        for n in 0..SHORT {
            scope.spawn(move || take_turns(n, TURN));
        }
        let (tell, tid) = std::sync::mpsc::channel();
        scope.spawn(move || {
            // SAFETY: gettid cannot fail.
            tell.send(Tid(unsafe { libc::gettid() } as u32)).unwrap();
            take_turns(SHORT, LONG_TURN);
        });
        rounds.record(&recording);
        tid.recv().unwrap()
    });
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

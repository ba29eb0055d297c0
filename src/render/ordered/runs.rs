//! Samples in a row that show the same, and their times.

use super::super::spans;
use crate::model::findings::Stall;
use crate::model::{Recording, Sample};
use crate::units::Ktime;

/// Equal samples in a row.
pub(super) struct Run<'a> {
    pub(super) first: &'a Sample,
    pub(super) last: &'a Sample,
    pub(super) times: usize,
}

/// Joins neighbours that show the same: the same task, call and place, with no moment of the
/// stall between them (`passed` counts those before a time).
pub(super) fn fold<'a>(
    r: &Recording,
    samples: &[&'a Sample],
    passed: impl Fn(Ktime) -> usize,
) -> Vec<Run<'a>> {
    let mut runs: Vec<Run<'a>> = Vec::new();
    for &s in samples {
        match runs.last_mut() {
            Some(run) if same(r, run.last, s) && passed(run.last.time) == passed(s.time) => {
                run.last = s;
                run.times += 1;
            }
            _ => runs.push(Run { first: s, last: s, times: 1 }),
        }
    }
    runs
}

fn same(r: &Recording, a: &Sample, b: &Sample) -> bool {
    let facts = |s: &Sample| {
        let call = (s.syscall.nr_plus_1, s.syscall.file);
        let waits = (s.pending, s.ksoftirqd_waits.0 > 0, s.gap.0 > 0);
        (s.task, call, s.user_mode, s.policy, waits)
    };
    // Late ticks stay apart: each is a gap of its own.
    a.gap.0 == 0
        && facts(a) == facts(b)
        && (a.kernel_stack == b.kernel_stack
            || r.functions(a.kernel_stack).eq(r.functions(b.kernel_stack)))
}

/// Times relative to the stall's beginning, in columns of one width.
pub(super) struct Clock {
    start: Ktime,
    pub(super) width: usize,
}

impl Clock {
    pub(super) fn new(stall: &Stall, runs: &[Run<'_>]) -> Clock {
        let mut clock = Clock { start: spans::start(stall), width: 0 };
        let first = runs.first().map_or(clock.start, |run| run.first.time);
        clock.width = clock.ms(first).len().max(clock.ms(spans::end(stall)).len());
        clock
    }

    pub(super) fn ms(&self, at: Ktime) -> String {
        let ms = if at >= self.start {
            at.since(self.start).secs() * 1e3
        } else {
            -self.start.since(at).secs() * 1e3
        };
        format!("{ms:+.3}")
    }

    /// `-12.003 .. -4.001 x 9`, or only the time of a single sample, as wide as all.
    pub(super) fn columns(&self, first: Ktime, last: Ktime, times: usize) -> String {
        let (w, first, last) = (self.width, self.ms(first), self.ms(last));
        let rest = match times {
            1 => String::new(),
            n => format!(".. {last:>w$} x {n}"),
        };
        format!("{first:>w$} {rest:<rest_width$}", rest_width = w + 8)
    }
}

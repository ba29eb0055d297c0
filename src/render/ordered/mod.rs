//! The stacks of a CPU in order of time up to the end of a stall: who ran before ksoftirqd did.

mod entry;
mod runs;

use std::io::{self, Write};

use super::ink::Text;
use super::layout::Layout;
use super::text::{count, plural, time};
use super::{Style, spans, words};
use crate::model::findings::Stall;
use crate::model::{Recording, Sample};
use crate::units::Ktime;
use runs::Clock;

/// Writes the last `n` samples of a stall's CPU before it and those inside it, oldest first.
///
/// # Errors
/// The writer's.
pub fn write(
    out: &mut dyn Write,
    r: &Recording,
    stall: &Stall,
    n: usize,
    style: Style,
) -> io::Result<()> {
    let layout = &mut Layout::wide(out, style);
    let samples = samples_of(r, stall, n);
    heading(layout, stall, &samples, n)?;
    let marks = marks(stall);
    let runs = runs::fold(r, &samples, |at| marks.iter().filter(|(mark, _)| *mark < at).count());
    let mut marks = marks.into_iter().peekable();
    let clock = Clock::new(stall, &runs);
    for run in &runs {
        while let Some((at, words)) = marks.next_if(|&(at, _)| at < run.first.time) {
            mark(layout, &clock, at, &words)?;
        }
        entry::write(layout, r, stall, &clock, run)?;
    }
    for (at, words) in marks {
        mark(layout, &clock, at, &words)?;
    }
    Ok(())
}

/// The last `n` samples of the CPU before the stall, and those inside it.
fn samples_of<'a>(r: &'a Recording, stall: &Stall, n: usize) -> Vec<&'a Sample> {
    let (start, end) = (spans::start(stall), spans::end(stall));
    let mine = |s: &&Sample| s.cpu == stall.cpu && s.time <= end;
    let mut before = 0;
    let wanted = |s: &&Sample| {
        before += usize::from(s.time < start);
        before <= n
    };
    let mut samples: Vec<&Sample> =
        r.samples.iter().rev().filter(mine).take_while(wanted).collect();
    samples.sort_by_key(|s| s.time);
    samples
}

fn heading(
    layout: &mut Layout<'_>,
    stall: &Stall,
    samples: &[&Sample],
    n: usize,
) -> io::Result<()> {
    let head = format!("Stall {} on CPU\u{a0}{}: {}", stall.id, stall.cpu, time(stall.duration));
    let deed = words::deed(&stall.culprit, stall.cause, stall.cpu);
    let text = Text::new().bold(&head).plain("  ").then(words::culprit(&stall.culprit));
    layout.put(2, &text.plain("  ").plain(&deed))?;
    let before = samples.iter().filter(|s| s.time < spans::start(stall)).count();
    let all = if before < n { ", all there are" } else { "" };
    let words = format!(
        "{} before it{all}, {} inside, oldest first. Milliseconds from its beginning; | marks the \
         stall.",
        plural(before, "sample"),
        count((samples.len() - before) as u64)
    );
    layout.put(2, &Text::new().dim(&words))?;
    layout.blank()
}

/// Moments of the stall itself, in order.
fn marks(stall: &Stall) -> Vec<(Ktime, String)> {
    let mut marks = vec![(spans::start(stall), "the stall begins".to_owned())];
    marks.extend(stall.measures.iter().map(|m| (m.start.after(m.duration), words::ending(m))));
    marks.sort_by_key(|(at, _)| *at);
    marks
}

fn mark(layout: &mut Layout<'_>, clock: &Clock, at: Ktime, what: &str) -> io::Result<()> {
    let words = format!("{:>w$} ==== {what}", clock.ms(at), w = clock.width);
    layout.put(clock.width + 6, &Text::new().bold(&words))
}

//! All that is known of one culprit or CPU.

use ratatui::text::{Line, Span};

use super::app::{App, Table};
use super::culprits;
use super::words::{Ink, ago, cpus, left, plain, right, span, time};
use crate::model::live::{Live, LiveCpu, LiveCulprit};
use crate::render::terms::cause_named;

/// Latenesses of a CPU that are told one by one.
const STEPS: usize = 40;

/// Title and lines.
pub fn lines(app: &App, ink: Ink) -> (String, Vec<Line<'static>>) {
    let Some(live) = &app.live else { return (String::new(), Vec::new()) };
    match app.table {
        Table::Cpus => {
            let list = app.cpus();
            let chosen = list.iter().find(|c| Some(c.cpu) == app.cpu).or(list.first());
            match chosen {
                Some(chosen) => (format!("CPU {}", chosen.cpu), cpu(chosen, live, ink)),
                None => ("CPU".to_owned(), vec![plain("No CPU is measured.")]),
            }
        }
        Table::Culprits => {
            let list = app.culprits();
            let wanted = |c: &&&LiveCulprit| Some(culprits::key(c)) == app.culprit;
            let chosen = list.iter().find(wanted);
            match chosen.or(list.first().filter(|_| app.culprit.is_none())) {
                Some(chosen) => (chosen.who.clone(), culprit(chosen, ink)),
                None => ("Culprit".to_owned(), vec![plain("No stall by it in the last 5 min.")]),
            }
        }
    }
}

fn culprit(c: &LiveCulprit, ink: Ink) -> Vec<Line<'static>> {
    let (words, mut lines) = (&c.words, Vec::new());
    let stalls = if c.count == 1 { "stall" } else { "stalls" };
    lines.push(plain(&format!(
        "{} {stalls} in 5 min, {} together, the last {} ago; cause: {}; CPUs {}",
        c.count,
        c.total,
        ago(c.ago),
        cause_named(&c.cause),
        cpus(&c.cpus)
    )));
    lines.push(Line::default());
    lines.push(span(&format!("The longest, {}", c.worst), ink.bold()).into());
    lines.push(Line::from(vec![
        span(&words.who, ink.alarm()),
        Span::raw("  "),
        span(&words.deed, ratatui::style::Style::new()),
    ]));
    lines.extend(words.workload.iter().map(|text| plain(text)));
    lines.extend(words.measures.iter().map(|text| plain(text)));
    lines.push(Line::default());
    lines.push(span("What that rests on", ink.bold()).into());
    lines.extend([&words.evidence, &words.witnesses].map(|text| plain(text)));
    lines.push(Line::default());
    lines.push(span("Kernel stack, innermost first", ink.bold()).into());
    if words.stack.is_empty() {
        lines.push(plain("none was seen"));
    }
    lines.extend(words.stack.iter().map(|text| plain(text)));
    lines
}

fn cpu(cpu: &LiveCpu, live: &Live, ink: Ink) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let head = format!("Softirq delays of the last {}", live.interval);
    lines.push(span(&head, ink.bold()).into());
    let columns = ["count", "p50", "p99", "longest"];
    let head: String = columns.iter().map(|name| right(name, 10)).collect();
    lines.push(span(&format!("{}{head}", left("", 10)), ink.dim()).into());
    let waits = cpu.ksoftirqd.iter().map(|s| ("ksoftirqd", s));
    for (name, s) in cpu.vectors.iter().map(|(name, s)| (name.as_str(), s)).chain(waits) {
        let count = right(&s.count.to_string(), 10);
        let times = [s.p50, s.p99, s.max].map(|t| right(&time(Some(t)), 10)).concat();
        lines.push(plain(&format!("{}{count}{times}", left(name, 10))));
    }
    if cpu.vectors.is_empty() && cpu.ksoftirqd.is_none() {
        lines.push(plain("none were counted"));
    }
    lines.push(Line::default());
    lines.push(span("What was late in the last 5 min", ink.bold()).into());
    for step in cpu.strip.iter().take(STEPS) {
        let kinds = step.late.kinds().into_iter().filter(|(_, late)| late.0 > 0);
        let kinds: Vec<String> =
            kinds.map(|(kind, late)| format!("{} {late}", kind.replace('_', " "))).collect();
        let when = crate::units::Nanos(step.ago.saturating_mul(live.step.0));
        let when = format!("{} ago  ", right(&ago(when), 7));
        let style = ink.late(step.late.worst());
        lines.push(Line::from(vec![Span::raw(when), span(&kinds.join(", "), style)]));
    }
    if cpu.strip.is_empty() {
        lines.push(plain(&format!("nothing past {}", live.stall_threshold)));
    }
    lines
}

//! Every stall as a row: what the figures show, as text.

use super::super::terminal::cpu;
use super::super::text::{count, offset};
use super::super::words;
use super::{Case, empty, markup, table};
use crate::model::findings::Stall;

/// Rows, the worst stalls first.
const ROWS: usize = 1_000;

pub(super) fn body(case: &Case<'_>) -> String {
    let f = case.f;
    if f.stalls.is_empty() {
        return empty(&format!("There was no stall of {}.", cpu::threshold(&f.options)));
    }
    let mut shown: Vec<&Stall> = f.stalls.iter().collect();
    shown.sort_by_key(|s| (std::cmp::Reverse(s.rank()), s.id));
    shown.truncate(ROWS);
    shown.sort_by_key(|s| s.id);
    let heads = ["#stall", "#at", "#CPU", "#length", "=late", "culprit", "#samples"];
    let html = table("All stalls", &heads, shown.iter().map(|s| row(case, s)));
    let note = "<p class=\"fine\">Samples: how many of those inside the stall point to the culprit; \
                where the scheduler's records or an interrupt's own tell who it was, how many \
                there are.</p>\n";
    match f.stalls.len() - shown.len() {
        0 => html + note,
        n => format!(
            "{html}{note}<p class=\"fine\">{} shorter stalls are not listed; --format json holds all.</p>\n",
            count(n as u64)
        ),
    }
}

fn row(case: &Case<'_>, s: &Stall) -> (String, Vec<String>) {
    let apart = case.worst.iter().any(|w| w.id == s.id);
    let id = if apart { String::new() } else { format!(" id=\"stall-{}\"", s.id) };
    let number = format!("<a href=\"#stall-{}\">{}</a>", s.id, s.id);
    let deed = words::deed(&s.culprit, s.cause, s.cpu);
    let late = words::late(s);
    let e = &s.evidence;
    // Where others than samples told who it was, these agree with nobody.
    let samples = match (e.samples, e.ran.0) {
        (0, _) => "none".to_owned(),
        (n, 0) => format!("{} of {}", count(e.agree.min(n) as u64), count(n as u64)),
        (n, _) => count(n as u64),
    };
    let cells = vec![
        number,
        offset(s.start, case.f.window.start),
        s.cpu.to_string(),
        super::super::text::time(s.duration),
        markup::name(&late),
        format!("{} {}", markup::phrases(&words::culprit(&s.culprit)), markup::text(&deed)),
        samples,
    ];
    (id, cells)
}

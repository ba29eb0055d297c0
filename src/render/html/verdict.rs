//! The answer, in the words of the terminal, each culprit with the way to its evidence.

use std::fmt::Write;
use std::sync::Arc;

use super::super::terminal::blame::{self, Blame};
use super::super::terminal::{cpu, facts, quiet};
use super::super::text::{cpus, percent, time};
use super::{Case, markup};
use crate::model::findings::CpuSummary;
use crate::units::Cpu;

/// Functions shown of a stack.
const FUNCTIONS: usize = 16;
/// Stalls of one culprit that are linked.
const LINKS: usize = 3;

/// The title of the page, and the section.
pub(super) fn write(case: &Case<'_>) -> (String, String) {
    let f = case.f;
    let facts = markup::text(&facts(f).join(" \u{b7} ")).into_owned();
    let mut html = format!("<section id=\"verdict\">\n<p class=\"kicker\">{facts}</p>\n");
    let list = cpu::worst_first(f);
    let Some((first, others)) = list.split_first() else {
        let (head, lines) = quiet::words(f);
        let _ = writeln!(html, "<h1>{}</h1>", markup::text(&head));
        for line in lines {
            let _ = writeln!(html, "<p>{}</p>", markup::text(&line.words));
        }
        return (title(case, &head), html + "</section>\n");
    };
    let head = plain(f, first);
    let _ = writeln!(html, "<h1>{}</h1>", markup::text(&head));
    html += &paragraph(case, first);
    for other in others.iter().take(cpu::PARAGRAPHS - 1) {
        let _ = writeln!(html, "<h3>{}</h3>", markup::text(&plain(f, other)));
        html += &paragraph(case, other);
    }
    let rest = others.get(cpu::PARAGRAPHS - 1..).unwrap_or_default();
    for cpu in rest.iter().take(cpu::LINES) {
        let most = blame::of(f, cpu);
        let by = most.first().map(|b| format!(", most by {}", markup::phrases(&b.words())));
        let head = markup::text(&plain(f, cpu)).into_owned();
        let _ = writeln!(html, "<p>{head}{}</p>", by.unwrap_or_default());
    }
    if rest.len() > cpu::LINES {
        let more: Vec<Cpu> = rest[cpu::LINES..].iter().map(|c| c.cpu).collect();
        let _ = writeln!(html, "<p>Stalled less badly: {}</p>", cpus(&more));
    }
    if let Some(calm) = cpu::calm_words(f) {
        let _ = writeln!(html, "<p class=\"dim\">{}</p>", markup::text(&calm));
    }
    (title(case, &head), html + "</section>\n")
}

fn title(case: &Case<'_>, head: &str) -> String {
    let host = if case.f.host.name.is_empty() { "unknown host" } else { &case.f.host.name };
    format!("{head} \u{b7} {}", super::super::escape::bounded(host, 64))
}

fn plain(f: &crate::model::findings::Findings, cpu: &CpuSummary) -> String {
    cpu::headline(f, cpu).0.into_iter().map(|(_, words)| words).collect()
}

/// Who stalled a CPU.
fn paragraph(case: &Case<'_>, cpu: &CpuSummary) -> String {
    let blames = blame::of(case.f, cpu);
    let kinds = cpu::breakdown(cpu);
    let mut html =
        format!("<p class=\"kinds\">{}</p>\n<ol class=\"blame\">\n", markup::text(&kinds));
    for blame in blames.iter().take(blame::CULPRITS) {
        html += &culprit(case, cpu, blame);
    }
    for (share, by) in blame::rest(&blames, cpu) {
        let _ = writeln!(
            html,
            "<li><p><span class=\"share\">{}</span> {by}; <a href=\"#stalls\">all stalls</a></p></li>",
            share.words(0)
        );
    }
    html + "</ol>\n"
}

fn culprit(case: &Case<'_>, cpu: &CpuSummary, blame: &Blame<'_>) -> String {
    let mut html = format!(
        "<li><p class=\"who\"><span class=\"share\">{}</span> {}{}</p>\n",
        blame.share(cpu).words(0),
        markup::phrases(&blame.words()),
        markup::text(&blame.deed(case.f, cpu.cpu)).replace("  ", " ")
    );
    let facts = cpu::facts(blame);
    if !facts.is_empty() {
        let _ = writeln!(html, "<p>{}</p>", markup::text(&facts.join(" \u{b7} ")));
    }
    if let Some(why) = blame.evidence() {
        let place = if blame.stalls.len() > 1 { " in the longest" } else { "" };
        let _ = writeln!(html, "<p>Seen{place}: {}</p>", markup::text(why));
    }
    html += &stack(blame.whose_stack(), blame.stack(), FUNCTIONS);
    let links: Vec<String> = blame
        .stalls
        .iter()
        .take(LINKS)
        .map(|s| format!("<a href=\"#stall-{}\">stall {}</a> ({})", s.id, s.id, time(s.duration)))
        .collect();
    let of_the_time = match blame.told.served_meanwhile {
        true => String::new(),
        false => format!(
            " \u{b7} {} of the time CPU {} was stalled",
            markup::text(&percent(blame.told.total.0, cpu.total.0)),
            cpu.cpu
        ),
    };
    let links = links.join(", ");
    let _ = writeln!(html, "<p class=\"proof\">Evidence: {links}{of_the_time}</p></li>");
    html
}

/// A stack, innermost first, with what is said in front of it.
pub(super) fn stack(whose: &str, functions: &[Arc<str>], most: usize) -> String {
    if functions.is_empty() {
        return String::new();
    }
    let words = super::super::words::stack(functions.iter().map(|f| &**f), most);
    format!("<p class=\"stack\">{whose}{}</p>\n", markup::text(&words))
}

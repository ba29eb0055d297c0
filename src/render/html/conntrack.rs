//! What connection tracking lost: its counters over time, and the connections that paid for it.

use super::super::figures::conntrack;
use super::super::terminal::conntrack as told;
use super::super::text::{count, offset, plural, time};
use super::super::{escape, words};
use super::method::list;
use super::{Case, empty, figure, markup, table, unmeasured};
use crate::model::findings::{Conntrack, CtNamespace, FailedFlow};

/// Rows of each table: connections that it cost most, namespaces that lost most.
const ROWS: usize = conntrack::LISTED;
/// Counters with a column of their own.
const COUNTERS: [&str; 3] = ["insert_failed", "drop", "early_drop"];

pub(super) fn body(case: &Case<'_>) -> String {
    let f = case.f;
    let Some(ct) = &f.conntrack else {
        let what = "Connection tracking";
        let why = unmeasured(f, "ct_stats", what).or_else(|| unmeasured(f, "conntrack", what));
        return empty(&why.unwrap_or_else(|| format!("{what} was not recorded.")));
    };
    if ct.namespaces.is_empty() && ct.failed.is_empty() && ct.syn_retransmits == 0 {
        return empty("No network namespace tracks connections.") + &left_out(ct);
    }
    let mut html = String::new();
    if ct.failed.is_empty() && !ct.namespaces.iter().any(told::lost) {
        html += &format!("<p>{}</p>\n", markup::text(&told::nothing_lost(ct)));
    }
    for chart in conntrack::charts(case) {
        let key = "Full dots: a first packet was dropped; hollow ones: its SYN was sent again.";
        let words = format!("{}. {key}", chart.notes.join(". "));
        html += &figure(&chart.figure, &markup::text(&words));
    }
    if !ct.failed.is_empty() {
        html += "<h3>Connections whose first packet was dropped</h3>\n";
        html += &flows(case, ct);
    }
    if !ct.namespaces.is_empty() {
        html += "<h3>Network namespaces</h3>\n";
        html += &namespaces(ct);
    }
    let mut lines: Vec<String> = told::unseen(ct).into_iter().collect();
    lines.extend(told::other_syns(ct));
    lines.extend(told::rules_words(ct));
    lines.extend(ct.advice.iter().map(|advice| format!("What helps: {advice}")));
    if !lines.is_empty() {
        html += &list(&lines);
    }
    html + &left_out(ct)
}

fn left_out(ct: &Conntrack) -> String {
    let lines: Vec<String> = ct.left_out.iter().map(|what| format!("Not read: {what}")).collect();
    if lines.is_empty() { String::new() } else { list(&lines) }
}

fn more(rows: usize) -> String {
    match rows.saturating_sub(ROWS) {
        0 => String::new(),
        n => format!("<p class=\"fine\">{}: --format json.</p>\n", plural(n, "more row")),
    }
}

/// `10.0.0.2:41234 -> 10.0.1.9:80`.
fn ends(from: &str, to: &str) -> String {
    let end = |text: &str| markup::text(&escape::bounded(text, 60)).into_owned();
    format!("{} \u{2192} {}", end(from), end(to))
}

/// Numbered in order of time, as the figure has them.
fn flows(case: &Case<'_>, ct: &Conntrack) -> String {
    let mut all: Vec<(usize, &FailedFlow)> = (1..).zip(&ct.failed).collect();
    all.sort_by_key(|(n, f)| (std::cmp::Reverse(f.sent_again_after), f.verdict, f.time, *n));
    all.truncate(ROWS);
    all.sort_by_key(|(n, _)| *n);
    let heads = [
        "#no.",
        "#at",
        "#CPU",
        "=protocol",
        "=as it was sent, and translated",
        "=who",
        "#SYN again after",
        "+why it was dropped",
    ];
    let rows = all.iter().map(|(n, f)| {
        let translated = match (&f.translated_from, &f.translated_to) {
            (Some(from), Some(to)) => format!("as {}", ends(from, to)),
            _ => "without an entry".to_owned(),
        };
        let who = f.task.as_ref().map_or("not seen".to_owned(), words::task);
        let again = f.not_joined.map(|why| format!("; {why}")).unwrap_or_default();
        let cells = vec![
            n.to_string(),
            offset(f.time, case.f.window.start),
            f.cpu.to_string(),
            markup::name(&f.protocol),
            format!("{}<br/>{translated}", ends(&f.from, &f.to)),
            markup::text(&who).into_owned(),
            f.sent_again_after.map_or("-".to_owned(), time),
            markup::text(&format!("{}{again}", told::why(ct, f))).into_owned(),
        ];
        (format!(" id=\"ct-{n}\""), cells)
    });
    let note = "<p class=\"fine\">A connection took longer by at least the time until its SYN was sent \
                again.</p>\n";
    table("Connections whose first packet was dropped", &heads, rows)
        + &more(ct.failed.len())
        + note
}

fn namespaces(ct: &Conntrack) -> String {
    let mut heads = vec!["namespace", "#readings", "#most entries", "#room"];
    let names: Vec<String> =
        COUNTERS.iter().chain(&["clash_resolve"]).map(|name| format!("#{name}")).collect();
    heads.extend(names.iter().map(String::as_str));
    heads.push("+in words");
    let rows = ct.namespaces.iter().take(ROWS).map(|n: &CtNamespace| {
        let mut cells = vec![
            markup::text(&told::name(n)).into_owned(),
            count(n.readings as u64),
            n.entries.map_or("not known".to_owned(), count),
            match n.max {
                None => "not known".to_owned(),
                Some(0) => "no limit".to_owned(),
                Some(max) => count(max),
            },
        ];
        // A counter that this kernel does not have is not zero.
        let counted = COUNTERS.map(|name| n.count(name)).into_iter().chain([n.resolved()]);
        cells.extend(counted.map(|counted| counted.map_or("-".to_owned(), count)));
        let words = format!("{}; read from {}", told::facts(n).join("; "), n.source);
        cells.push(markup::text(&words).into_owned());
        (String::new(), cells)
    });
    table("Network namespaces that track connections", &heads, rows) + &more(ct.namespaces.len())
}

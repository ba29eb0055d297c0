//! Several recordings of one incident as one page.

use std::io::{self, Write};

use super::super::difference::kin;
use super::super::figures::nodes::{latencies, level, most, name};
use super::super::text::{count, percent, plural, time, utc};
use super::super::{escape, nodes as told, words};
use super::method::list;
use super::{document, empty, figure, markup, table};
use crate::model::nodes::{Nodes, WorstStall};

/// Rows of each table.
const ROWS: usize = 200;

/// Sections of the page: id, title, what is below.
type Section = (&'static str, &'static str, fn(&Nodes) -> String);

const SECTIONS: [Section; 7] = [
    ("nodes", "Nodes", by_node),
    ("causes", "Causes by node", by_cause),
    ("culprits", "Culprits on all nodes", culprits),
    ("worst", "The worst stalls of all", worst),
    ("health", "Node health", health),
    ("latencies", "Latencies of all events", merged),
    ("notes", "Clocks, and what to know", notes),
];

/// Writes the page.
///
/// # Errors
/// If it cannot be written.
pub fn write(out: &mut dyn Write, n: &Nodes) -> io::Result<()> {
    let head = told::headline(n);
    let words = markup::text(&head);
    let kicker = n.nodes.iter().map(|node| node.start_realtime).filter(|start| *start > 0).min();
    let kicker = kicker.and_then(utc).map(|start| format!("first recording from {start}"));
    let mut main = format!(
        "<section id=\"verdict\">\n<p class=\"kicker\">{}</p>\n<h1>{words}</h1>\n",
        markup::text(&kicker.unwrap_or_else(|| "time unknown".to_owned()))
    );
    if let Some(first) = n.culprits.first() {
        let all = n.nodes.iter().map(|node| node.total).sum::<crate::units::Nanos>();
        main += &format!(
            "<p class=\"who\"><em>{}</em>: {} of all the time that CPUs were stalled, on {} of \
             {}.</p>\n",
            markup::text(&kin(&first.who)),
            markup::text(&percent(first.total.0, all.0)),
            first.nodes.len(),
            plural(n.nodes.len(), "node")
        );
    }
    main += "</section>\n";
    for (id, title, body) in SECTIONS {
        main += &super::section(id, title, &body(n));
    }
    let sections: Vec<(&str, &str)> = SECTIONS.iter().map(|s| (s.0, s.1)).collect();
    document(out, &head, &sections, &main)
}

fn more(rows: usize) -> String {
    match rows.saturating_sub(ROWS) {
        0 => String::new(),
        n => format!("<p class=\"fine\">{}: --format json.</p>\n", plural(n, "more row")),
    }
}

fn by_node(n: &Nodes) -> String {
    let heads = [
        "=node",
        "#stalls",
        "#worst",
        "#together",
        "#CPUs",
        "#length",
        "=start, by its own clock",
        "#dying cgroups",
        "#lost",
        "=kernel",
        "recording",
    ];
    let rows = (1..).zip(&n.nodes).take(ROWS).map(|(number, node)| {
        let length = match node.complete {
            true => time(node.duration),
            false => format!("{}, cut short", time(node.duration)),
        };
        let cells = vec![
            markup::text(&name(n, number)).into_owned(),
            count(node.harmed() as u64),
            if node.harmed() > 0 { time(node.worst) } else { "-".to_owned() },
            if node.harmed() > 0 { time(node.total) } else { "-".to_owned() },
            count(node.cpus as u64),
            length,
            utc(node.start_realtime).unwrap_or_else(|| "unknown".to_owned()),
            node.host.dying_memcgs.map_or("not counted".to_owned(), count),
            count(node.lost),
            markup::name(&node.host.kernel),
            markup::name(node.file.as_deref().unwrap_or_default()),
        ];
        (format!(" id=\"node-{number}\""), cells)
    });
    table("Nodes", &heads, rows) + &more(n.nodes.len())
}

/// The heat map as a table: numbers that can be read by whoever does not see colours.
fn by_cause(n: &Nodes) -> String {
    let most = most(n);
    if most == 0 {
        return empty("There was no stall on any node.");
    }
    let mut heads = vec!["=node".to_owned()];
    heads.extend(n.causes.iter().map(|row| format!("#{}", row.cause.words())));
    heads.push("#all".to_owned());
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let rows = (1..).zip(&n.nodes).take(ROWS).map(|(number, node)| {
        let mut cells = vec![markup::text(&name(n, number)).into_owned()];
        cells.extend(n.causes.iter().map(|row| match row.stalls.get(number - 1) {
            None | Some(0) => "<span class=\"heat\">0</span>".to_owned(),
            Some(&stalls) => {
                let words = count(stalls as u64);
                format!("<span class=\"heat s{}\">{words}</span>", level(stalls, most))
            }
        }));
        cells.push(count(node.harmed() as u64));
        (String::new(), cells)
    });
    let note = format!(
        "<p class=\"fine\">The fuller the colour, the more stalls: each of the four is a quarter of \
         the highest count, {}. Recordings of different length do not compare by counts.</p>\n",
        count(most as u64)
    );
    table("Stalls of each node by cause", &heads, rows) + &more(n.nodes.len()) + &note
}

fn culprits(n: &Nodes) -> String {
    if n.culprits.is_empty() {
        return empty("There was no stall, so nobody is to blame.");
    }
    let heads = ["#stalls", "#median", "#worst", "#together", "+who", "nodes"];
    let rows = n.culprits.iter().take(ROWS).map(|group| {
        let cells = vec![
            count(group.stalls as u64),
            time(group.median),
            time(group.worst),
            time(group.total),
            format!("<em>{}</em>", markup::text(&kin(&group.who))),
            told::places(n, &group.nodes),
        ];
        (String::new(), cells)
    });
    table("Culprits on all nodes", &heads, rows) + &more(n.culprits.len())
}

fn worst(n: &Nodes) -> String {
    if n.worst.is_empty() {
        return empty("There was no stall on any node.");
    }
    let heads =
        ["#length", "=node", "#CPU", "#stall", "=began, by the node's clock", "+who", "+how"];
    let rows = n.worst.iter().map(|stall: &WorstStall| {
        let cells = vec![
            time(stall.duration),
            format!(
                "<a href=\"#node-{}\">{}</a>",
                stall.node.min(ROWS),
                markup::text(&name(n, stall.node))
            ),
            stall.cpu.to_string(),
            stall.stall.to_string(),
            stall.start_realtime.and_then(moment).unwrap_or_else(|| "unknown".to_owned()),
            markup::phrases(&words::culprit(&stall.culprit)),
            markup::text(&words::deed(&stall.culprit, stall.cause, stall.cpu)).into_owned(),
        ];
        (String::new(), cells)
    });
    table("The worst stalls of all nodes", &heads, rows)
}

/// What hurts or will, by check.
fn health(n: &Nodes) -> String {
    let known = n.nodes.iter().filter(|node| node.health.is_some()).count();
    if known == 0 {
        return empty("The health of no node was recorded.");
    }
    if n.health.is_empty() {
        return empty(&format!(
            "Of {} whose health was recorded, none has anything that hurts or soon will.",
            plural(known, "node")
        ));
    }
    let bounded = |text: &str| markup::text(&escape::bounded(text, told::LONGEST)).into_owned();
    let heads = ["=check", "=severity", "=nodes", "+found, at its worst", "+what helps"];
    let rows = n.health.iter().take(ROWS).map(|of| {
        let cells = vec![
            markup::name(&of.check),
            of.severity.name().to_owned(),
            told::places(n, &of.nodes),
            bounded(&of.value),
            bounded(&of.help),
        ];
        (String::new(), cells)
    });
    let title = "What checks of node health found";
    table(title, &heads, rows) + &more(n.health.len())
}

/// A moment to the millisecond.
fn moment(realtime: u64) -> Option<String> {
    let whole = utc(realtime)?;
    let ms = realtime / 1_000_000 % 1_000;
    Some(whole.replace(" UTC", &format!(".{ms:03} UTC")))
}

fn merged(n: &Nodes) -> String {
    let Some(drawn) = latencies(n) else {
        return empty("No latency was counted on any node.");
    };
    let words = "Each curve adds up what all nodes and CPUs counted, bucket by bucket.";
    let mut html = figure(&drawn, &markup::text(&format!("{words} {}", drawn.desc)));
    let mut rows: Vec<_> = n.latencies.iter().filter(|l| l.count > 0).collect();
    rows.sort_by_key(|l| (std::cmp::Reverse(l.max), l.what, l.vector));
    let heads = ["=latency", "#nodes", "#count", "#p50", "#p99", "#p99.9", "#max"];
    html += &table(
        "Latencies of all nodes",
        &heads,
        rows.iter().take(ROWS).map(|l| {
            let what = l.what.replace('_', " ");
            let name = l.vector.map_or_else(|| what.clone(), |v| format!("{v} {what}"));
            let mut cells = vec![name, count(l.nodes as u64), count(l.count)];
            cells.extend([l.p50, l.p99, l.p999, l.max].map(time));
            (String::new(), cells)
        }),
    );
    html + &more(rows.len())
}

fn notes(n: &Nodes) -> String {
    let mut html = list(&n.notes);
    let files: Vec<String> =
        n.nodes.iter().filter_map(|node| node.file.as_deref()).map(super::host::quoted).collect();
    // Without their names, which a redacted report does not tell, there is no command to give.
    if files.len() == n.nodes.len() && !files.is_empty() {
        let files = escape::bounded(&files.join(" "), 2_000).into_owned();
        html += &format!(
            "<h3>The same again</h3>\n<pre tabindex=\"0\">stallprof report {} -o nodes.html</pre>\n",
            markup::text(&files)
        );
    }
    html
}

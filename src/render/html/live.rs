//! The daemon's page: what is going on now, and the incidents it keeps. It asks for itself anew
//! every few seconds, and for nothing else.

use std::fmt::Write;

use super::super::text::{count, plural, time, utc};
use super::document::{hash, style as shared};
use super::{empty, markup, table};
use crate::model::live::{Live, LiveCpu, LiveCulprit, Spread};
use crate::model::meta::Incident;
use crate::render::terms;
use crate::units::{Cpu, Nanos};

/// Asks for the page again, unless somebody reads evidence or looks elsewhere.
const SCRIPT: &str = "setInterval(() => { if (!document.hidden && \
    !document.querySelector('details[open]')) location.reload(); }, 10000);";
/// Incidents on the page.
const MOST: usize = 200;
/// Where the colours of a strip change.
const BAD: Nanos = Nanos::from_millis(50);
const WORSE: Nanos = Nanos::from_millis(200);

/// Writes the page; of each incident its length in bytes, oldest first.
#[must_use]
pub fn page(live: &Live, kept: &[(&Incident, u64)]) -> String {
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <noscript><meta http-equiv=\"refresh\" content=\"10\"/></noscript>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <title>{} · stallprof</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n",
        markup::name(&live.host),
        style()
    );
    verdict(&mut out, live);
    let parts: [(&str, &str, String); 4] = [
        ("cpus", "The last five minutes", cpus(live)),
        ("culprits", "Who stalled CPUs", culprits(live)),
        ("incidents", "Incidents", incidents(kept)),
        ("method", "What the numbers rest on", method(live)),
    ];
    for (id, title, body) in parts {
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "<section id=\"{id}\" aria-labelledby=\"{id}-h\">\n<h2 id=\"{id}-h\">{title}</h2>\n\
             {body}</section>\n"
        );
    }
    out + &format!("</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n")
}

/// What the page may do, as its content security policy: only its own style and script.
#[must_use]
pub fn policy() -> String {
    format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        hash(&style()),
        hash(SCRIPT)
    )
}

fn style() -> String {
    shared() + include_str!("live.css")
}

fn verdict(out: &mut String, live: &Live) {
    let worst = live.cpus.iter().flat_map(|cpu| &cpu.strip).map(|step| step.late.worst()).max();
    let title = match (live.culprits.iter().max_by_key(|c| c.worst), worst) {
        (Some(c), _) => format!(
            "{} in the last five minutes, the worst {}, by {}",
            plural(live.culprits.iter().map(|c| c.count).sum::<u64>() as usize, "stall"),
            time(c.worst),
            markup::name(&c.who)
        ),
        (None, Some(worst)) => match waiting(live) {
            Some(late) => {
                format!("Something was late by {}; who did it is known within 20 s", time(late))
            }
            None => format!(
                "Something was late by {} in the last five minutes; no stall was found in it",
                time(worst)
            ),
        },
        (None, None) => {
            format!("Nothing was late past {} in the last five minutes", time(live.stall_threshold))
        }
    };
    let _ = write!(
        out,
        "<section id=\"verdict\">\n<p class=\"kicker\">{} · Linux {} · {} · {}</p>\n\
         <h1>{title}</h1>\n",
        markup::name(&live.host),
        markup::name(&live.kernel),
        plural(live.cpus.len(), "CPU"),
        utc(live.realtime).unwrap_or_default(),
    );
    for missing in &live.missing {
        let _ = writeln!(
            out,
            "<p><em>Not measured:</em> {} ({})</p>",
            markup::name(&missing.probes.join(", ")),
            markup::name(&missing.reason)
        );
    }
    out.push_str("</section>\n");
}

/// The worst lateness that the analysis may not have seen.
fn waiting(live: &Live) -> Option<Nanos> {
    let since = live.analysed.unwrap_or(Nanos(u64::MAX)).0 / live.step.0.max(1);
    let steps = live.cpus.iter().flat_map(|cpu| &cpu.strip);
    steps.filter(|step| step.ago <= since).map(|step| step.late.worst()).max()
}

fn cpus(live: &Live) -> String {
    let mut out = String::from(
        "<div class=\"lanes\">\n<div class=\"lane head\"><b></b><i></i><span>p50</span>\
         <span>p99</span><span>longest</span><span>ksoftirqd</span><span>packets</span></div>\n",
    );
    let received: u64 = live.cpus.iter().filter_map(|cpu| cpu.rx).sum();
    for cpu in &live.cpus {
        let delay = |of: fn(&Spread) -> Nanos| match &cpu.delay {
            Some(spread) => time(of(spread)),
            None => "–".to_owned(),
        };
        let share = match (cpu.rx, received) {
            (Some(n), 1..) => super::super::text::percent(n, received),
            _ => "–".to_owned(),
        };
        let _ = writeln!(
            out,
            "<div class=\"lane\"><b>CPU {}</b>{}<span>{}</span><span>{}</span><span>{}</span>\
             <span>{}</span><span>{share}</span></div>",
            cpu.cpu,
            strip(cpu, live),
            delay(|s| s.p50),
            delay(|s| s.p99),
            delay(|s| s.max),
            cpu.ksoftirqd.map_or_else(|| "–".to_owned(), |s| time(s.max)),
        );
    }
    let minutes = live.step.0 * live.steps / 60_000_000_000;
    let _ = write!(
        out,
        "<div class=\"axis\"><span>{minutes} min ago</span><span>now</span></div>\n</div>\n\
         <ul class=\"key\"><li><span class=\"h2\"></span>late past {}</li>\
         <li><span class=\"h3\"></span>{} or more</li><li><span class=\"h4\"></span>{} or more</li>\
         <li><span class=\"was\"></span>nothing was late</li>\
         <li><span class=\"none\"></span>not measured yet</li></ul>\n\
         <p class=\"dim\">Numbers: softirq delays of the last {}, all softirqs together; the longest \
         wait of ksoftirqd; each CPU's share of the packets received.</p>\n",
        time(live.stall_threshold),
        time(BAD),
        time(WORSE),
        time(live.interval),
    );
    out
}

fn strip(cpu: &LiveCpu, live: &Live) -> String {
    let mut svg = format!(
        "<svg viewBox=\"0 0 {} 10\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"CPU {}: {} late\">",
        live.steps,
        cpu.cpu,
        plural(cpu.strip.len(), "step"),
    );
    let measured = (live.running.0 / live.step.0.max(1) + 1).min(live.steps);
    let from = live.steps - measured;
    let _ = write!(svg, "<rect class=\"was\" x=\"{from}\" width=\"{measured}\" height=\"10\"/>");
    for step in cpu.strip.iter().filter(|step| step.ago < live.steps) {
        let worst = step.late.worst();
        let class = match worst {
            w if w >= WORSE => "h4",
            w if w >= BAD => "h3",
            _ => "h2",
        };
        let kinds = step.late.kinds().into_iter().filter(|(_, late)| late.0 > 0);
        let kinds: Vec<_> =
            kinds.map(|(kind, late)| format!("{} {late}", kind.replace('_', " "))).collect();
        let _ = write!(
            svg,
            "<rect class=\"{class}\" x=\"{}\" width=\"1\" height=\"10\"><title>{} s ago: {}</title>\
             </rect>",
            live.steps - 1 - step.ago,
            step.ago * live.step.0 / 1_000_000_000,
            kinds.join(", ")
        );
    }
    svg + "</svg>"
}

fn culprits(live: &Live) -> String {
    let Some(ago) = live.analysed else {
        return empty("Not known yet: the first analysis comes within 20 s.");
    };
    if live.culprits.is_empty() {
        let ago = time(ago);
        return empty(&format!(
            "Nobody in the last five minutes until {ago} ago. Later stalls are told of within 20 s."
        ));
    }
    let looked = format!("Stalls that ended up to {} ago are counted.", time(ago));
    let heads = ["Who, and how", "Why", "#Stalls", "#Longest", "#All together", "=CPUs", "#Last"];
    let rows = live.culprits.iter().map(|c| {
        let cpus: Vec<Cpu> = c.cpus.iter().map(|cpu| Cpu(*cpu)).collect();
        let cells = [
            details(c),
            markup::name(&terms::cause_named(&c.cause)),
            count(c.count),
            time(c.worst),
            time(c.total),
            super::super::text::cpus(&cpus),
            format!("{} ago", time(c.ago)),
        ];
        (String::new(), cells.to_vec())
    });
    let more = match live.left_out {
        0 => String::new(),
        n => format!(" {} more are not in the list.", count(n)),
    };
    table("Culprits", &heads, rows) + &format!("<p class=\"dim\">{looked}{more}</p>\n")
}

/// Name, and below it what the worst stall rests on.
fn details(c: &LiveCulprit) -> String {
    let text = |text: &str| markup::text(text).into_owned();
    let mut more = String::new();
    for line in c.words.workload.iter().chain(&c.words.measures) {
        let _ = write!(more, "<p>{}</p>", text(line));
    }
    for (line, class) in [
        (&c.words.evidence, "proof"),
        (&c.words.witnesses, "proof"),
        (&c.words.stack.join(" < "), "stack"),
    ] {
        if !line.is_empty() {
            let _ = write!(more, "<p class=\"{class}\">{}</p>", text(line));
        }
    }
    let words = [c.words.who.as_str(), c.words.deed.as_str()].join("  ");
    format!(
        "<b>{}</b><details><summary>the longest: {}</summary>{more}</details>",
        markup::name(&c.who),
        text(words.trim())
    )
}

fn incidents(kept: &[(&Incident, u64)]) -> String {
    if kept.is_empty() {
        return empty("None is kept.");
    }
    let heads = ["=When", "=Read on", "Why", "Who", "=CPU", "#Longest", "Trigger"];
    let rows = kept.iter().rev().take(MOST).map(|(i, bytes)| {
        let id = markup::name(&i.id);
        let cells = [
            utc(i.time).unwrap_or_default(),
            format!(
                "<a href=\"incidents/{id}/report.html\">report</a> · \
                 <a href=\"incidents/{id}\">recording</a>, {} KB",
                count(bytes.div_ceil(1000))
            ),
            markup::name(&terms::cause_named(&i.cause)),
            markup::name(&i.culprit),
            i.cpu.map(|cpu| cpu.to_string()).unwrap_or_default(),
            if i.worst.0 > 0 { time(i.worst) } else { String::new() },
            markup::name(&i.trigger),
        ];
        (String::new(), cells.to_vec())
    });
    let more = match kept.len().saturating_sub(MOST) {
        0 => String::new(),
        n => format!("<p class=\"dim\">{} older ones are left out.</p>\n", count(n as u64)),
    };
    table("Incidents", &heads, rows) + &more
}

fn method(live: &Live) -> String {
    let share = 100.0 * live.own.cpu.secs() / live.running.secs().max(1.0);
    let rows = [
        ("measured by", markup::name(&live.probes.join(", "))),
        (
            "counts as late",
            format!(
                "{} or more, an interrupt gap {} or more",
                time(live.stall_threshold),
                time(live.gap_threshold)
            ),
        ),
        (
            "records lost",
            format!(
                "{} in the last five minutes, {} in all",
                count(live.lost_lately),
                count(live.lost)
            ),
        ),
        (
            "its own cost",
            format!(
                "{share:.2} % of a CPU in its own process over {}, {} MB",
                time(live.running),
                live.own.memory / 1_000_000
            ),
        ),
        (
            "for programs",
            "<a href=\"metrics\">metrics</a> · <a href=\"live\">this page as JSON</a> \
                          · <a href=\"incidents\">incidents as JSON</a>"
                .to_owned(),
        ),
        ("version", format!("stallprof {}", markup::name(&live.version))),
    ];
    let rows = rows.map(|(name, value)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n"));
    format!("<dl>\n{}</dl>\n", rows.concat())
}

//! The page at `/`: the last minutes by CPU, and the incidents. Nothing in it comes from elsewhere.

use std::fmt::Write;
use std::path::PathBuf;

use crate::daemon::store::Kept;
use crate::daemon::strips::{STEP, STEPS};
use crate::render::escape;
use crate::units::{Cpu, Nanos};

const HEAD: &str = r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="10">
<meta name="viewport" content="width=device-width"><title>stallprof</title><style>
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:62rem;padding:0 1rem;color:#1d2430}
h1{font-size:1.35rem}h2{font-size:1.05rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem .3rem 0;
border-bottom:1px solid #dde2ea;vertical-align:top;overflow-wrap:anywhere}
.n{text-align:right;white-space:nowrap}svg{display:block;width:100%;height:20px;background:#f0f3f7}
.cpu{display:grid;grid-template-columns:5rem 1fr;gap:.3rem .6rem;align-items:center}
.axis{display:flex;justify-content:space-between;color:#5a6575;font-size:.85rem}
small{color:#5a6575}a{color:#0b57a4}
</style></head><body>
"#;
/// Incidents on the page.
const MOST: usize = 200;

/// The page.
pub fn page(kept: &[(Kept, PathBuf)], strips: &[(Cpu, Vec<(usize, Nanos)>)]) -> String {
    let mut out = HEAD.to_owned();
    out.push_str("<h1>stallprof</h1>\n<h2>Worst lateness, last five minutes</h2>\n");
    if strips.is_empty() {
        out.push_str("<p>No CPU was late past the stall threshold so far.</p>\n");
    } else {
        out.push_str("<div class=\"cpu\">\n");
        for (cpu, steps) in strips {
            // Writing to a String cannot fail.
            let _ = write!(out, "<span>CPU {cpu}</span>{}", strip(steps));
        }
        let minutes = STEPS as u64 * STEP.0 / 60_000_000_000;
        let _ = write!(
            out,
            "<span></span><span class=\"axis\"><span>{minutes} min ago</span><span>now</span>\
             </span></div>\n<p><small>Colour by length: <svg style=\"display:inline;width:1em;\
             height:.8em;background:{}\"></svg> below 50 ms, <svg style=\"display:inline;width:1em;\
             height:.8em;background:{}\"></svg> below 200 ms, <svg style=\"display:inline;\
             width:1em;height:.8em;background:{}\"></svg> longer.</small></p>\n",
            COLORS[0], COLORS[1], COLORS[2]
        );
    }
    incidents(&mut out, kept);
    out.push_str("<p><a href=\"metrics\">metrics</a> · <a href=\"incidents\">incidents as JSON</a></p>\n</body></html>\n");
    out
}

/// Pale to dark, so that it reads without colours too.
const COLORS: [&str; 3] = ["#f2b84b", "#e0702a", "#a3162e"];

fn color(worst: Nanos) -> &'static str {
    match worst.0 / 1_000_000 {
        0..50 => COLORS[0],
        50..200 => COLORS[1],
        _ => COLORS[2],
    }
}

fn strip(steps: &[(usize, Nanos)]) -> String {
    let mut svg = format!("<svg viewBox=\"0 0 {STEPS} 10\" preserveAspectRatio=\"none\">");
    for (ago, worst) in steps {
        let x = STEPS.saturating_sub(ago + 1);
        let _ = write!(
            svg,
            "<rect x=\"{x}\" width=\"1\" height=\"10\" fill=\"{}\"><title>{worst}</title></rect>",
            color(*worst)
        );
    }
    svg + "</svg>\n"
}

fn incidents(out: &mut String, kept: &[(Kept, PathBuf)]) {
    out.push_str("<h2>Incidents</h2>\n");
    if kept.is_empty() {
        out.push_str("<p>None is kept.</p>\n");
        return;
    }
    out.push_str(
        "<table><tr><th>When (UTC)</th><th>Cause</th><th>Culprit</th><th>CPU</th>\
         <th class=\"n\">Longest</th><th>Trigger</th></tr>\n",
    );
    for (kept, _) in kept.iter().rev().take(MOST) {
        let i = &kept.incident;
        let text = |text: &str| html(&escape::visible(text));
        let cpu = i.cpu.map(|cpu| cpu.to_string()).unwrap_or_default();
        let worst = if i.worst.0 > 0 { i.worst.to_string() } else { String::new() };
        let id = text(&i.id);
        let _ = writeln!(
            out,
            "<tr><td><a href=\"incidents/{id}\">{id}</a></td><td>{}</td><td>{}</td><td>{cpu}</td>\
             <td class=\"n\">{worst}</td><td>{}</td></tr>",
            text(&i.cause.replace('_', " ")),
            text(&i.culprit),
            text(&i.trigger),
        );
    }
    out.push_str("</table>\n");
}

/// Text as HTML, also within quotes.
fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

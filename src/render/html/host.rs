//! Where and when it was recorded, and how to get the same again.

use super::super::escape;
use super::super::terminal::recorder;
use super::super::text::{count, cpus, time, utc};
use super::{Case, markup};
use crate::model::Sample;
use crate::units::Cpu;

pub(super) fn body(case: &Case<'_>) -> String {
    let (r, f) = (case.r, case.f);
    let m = &r.meta;
    let known = |text: &str| match text {
        "" => "unknown".to_owned(),
        text => escape::bounded(text, 200).into_owned(),
    };
    let list = |numbers: &[u32]| match numbers {
        [] => "unknown".to_owned(),
        numbers => cpus(&numbers.iter().map(|&n| Cpu(n)).collect::<Vec<_>>()),
    };
    let mut end = time(f.window.end.since(f.window.start));
    if !f.window.complete {
        end += ", cut short";
    }
    let mut facts = vec![
        ("host", known(&f.host.name)),
        ("kernel", known(format!("{} {}", m.kernel, m.kernel_version).trim())),
        ("architecture", known(&m.arch)),
        ("preemption", known(m.preemption.as_deref().unwrap_or_default())),
        ("HZ", m.hz.map_or("unknown".to_owned(), |hz| hz.to_string())),
        (
            "virtual machine",
            match m.virtual_machine {
                Some(true) => "yes".to_owned(),
                Some(false) => "no".to_owned(),
                None => "unknown".to_owned(),
            },
        ),
        ("CPUs online", list(&m.cpus_online)),
        ("CPUs recorded", list(&m.cpus)),
        ("start", utc(f.window.start_realtime).unwrap_or_else(|| "unknown".to_owned())),
        ("length", end),
        ("samples", count(r.samples.iter().map(Sample::count).sum())),
        ("dying memory cgroups", f.host.dying_memcgs.map_or("not counted".to_owned(), count)),
    ];
    if !m.threaded_napi.is_empty() {
        facts.push(("threaded NAPI", known(&m.threaded_napi.join(", "))));
    }
    if let Some(pid) = m.pid {
        facts.push(("calls and profile of", format!("process {pid} only")));
    }
    facts.push(("recorded by", recorder(f)));
    let facts: String = facts
        .iter()
        .map(|(label, fact)| {
            format!("<div><dt>{label}</dt><dd>{}</dd></div>\n", markup::text(fact))
        })
        .collect();
    let recorded = f.command.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    let recorded = match recorded.is_empty() {
        true => "unknown".to_owned(),
        false => markup::text(&escape::bounded(&recorded, 2_000)).into_owned(),
    };
    let source = markup::text(&quoted(&escape::bounded(case.source, 300))).into_owned();
    format!(
        "<dl>\n{facts}</dl>\n<h3>The same again</h3>\n<p>Recorded by</p>\n<pre tabindex=\"0\">{recorded}</pre>\n\
         <p>This page, the terminal's report, and the findings for a program</p>\n<pre tabindex=\"0\">\
         stallprof report {source} -o report.html\nstallprof report {source} --stalls\n\
         stallprof report {source} --format json</pre>\n"
    )
}

/// A word as a shell takes it.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

//! What is told in words and columns, as the terminal tells it: files that were slow to read,
//! packets received, connection tracking.

use std::io;

use super::super::page::Page;
use super::super::{Style, terminal};
use super::{Case, empty, markup};
use crate::model::findings::Findings;

/// Columns: such lines stay whole on a desktop, and scroll on a phone.
const WIDTH: usize = 100;

pub(super) fn files(case: &Case<'_>) -> String {
    let none = match is_measured(case.f, "syscall") {
        true => "No call of such a file took long, and reading them cost little.",
        false => "Slow calls were not measured; the next sections say why.",
    };
    told(case, terminal::files::files, none)
}

pub(super) fn received(case: &Case<'_>) -> String {
    let none = match is_measured(case.f, "rxpath") {
        true => "No packet was received.",
        false => "Where packets came in was not recorded.",
    };
    told(case, terminal::received::received, none)
}

pub(super) fn conntrack(case: &Case<'_>) -> String {
    let none = match case.f.conntrack.is_some() {
        true => "No network namespace tracks connections.",
        false => "Connection tracking was not recorded.",
    };
    told(case, terminal::conntrack::conntrack, none)
}

fn is_measured(f: &Findings, name: &str) -> bool {
    f.probes.iter().any(|p| p.name == name && p.method.is_some())
}

fn told(
    case: &Case<'_>,
    write: impl Fn(&mut Page<'_>, &Findings) -> io::Result<()>,
    none: &str,
) -> String {
    let mut text = Vec::new();
    let mut page = Page::new(&mut text, Style { color: false, width: WIDTH });
    // A buffer in memory takes all that is written.
    let written = write(&mut page, case.f);
    let text = String::from_utf8_lossy(&text);
    let text = text.trim_matches('\n');
    match written.is_ok() && !text.is_empty() {
        true => format!(
            "<div class=\"wide\" tabindex=\"0\" role=\"group\"><pre>{}</pre></div>\n",
            markup::text(text)
        ),
        false => empty(none),
    }
}

//! The report as one page of HTML that needs nothing from elsewhere: for the people who were not
//! there. Readable without script, and printed whole.
//!
//! A new section is a file here and a line in [`SECTIONS`].

mod anatomy;
mod calls;
mod conntrack;
mod document;
mod files;
mod flames;
mod health;
mod heat;
mod host;
mod incident;
mod latency;
pub mod live;
mod method;
mod nodes;
mod order;
mod received;
mod stalls;
mod timeline;
mod verdict;

use std::io::{self, Write};

use super::case::Case;
use super::figures::Figure;
use super::markup;
use crate::model::findings::Findings;
use document::document;
pub use document::policy;
pub use nodes::write as write_nodes;

/// A part of the page with a heading.
struct Section {
    /// What links to it say after the `#`.
    id: &'static str,
    /// Its heading.
    title: &'static str,
    /// Writes what is below the heading: the evidence, or why there is none.
    body: fn(&Case<'_>) -> String,
}

/// The sections below the verdict, in the order of the page.
const SECTIONS: [Section; 15] = [
    Section { id: "timeline", title: "Timeline", body: timeline::body },
    Section { id: "worst", title: "The worst stalls, to scale", body: anatomy::body },
    Section { id: "stalls", title: "All stalls", body: stalls::body },
    Section { id: "heat", title: "Rhythm", body: heat::body },
    Section { id: "latencies", title: "Latencies of all events", body: latency::body },
    Section { id: "flames", title: "What held the CPUs", body: flames::body },
    Section { id: "order", title: "In order of time", body: order::body },
    Section { id: "calls", title: "Slow system calls", body: calls::body },
    Section { id: "files", title: "Cgroup and /proc files", body: files::body },
    Section { id: "received", title: "Packets received", body: received::body },
    Section { id: "conntrack", title: "Connection tracking", body: conntrack::body },
    Section { id: "health", title: "Node health", body: health::body },
    Section { id: "trigger", title: "What triggered it", body: incident::body },
    Section { id: "method", title: "What the numbers rest on", body: method::body },
    Section { id: "host", title: "Host and recording", body: host::body },
];

/// Writes the page.
///
/// # Errors
/// If it cannot be written.
pub fn write(out: &mut dyn Write, case: &Case<'_>) -> io::Result<()> {
    let (title, mut main) = verdict::write(case);
    for Section { id, title, body } in &SECTIONS {
        main += &section(id, title, &body(case));
    }
    let sections: Vec<(&str, &str)> = SECTIONS.iter().map(|s| (s.id, s.title)).collect();
    document(out, &title, &sections, &main)
}

/// A part of the page with its heading, which is a link to it.
fn section(id: &str, title: &str, body: &str) -> String {
    format!(
        "<section id=\"{id}\" aria-labelledby=\"{id}-h\">\n<h2 id=\"{id}-h\"><a href=\"#{id}\">\
         {title}</a></h2>\n{body}</section>\n"
    )
}

/// A figure in a frame that scrolls on narrow screens, with its title and what else is to say.
fn figure(figure: &Figure, more: &str) -> String {
    untitled(figure, &format!("<b>{}.</b> {more}", markup::text(&figure.title)))
}

/// A figure whose title stands above it already.
fn untitled(figure: &Figure, caption: &str) -> String {
    let title = markup::text(&figure.title);
    format!(
        "<figure><figcaption>{caption}</figcaption>\n<div class=\"wide\" \
         tabindex=\"0\" role=\"group\" aria-label=\"{title}\">\n{}</div></figure>\n",
        figure.inline()
    )
}

/// Why something is not known, where a probe did not run; none if it did.
fn unmeasured(f: &Findings, probe: &str, what: &str) -> Option<String> {
    match f.probes.iter().find(|p| p.name == probe) {
        None => Some(format!("{what} was not recorded.")),
        Some(p) if p.method.is_some() => None,
        Some(p) => {
            let why = p.reason.as_deref().unwrap_or("for a reason not recorded");
            Some(format!("{what} was not measured: {}.", why.trim_end_matches('.')))
        }
    }
}

/// Why a section holds no evidence.
fn empty(why: &str) -> String {
    format!("<p class=\"empty\">{}</p>\n", markup::text(why))
}

/// A table in a frame that scrolls; cells are HTML. Columns named with a leading `#` are numbers,
/// those with a `=` are not broken, those with a `+` hold sentences.
fn table(
    caption: &str,
    heads: &[&str],
    rows: impl Iterator<Item = (String, Vec<String>)>,
) -> String {
    let class = |head: &str| match head.as_bytes().first() {
        Some(b'#') => " class=\"n\"",
        Some(b'=') => " class=\"k\"",
        Some(b'+') => " class=\"says\"",
        _ => "",
    };
    let caption = markup::text(caption);
    let mut html = format!(
        "<div class=\"wide tall\" tabindex=\"0\" role=\"group\" aria-label=\"{caption}\">\n<table>\
         <caption class=\"unseen\">{caption}</caption>\n<thead><tr>"
    );
    for head in heads {
        let words = markup::text(head.trim_start_matches(['#', '=', '+']));
        html += &format!("<th scope=\"col\"{}>{words}</th>", class(head));
    }
    html += "</tr></thead>\n<tbody>\n";
    for (attributes, cells) in rows {
        html += &format!("<tr{attributes}>");
        for (cell, head) in cells.iter().zip(heads) {
            html += &format!("<td{}>{cell}</td>", class(head));
        }
        html += "</tr>\n";
    }
    html + "</tbody></table></div>\n"
}

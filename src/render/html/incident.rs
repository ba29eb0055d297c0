//! Why the daemon kept the recording, and what it copied of the host at that moment.

use super::super::terminal::incident::facts;
use super::super::text::bytes;
use super::super::{escape, markup};
use super::{Case, empty, method};

/// Bytes shown of a copied text, and texts shown.
const SHOWN: (usize, usize) = (16 << 10, 32);

pub(super) fn body(case: &Case<'_>) -> String {
    let Some(incident) = &case.f.incident else {
        return empty("No trigger is recorded: somebody asked for this recording.");
    };
    let mut html = method::list(&facts(incident));
    if case.r.snapshots.is_empty() {
        return html + &empty("Nothing was copied of the host at that moment.");
    }
    html += "<h3>Copied of the host at that moment</h3>\n";
    let texts = case.r.snapshots.iter().take(SHOWN.1);
    html.extend(texts.map(|copied| one(case.r.str(copied.name), case.r.str(copied.text))));
    if let more @ 1.. = case.r.snapshots.len().saturating_sub(SHOWN.1) {
        html += &format!("<p>{more} more are in the recording.</p>\n");
    }
    html
}

fn one(name: &str, text: &str) -> String {
    let shown = &text[..text.floor_char_boundary(SHOWN.0)];
    let cut = match text.len() - shown.len() {
        0 => String::new(),
        left => format!("<p>{} more are in the recording.</p>\n", bytes(left as u64)),
    };
    let lines: Vec<_> = escape::lines(shown).map(|line| markup::text(&line).into_owned()).collect();
    format!(
        "<details><summary>{}, {}</summary>\n<div class=\"wide tall\" tabindex=\"0\"><pre>{}</pre>\
         </div>\n{cut}</details>\n",
        markup::name(name),
        bytes(text.len() as u64),
        lines.join("\n")
    )
}

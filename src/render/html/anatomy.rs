//! Each of the worst stalls taken apart.

use super::super::figures::anatomy;
use super::super::terminal::{cpu, stalls};
use super::super::text::plural;
use super::{Case, empty, markup, untitled};
use crate::model::findings::Stall;

pub(super) fn body(case: &Case<'_>) -> String {
    if case.worst.is_empty() {
        return empty(&format!("There was no stall of {}.", cpu::threshold(&case.f.options)));
    }
    let all = plural(case.f.stalls.len(), "stall");
    let mut html = format!(
        "<p>The worst of each culprit and the next worst, {} of {all}. Ticks below are samples, coloured by task as \
         in the timeline; dashed lines are the beginning and the end.</p>\n",
        case.worst.len()
    );
    html += &super::timeline::tasks(case);
    html.extend(case.worst.iter().map(|s| one(case, s)));
    html
}

fn one(case: &Case<'_>, s: &Stall) -> String {
    let mut html = format!(
        "<article id=\"stall-{id}\"><h3><a href=\"#stall-{id}\">{}</a></h3>\n",
        markup::text(&stalls::head(case.f, s)),
        id = s.id
    );
    let drawn = anatomy::draw(case, s);
    html += &untitled(&drawn, &markup::text(&anatomy::sentence(case, s)));
    html += "<dl>\n";
    for (label, text) in stalls::details(s) {
        let class = if label == "stack" { " class=\"stack\"" } else { "" };
        let words = markup::phrases(&text);
        html += &format!("<div><dt>{label}</dt><dd{class}>{words}</dd></div>\n");
    }
    html + "</dl></article>\n"
}

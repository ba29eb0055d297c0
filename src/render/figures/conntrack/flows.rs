//! Connections whose first packet was dropped: from the drop to the SYN that was sent again.

use std::fmt::Write;

use super::{LEFT, LISTED, Scale, words};
use crate::model::findings::{Conntrack, FailedFlow};
use crate::render::text::{plural, time};
use crate::render::{escape, markup, words as names};
use crate::units::Ktime;

/// Rows of connections; what finds no room in them is in the table only.
const LANES: usize = 12;
const PITCH: f64 = 16.0;
/// Pixels that a label takes, and least pixels from one connection to the next.
const LABEL: f64 = 84.0;
const APART: f64 = 6.0;

/// What was drawn, and where it ends.
pub(super) struct Drawn {
    pub(super) bottom: f64,
    pub(super) drawn: usize,
    pub(super) notes: Vec<String>,
}

/// Draws those of one namespace below `top`.
pub(super) fn draw(out: &mut String, scale: Scale, ct: &Conntrack, netns: u64, top: f64) -> Drawn {
    let of_here = ct.failed.iter().enumerate().filter(|(_, f)| f.netns == netns);
    let mut flows: Vec<(usize, &FailedFlow)> = of_here.collect();
    if flows.is_empty() {
        return Drawn { bottom: top, drawn: 0, notes: Vec::new() };
    }
    flows.sort_by_key(|(n, f)| (f.time, *n));
    words(out, "head", 2.0, top + 12.0, "first packets dropped");
    let first = top + 22.0;
    // Where each row is free again.
    let mut lanes: Vec<f64> = Vec::new();
    let mut drawn = 0;
    for &(n, flow) in &flows {
        let x = scale.x(flow.time);
        let end = flow.sent_again_after.map(|after| scale.x(flow.time.after(after)));
        let until = end.unwrap_or(x) + LABEL;
        let free = lanes.iter().position(|lane| *lane <= x - APART);
        let lane = match free {
            Some(lane) => lane,
            None if lanes.len() < LANES => {
                lanes.push(0.0);
                lanes.len() - 1
            }
            None => continue,
        };
        lanes[lane] = until;
        drawn += 1;
        let linked = ct.failed.len() <= LISTED;
        if linked {
            let _ = write!(out, "<a href=\"#ct-{}\" tabindex=\"-1\">", n + 1);
        }
        one(out, scale, (n + 1, flow), first + PITCH * lane as f64 + PITCH / 2.0);
        *out += if linked { "</a>\n" } else { "\n" };
    }
    let mut notes = Vec::new();
    if drawn < flows.len() {
        let more = plural(flows.len() - drawn, "more dropped first packet");
        notes.push(format!("{more} found no room here"));
    }
    Drawn { bottom: first + PITCH * lanes.len() as f64 + 4.0, drawn, notes }
}

/// A dumbbell: full where the packet was dropped, hollow where the SYN was sent again.
fn one(out: &mut String, scale: Scale, (number, flow): (usize, &FailedFlow), y: f64) {
    let x = scale.x(flow.time);
    let who = flow.task.as_ref().map(|t| format!(" by {}", names::task(t))).unwrap_or_default();
    let (from, to) = (escape::bounded(&flow.from, 60), escape::bounded(&flow.to, 60));
    let again = match flow.sent_again_after {
        Some(after) => format!("; SYN sent again after {}", time(after)),
        None => String::new(),
    };
    let at = flow.time.since(scale.from);
    let title = format!(
        "{number}: {} {from} -> {to}{who}, dropped at +{:.3} s on CPU {}{again}",
        flow.protocol,
        at.secs(),
        flow.cpu
    );
    let _ = writeln!(out, "<g><title>{}</title>", markup::name(&title));
    let mut end = x;
    if let Some(after) = flow.sent_again_after {
        let moment: Ktime = flow.time.after(after);
        end = scale.x(moment);
        let _ = writeln!(
            out,
            "<path class=\"curve c0\" d=\"M{x:.2} {y:.1}H{:.2}\"/>\
             <circle class=\"hollow c0\" cx=\"{end:.2}\" cy=\"{y:.1}\" r=\"3.5\"/>",
            (end - 3.5).max(x)
        );
    }
    let _ = writeln!(out, "<circle class=\"w0\" cx=\"{x:.2}\" cy=\"{y:.1}\" r=\"4\"/>");
    let label = match flow.sent_again_after {
        Some(after) => format!("{number}: {}", time(after).replace('\u{a0}', " ")),
        None => format!("{number}: {}", escape::end(&flow.protocol, 8)),
    };
    // To the left of what ends at the edge, and never over the labels of the axis.
    if end + LABEL > scale.right() + 120.0 {
        words(out, "end", (x - 7.0).max(LEFT), y + 4.0, &label);
    } else {
        words(out, "", end + 8.0, y + 4.0, &label);
    }
    *out += "</g>";
}

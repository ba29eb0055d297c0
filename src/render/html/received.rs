//! Where packets came in: queues against CPUs, the flows behind them, devices, CPUs.

use super::super::figures::received;
use super::super::terminal::received as told;
use super::super::text::{bytes, count, cpus, percent, plural};
use super::{Case, empty, figure, markup, table, unmeasured};
use crate::model::findings::{Place, Received, ReceivedCpu, ReceivedDevice, ReceivedFlow};

/// Rows of each table, those with most packets first.
const ROWS: usize = 100;
/// Flows named of a place.
const FLOWS: usize = 3;

pub(super) fn body(case: &Case<'_>) -> String {
    let f = case.f;
    let Some(r) = &f.received else {
        let none = || "The recording holds no counts of packets.".to_owned();
        return empty(&unmeasured(f, "rxpath", "Where packets came in").unwrap_or_else(none));
    };
    let mut html = format!("<p>{}.</p>\n", markup::text(&told::headline(f, r)));
    html += &match received::draw(case) {
        Some(drawn) => {
            let left_out = match drawn.left_out.is_empty() {
                true => String::new(),
                false => format!(" Not drawn: {}.", drawn.left_out.join("; ")),
            };
            let more = "Each cell is the share of the packets of its device. CPUs with a number in \
                        colour stalled while recording.";
            figure(&drawn.figure, &markup::text(&format!("{more}{left_out}")))
        }
        None => empty(&nothing(r)),
    };
    html += &format!("<p class=\"fine\">{}</p>\n", markup::text(&told::rests_on(r)));
    if r.devices.iter().any(|d| !d.places.is_empty()) {
        html += &places(r);
        html += "<h3>Devices</h3>\n";
        html += &devices(r);
    }
    html + "<h3>CPUs</h3>\n" + &by_cpu(r)
}

/// Why there is nothing to draw.
fn nothing(r: &Received) -> String {
    match (told::all(r), r.examined) {
        (0, _) => "No packet was received.",
        (_, None) => {
            "Devices and their queues are not known: only the kernel's counters of each CPU \
                      were read."
        }
        (_, Some(_)) => {
            "Packets were received, but none was seen at a device: the table of CPUs \
                         has the kernel's counts."
        }
    }
    .to_owned()
}

fn more(rows: usize) -> String {
    match rows.saturating_sub(ROWS) {
        0 => String::new(),
        n => format!("<p class=\"fine\">{}: --format json.</p>\n", plural(n, "more row")),
    }
}

fn places(r: &Received) -> String {
    let mut all: Vec<(&ReceivedDevice, &Place)> =
        r.devices.iter().flat_map(|d| d.places.iter().map(move |p| (d, p))).collect();
    all.sort_by_key(|(_, p)| std::cmp::Reverse(p.packets));
    let heads = [
        "device",
        "#queue",
        "#CPU",
        "#packets",
        "#share",
        "#bytes",
        "#flows",
        "carried",
        "+largest flows",
    ];
    let rows = all.iter().take(ROWS).map(|(d, p)| {
        let margin = match p.margin {
            0 => String::new(),
            margin => format!(" \u{b1}\u{a0}{}", count(margin)),
        };
        let cells = vec![
            markup::name(&received::name(d)),
            p.queue.map_or("unknown".to_owned(), |queue| queue.to_string()),
            p.cpu.to_string(),
            format!("{}{margin}", count(p.packets)),
            markup::text(&percent(p.packets, d.packets)).into_owned(),
            bytes(p.bytes),
            format!(
                "{} {}",
                if p.flows_full || p.flows_missed { "\u{2265}" } else { "~" },
                count(p.flows)
            ),
            markup::text(&told::protocols(&p.protocols, p.packets)).into_owned(),
            markup::text(&flows(r, d, p)).into_owned(),
        ];
        (String::new(), cells)
    });
    table("Receive queues and CPUs", &heads, rows) + &more(all.len())
}

/// The largest flows of a queue and CPU, as far as they are known.
fn flows(r: &Received, d: &ReceivedDevice, p: &Place) -> String {
    let there = |f: &&ReceivedFlow| {
        (f.netns, &f.device, f.queue) == (d.netns, &d.name, p.queue)
            && f.cpus.first() == Some(&p.cpu)
    };
    let named: Vec<String> = r
        .flows
        .iter()
        .filter(there)
        .take(FLOWS)
        .map(|f| format!("{f} ({})", count(f.packets)))
        .collect();
    named.join("; ")
}

fn devices(r: &Received) -> String {
    let heads = ["device", "kind", "#packets", "#on the wire", "#bytes", "+carried", "+remarkable"];
    let rows = r.devices.iter().take(ROWS).map(|d| {
        let cells = vec![
            markup::name(&received::name(d)),
            markup::name(d.device_kind.as_deref().unwrap_or_default()),
            count(d.packets),
            count(d.segments),
            bytes(d.bytes),
            markup::text(&told::carried(d)).into_owned(),
            markup::text(&d.words.join("; ")).into_owned(),
        ];
        (String::new(), cells)
    });
    table("Devices", &heads, rows) + &more(r.devices.len())
}

fn by_cpu(r: &Received) -> String {
    let all = told::all(r);
    let mut ranked: Vec<&ReceivedCpu> = r.cpus.iter().collect();
    ranked.sort_by_key(|c| (std::cmp::Reverse(c.packets), c.cpu));
    let heads = [
        "=CPU",
        "#packets",
        "#share",
        "#dropped",
        "#squeezed",
        "#RPS wakes",
        "+whom its stalls hurt",
    ];
    let rows = ranked.iter().take(ROWS).map(|c| {
        let cells = vec![
            cpus(&[c.cpu]),
            count(c.packets),
            markup::text(&percent(c.packets, all)).into_owned(),
            count(c.dropped.saturating_add(c.flow_limited)),
            count(c.squeezed),
            count(c.rps_wakes),
            markup::text(c.hurts.as_deref().unwrap_or_default()).into_owned(),
        ];
        (String::new(), cells)
    });
    let note = "<p class=\"fine\">The kernel's own counters of all devices and network namespaces. \
                Squeezed: polls that ended with work left.</p>\n";
    table("Packets by CPU", &heads, rows) + &more(ranked.len()) + note
}

//! Which CPU received what: receive queues of devices against CPUs.

use std::collections::BTreeMap;

use super::Figure;
use super::grid::{Cell, Grid, Head, Row};
use crate::model::findings::{Place, Received, ReceivedDevice};
use crate::render::case::Case;
use crate::render::escape;
use crate::render::terminal::received::how_many;
use crate::render::text::{count, cpus, percent, plural};
use crate::units::Cpu;

/// Rows: queues of devices, those with most packets.
const ROWS: usize = 32;
/// CPUs with a column of their own, those with most packets; the others share one.
const COLUMNS: usize = 24;
/// From how many per cent of a device's packets on a cell has the next colour: fixed, so that
/// figures compare.
const STEPS: [u64; 3] = [5, 20, 50];

/// What a figure leaves out, for its caption.
pub(in crate::render) struct Rx {
    pub(in crate::render) figure: Figure,
    pub(in crate::render) left_out: Vec<String>,
}

/// A row: number of the device, queue.
type Key = (usize, Option<u32>);

pub(super) fn figures(case: &Case<'_>) -> Vec<Figure> {
    draw(case).into_iter().map(|rx| rx.figure).collect()
}

/// Draws it; none where no device is known to have received anything.
pub(in crate::render) fn draw(case: &Case<'_>) -> Option<Rx> {
    let r = case.f.received.as_ref()?;
    let mut rows: BTreeMap<Key, Vec<&Place>> = BTreeMap::new();
    for (n, device) in r.devices.iter().enumerate() {
        for place in device.places.iter().filter(|p| p.packets > 0) {
            rows.entry((n, place.queue)).or_default().push(place);
        }
    }
    let sum = |places: &[&Place]| places.iter().fold(0u64, |sum, p| sum.saturating_add(p.packets));
    let mut ranked: Vec<(u64, Key)> = rows.iter().map(|(key, p)| (sum(p), *key)).collect();
    ranked.sort_by_key(|&(packets, key)| (std::cmp::Reverse(packets), key));
    let mut left_out = Vec::new();
    for &(_, key) in ranked.iter().skip(ROWS) {
        rows.remove(&key);
    }
    if ranked.len() > ROWS {
        left_out.push(format!("{} with fewer packets", plural(ranked.len() - ROWS, "more queue")));
    }
    let (&(most, key), shown) = (ranked.first()?, rows.len());
    let (columns, others) = columns(r, &rows);
    let mut heads: Vec<Head> = columns.iter().map(|&cpu| head(case, cpu)).collect();
    if !others.is_empty() {
        let lines = vec!["rest".to_owned()];
        heads.push(Head { lines, title: cpus(&others), marked: false });
    }
    let mut last = None;
    let rows = rows.iter().map(|(&(n, queue), places)| {
        let device = &r.devices[n];
        let group = (last != Some(n)).then(|| name(device));
        last = Some(n);
        let at = |cpu: &Cpu| places.iter().filter(|p| p.cpu == *cpu).copied().collect::<Vec<_>>();
        let mut cells: Vec<Option<Cell>> =
            columns.iter().map(|cpu| cell(device, &at(cpu), &format!("CPU {cpu}"))).collect();
        if !others.is_empty() {
            let rest: Vec<&Place> =
                places.iter().filter(|p| !columns.contains(&p.cpu)).copied().collect();
            cells.push(cell(device, &rest, "other CPUs"));
        }
        let name = queue.map_or("rx ?".to_owned(), |queue| format!("rx {queue}"));
        Row { group, name, cells, sum: count(sum(places)) }
    });
    let grid = Grid {
        across: "received on CPU".to_owned(),
        sums: "packets".to_owned(),
        unit: "per cent of the device's packets; empty: none".to_owned(),
        gutter: 290.0,
        heads,
        rows: rows.collect(),
        steps: [
            format!("below {}", STEPS[0]),
            format!("from {}", STEPS[0]),
            format!("from {}", STEPS[1]),
            format!("from {}", STEPS[2]),
        ],
    };
    let (device, queue) = (&r.devices[key.0], key.1);
    let queue = queue.map(|q| format!(", receive queue {q}")).unwrap_or_default();
    let desc = format!(
        "{} of devices. Most packets, {}, came in by {}{queue}. The tables below hold the same as \
         text.",
        plural(shown, "receive queue"),
        count(most),
        escape::bounded(&device.name, 40),
    );
    let title = "Receive queues against the CPUs that received their packets".to_owned();
    Some(Rx { figure: grid.figure("received", title, desc), left_out })
}

/// CPUs that get a column: all of the host, or those with most packets where they are too many.
/// Then the others.
fn columns(r: &Received, rows: &BTreeMap<Key, Vec<&Place>>) -> (Vec<Cpu>, Vec<Cpu>) {
    let mut by: BTreeMap<Cpu, u64> = r.cpus.iter().map(|c| (c.cpu, 0)).collect();
    for place in rows.values().flatten() {
        let packets = by.entry(place.cpu).or_default();
        *packets = packets.saturating_add(place.packets);
    }
    let mut ranked: Vec<(u64, Cpu)> = by.into_iter().map(|(cpu, packets)| (packets, cpu)).collect();
    ranked.sort_by_key(|&(packets, cpu)| (std::cmp::Reverse(packets), cpu));
    let mut columns: Vec<Cpu> = ranked.into_iter().map(|(_, cpu)| cpu).collect();
    let others = columns.split_off(columns.len().min(COLUMNS));
    columns.sort_unstable();
    (columns, others)
}

fn head(case: &Case<'_>, cpu: Cpu) -> Head {
    let here = case.f.cpus.iter().find(|c| c.cpu == cpu);
    let stalls = here.map_or(0, |c| c.stalls.saturating_sub(c.served_meanwhile));
    let title = match stalls {
        0 => format!("CPU {cpu}"),
        n => format!("CPU {cpu}: {}", plural(n, "stall")),
    };
    Head { lines: vec![cpu.to_string()], title, marked: stalls > 0 }
}

fn cell(device: &ReceivedDevice, places: &[&Place], cpu: &str) -> Option<Cell> {
    let sum = |of: fn(&Place) -> u64| places.iter().fold(0u64, |sum, p| sum.saturating_add(of(p)));
    let packets = sum(|p| p.packets);
    if packets == 0 {
        return None;
    }
    let share = percent(packets, device.packets);
    let whole = u128::from(device.packets.max(1));
    let at_least = |step: &&u64| u128::from(packets) * 100 >= u128::from(**step) * whole;
    let margin = match sum(|p| p.margin) {
        0 => String::new(),
        margin => format!(" \u{b1} {}", count(margin)),
    };
    let flows = how_many(places, sum(|p| p.flows));
    Some(Cell {
        level: 1 + STEPS.iter().filter(at_least).count(),
        text: share.trim_end_matches(" %").to_owned(),
        title: format!("{cpu}: {}{margin} packets, {share}, {flows}", count(packets)),
    })
}

/// `eth0`, or `eth0 in netns 4026532386` where that is another one than stallprof's.
pub(in crate::render) fn name(device: &ReceivedDevice) -> String {
    let name = escape::bounded(&device.name, 16);
    match device.own {
        Some(false) => format!("{name} in netns {}", device.netns),
        _ => name.into_owned(),
    }
}

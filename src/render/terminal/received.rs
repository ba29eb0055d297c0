//! Where packets came in.

use std::io;

use super::super::escape;
use super::super::ink::Text;
use super::super::layout::Layout;
use super::super::text::{count, percent, plural, time};
use crate::model::findings::*;
use crate::model::rx::WEIGHT;

/// CPUs that are shown.
const CPUS: usize = 8;
/// Devices that are shown.
const DEVICES: usize = 6;
/// Queues and CPUs shown of a device.
const PLACES: usize = 4;

/// What each CPU received, and by which devices; nothing where it was not recorded.
pub(in crate::render) fn received(layout: &mut Layout<'_>, f: &Findings) -> io::Result<()> {
    let Some(r) = &f.received else { return Ok(()) };
    let all = all(r);
    layout.section("Packets received")?;
    layout.put(4, &Text::new().plain(&format!("  {}", headline(f, r))))?;
    if all == 0 {
        return Ok(());
    }
    cpus(layout, r, all)?;
    for device in r.devices.iter().take(DEVICES) {
        self::device(layout, device)?;
    }
    match r.devices.len().saturating_sub(DEVICES) {
        0 => {}
        n => {
            layout
                .line(&Text::new().dim(&format!("  {} in the JSON", plural(n, "more device"))))?;
        }
    }
    how(layout, r)
}

/// Packets of all CPUs.
pub(in crate::render) fn all(r: &Received) -> u64 {
    r.cpus.iter().fold(0, |sum, c| sum.saturating_add(c.packets))
}

/// How many packets in which time, and how evenly.
pub(in crate::render) fn headline(f: &Findings, r: &Received) -> String {
    let time = time(f.window.end.since(f.window.start));
    let uneven = match r.balance {
        Some(b) => format!(
            "; the busiest CPU has {:.1} times the mean (variation {:.2})",
            b.worst_by_mean, b.variation
        ),
        None => String::new(),
    };
    format!("{} in {time} on {}{uneven}", count(all(r)), plural(r.cpus.len(), "CPU"))
}

fn cpus(layout: &mut Layout<'_>, r: &Received, all: u64) -> io::Result<()> {
    let mut rows: Vec<&ReceivedCpu> = r.cpus.iter().collect();
    rows.sort_by_key(|c| (std::cmp::Reverse(c.packets), c.cpu));
    let head = ["packets", "share", "dropped", "squeezed"].map(|h| format!("{h:>13}")).concat();
    layout.line(&Text::new().dim(&format!("  {:<8}{head}", "")))?;
    for c in rows.iter().take(CPUS) {
        let dropped = c.dropped.saturating_add(c.flow_limited);
        let cells = [count(c.packets), percent(c.packets, all), count(dropped), count(c.squeezed)];
        let cells = cells.map(|cell| format!("{cell:>13}")).concat();
        layout.line(&Text::new().plain(&format!("  {:<8}{cells}", format!("CPU {}", c.cpu))))?;
    }
    match rows.len().saturating_sub(CPUS) {
        0 => Ok(()),
        n => layout.line(&Text::new().dim(&format!("  {} in the JSON", plural(n, "more CPU")))),
    }
}

fn device(layout: &mut Layout<'_>, d: &ReceivedDevice) -> io::Result<()> {
    let several = d.places.iter().any(|p| p.queue.is_some_and(|queue| queue > 0));
    let place = |p: &Place| {
        let queue = p.queue.filter(|_| several);
        let queue = queue.map(|queue| format!(" rx queue {queue}")).unwrap_or_default();
        let share = percent(p.packets, d.packets);
        format!("{share} CPU {}{queue}", p.cpu).replace(' ', "\u{a0}")
    };
    let mut places: Vec<String> = d.places.iter().take(PLACES).map(place).collect();
    if d.places.len() > PLACES {
        places.push(plural(d.places.len() - PLACES, "more place"));
    }
    let mut name = escape::bounded(&d.name, 16).into_owned();
    if d.own == Some(false) {
        name += &format!(" in netns {}", d.netns);
    }
    let text = Text::new().plain("  ").bold(&name).plain(&format!(
        "  {}: {}",
        plural(d.packets as usize, "packet"),
        places.join(" · ")
    ));
    layout.put(6, &text)?;
    layout.put(6, &Text::new().plain(&format!("      {}", carried(d))))?;
    for words in &d.words {
        layout.put(6, &Text::new().plain(&format!("      {words}")))?;
    }
    Ok(())
}

/// `TCP 80 %, UDP 20 %; about 1,200 flows`.
pub(in crate::render) fn carried(d: &ReceivedDevice) -> String {
    let flows = d.places.iter().fold(0_u64, |sum, p| sum.saturating_add(p.flows));
    let kinds = protocols(&d.protocols, d.packets);
    format!("{kinds}; {}", how_many(&d.places.iter().collect::<Vec<_>>(), flows))
}

/// `about 1,200 flows`, as far as they are known.
pub(in crate::render) fn how_many(places: &[&Place], flows: u64) -> String {
    let least = if places.iter().any(|p| p.flows_full) { "at least" } else { "about" };
    let flows = plural(usize::try_from(flows).unwrap_or(usize::MAX), "flow");
    match places.iter().any(|p| p.flows_missed) {
        true => format!("{least} {flows} seen, others may have been missed"),
        false => format!("{least} {flows}"),
    }
}

/// `TCP 80 %, UDP 20 %` of so many packets.
pub(in crate::render) fn protocols(p: &Protocols, packets: u64) -> String {
    let kinds = [
        ("TCP", p.tcp.saturating_add(p.tcp6)),
        ("UDP", p.udp.saturating_add(p.udp6)),
        ("ICMP", p.icmp.saturating_add(p.icmp6)),
        ("other IP", p.ip.saturating_add(p.ip6)),
        ("not IP", p.not_ip),
    ];
    let kinds = kinds.iter().filter(|(_, n)| *n > 0);
    let kinds: Vec<_> = kinds.map(|(name, n)| format!("{name} {}", percent(*n, packets))).collect();
    kinds.join(", ")
}

/// On what the numbers rest.
fn how(layout: &mut Layout<'_>, r: &Received) -> io::Result<()> {
    layout.put(2, &Text::new().dim("  ").dim(&rests_on(r)))
}

/// The same in words.
pub(in crate::render) fn rests_on(r: &Received) -> String {
    let Some(e) = r.examined else {
        return "Only the kernel's counters were read: devices and flows are not known.".to_owned();
    };
    let all = e.seen.saturating_add(e.paused);
    let places = || r.devices.iter().flat_map(|d| &d.places).filter(|p| p.packets > 0);
    let not = all.saturating_sub(e.examined.saturating_add(e.unplaced));
    let mut words = match not {
        0 if e.paused == 0 => "Every packet seen was looked at.".to_owned(),
        _ if e.paused == 0 && places().all(|p| p.margin == 0) => {
            format!("All but {} of {} packets seen were looked at.", count(not), count(all))
        }
        _ => {
            let worst = places().max_by_key(|p| p.packets);
            let margin = worst.map(|p| percent(p.margin, p.packets)).unwrap_or_default();
            let (parts, missed) = match e.paused {
                0 => (String::new(), "flows of few packets"),
                _ => (
                    format!(
                        ", and only at moments drawn by chance, in which {} came",
                        percent(e.seen, all)
                    ),
                    "devices and flows that came only in between, and flows of few packets,",
                ),
            };
            format!(
                "Totals of CPUs are exact. Of {} packets {} were looked at: where they came fast, \
                 one of {WEIGHT}{parts}. The largest place is told within {margin}; {missed} \
                 may be missed.",
                count(all),
                count(e.examined)
            )
        }
    };
    if e.missed > 0 {
        words += &format!(
            " The kernel counted {} more than passed by: it counts a packet again for each VLAN, bond \
             or macvlan on its way, and its counters are read a moment later.",
            count(e.missed)
        );
    }
    if e.unplaced > 0 {
        words += &format!(" {} came in at places beyond the first 1,024.", count(e.unplaced));
    }
    if e.unseen > 0 {
        words += &format!(" {} came while nobody looked, and are in no device.", count(e.unseen));
    }
    words
}

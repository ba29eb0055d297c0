//! `stallprof rxpath show`: the receive path of each device.

use std::io;

use super::super::ink::Text;
use super::super::layout::Layout;
use super::super::text::{count, cpus, percent, plural};
use super::super::{Style, escape};
use super::{ROWS, queues, words};
use crate::rxpath::{Nic, RxHost};

/// Devices that are shown; a node of Kubernetes has a veth for each pod.
const DEVICES: usize = 12;
/// Characters of the key in one word, so that a line can be broken between them: 10 bytes.
const KEY_PART: usize = 30;

/// Writes all devices, those with hardware first, then what each CPU has received.
///
/// # Errors
/// The writer's.
pub fn host(out: &mut dyn io::Write, host: &RxHost, style: Style) -> io::Result<()> {
    let layout = &mut Layout::new(out, style);
    let mut nics: Vec<&Nic> = host.nics.iter().collect();
    nics.sort_by_key(|nic| (nic.irqs.is_empty(), nic.up != Some(true)));
    for (i, nic) in nics.iter().take(DEVICES).enumerate() {
        if i > 0 {
            layout.blank()?;
        }
        device(layout, host, nic)?;
    }
    if nics.len() > DEVICES {
        let more = plural(nics.len() - DEVICES, "more device");
        layout.blank()?;
        layout.put(2, &Text::new().dim(&format!("{more}: --dev shows one, the JSON all")))?;
    }
    softnet(layout, host)
}

fn device(layout: &mut Layout<'_>, host: &RxHost, nic: &Nic) -> io::Result<()> {
    let name = escape::bounded(&nic.name, 20);
    let state = match nic.up {
        Some(true) => "up",
        Some(false) => "down",
        None => "state unknown",
    };
    let driver = nic.driver.as_deref().unwrap_or("no driver named");
    let mut facts = vec![driver.to_owned(), state.to_owned(), plural(nic.rx.len(), "rx queue")];
    facts.push(plural(nic.tx.len(), "tx queue"));
    if let Some(c) = nic.channels {
        let most = c.combined.1.max(c.rx.1);
        if most as usize > nic.rx.len() {
            facts.push(format!("of {most} possible"));
        }
    }
    let head = Text::new().bold(&name).plain("  ").plain(&facts.join(", "));
    layout.put(2, &head)?;
    layout.put(2, &Text::new().plain("  ").plain(&words::receivers(host, nic)))?;
    if let Some(text) = words::spreading(host, nic) {
        layout.put(2, &Text::new().plain("  ").plain(&text))?;
    }
    if nic.irqs.is_empty() && nic.rx.len() == 1 && nic.rss.table.is_empty() {
        // A plain virtual device: its one row says nothing unless RPS is on.
        let off = nic.rx[0].rps_cpus.as_ref().is_some_and(Vec::is_empty);
        return if off { Ok(()) } else { queues::table(layout, host, nic) };
    }
    layout.blank()?;
    queues::table(layout, host, nic)?;
    layout.blank()?;
    details(layout, nic)
}

fn details(layout: &mut Layout<'_>, nic: &Nic) -> io::Result<()> {
    let mut line = |label: &str, text: &str| {
        layout.put(12, &Text::new().dim(&format!("  {label:<10}")).plain(text))
    };
    if nic.rss.table.is_empty() {
        line("RSS", &nic.why_no_queue())?;
    } else {
        line("hash", &hash(nic))?;
        let kinds = &nic.rss.fields.0;
        let fields = kinds.iter().map(|(kind, f)| format!("{} {}", kind.name(), words::fields(*f)));
        let fields: Vec<_> = fields.map(|f| f.replace(' ', "\u{a0}")).collect();
        let told =
            if fields.is_empty() { "the device does not tell" } else { &fields.join(" · ") };
        line("hashed", told)?;
        let stray = nic.rss.table.iter().filter(|q| **q as usize >= nic.rx.len()).count();
        if stray > 0 {
            line("", &format!("{stray} entries of the table name queues that do not exist"))?;
        }
        if let Some(why) = &nic.rss.doubt {
            line("", &format!("whether it hashes cannot be told: {why}"))?;
        }
        let given = match nic.rx_hash {
            Some(true) => "handed to the kernel (receive-hashing on)",
            Some(false) => "not handed to the kernel (receive-hashing off): RPS hashes anew",
            None => "handed to the kernel or not: the device does not tell",
        };
        line("", given)?;
    }
    if let Some(n) = nic.steering_rules.filter(|n| *n > 0) {
        line("rules", &format!("{} before the hash (ethtool -n)", plural(n as usize, "filter")))?;
    }
    let xps: Vec<String> = (nic.tx.iter().enumerate())
        .filter(|(_, tx)| !tx.xps_cpus.is_empty())
        .map(|(n, tx)| format!("tx {n}: {}", cpus(&tx.xps_cpus)).replace(' ', "\u{a0}"))
        .collect();
    let none = "off: any CPU sends by a hash".to_owned();
    line("XPS", &if xps.is_empty() { none } else { words::some(&xps, 8, "more queue") })?;
    let threads: Vec<String> = (nic.threads.iter())
        .map(|t| format!("{} on {}", t.name, queues::list(&t.cpus)).replace(' ', "\u{a0}"))
        .collect();
    if nic.threaded {
        line("threads", &words::some(&threads, 4, "more thread"))?;
    }
    Ok(())
}

fn hash(nic: &Nic) -> String {
    let function = words::function(nic);
    let Some(key) = &nic.rss.key else { return format!("{function}; its key is not told") };
    let text = key.to_string();
    let parts: Vec<&str> = (0..text.len())
        .step_by(KEY_PART)
        .map(|at| &text[at..text.len().min(at + KEY_PART)])
        .collect();
    let doubt = if nic.rss.key_may_be_shifted {
        "; virtio_net of this kernel may have given the device this key shifted by one byte"
    } else {
        ""
    };
    format!("{function}, key {}{doubt}", parts.join(" "))
}

/// What each CPU has received, the busiest first.
fn softnet(layout: &mut Layout<'_>, host: &RxHost) -> io::Result<()> {
    if let Some(why) = &host.softnet_unknown {
        let words = format!("What each CPU has received is unknown: {why}");
        layout.blank()?;
        return layout.put(2, &Text::new().plain(&words));
    }
    let all: u64 = host.softnet.iter().map(|c| u64::from(c.processed)).sum();
    let mut rows = host.softnet.clone();
    rows.sort_by_key(|c| (std::cmp::Reverse(c.processed), c.cpu));
    layout.section("Packets received since boot, all devices together (counts wrap at 2^32)")?;
    let head = ["packets", "share", "dropped", "squeezed", "RPS wakes", "waiting"];
    let head = head.map(|h| format!("{h:>13}")).concat();
    layout.line(&Text::new().dim(&format!("  {:<8}{head}", "")))?;
    for c in rows.iter().take(ROWS) {
        let waiting = c.backlog.map_or("-".to_owned(), |n| count(n.into()));
        let cells = [
            count(c.processed.into()),
            percent(c.processed.into(), all),
            count(c.dropped.into()),
            count(c.time_squeeze.into()),
            count(c.received_rps.into()),
            waiting,
        ];
        let cells = cells.map(|cell| format!("{cell:>13}")).concat();
        layout.line(&Text::new().plain(&format!("  {:<8}{cells}", format!("CPU {}", c.cpu))))?;
    }
    match rows.len().saturating_sub(ROWS) {
        0 => Ok(()),
        n => layout.line(&Text::new().dim(&format!("  {} in the JSON", plural(n, "more CPU")))),
    }
}

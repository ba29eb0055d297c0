//! Network namespaces, each read twice.

use std::collections::HashMap;
use std::fs::File;
use std::time::{Duration, Instant};

use super::Options;
use crate::health::facts::{Known, NamespaceFacts, NsFacts};
use crate::health::words::plural;
use crate::host::links::{Link, Links};
use crate::host::netns::{Netns, NetnsLimits, NetnsList, Visitor, find};
use crate::host::{CpuList, HostRoot};
use crate::units::Nanos;

/// Time for looking through the processes, and for one reading of all namespaces.
const FINDING: Duration = Duration::from_millis(80);
const READING: Duration = Duration::from_millis(220);

/// Reads them; the thread ends up in another namespace than it began in.
pub fn read(
    root: &HostRoot,
    begin: Instant,
    deadline: Instant,
    options: Options,
) -> Known<NamespaceFacts> {
    let limits = NetnsLimits { namespaces: options.namespaces, deadline: begin + FINDING };
    let found = find(root, limits).map_err(|e| e.to_string())?;
    if found.list.is_empty() {
        return Err("the network namespace of no process can be seen".to_owned());
    }
    let possible = CpuList::possible(root).map(|list| list.cpus().to_vec()).unwrap_or_default();
    let visitor = Visitor::new(root, possible);
    let mut facts = NamespaceFacts {
        list: Vec::new(),
        left_out: left_out(&found),
        window: Nanos(0),
        forwarding: Ok(HashMap::new()),
    };
    let start = Instant::now();
    let mut host_links: Option<Links> = None;
    let mut late = 0;
    for netns in found.list {
        if start.elapsed() >= READING && !netns.own {
            late += 1;
            continue;
        }
        let inside = enter(&visitor, &netns);
        let first = visitor.read(&netns, inside.as_ref().map(|_| ()).map_err(String::as_str));
        let links = links(&visitor, inside.is_ok());
        let nsid = match (&inside, &mut host_links) {
            (Ok(Some(file)), Some(host)) if !netns.own => host.nsid(file).ok().flatten(),
            _ => None,
        };
        if netns.own && inside.is_ok() && visitor.is_live() {
            host_links = Links::open().ok();
            facts.forwarding = forwarding(&mut host_links, &links);
        }
        facts.list.push(NsFacts { netns, name: String::new(), first, second: None, links, nsid });
    }
    let first_took = start.elapsed();
    std::thread::sleep(options.window.saturating_sub(first_took));
    facts.window = Nanos(start.elapsed().as_nanos() as u64);
    let end = deadline.checked_sub(Duration::from_millis(30)).unwrap_or(deadline);
    let once = read_again(&visitor, &mut facts.list, end);
    let mut say = |n: usize, what: &str| {
        facts
            .left_out
            .extend((n > 0).then(|| format!("{} {what}", plural(n as u64, "network namespace"))));
    };
    say(late, "for lack of time");
    say(once, "a second time, for lack of time");
    Ok(facts)
}

/// How many were not, as it was too late.
fn read_again(visitor: &Visitor, list: &mut [NsFacts], end: Instant) -> usize {
    let mut once = 0;
    for ns in list {
        if Instant::now() >= end {
            once += 1;
            continue;
        }
        let inside = enter(visitor, &ns.netns);
        ns.second =
            Some(visitor.read(&ns.netns, inside.as_ref().map(|_| ()).map_err(String::as_str)));
    }
    once
}

fn enter(visitor: &Visitor, netns: &Netns) -> Result<Option<File>, String> {
    if visitor.is_live() { visitor.enter(netns).map(Some) } else { Ok(None) }
}

fn links(visitor: &Visitor, inside: bool) -> Known<Vec<Link>> {
    if !visitor.is_live() {
        return Err("devices are asked of a running kernel, not of files".to_owned());
    }
    if !inside {
        return Err("the namespace cannot be entered".to_owned());
    }
    let mut socket = Links::open().map_err(|e| e.to_string())?;
    socket.list().map_err(|e| e.to_string())
}

/// Asked for only where a device has a limit: the tables can be long.
fn forwarding(host: &mut Option<Links>, links: &Known<Vec<Link>>) -> Known<HashMap<u32, u32>> {
    let limited = |link: &Link| link.fdb_max.is_some() && link.fdb_learned.is_none();
    match (host, links) {
        (Some(host), Ok(links)) if links.iter().any(limited) => {
            host.forwarding().map_err(|e| e.to_string())
        }
        _ => Ok(HashMap::new()),
    }
}

fn left_out(found: &NetnsList) -> Vec<String> {
    [
        (found.beyond, "network namespace", "beyond the bound"),
        (found.not_looked_at, "process", "for lack of time"),
        (found.hidden, "process", "whose network namespace may not be seen"),
    ]
    .iter()
    .filter(|(n, ..)| *n > 0)
    .map(|(n, what, why)| format!("{} {why}", plural(*n as u64, what)))
    .collect()
}

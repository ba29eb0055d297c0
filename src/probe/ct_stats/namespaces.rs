//! The network namespaces, read in turn.

use std::collections::{BTreeSet, HashMap};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::dropped::Dropped;
use super::told::{Reading, Told};
use crate::host::conntrack::CtStats;
use crate::host::netns::{Netns, NetnsLimits, NetnsList, Visitor, find_with};
use crate::host::rules;
use crate::host::{CpuList, HostRoot, monotonic};
use crate::units::Ktime;

/// Namespaces whose rules are listed, at most: each takes a few processes.
const LISTED: usize = 8;
/// Names looked at, at most.
const NAMES: usize = 10_000;
/// New namespaces are looked for at most this often.
const LOOK: Duration = Duration::from_secs(5);
/// How long one in which packets were dropped is looked for, whatever share of the time that is.
const MISSING: Duration = Duration::from_millis(50);

/// How they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The thread enters them.
    Enter,
    /// By the files of a process in each.
    Files,
}

/// All that have processes, and what they said last.
pub struct Namespaces {
    root: HostRoot,
    way: Way,
    visitor: Visitor,
    list: NetnsList,
    names: HashMap<u64, String>,
    last: HashMap<u64, (Ktime, CtStats)>,
    /// Kept at most, besides those in which packets were dropped.
    most: usize,
    dropped: Dropped,
    /// Those that lost packets, and whether their rules were listed.
    lost: HashMap<u64, bool>,
    /// Why some could not be read, with one of the reasons.
    failed: HashMap<u64, String>,
    /// Whose turn it is.
    next: usize,
    looked: Instant,
    /// How long it took to look for them.
    took: Duration,
    unread: usize,
    /// Had been read, and have no processes any more.
    gone: usize,
}

impl Namespaces {
    /// Looks for them.
    pub fn find(
        root: HostRoot,
        time: Duration,
        way: Way,
        most: usize,
    ) -> Result<Namespaces, String> {
        let possible = CpuList::possible(&root).map(|l| l.cpus().to_vec()).unwrap_or_default();
        let mut found = Namespaces {
            visitor: Visitor::new(&root, possible),
            root,
            way,
            list: NetnsList::default(),
            names: HashMap::new(),
            last: HashMap::new(),
            most,
            dropped: Dropped::default(),
            lost: HashMap::new(),
            failed: HashMap::new(),
            next: 0,
            looked: Instant::now(),
            took: Duration::ZERO,
            unread: 0,
            gone: 0,
        };
        found.look(time)?;
        if found.list.list.is_empty() {
            return Err("the network namespace of no process can be seen".to_owned());
        }
        Ok(found)
    }

    fn look(&mut self, time: Duration) -> Result<(), String> {
        let begin = Instant::now();
        let limits = NetnsLimits { namespaces: self.most, deadline: begin + time };
        let wanted = self.dropped.all();
        self.list = find_with(&self.root, limits, &wanted).map_err(|e| e.to_string())?;
        self.dropped.keep(&self.list.list);
        self.forget();
        self.names = given_names(&self.root, begin + time);
        (self.looked, self.took) = (begin, begin.elapsed());
        Ok(())
    }

    /// Namespaces come and go: those that are gone are not kept for ever.
    fn forget(&mut self) {
        let all = self.list.not_looked_at + self.list.beyond == 0;
        if !all && self.last.len() <= 4 * self.most {
            return; // It may be just not seen.
        }
        let there: BTreeSet<u64> = self.list.list.iter().map(|netns| netns.inode).collect();
        let before = self.last.len();
        self.last.retain(|inode, _| there.contains(inode));
        self.failed.retain(|inode, _| there.contains(inode));
        self.gone += before - self.last.len();
    }

    /// Packets were dropped in these: they are to be read before others.
    pub fn read_first(&mut self, dropped: BTreeSet<u64>) {
        self.dropped.add(dropped);
    }

    /// Reads all, until `deadline`: first where packets were dropped, then those with a reading that
    /// another can be compared with.
    pub fn read_all(&mut self, deadline: Instant) -> Vec<Told> {
        let mut order = self.list.list.clone();
        order.sort_by_key(|n| (!self.dropped.has(n), !self.last.contains_key(&n.inode)));
        self.read_each(&order, deadline)
    }

    /// Goes on where the first reading of all had to end: none had one to be compared with, so that
    /// they were read in order.
    pub fn read_rest(&mut self, deadline: Instant) -> Vec<Told> {
        let rest = self.list.list.len() - self.unread;
        let rest = self.list.list[rest..].to_vec();
        self.read_each(&rest, deadline)
    }

    fn read_each(&mut self, all: &[Netns], deadline: Instant) -> Vec<Told> {
        let mut told = Vec::new();
        self.unread = 0;
        for (done, netns) in all.iter().enumerate() {
            if Instant::now() >= deadline {
                self.unread = all.len() - done;
                break;
            }
            told.extend(self.read(netns));
        }
        told
    }

    /// Where packets were dropped since the last reading, for so long.
    fn read_dropped(&mut self, begin: Instant, time: Duration) -> Vec<Told> {
        let list = self.list.list.iter();
        let waiting: Vec<Netns> = list.filter(|netns| self.dropped.waits(netns)).cloned().collect();
        let in_time = waiting.iter().take_while(|_| begin.elapsed() < time);
        in_time.filter_map(|netns| self.read(netns)).collect()
    }

    /// Whether packets were dropped in one that was not found yet.
    fn one_is_missing(&self) -> bool {
        let found = self.list.list.iter().filter(|netns| self.dropped.has(netns)).count();
        found < self.dropped.all().len()
    }

    /// Whether all were found and read, the last time all were to be.
    pub fn complete(&self) -> bool {
        let list = &self.list;
        let missing = [list.beyond, list.not_looked_at, list.hidden, self.unread];
        missing == [0; 4] && self.failed.is_empty()
    }

    /// Reads those whose turn it is, for so long.
    pub fn read_some(&mut self, begin: Instant, time: Duration) -> Vec<Told> {
        // Where it fails, those that are known stay.
        if self.looked.elapsed() >= LOOK && self.one_is_missing() {
            let _ = self.look(MISSING);
        } else if self.looked.elapsed() >= LOOK && self.took < time / 2 {
            let _ = self.look(time / 2);
        }
        // Rules may drop packets all the time: others have their turn, too.
        let mut told = self.read_dropped(begin, time / 2);
        for _ in 0..self.list.list.len() {
            if begin.elapsed() >= time {
                break;
            }
            self.next = (self.next + 1) % self.list.list.len();
            let netns = self.list.list[self.next].clone();
            told.extend(self.read(&netns));
        }
        told
    }

    /// Looks for new ones and reads all a last time.
    pub fn read_last(&mut self, time: Duration) -> Vec<Told> {
        let _ = self.look(time / 2);
        self.read_all(Instant::now() + time / 2)
    }

    fn read(&mut self, netns: &Netns) -> Option<Told> {
        let netns = netns.clone();
        self.dropped.was_read(&netns);
        let read = match self.way {
            Way::Enter => self.visitor.enter(&netns).and_then(|_| {
                let (stats, fill) = self.visitor.conntrack(netns.pid);
                let fill = fill.ok().flatten();
                Ok((stats?, (fill.map(|fill| fill.entries), fill.map(|fill| fill.max))))
            }),
            Way::Files => self.visitor.conntrack_file(&netns).map(|(stats, entries)| {
                (Some(stats), (Some(entries), self.visitor.limit_seen_from_outside(&netns)))
            }),
        };
        let (stats, fill) = match read {
            Ok((Some(stats), fill)) => (stats, fill),
            Ok((None, _)) => return None, // Nothing is tracked.
            Err(why) => {
                self.failed.insert(netns.inode, why);
                return None;
            }
        };
        self.failed.remove(&netns.inode);
        let time = monotonic();
        let before = self.last.insert(netns.inode, (time, stats.clone()));
        let growth = before.as_ref().and_then(|(_, before)| stats.since(before).ok());
        let failed = growth.is_some_and(|growth| growth.get("insert_failed").unwrap_or(0) > 0);
        if failed && self.way == Way::Enter {
            self.lost.entry(netns.inode).or_insert(false);
        }
        let name = match self.names.get(&netns.inode) {
            _ if netns.own => "host".to_owned(),
            Some(name) => name.clone(),
            None => String::new(),
        };
        Some(Told::Reading(Box::new(Reading { time, netns, name, stats, fill, before })))
    }

    /// Lists the rules of those in which connections lost their first packet, once.
    pub fn rules_where_packets_were_lost(&mut self, time: Duration) -> Vec<Told> {
        let deadline = Instant::now() + time;
        let mut told = Vec::new();
        let listed = self.lost.values().filter(|listed| **listed).count();
        let room = LISTED.saturating_sub(listed);
        let waiting = |netns: &&Netns| self.lost.get(&netns.inode) == Some(&false);
        let waiting: Vec<Netns> =
            self.list.list.iter().filter(waiting).take(room).cloned().collect();
        for netns in waiting {
            if Instant::now() >= deadline {
                break;
            }
            // The programs run in the namespace that this thread is in.
            if self.visitor.enter(&netns).is_ok() {
                let set = rules::list(&self.root, deadline);
                told.push(Told::Rules(monotonic(), netns.inode, set));
                self.lost.insert(netns.inode, true);
            }
        }
        told
    }

    /// What was not read, at the end.
    pub fn left_out(&self) -> Vec<Told> {
        let list = &self.list;
        let unlisted = self.lost.values().filter(|listed| !**listed).count();
        let beyond = format!("beyond the first {}", self.most);
        let netns = ["network namespace", "network namespaces"];
        let process = ["process", "processes"];
        let mut all: Vec<String> = [
            (list.beyond, netns, beyond.as_str()),
            (list.not_looked_at, process, "not looked at for a network namespace: no time"),
            (list.hidden, process, "whose network namespace may not be seen"),
            (self.unread, netns, "not read at the end: no time"),
            (self.gone, netns, "whose processes all ended before the end"),
            (unlisted, netns, "whose rules were not listed"),
        ]
        .into_iter()
        .filter(|(n, ..)| *n > 0)
        .map(|(n, noun, what)| format!("{n} {} {what}", noun[usize::from(n != 1)]))
        .collect();
        if let Some(why) = self.failed.values().min() {
            let n = self.failed.len();
            all.push(match n {
                1 => format!("1 network namespace that cannot be read: {why}"),
                n => format!("{n} network namespaces that cannot be read, such as: {why}"),
            });
        }
        all.into_iter().map(|what| Told::LeftOut(monotonic(), what)).collect()
    }
}

/// Names that ip-netns(8) gave, by inode.
fn given_names(root: &HostRoot, deadline: Instant) -> HashMap<u64, String> {
    let Ok(entries) = root.list("run/netns") else { return HashMap::new() };
    let in_time = entries.flatten().take(NAMES).take_while(|_| Instant::now() < deadline);
    let named = in_time.filter_map(|entry| {
        let inode = root.metadata(Path::new("run/netns").join(entry.file_name())).ok()?.ino();
        Some((inode, entry.file_name().to_string_lossy().into_owned()))
    });
    named.collect()
}

#[cfg(test)]
mod tests;

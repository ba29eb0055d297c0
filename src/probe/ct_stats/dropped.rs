//! Network namespaces in which packets were dropped: their counters are read before those of others.

use std::collections::{BTreeMap, BTreeSet};

use crate::host::netns::Netns;

/// By inode; whether it was not read since.
#[derive(Default)]
pub struct Dropped(BTreeMap<u64, bool>);

impl Dropped {
    /// Packets were dropped in these.
    pub fn add(&mut self, inodes: BTreeSet<u64>) {
        self.0.extend(inodes.into_iter().map(|inode| (inode, true)));
    }

    /// All of them.
    pub fn all(&self) -> BTreeSet<u64> {
        self.0.keys().copied().collect()
    }

    /// Forgets those that are not in the list: they have lost their processes.
    pub fn keep(&mut self, list: &[Netns]) {
        let there: BTreeSet<u64> = list.iter().map(|netns| netns.inode).collect();
        self.0.retain(|inode, _| there.contains(inode));
    }

    /// Whether packets were dropped in this one.
    pub fn has(&self, netns: &Netns) -> bool {
        self.0.contains_key(&netns.inode)
    }

    /// Whether they were since it was read.
    pub fn waits(&self, netns: &Netns) -> bool {
        self.0.get(&netns.inode) == Some(&true)
    }

    /// It was read, as far as it can be.
    pub fn was_read(&mut self, netns: &Netns) {
        self.0.entry(netns.inode).and_modify(|waits| *waits = false);
    }
}

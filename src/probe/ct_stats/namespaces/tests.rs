use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Namespaces, Told, Way};
use crate::host::HostRoot;

const LONG: Duration = Duration::from_secs(10);
const MOST: usize = 4;

/// A /proc with so many processes, each in a network namespace of its own: process 10 in that of
/// inode 1010, and so on.
struct Tree(PathBuf);

impl Tree {
    fn new(name: &str, processes: u32) -> Tree {
        let tree = Tree(std::env::temp_dir().join(format!("{name}-{}", std::process::id())));
        let _ = fs::remove_dir_all(&tree.0);
        (10..10 + processes).for_each(|pid| tree.process(pid, 0));
        tree
    }

    fn process(&self, pid: u32, insert_failed: u32) {
        let of = self.0.join("proc").join(pid.to_string());
        fs::create_dir_all(of.join("ns")).unwrap();
        fs::create_dir_all(of.join("net/stat")).unwrap();
        let _ = symlink(format!("net:[{}]", 1000 + pid), of.join("ns/net"));
        let table = format!("entries insert_failed drop\n0000002a {insert_failed:08x} 00000000\n");
        fs::write(of.join("net/stat/nf_conntrack"), table).unwrap();
    }

    fn end(&self, pid: u32) {
        fs::remove_dir_all(self.0.join("proc").join(pid.to_string())).unwrap();
    }

    fn namespaces(&self) -> Namespaces {
        Namespaces::find(HostRoot::new(Path::new(&self.0)), LONG, Way::Files, MOST).unwrap()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn inodes(told: &[Told]) -> Vec<u64> {
    let inode = |told: &Told| match told {
        Told::Reading(reading) => Some(reading.netns.inode),
        _ => None,
    };
    told.iter().filter_map(inode).collect()
}

fn left_out(namespaces: &Namespaces) -> Vec<String> {
    let what = |told: Told| match told {
        Told::LeftOut(_, what) => Some(what),
        _ => None,
    };
    namespaces.left_out().into_iter().filter_map(what).collect()
}

#[test]
fn where_packets_were_dropped_is_read_first() {
    let tree = Tree::new("netns-first", MOST as u32);
    let mut namespaces = tree.namespaces();
    let all = inodes(&namespaces.read_all(Instant::now() + LONG));
    assert_eq!(all, [1010, 1011, 1012, 1013]);
    namespaces.read_first(BTreeSet::from([1013]));
    // It is read once, and does not keep the others from their turn.
    assert_eq!(inodes(&namespaces.read_some(Instant::now(), LONG))[0], 1013);
    assert_ne!(inodes(&namespaces.read_some(Instant::now(), LONG))[0], 1013);
    assert_eq!(inodes(&namespaces.read_last(LONG)), [1013, 1010, 1011, 1012]);
    assert_eq!(left_out(&namespaces), [""; 0]);
}

#[test]
fn where_packets_were_dropped_is_found_beyond_the_bound() {
    let tree = Tree::new("netns-beyond", 12);
    let mut namespaces = tree.namespaces();
    assert_eq!(inodes(&namespaces.read_all(Instant::now() + LONG)).len(), MOST);
    namespaces.read_first(BTreeSet::from([1021, 77]));
    namespaces.looked = Instant::now().checked_sub(super::LOOK).unwrap();
    let read = inodes(&namespaces.read_some(Instant::now(), LONG));
    assert_eq!((read[0], read.len()), (1021, 2 + MOST), "{read:?}");
    // What is lost there from now on has a reading before it.
    tree.process(21, 3);
    let last = namespaces.read_last(LONG);
    let Told::Reading(reading) = &last[0] else { panic!("no reading") };
    let before = reading.before.as_ref().map(|(_, stats)| reading.stats.since(stats).unwrap());
    let lost = before.and_then(|growth| growth.get("insert_failed"));
    assert_eq!((reading.netns.inode, lost), (1021, Some(3)));
    assert_eq!(left_out(&namespaces), ["7 network namespaces beyond the first 4"]);
}

#[test]
fn those_with_a_reading_are_compared_first() {
    let tree = Tree::new("netns-compared", 1);
    let mut namespaces = tree.namespaces();
    namespaces.read_all(Instant::now() + LONG);
    // Lower numbers come first otherwise.
    tree.process(3, 0);
    assert_eq!(inodes(&namespaces.read_last(LONG)), [1010, 1003]);
    // Without time nothing is read, and that is said.
    assert_eq!(inodes(&namespaces.read_all(Instant::now())), [0; 0]);
    assert_eq!(left_out(&namespaces), ["2 network namespaces not read at the end: no time"]);
}

#[test]
fn the_first_reading_goes_on_beside_the_recording() {
    let tree = Tree::new("netns-rest", MOST as u32);
    let mut namespaces = tree.namespaces();
    assert_eq!(inodes(&namespaces.read_all(Instant::now())), [0; 0]);
    assert!(!namespaces.complete());
    assert_eq!(inodes(&namespaces.read_rest(Instant::now() + LONG)), [1010, 1011, 1012, 1013]);
    assert!(namespaces.complete());
    assert_eq!(inodes(&namespaces.read_rest(Instant::now() + LONG)), [0; 0]);
}

/// Of a tree of files the settings are those of the host's own namespace, that of process 1.
#[test]
fn how_full_a_table_is_is_told_as_far_as_it_is_known() {
    let tree = Tree::new("netns-fill", 1);
    tree.process(1, 0);
    let settings = tree.0.join("proc/sys/net/netfilter");
    fs::create_dir_all(&settings).unwrap();
    fs::write(settings.join("nf_conntrack_max"), "1000\n").unwrap();
    let told = tree.namespaces().read_all(Instant::now() + LONG);
    let fill = told.iter().map(|told| match told {
        Told::Reading(reading) => (reading.netns.inode, reading.fill),
        _ => panic!("no reading"),
    });
    let expected = [(1001, (Some(42), Some(1000))), (1010, (Some(42), None))];
    assert_eq!(fill.collect::<Vec<_>>(), expected);
}

#[test]
fn those_that_are_gone_are_forgotten() {
    let tree = Tree::new("netns-gone", 3);
    let mut namespaces = tree.namespaces();
    namespaces.read_all(Instant::now() + LONG);
    tree.end(11);
    namespaces.read_last(LONG);
    assert_eq!((namespaces.last.len(), namespaces.gone), (2, 1));
    let said = "1 network namespace whose processes all ended before the end";
    assert_eq!(left_out(&namespaces), [said]);
}

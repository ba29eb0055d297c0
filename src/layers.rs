//! The arrows between rooms, which docs/how-it-works.md draws: a room names only those below it.
//! Tests may look up: what a probe counts is compared with what the analysis makes of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room, and those that it names. They stand in the order in which they are built on each
/// other; `cli` is on top of all.
const ROOMS: [(&str, &str); 15] = [
    ("units", ""),
    ("rxpath", "units"),
    ("model", "units rxpath"),
    ("host", "units rxpath model"),
    ("ping", "units rxpath host"),
    ("health", "units rxpath model host"),
    ("recording", "units model"),
    ("analysis", "units rxpath model ping"),
    ("redact", "units model health"),
    ("render", "units rxpath model host ping health analysis"),
    ("export", "units model analysis render"),
    ("probe", "units model host"),
    ("session", "units rxpath model host health recording probe"),
    ("top", "units model host render"),
    ("daemon", "units model host recording analysis render export probe session"),
];

/// The files of a room.
fn files(room: &str) -> Vec<PathBuf> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut files, mut left) = (Vec::new(), vec![src.join(room), src.join(format!("{room}.rs"))]);
    while let Some(path) = left.pop() {
        match fs::read_dir(&path) {
            Ok(entries) => left.extend(entries.map(|entry| entry.unwrap().path())),
            Err(_) => files.push(path),
        }
    }
    files.retain(|file| file.exists());
    files
}

/// What a file names of this crate, outside of comments and of its tests.
fn named(text: &str) -> BTreeSet<&str> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let paths = lines.flat_map(|line| line.split("crate::").skip(1));
    let name = |c: char| c != '_' && !c.is_alphanumeric();
    paths.map(|path| path.split(name).next().unwrap()).collect()
}

#[test]
fn arrows_point_one_way() {
    for (at, (room, may)) in ROOMS.into_iter().enumerate() {
        let may: BTreeSet<&str> = may.split_whitespace().collect();
        let below: BTreeSet<&str> = ROOMS[..at].iter().map(|(below, _)| *below).collect();
        assert!(may.is_subset(&below), "{room} may not name what stands above it");
        let mut used = BTreeSet::new();
        for file in files(room).iter().filter(|file| !file.ends_with("tests.rs")) {
            let text = fs::read_to_string(file).unwrap();
            for other in named(&text) {
                assert_ne!(other, "", "{}: `use crate::ROOM`, please", file.display());
                if other == "cli" || ROOMS.iter().any(|(known, _)| *known == other) {
                    assert!(
                        other == room || may.contains(other),
                        "{} in {}",
                        other,
                        file.display()
                    );
                    used.insert(other.to_owned());
                }
            }
        }
        let unused: Vec<_> = may.iter().filter(|other| !used.contains(**other)).collect();
        assert!(unused.is_empty(), "{room} no longer names {unused:?}: take it off the list");
    }
}

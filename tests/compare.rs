//! Recordings beside each other: `stallprof diff` and `stallprof report A B ...`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "compare/diff.rs"]
mod diff;
#[path = "compare/nodes.rs"]
mod nodes;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use stallprof::model::Recording;
use stallprof::model::findings::Findings;
use stallprof::{analysis, recording};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn load(name: &str) -> (Recording, Findings) {
    found(recording::read(&path(name)).unwrap())
}

fn found(r: Recording) -> (Recording, Findings) {
    let f = analysis::analyse(&r);
    (r, f)
}

/// As if the host had gone on without anything past a threshold.
fn healed(r: &Recording) -> Recording {
    let mut r = r.clone();
    r.delays.clear();
    r.runs.clear();
    r.handoffs.clear();
    r.runners.clear();
    r.hardirqs.clear();
    r.samples.iter_mut().for_each(|s| (s.gap.0, s.since_softirq_entry.0) = (0, 0));
    r
}

fn stallprof(words: &[&str]) -> Output {
    let root = env!("CARGO_MANIFEST_DIR");
    Command::new(env!("CARGO_BIN_EXE_stallprof")).current_dir(root).args(words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

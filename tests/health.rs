//! The health of nodes: on made-up facts, on trees of files from several kernels, on damaged and
//! huge ones, and on this machine.

// A test that cannot go on may panic.
#![allow(clippy::unwrap_used)]

#[path = "health/bounds.rs"]
mod bounds;
#[path = "health/counters.rs"]
mod counters;
#[path = "health/facts.rs"]
mod facts;
#[path = "health/hostile.rs"]
mod hostile;
#[path = "health/levels.rs"]
mod levels;
#[path = "health/links.rs"]
mod links;
#[path = "health/live.rs"]
mod live;
#[path = "health/nat_rules.rs"]
mod nat_rules;
#[path = "health/race.rs"]
mod race;
mod skip;
#[path = "health/snat.rs"]
mod snat;
#[path = "health/trees.rs"]
mod trees;
#[path = "health/world.rs"]
mod world;

use std::path::{Path, PathBuf};
use std::time::Duration;

use stallprof::health::{Facts, Finding, Options, Report, Severity, examine, gather};
use stallprof::host::HostRoot;

fn tree(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/health/trees").join(name)
}

/// Reads files that do not change: the time between the readings does not matter.
fn read_at_once(root: &Path) -> Facts {
    let options = Options {
        window: Duration::from_millis(1),
        deadline: Duration::from_secs(20),
        ..Options::default()
    };
    gather(&HostRoot::new(root), options)
}

/// The findings of one check.
fn of<'a>(report: &'a Report, check: &str) -> Vec<&'a Finding> {
    report.findings.iter().filter(|f| f.check == check).collect()
}

/// The worst severity of one check, which must have said something.
fn worst(facts: &Facts, check: &str) -> Severity {
    let report = examine(facts);
    of(&report, check).iter().map(|f| f.severity).max().expect(check)
}

/// A directory of its own that goes away with the value.
struct TempDir(PathBuf);

impl TempDir {
    fn new(name: &str) -> TempDir {
        TempDir::below(&std::env::temp_dir(), name)
    }

    /// For many files: not on a disk, where the system has a place for that.
    fn in_memory(name: &str) -> TempDir {
        let shm = Path::new("/dev/shm");
        if shm.is_dir() { TempDir::below(shm, name) } else { TempDir::new(name) }
    }

    fn below(dir: &Path, name: &str) -> TempDir {
        let path = dir.join(format!("stallprof-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary directory");
        TempDir(path)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

//! Facts of hosts: on trees of files from several kernels, on hostile files, and on this machine.

#[path = "host/hostile.rs"]
mod hostile;
#[path = "host/inside.rs"]
mod inside;
#[path = "host/live.rs"]
mod live;
#[path = "host/live_memcg.rs"]
mod live_memcg;
mod skip;
#[path = "host/trees.rs"]
mod trees;

use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Trees in tests/host: `proc`, `sys` and `boot` of a kernel each.
const TREES: [&str; 5] = ["5.10-v1", "6.1-v2", "6.12-v2", "6.18-v1", "6.18-v2"];

/// Held by tests that make cgroups on this machine: one counts them.
static CGROUPS: Mutex<()> = Mutex::new(());

fn tree(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/host").join(name)
}

/// A directory of its own that goes away with the value.
struct TempDir(PathBuf);

impl TempDir {
    fn new(name: &str) -> TempDir {
        let path = std::env::temp_dir().join(format!("stallprof-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary directory");
        TempDir(path)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

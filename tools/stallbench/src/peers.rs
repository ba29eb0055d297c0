//! How long other tools take from a recording of theirs to a flame graph.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use stallgen::clock::now_ns;

/// A way from `perf.data` to a flame graph.
pub struct Peer {
    /// How the tables call it.
    pub name: &'static str,
    /// How many times as long as ours it has to take, at least.
    pub budget: f64,
    /// What a shell runs in the folder of `perf.data`.
    pipeline: String,
}

/// The ways that this machine has, and what the others lack. `scripts` is where FlameGraph's are,
/// if not in the search path.
pub fn peers(scripts: Option<&Path>) -> (Vec<Peer>, Vec<String>) {
    let all = [
        ("perf script + FlameGraph", 20.0, "stackcollapse-perf.pl", "flamegraph.pl"),
        ("perf script + inferno", 6.0, "inferno-collapse-perf", "inferno-flamegraph"),
    ];
    let (mut found, mut lacking) = (Vec::new(), Vec::new());
    for (name, budget, collapse, draw) in all {
        match (program(scripts, collapse), program(scripts, draw), program(None, "perf")) {
            (Some(collapse), Some(draw), Some(_)) => {
                let (collapse, draw) = (collapse.display(), draw.display());
                let pipeline = format!(
                    "set -o pipefail; perf script -i perf.data 2>/dev/null | '{collapse}' \
                     2>/dev/null | '{draw}' > peer.svg 2>/dev/null"
                );
                found.push(Peer { name, budget, pipeline });
            }
            _ => lacking.push(format!("not here: {name} (perf, {collapse}, {draw})")),
        }
    }
    (found, lacking)
}

fn program(folder: Option<&Path>, name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders = folder.map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

impl Peer {
    /// Seconds that it takes.
    pub fn time(&self, dir: &Path) -> Result<f64> {
        let began = now_ns();
        shell(dir, &self.pipeline)?;
        let seconds = (now_ns() - began) as f64 / 1e9;
        let drawn = std::fs::metadata(dir.join("peer.svg"))?.len();
        ensure!(drawn > 10_000, "{} drew nothing", self.name);
        Ok(seconds)
    }
}

/// How many samples a `perf.data` holds.
pub fn samples(dir: &Path) -> Result<u64> {
    let lines = shell(dir, "perf script -F comm -i perf.data 2>/dev/null | wc -l")?;
    String::from_utf8(lines)?.trim().parse().context("perf script")
}

fn shell(dir: &Path, words: &str) -> Result<Vec<u8>> {
    let mut command = Command::new("bash");
    command.args(["-c", words]).current_dir(dir).stdin(Stdio::null());
    let output = command.output().context("cannot run bash")?;
    ensure!(output.status.success(), "{words}: {}", output.status);
    Ok(output.stdout)
}

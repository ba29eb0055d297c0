//! Run times of BPF programs, as the kernel counts them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

use anyhow::{Result, ensure};
use libbpf_rs::ProgramType;
use libbpf_rs::libbpf_sys::{BPF_STATS_RUN_TIME, bpf_enable_stats};
use libbpf_rs::query::ProgInfoIter;
use stallgen::clock::last_error;

/// Has the kernel count run times, as kernel.bpf_stats_enabled=1 does, for as long as it lives:
/// the kernel switches it off with the descriptor, whatever becomes of this process.
#[derive(Debug)]
pub struct Stats {
    _fd: OwnedFd,
}

impl Stats {
    /// Switches the counting on.
    pub fn enable() -> Result<Self> {
        // SAFETY: no pointers.
        let fd = unsafe { bpf_enable_stats(BPF_STATS_RUN_TIME) };
        if fd < 0 {
            return Err(last_error("bpf(BPF_ENABLE_STATS)"));
        }
        // SAFETY: a new descriptor that is ours alone.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: plain system call on it. Children must not keep the counting on.
        unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
        Ok(Self { _fd: fd })
    }
}

/// What the kernel says of a program.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its name, cut to 15 letters by the kernel.
    pub name: String,
    /// Runs so far.
    pub runs: u64,
    /// Time of all of them.
    pub ns: u64,
    timer: bool,
}

/// All programs, by id.
#[derive(Clone, Debug, Default)]
pub struct Programs(BTreeMap<u32, Program>);

impl Programs {
    /// Reads them.
    pub fn read() -> Result<Self> {
        let programs: BTreeMap<_, _> = ProgInfoIter::default()
            .map(|info| {
                let name = info.name.to_string_lossy().into_owned();
                let timer = info.ty == ProgramType::PerfEvent;
                (info.id, Program { name, runs: info.run_cnt, ns: info.run_time_ns, timer })
            })
            .collect();
        Ok(Self(programs))
    }

    /// How many there are that `before` lacks.
    pub fn new_since(&self, before: &Self) -> usize {
        self.0.keys().filter(|id| !before.0.contains_key(id)).count()
    }

    /// What ran between `start` and now: the programs of process `pid`, which came after `before`,
    /// and the names of others that ran as well.
    pub fn ran(
        &self,
        before: &Self,
        start: &Self,
        pid: u32,
    ) -> Result<(Vec<Program>, Vec<String>)> {
        let held = held_by(pid)?;
        ensure!(!held.is_empty(), "process {pid} holds no BPF program");
        let (mut ours, mut others) = (Vec::new(), Vec::new());
        for (id, now) in &self.0 {
            let (runs, ns) = start.0.get(id).map_or((0, 0), |s| (s.runs, s.ns));
            let program = Program { runs: now.runs - runs, ns: now.ns - ns, ..now.clone() };
            // Who attached a program to a timer need not hold it any longer.
            let new = !before.0.contains_key(id);
            if held.contains(id) || (new && now.timer) {
                ours.push(program);
            } else if program.runs > 0 {
                others.push(program.name);
            }
        }
        Ok((ours, others))
    }
}

/// Ids of the programs to which a process has a descriptor, or a descriptor of their link.
fn held_by(pid: u32) -> Result<BTreeSet<u32>> {
    let mut ids = BTreeSet::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
        // Descriptors come and go.
        let text = fs::read_to_string(entry?.path()).unwrap_or_default();
        ids.extend(program_id(&text));
    }
    Ok(ids)
}

fn program_id(fdinfo: &str) -> Option<u32> {
    fdinfo.lines().find_map(|line| line.strip_prefix("prog_id:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::program_id;

    #[test]
    fn program_of_a_descriptor() {
        let link = "pos:\t0\nflags:\t02000000\nlink_type:\ttracing\nlink_id:\t3\nprog_id:\t31\n";
        assert_eq!(program_id(link), Some(31));
        assert_eq!(program_id("pos:\t0\nflags:\t0100002\n"), None);
    }
}

//! Charges pages to memory cgroups, each page to one of its own, and removes
//! the cgroups: a child process's work.

use std::env;
use std::fs::{self, File};
use std::os::fd::FromRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::stop::Stop;
use crate::task::set_comm;

/// First argument of this program when it is to charge pages.
const CHARGE: &str = "--charge-memcgs";
/// What each memory cgroup is charged for.
pub const PAGE: usize = 4096;

/// Memory is charged to the memory cgroup of a whole process: charging takes
/// one of its own. It is this program again, with the pages as standard input.
pub fn in_child(pages: &File, path: &Path, count: u32, stop: &Stop) -> Result<()> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(CHARGE).arg(path).arg(count.to_string()).stdin(Stdio::from(pages.try_clone()?));
    // SAFETY: prctl(2) is async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
    let mut child = command.spawn().context("cannot run this program again")?;
    while !stop.is_set() {
        if let Some(status) = child.try_wait()? {
            ensure!(status.success(), "making dying memory cgroups failed");
            // The last one was still in use.
            let _ = fs::remove_dir(path.join((count - 1).to_string()));
            return Ok(());
        }
        thread::sleep(Duration::from_millis(10));
    }
    child.kill()?;
    child.wait()?;
    bail!("stopped while making dying memory cgroups")
}

/// The child's part, if the command line asks for it.
pub fn from_command_line() -> Option<Result<()>> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next()? != CHARGE {
        return None;
    }
    let path = PathBuf::from(arguments.next()?);
    let count = arguments.next()?.to_str()?.parse().ok()?;
    Some(charge(&path, count))
}

fn charge(path: &Path, count: u32) -> Result<()> {
    set_comm("sg-charge");
    // SAFETY: the parent made standard input the memfd; it stays open.
    let pages = unsafe { File::from_raw_fd(libc::STDIN_FILENO) };
    let group = |n: u32| path.join(n.to_string());
    for n in 0..count {
        fs::create_dir(group(n)).with_context(|| format!("mkdir {}", group(n).display()))?;
        fs::write(group(n).join("cgroup.procs"), "0").context("cannot enter a memory cgroup")?;
        pages.write_at(&[1], u64::from(n) * PAGE as u64)?;
        // Two directories at a time at most, should this be killed.
        if n > 0 {
            fs::remove_dir(group(n - 1)).context("cannot remove a memory cgroup")?;
        }
    }
    Ok(())
}

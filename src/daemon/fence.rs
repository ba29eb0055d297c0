//! Landlock: what a thread may touch of the file system, for good.
//!
//! For the thread that talks to clients and the one that writes incidents. Those that own the probes
//! are left out: a thread with any such limit cannot see which namespaces other processes are in.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope, path_beneath_rules,
};

use super::log::say;
use crate::host::HostRoot;

/// The newest rules asked for; a kernel with older ones takes what it knows.
const NEWEST: ABI = ABI::V6;
/// What both threads read: counters of the host and of the daemon itself.
const READ: [&str; 3] = ["/proc", "/sys", "/run"];

/// Which thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thread {
    /// Serves HTTP.
    Http,
    /// Writes incidents.
    Store,
    /// Pushes to an OTLP receiver.
    #[cfg(feature = "otlp")]
    Otlp,
    /// Copies incidents to object storage.
    #[cfg(feature = "upload")]
    Upload,
}

impl Thread {
    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Thread::Http => "http",
            Thread::Store => "store",
            #[cfg(feature = "otlp")]
            Thread::Otlp => "otlp",
            #[cfg(feature = "upload")]
            Thread::Upload => "upload",
        }
    }
}

/// Fences the calling thread in, and those that it starts, as far as the kernel can; says so, and
/// gives whether it did. Of `host` it may read what it may of `/`; `socket` is a socket in the file
/// system that HTTP removes at the end.
pub fn enter(thread: Thread, host: &HostRoot, store: &Path, socket: Option<&Path>) -> bool {
    if !store.is_dir() {
        // Rules are for a directory that there is.
        let store = store.display();
        say(&format_args!("{}: no Landlock, for there is no {store}", thread.name()));
        return false;
    }
    let may = match thread {
        Thread::Http => "reads /proc, /sys, /run and the store, writes nothing, connects nowhere",
        _ => "reads /proc, /sys and /run, writes the store, connects nowhere",
    };
    told(thread, may, restrict(thread, host, store, socket))
}

/// Says what became of it, and what the thread may do now; gives whether it is fenced in.
pub fn told(thread: Thread, may: &str, done: Result<RulesetStatus, RulesetError>) -> bool {
    match done {
        Ok(RulesetStatus::NotEnforced) => {
            say(&format_args!("{}: no Landlock, this kernel has none", thread.name()));
            false
        }
        Ok(status) => {
            let part = match status {
                RulesetStatus::PartiallyEnforced => ", as far as this kernel can",
                _ => "",
            };
            say(&format_args!("{}: by Landlock {may}{part}", thread.name()));
            true
        }
        Err(error) => {
            say(&format_args!("{}: no Landlock: {error}", thread.name()));
            false
        }
    }
}

fn restrict(
    thread: Thread,
    host: &HostRoot,
    store: &Path,
    socket: Option<&Path>,
) -> Result<RulesetStatus, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = AccessFs::WriteFile
        | AccessFs::MakeReg
        | AccessFs::RemoveFile
        | AccessFs::Truncate
        | AccessFs::Refer;
    let in_store = if thread == Thread::Store { read | write } else { read };
    let beside: Option<PathBuf> = socket.and_then(Path::parent).map(Path::to_owned);
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::Signal)?
        .create()?
        .add_rules(path_beneath_rules(READ, read))?
        .add_rules(path_beneath_rules(READ.iter().flat_map(|dir| host.place(dir)), read))?
        .add_rules(path_beneath_rules([store], in_store))?
        .add_rules(path_beneath_rules(beside, AccessFs::RemoveFile))?;
    Ok(rules.restrict_self()?.ruleset)
}

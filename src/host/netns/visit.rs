//! What is read of each network namespace: files of a process in it, and, entering it, netlink.

use std::fs::File;
use std::os::unix::fs::MetadataExt;

use super::Netns;
use crate::host::conntrack::{self, CtFill, CtSource, CtStats, Ctnetlink};
use crate::host::mib::NetCounters;
use crate::host::root::HostRoot;
use crate::host::sockets::{PortRange, SockStat};
use crate::host::sys;
use crate::units::Cpu;

/// What one namespace says of itself. A reason stands where something cannot be read.
#[derive(Clone, Debug)]
pub struct NetnsReading {
    /// Counters of its connection tracking; none inside if it is not in use there.
    pub conntrack: Result<Option<CtStats>, String>,
    /// Entries and limit of its table; none inside as above.
    pub fill: Result<Option<CtFill>, String>,
    /// Counters of its protocols.
    pub counters: Result<NetCounters, String>,
    /// Sockets it has now.
    pub sockets: Result<SockStat, String>,
    /// Ports its connections are opened from.
    pub ports: Result<PortRange, String>,
}

/// Goes through namespaces, entering each where the kernel allows. Its thread is in another
/// network namespace afterwards: give it one of its own.
#[derive(Debug)]
pub struct Visitor {
    root: HostRoot,
    possible: Vec<Cpu>,
    live: bool,
    /// The file is read only where asking the kernel could load a module.
    netlink: bool,
}

impl Visitor {
    /// One for this root; `possible` are the CPUs for which the kernel keeps counters.
    #[must_use]
    pub fn new(root: &HostRoot, possible: Vec<Cpu>) -> Visitor {
        let live = root.is_live();
        // A kernel without modules has ctnetlink or has not; nothing is loaded by asking.
        let there = root.has("sys/module/nf_conntrack_netlink") || !root.has("proc/modules");
        Visitor { root: root.clone(), possible, live, netlink: live && there }
    }

    /// Moves the thread into the namespace, if it may, and returns the link of the process that
    /// stands for it.
    ///
    /// # Errors
    /// The process is gone, or is in another namespace by now, or the kernel does not allow it.
    pub fn enter(&self, netns: &Netns) -> Result<File, String> {
        let link = format!("proc/{}/ns/net", netns.pid);
        let file = self.root.open_namespace(link).map_err(|e| e.to_string())?;
        let inode = file.metadata().map_err(|e| e.to_string())?.ino();
        if inode != netns.inode {
            return Err(format!("process {} has left it", netns.pid));
        }
        if super::own_link() == Some(inode) {
            return Ok(file); // That needs no capability.
        }
        sys::enter_netns(&file).map_err(|e| format!("setns: {e}"))?;
        Ok(file)
    }

    /// Whether there is a kernel to enter namespaces of, and not a tree of files.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// Reads what `netns` says; `inside` tells whether the thread is in it.
    #[must_use]
    pub fn read(&self, netns: &Netns, inside: Result<(), &str>) -> NetnsReading {
        let (root, pid) = (&self.root, netns.pid);
        // Of a tree of files, /proc/sys is that of the host's own namespace.
        let settings = match inside {
            Ok(()) if !self.live && !netns.own => Err("only the host's own are in these files"),
            other => other,
        };
        let (conntrack, fill) = match settings {
            Ok(()) => self.conntrack(pid),
            Err(why) => {
                (self.file(pid).map(Some), Err(format!("its settings cannot be read: {why}")))
            }
        };
        let ports = settings
            .map_err(str::to_owned)
            .and_then(|()| PortRange::read(root).map_err(|e| e.to_string()));
        NetnsReading {
            conntrack,
            fill,
            counters: NetCounters::read(root, pid).map_err(|e| e.to_string()),
            sockets: SockStat::read(root, pid).map_err(|e| e.to_string()),
            ports,
        }
    }

    /// Counters and fill of the connection tracking of the namespace that the thread is in, `pid`
    /// being a process of it; none inside where connection tracking is not in use.
    #[allow(clippy::type_complexity)] // The two fields of a NetnsReading.
    pub fn conntrack(
        &self,
        pid: u32,
    ) -> (Result<Option<CtStats>, String>, Result<Option<CtFill>, String>) {
        // The settings are there as soon as connection tracking is, in every namespace.
        let root = &self.root;
        if !root.has("proc/sys/net/netfilter/nf_conntrack_count") {
            let absent = root.has("proc/sys/net/ipv4")
                && !root.has("proc/sys/net/netfilter/nf_conntrack_max");
            let why = || "no settings of connection tracking under /proc/sys/net".to_owned();
            return if absent { (Ok(None), Ok(None)) } else { (Err(why()), Err(why())) };
        }
        let file = root.has(format!("proc/{pid}/net/stat/nf_conntrack"));
        let asked = if self.netlink || (self.live && !file) { ask() } else { None };
        if let Some((stats, fill)) = asked {
            return (Ok(Some(stats)), Ok(Some(fill)));
        }
        (self.file(pid).map(Some), settings_fill(root).map(Some))
    }

    /// Counters of the connection tracking of a namespace that is not entered, and the entries in its
    /// table, by the file of the process that stands for it.
    ///
    /// # Errors
    /// The process is gone, or is in another namespace by now, or the kernel has no such file.
    pub fn conntrack_file(&self, netns: &Netns) -> Result<(CtStats, u64), String> {
        let read = conntrack::read(&self.root, netns.pid, &self.possible);
        let read = read.map_err(|e| e.to_string())?;
        // Asked last: the counters are of the namespace that it is in still.
        match super::link(&self.root, netns.pid) == Some(netns.inode) {
            true => Ok(read),
            false => Err(format!("process {} has left it", netns.pid)),
        }
    }

    /// How many entries there can be in a namespace that is not entered, as far as the settings of
    /// the thread's own namespace tell; 0 no limit. Of others they do where the limit may only be
    /// read: then it is one for all, and the thread is not in the first namespace, which sets it
    /// (`nf_conntrack_standalone_init_sysctl`, net/netfilter/nf_conntrack_standalone.c). In the first
    /// one nothing tells whether others have a limit of their own.
    #[must_use]
    pub fn limit_seen_from_outside(&self, netns: &Netns) -> Option<u64> {
        // Of a tree of files, they are the host's own.
        let own = match self.live {
            true => super::own_link() == Some(netns.inode),
            false => netns.own,
        };
        let for_all = || {
            let rel = format!("{SETTINGS}/nf_conntrack_max");
            self.live && self.root.metadata(rel).is_ok_and(|m| m.mode() & 0o222 == 0)
        };
        (own || for_all()).then(|| setting(&self.root, "nf_conntrack_max").ok())?
    }

    fn file(&self, pid: u32) -> Result<CtStats, String> {
        let read = conntrack::read(&self.root, pid, &self.possible);
        read.map(|(stats, _)| stats).map_err(|e| e.to_string())
    }
}

/// Moves the calling thread into the host's own network namespace, unless it is there.
///
/// # Errors
/// The kernel does not allow it.
pub fn enter_home(root: &HostRoot) -> Result<(), String> {
    let pid = super::home(root);
    let own = super::own_link();
    if !root.is_live() || own.is_some() && own == super::link(root, pid) {
        return Ok(());
    }
    let file = root.open_namespace(format!("proc/{pid}/ns/net")).map_err(|e| e.to_string())?;
    sys::enter_netns(&file).map_err(|e| format!("the host's network namespace: setns: {e}"))
}

/// Both answers of ctnetlink about the thread's namespace; none if it does not answer.
fn ask() -> Option<(CtStats, CtFill)> {
    let mut socket = Ctnetlink::open().ok()?;
    Some((socket.stats().ok()?, socket.fill().ok()?))
}

/// Where the kernel has the settings of the thread's namespace.
const SETTINGS: &str = "proc/sys/net/netfilter";

/// Entries and limit as the settings of the thread's namespace tell them.
fn settings_fill(root: &HostRoot) -> Result<CtFill, String> {
    let [entries, max] = ["nf_conntrack_count", "nf_conntrack_max"].map(|name| setting(root, name));
    Ok(CtFill { entries: entries?, max: max? })
}

fn setting(root: &HostRoot, name: &str) -> Result<u64, String> {
    let rel = format!("{SETTINGS}/{name}");
    let text = root.read_to_string(&rel).map_err(|e| e.to_string())?;
    text.trim().parse::<u64>().map_err(|_| format!("/{rel} is no number"))
}

impl NetnsReading {
    /// Where the counters of connection tracking are from.
    #[must_use]
    pub fn source(&self) -> Option<CtSource> {
        self.conntrack.as_ref().ok()?.as_ref().map(|stats| stats.source)
    }
}

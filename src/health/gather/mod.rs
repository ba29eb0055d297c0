//! Reads the host, twice, within a bound of time.
//!
//! Each group of facts has a thread of its own. One that is not done in time (a file that hangs,
//! too many cgroups) leaves its facts unknown and nobody waiting.

mod cgroups;
mod namespaces;
mod quick;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::facts::{Facts, Known};
use super::names::Names;
use crate::host::kernel::Uname;
use crate::host::memcg::DyingMemcgs;
use crate::host::threads::refused;
use crate::host::{HostRoot, netns, rules};
use crate::units::Nanos;

/// Bounds of reading.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Time between the two readings.
    pub window: Duration,
    /// When answers are no longer waited for, from the beginning.
    pub deadline: Duration,
    /// Network namespaces read at most.
    pub namespaces: usize,
}

impl Default for Options {
    /// Done within a second on a node with hundreds of pods.
    fn default() -> Options {
        Options {
            window: Duration::from_millis(500),
            deadline: Duration::from_millis(920),
            namespaces: 1_000,
        }
    }
}

/// An answer to come.
struct Answer<T> {
    what: &'static str,
    from: Result<mpsc::Receiver<T>, String>,
}

impl<T: Send + 'static> Answer<T> {
    /// Starts reading in a thread.
    fn start(what: &'static str, read: impl FnOnce() -> T + Send + 'static) -> Answer<T> {
        let (send, receive) = mpsc::sync_channel(1);
        // Nobody may wait for it any more.
        let work = move || drop(send.send(read()));
        let thread = std::thread::Builder::new().name(format!("check-{what}")).spawn(work);
        Answer { what, from: thread.map(|_| receive).map_err(|e| refused(e).to_string()) }
    }

    /// Waits for it until the deadline.
    fn wait(self, deadline: Instant) -> Known<T> {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.from?.recv_timeout(left) {
            Ok(answer) => Ok(answer),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                Err(format!("reading {} was not done in time", self.what))
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                Err(format!("reading {} failed", self.what))
            }
        }
    }
}

/// Reads all facts of the host under `root`.
#[must_use]
pub fn gather(root: &HostRoot, options: Options) -> Facts {
    let begin = Instant::now();
    let deadline = begin + options.deadline;
    let of = |root: &HostRoot| root.clone();

    let r = of(root);
    let namespaces =
        Answer::start("namespaces", move || namespaces::read(&r, begin, deadline, options));
    let r = of(root);
    let cgroups = Answer::start("cgroups", move || cgroups::read(&r, options.window, deadline));
    let r = of(root);
    let dying = Answer::start("memcgs", move || DyingMemcgs::read(&r).map_err(|e| e.to_string()));
    let r = of(root);
    // The programs get what is left until the second reading is due.
    let until = begin + options.window + Duration::from_millis(200);
    let rules = Answer::start("rules", move || {
        if !r.is_slash() {
            return Err("programs are not run for the files of another root".to_owned());
        }
        netns::enter_home(&r)?;
        Ok(rules::list(&r, until))
    });
    let r = of(root);
    let quick = Answer::start("files", move || quick::read(&r, options.window));

    let mut names = Names::new(root);
    let uname = Uname::read(root).ok();
    let quick = quick.wait(deadline).unwrap_or_else(|why| quick::Quick::unknown(&why));
    let mut facts = Facts {
        host: uname.as_ref().map(|u| u.hostname.clone()).unwrap_or_default(),
        kernel: uname.map(|u| u.release).unwrap_or_default(),
        took: Nanos(0),
        dying: dying.wait(deadline).and_then(|known| known),
        cgroups: cgroups.wait(deadline).and_then(|known| known),
        namespaces: namespaces.wait(deadline).and_then(|known| known),
        rules: rules.wait(deadline).and_then(|known| known),
        softnet: quick.softnet,
        rx: quick.rx,
        neigh: quick.neigh,
        steal: quick.steal,
        pressure: quick.pressure,
        uplinks: quick.uplinks,
        ipvs: quick.ipvs,
        cni: quick.cni,
        leases: quick.leases,
        kubelet: quick.kubelet,
    };
    for ns in facts.namespaces.iter_mut().flat_map(|n| &mut n.list) {
        ns.name = names.of_netns(&ns.netns);
    }
    for cgroup in facts.cgroups.iter_mut().flat_map(|c| &mut c.limited) {
        cgroup.name = names.of_cgroup(&cgroup.path);
    }
    facts.took = Nanos(begin.elapsed().as_nanos() as u64);
    facts
}

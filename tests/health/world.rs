//! Network namespaces made on this machine for a test, which go away with it.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// tools/setup test installs what a test needs.
pub use crate::skip::skipped;

/// Tests that make namespaces and look at the whole machine do so one after the other.
static MACHINE: Mutex<()> = Mutex::new(());

/// Namespaces, each with a process in it.
pub struct World {
    names: Vec<String>,
    holders: Vec<Child>,
    _alone: MutexGuard<'static, ()>,
}

/// Runs a line of words; what it printed.
pub fn run(line: &str) -> Result<String, String> {
    let mut words = line.split(' ');
    let program = words.next().unwrap_or_default();
    let out = Command::new(program).args(words).output().map_err(|e| format!("{program}: {e}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if out.status.success() {
        Ok(text(&out.stdout))
    } else {
        Err(format!("{line}: {}", text(&out.stderr)))
    }
}

impl World {
    /// Makes namespaces; none with the reason if that is not possible here.
    pub fn new(names: &[&str], programs: &[&str]) -> Result<World, String> {
        let alone = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
        for program in programs {
            run(&format!("{program} --version"))
                .map_err(|e| format!("{program} is needed: {e}"))?;
        }
        let id = std::process::id();
        let mut world = World { names: Vec::new(), holders: Vec::new(), _alone: alone };
        for name in names {
            let name = format!("stallprof-{id}-{name}");
            run(&format!("ip netns add {name}"))?;
            world.names.push(name.clone());
            run(&format!("ip -n {name} link set lo up"))?;
            let mut sleep = Command::new("ip");
            sleep.args(["netns", "exec", &name, "sleep", "120"]).stdin(Stdio::null());
            world.holders.push(sleep.spawn().map_err(|e| e.to_string())?);
        }
        Ok(world)
    }

    /// The full name of a namespace.
    pub fn name(&self, n: usize) -> &str {
        &self.names[n]
    }

    /// The process in it.
    pub fn pid(&self, n: usize) -> u32 {
        self.holders[n].id()
    }

    /// Runs a line inside.
    pub fn inside(&self, n: usize, line: &str) -> Result<String, String> {
        run(&format!("ip netns exec {} {line}", self.names[n]))
    }

    /// Runs ip(8) on it.
    pub fn ip(&self, n: usize, line: &str) -> Result<String, String> {
        run(&format!("ip -n {} {line}", self.names[n]))
    }

    /// Moves the calling thread into it.
    pub fn enter(&self, n: usize) {
        enter(&self.names[n]);
    }
}

/// Moves the calling thread into a named namespace.
pub fn enter(name: &str) {
    let file = File::open(format!("/run/netns/{name}")).expect("the namespace");
    // SAFETY: setns takes no pointers; the descriptor is open.
    assert_eq!(unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) }, 0);
}

impl Drop for World {
    fn drop(&mut self) {
        for holder in &mut self.holders {
            let _ = holder.kill();
            let _ = holder.wait();
        }
        for name in &self.names {
            let _ = run(&format!("ip netns del {name}"));
        }
    }
}

//! A host or a cgroup that runs out of memory: the daemon does less, says so, stays up, and does all
//! of it again when there is memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::host::{Daemon, Folder, machine, stalls, wait};

/// A memory cgroup of the test's own, by whichever controller there is.
struct Cgroup {
    path: PathBuf,
    limit: &'static str,
    used: &'static str,
}

impl Cgroup {
    fn new(name: &str) -> Cgroup {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let mounts: Vec<Vec<&str>> = mounts.lines().map(|l| l.split(' ').collect()).collect();
        let of = |kind: &str, option: &str| {
            let mut found = mounts.iter().filter(|mount| mount[2] == kind);
            found.find(|mount| option.is_empty() || mount[3].split(',').any(|o| o == option))
        };
        let name = format!("stallprof-{name}-{}", std::process::id());
        let made = |top: &str, limit, used| {
            let path = Path::new(top).join(&name);
            fs::create_dir(&path).unwrap();
            Cgroup { path, limit, used }
        };
        if let Some(mount) = of("cgroup", "memory") {
            return made(mount[1], "memory.limit_in_bytes", "memory.usage_in_bytes");
        }
        let top = of("cgroup2", "").expect("a memory controller, v1 or v2")[1];
        fs::write(Path::new(top).join("cgroup.subtree_control"), "+memory").unwrap();
        made(top, "memory.max", "memory.current")
    }

    /// What runs `stallprof` in it.
    fn command(&self) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", "echo $$ > \"$1\"; shift; exec \"$@\"", "sh"]);
        command.arg(self.path.join("cgroup.procs")).arg(env!("CARGO_BIN_EXE_stallprof"));
        command
    }

    fn used(&self) -> u64 {
        fs::read_to_string(self.path.join(self.used)).unwrap().trim().parse().unwrap()
    }

    fn set(&self, limit: u64) {
        fs::write(self.path.join(self.limit), limit.to_string()).unwrap();
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let gone = || fs::remove_dir(&self.path).is_ok();
        // Its last process may still be on its way out.
        let _ = (0..100).any(|_| {
            gone() || {
                std::thread::sleep(Duration::from_millis(20));
                false
            }
        });
    }
}

#[test]
fn a_limit_that_is_near_makes_it_hold_less_for_as_long() {
    let Some(_machine) = machine() else { return };
    let (folder, cgroup) = (Folder::new("memory"), Cgroup::new("memory"));
    let set = ["-s", "flight.after=500ms", "-s", "flight.before=5s", "-s", "triggers.quiet=1s"];
    let first = Daemon::start(&folder, &set);
    first.signal(libc::SIGUSR1);
    wait("an incident", Duration::from_secs(10), || first.incidents().len() == 1);
    let id = first.incidents()[0]["id"].as_str().unwrap().to_owned();
    first.stop();
    // For a page of a recording as long as this there has to be a hundred MB.
    let path = folder.path("store").join(format!("{id}.stall"));
    fs::OpenOptions::new().append(true).open(&path).unwrap().set_len(3 << 20).unwrap();

    let daemon = Daemon::start_as(&folder, cgroup.command(), &set);
    let page = || daemon.get(&format!("/incidents/{id}/report.html")).unwrap().status;
    let metric = |name: &str| daemon.metric(&format!("stallprof_{name}"));
    let limit = || metric("flight_limit_bytes").unwrap() as u64;
    assert_eq!(limit(), 8 << 20);
    assert_eq!(page(), 200);

    cgroup.set(cgroup.used() + (28 << 20));
    wait("it to hold less", Duration::from_secs(8), || limit() < 3 << 20);
    assert!(limit() >= 256 << 10);
    assert!(daemon.log().contains("short of memory, "), "{}", daemon.log());
    assert!(metric("memory_left_bytes") < Some(f64::from(45 << 20)));
    assert_eq!((page(), metric("memory_refusals_total")), (503, Some(1.0)));
    // Beside it somebody fills the page cache, and the limit is met again and again.
    let filler = folder.path("filler");
    let script = "echo $$ > \"$1\"; dd if=/dev/zero of=\"$2\" bs=1M count=64; cat \"$2\" \"$2\"";
    let filled = Command::new("sh")
        .args(["-c", script, "sh"])
        .args([cgroup.path.join("cgroup.procs"), filler])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
    assert!(filled.unwrap().success());
    stalls("irqsoff", 3, "80ms");
    wait("the incident", Duration::from_secs(10), || daemon.incidents().len() >= 2);
    assert_eq!(metric("incidents_total{result=\"failed\"}"), Some(0.0));
    assert_eq!(daemon.get("/readyz").unwrap().status, 200);

    cgroup.set(1 << 40);
    wait("it to hold all again", Duration::from_secs(6), || limit() == 8 << 20);
    assert_eq!(page(), 200);
    let log = daemon.stop();
    assert!(log.contains("there is memory again"), "{log}");
}

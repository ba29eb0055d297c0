//! `daemon --host-root`: mounts and a host name of its own, as in a container, and Landlock on top.

use std::process::Command;
use std::time::Duration;

use crate::host::{Daemon, Folder, machine, wait};

#[test]
fn the_hosts_files_at_another_place() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("host-root");
    let root = folder.path("host");
    for part in ["proc", "sys", "etc"] {
        std::fs::create_dir_all(root.join(part)).unwrap();
    }
    std::fs::write(root.join("etc/hostname"), "node-of-the-test\n").unwrap();
    // Our own /proc and /sys are other mounts than those there: what is read there is not allowed
    // by what is allowed here.
    let script = "set -e; mount --rbind /proc $ROOT/proc; mount --rbind /sys $ROOT/sys
                  mount -t proc proc /proc; hostname box; exec \"$0\" \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--uts", "--propagation", "private", "sh", "-c", script]);
    command.arg(env!("CARGO_BIN_EXE_stallprof")).env("ROOT", &root);
    let root = root.to_str().unwrap();
    let quick = ["-s", "flight.after=1ms", "-s", "flight.before=1s", "--host-root", root];
    let daemon = Daemon::start_as(&folder, command, &quick);
    assert_eq!(daemon.get("/live").unwrap().json()["host"], "node-of-the-test");
    // The thread that is asked reads there too.
    let text = daemon.get("/metrics").unwrap().text();
    let counted = |line: &str| {
        line.strip_prefix("stallprof_rx_packets_total{")?.rsplit_once(' ')?.1.parse::<f64>().ok()
    };
    let packets: f64 = text.lines().filter_map(counted).sum();
    assert!(packets > 0.0, "{text}{}", daemon.log());
    daemon.signal(libc::SIGUSR1);
    wait("an incident", Duration::from_secs(5), || daemon.incidents().len() == 1);
    let id = daemon.incidents()[0]["id"].as_str().unwrap().to_owned();
    let recording = daemon.get(&format!("/incidents/{id}")).unwrap().body;
    let recording = stallprof::recording::read_bytes(&recording).unwrap();
    assert_eq!(recording.meta.host, "node-of-the-test");
    let names: Vec<_> = recording.snapshots.iter().map(|s| recording.str(s.name)).collect();
    for file in ["/proc/interrupts", "/proc/softirqs", "/proc/net/dev", "/proc/loadavg"] {
        assert!(names.contains(&file), "no {file} in {names:?}: {}", daemon.log());
    }
    daemon.stop();
}

//! The store: whatever happens to the daemon or the disk, there are whole incidents only.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::host::{Daemon, Folder, free_port, machine, stallprof, wait};
use crate::soak::amount;

/// A few; `tools/soak` does 200.
const KILLS: u64 = 20;

/// Every incident is whole, by its own word and by the reader's.
fn all_whole(store: &Path) -> usize {
    let mut whole = 0;
    for entry in fs::read_dir(store).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "stall") {
            continue;
        }
        let recording = stallprof::recording::read(&path).unwrap();
        assert!(recording.damage.is_empty(), "{}: {:?}", path.display(), recording.damage);
        assert!(recording.end.is_some() && recording.meta.incident.is_some());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        whole += 1;
    }
    whole
}

/// Killed again and again while incidents are written: nothing half-written is ever seen under a
/// name of an incident, and the next one removes what was left.
#[test]
fn kill_minus_nine_at_any_moment() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("kills");
    let store = folder.path("store");
    let set = ["-s", "flight.after=1ms", "-s", "flight.before=2s"];
    for n in 0..amount("STALLPROF_KILLS", KILLS) {
        let daemon = Daemon::start(&folder, &set);
        daemon.signal(libc::SIGUSR1);
        // About when it writes: it looks for signals four times a second.
        std::thread::sleep(Duration::from_millis(400 + 45 * (n * 7 % 13)));
        daemon.kill();
        all_whole(&store);
    }
    fs::write(store.join(".partial-20260101T000000.000Z"), "half").unwrap();
    fs::write(store.join("20260101T000000.000Z.stall"), "no recording").unwrap();
    let kept = Daemon::start(&folder, &set).incidents().len();
    assert!(!store.join(".partial-20260101T000000.000Z").exists());
    fs::remove_file(store.join("20260101T000000.000Z.stall")).unwrap();
    assert_eq!(kept, all_whole(&store), "the index is what is there");
    assert!(kept > 0, "no kill came after an incident was stored");
    assert_eq!(fs::metadata(&store).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn the_oldest_go_first_and_limits_hold() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("limits");
    let set = ["-s", "flight.after=1ms", "-s", "flight.before=1s", "-s", "store.count=3"];
    let daemon = Daemon::start(&folder, &set);
    let stored = || daemon.metric("stallprof_incidents_total{result=\"stored\"}").unwrap();
    for n in 1..=5 {
        daemon.signal(libc::SIGUSR1);
        wait("an incident", Duration::from_secs(5), || stored() == f64::from(n));
    }
    let ids: Vec<_> = daemon.incidents().iter().map(|i| i["id"].clone()).collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(all_whole(&folder.path("store")), 3);
    assert_eq!(daemon.metric("stallprof_store_incidents"), Some(3.0));
    daemon.stop();
}

/// A real full disk, and a real read-only one, in a mount namespace of the test's own: the daemon
/// stays up, says so, and stores again when it can.
#[test]
fn a_disk_that_is_full_or_read_only_is_survived() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("disk");
    fs::create_dir(folder.path("store")).unwrap();
    let script = r#"
        mount -t tmpfs -o size=256k,nr_inodes=20 none "$DISK" || exit 99
        cat /dev/zero > "$DISK/filler" 2> /dev/null
        exec "$@"
    "#;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_stallprof")]);
    command.env("DISK", folder.path("store"));
    let daemon = Daemon::start_as(&folder, command, &["-s", "flight.after=1ms"]);
    let within = |script: &str| {
        let mut enter = Command::new("nsenter");
        enter.args(["--mount", "--target", &daemon.pid().to_string(), "sh", "-c", script]);
        assert!(enter.env("DISK", folder.path("store")).status().unwrap().success());
    };
    let count = |result: &str| {
        daemon.metric(&format!("stallprof_incidents_total{{result=\"{result}\"}}")).unwrap()
    };
    let mut failed = 0.0;
    for (make, mend) in [
        ("true", "rm $DISK/filler"),
        ("mount -o remount,ro $DISK", "mount -o remount,rw $DISK"),
        // No inode is left.
        ("n=0; while touch $DISK/f$n; do n=$((n+1)); done 2> /dev/null; true", "rm $DISK/f*"),
    ] {
        within(make);
        daemon.signal(libc::SIGUSR1);
        failed += 1.0;
        wait("the failure", Duration::from_secs(10), || count("failed") == failed);
        assert_eq!(daemon.metric("stallprof_store_up"), Some(0.0));
        let stored = count("stored");
        within(mend);
        daemon.signal(libc::SIGUSR1);
        wait("the recovery", Duration::from_secs(10), || count("stored") == stored + 1.0);
        assert_eq!(daemon.metric("stallprof_store_up"), Some(1.0));
        within("! ls -A $DISK | grep -q partial");
    }
    let log = daemon.stop();
    assert!(log.contains("No space left on device"), "{log}");
    assert!(log.contains("Read-only file system"), "{log}");
}

#[test]
fn a_taken_address_is_told() {
    let Some(_machine) = machine() else { return };
    let taken = std::net::TcpListener::bind(("127.0.0.1", free_port())).unwrap();
    let listen = format!("http.listen={}", taken.local_addr().unwrap());
    let output = stallprof().args(["daemon", "-s", &listen]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("http.listen: 127.0.0.1:") && said.contains("in use"), "{said}");
}

/// The second one measures, says why it keeps nothing, and takes over when the first one is gone.
#[test]
fn two_daemons_do_not_share_a_store() {
    let Some(_machine) = machine() else { return };
    let (folder, other) = (Folder::new("shared-1"), Folder::new("shared-2"));
    let set = ["-s", "flight.after=1ms", "-s", "flight.before=1s"];
    let first = Daemon::start(&folder, &set);
    let store = format!("store.directory={}", folder.path("store").display());
    let second = Daemon::start(&other, &[&set[..], &["-s", &store]].concat());
    let told = "another stallprof daemon keeps its incidents there";
    wait("the reason", Duration::from_secs(2), || second.log().contains(told));
    assert_eq!(second.metric("stallprof_store_up"), Some(0.0));
    second.signal(libc::SIGUSR1);
    let failed = || second.metric("stallprof_incidents_total{result=\"failed\"}") == Some(1.0);
    wait("what is not kept to be counted", Duration::from_secs(5), failed);
    first.signal(libc::SIGUSR1);
    wait("an incident", Duration::from_secs(5), || first.incidents().len() == 1);
    first.kill();
    let up = || second.metric("stallprof_store_up") == Some(1.0);
    wait("the second to take over", Duration::from_secs(15), up);
    second.signal(libc::SIGUSR1);
    wait("another incident", Duration::from_secs(5), || second.incidents().len() == 2);
    assert_eq!(all_whole(&folder.path("store")), 2);
    second.stop();
}

/// Whoever removes the directory, or puts a link in its place, finds the next incident where the
/// path leads then. With Landlock that takes a restart, and is told.
#[test]
fn a_directory_that_is_removed_or_replaced() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("replaced");
    let (store, elsewhere) = (folder.path("store"), folder.path("elsewhere"));
    let set = ["-s", "flight.after=1ms", "-s", "flight.before=1s"];
    let daemon = Daemon::start(&folder, &[&set[..], &["-s", "rights.landlock=false"]].concat());
    let count = |daemon: &Daemon, result: &str| {
        daemon.metric(&format!("stallprof_incidents_total{{result=\"{result}\"}}")).unwrap()
    };
    let stored = |n: f64| {
        daemon.signal(libc::SIGUSR1);
        wait("an incident", Duration::from_secs(5), || count(&daemon, "stored") == n);
    };
    stored(1.0);
    fs::remove_dir_all(&store).unwrap();
    stored(2.0);
    assert_eq!((all_whole(&store), daemon.incidents().len()), (1, 1));
    fs::rename(&store, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &store).unwrap();
    stored(3.0);
    assert_eq!(all_whole(&elsewhere), 2);
    // A file is no directory.
    fs::remove_file(&store).unwrap();
    fs::write(&store, "").unwrap();
    daemon.signal(libc::SIGUSR1);
    wait("the failure", Duration::from_secs(5), || count(&daemon, "failed") == 1.0);
    assert_eq!(daemon.metric("stallprof_store_up"), Some(0.0));
    let log = daemon.stop();
    assert!(log.contains("Not a directory"), "{log}");

    fs::remove_file(&store).unwrap();
    let daemon = Daemon::start(&folder, &set);
    fs::remove_dir_all(&store).unwrap();
    daemon.signal(libc::SIGUSR1);
    let done = || count(&daemon, "failed") + count(&daemon, "stored") == 1.0;
    wait("what becomes of it", Duration::from_secs(5), done);
    let up = daemon.metric("stallprof_store_up");
    let log = daemon.stop();
    // Where the kernel has no Landlock, there is a new directory.
    let fenced = log.contains("store: by Landlock ");
    assert_eq!(up, Some(f64::from(u8::from(!fenced))), "{log}");
    assert!(!fenced || log.contains("Permission denied"), "{log}");
}

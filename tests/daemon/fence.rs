//! Landlock: the daemon's own threads get at nothing outside of the store, whatever lies in it.

use std::os::unix::fs::symlink;
use std::time::Duration;

use crate::host::{Daemon, Folder, machine, wait};
use crate::skip::skipped;

const NO_LANDLOCK: &str = "this kernel has no Landlock";
const QUICK: [&str; 4] = ["-s", "flight.after=1ms", "-s", "flight.before=1s"];

/// Whether this kernel has it: then it has to work.
fn supported() -> bool {
    // SAFETY: with this flag it takes no pointer: landlock_create_ruleset(2).
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0, 1) };
    version > 0
}

fn counted(daemon: &Daemon, result: &str) -> f64 {
    daemon.metric(&format!("stallprof_incidents_total{{result=\"{result}\"}}")).unwrap()
}

/// An incident that became a link to a file elsewhere, asked for by a client.
fn asked_through_a_link(fenced: bool) -> u16 {
    let folder = Folder::new(if fenced { "link-fenced" } else { "link" });
    let set = format!("rights.landlock={fenced}");
    let daemon = Daemon::start(&folder, &[QUICK.as_slice(), &["-s", &set]].concat());
    let up = daemon.metric("stallprof_landlock_up{thread=\"http\"}");
    assert_eq!(up, Some(f64::from(u8::from(fenced))), "{}", daemon.log());
    assert_eq!(daemon.log().contains("http: by Landlock "), fenced, "{}", daemon.log());
    daemon.signal(libc::SIGUSR1);
    wait("an incident", Duration::from_secs(5), || daemon.incidents().len() == 1);
    let id = daemon.incidents()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(daemon.get(&format!("/incidents/{id}")).unwrap().status, 200);
    let (file, secret) = (folder.path(&format!("store/{id}.stall")), folder.path("secret"));
    std::fs::write(&secret, "nobody's business").unwrap();
    std::fs::remove_file(&file).unwrap();
    symlink(&secret, &file).unwrap();
    let answer = daemon.get(&format!("/incidents/{id}")).unwrap();
    assert_eq!(answer.text().contains("business"), !fenced);
    // What it needs itself it still gets.
    assert!(daemon.metric("stallprof_process_open_fds").unwrap() > 3.0);
    daemon.stop();
    answer.status
}

#[test]
fn clients_get_nothing_from_outside_of_the_store() {
    let Some(_machine) = machine() else { return };
    if !supported() {
        return skipped("clients_get_nothing_from_outside_of_the_store", NO_LANDLOCK);
    }
    assert_eq!(asked_through_a_link(true), 410);
    assert_eq!(asked_through_a_link(false), 200);
}

#[test]
fn incidents_are_written_nowhere_else() {
    let Some(_machine) = machine() else { return };
    if !supported() {
        return skipped("incidents_are_written_nowhere_else", NO_LANDLOCK);
    }
    let folder = Folder::new("elsewhere");
    let file = folder.path("c.toml");
    std::fs::write(&file, "").unwrap();
    let set = ["-c", file.to_str().unwrap()];
    let daemon = Daemon::start(&folder, &[QUICK.as_slice(), &set].concat());
    let (store, moved) = (folder.path("store"), folder.path("moved"));
    std::fs::create_dir(folder.path("outside")).unwrap();
    std::fs::rename(&store, &moved).unwrap();
    symlink(folder.path("outside"), &store).unwrap();
    daemon.signal(libc::SIGUSR1);
    wait("the refusal", Duration::from_secs(5), || counted(&daemon, "failed") == 1.0);
    assert_eq!(daemon.metric("stallprof_store_up"), Some(0.0));
    assert_eq!(std::fs::read_dir(folder.path("outside")).unwrap().count(), 0);
    // It recovers once the directory is back.
    std::fs::remove_file(&store).unwrap();
    std::fs::rename(&moved, &store).unwrap();
    daemon.signal(libc::SIGUSR1);
    wait("the recovery", Duration::from_secs(5), || counted(&daemon, "stored") == 1.0);
    let log = daemon.stop();
    assert!(log.contains("Permission denied"), "{log}");
    assert!(log.contains("store: by Landlock ") && log.contains("writes the store"), "{log}");
}

/// Another directory takes a restart: it says so, and goes on with the old one.
#[test]
fn another_store_takes_a_restart() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("other-store");
    let file = folder.path("c.toml");
    let write = |name: &str| {
        let directory = folder.path(name);
        std::fs::write(&file, format!("[store]\ndirectory = \"{}\"\n", directory.display()))
            .unwrap();
    };
    write("store");
    let mut command = crate::host::stallprof();
    command.arg("daemon").args(["-c", file.to_str().unwrap()]).args(QUICK);
    let daemon = Daemon::start_with(&folder, command);
    write("other");
    daemon.signal(libc::SIGHUP);
    let told = || daemon.log().contains("store.directory changes with the next start only");
    wait("the word", Duration::from_secs(5), told);
    daemon.signal(libc::SIGUSR1);
    wait("an incident", Duration::from_secs(5), || counted(&daemon, "stored") == 1.0);
    assert!(!folder.path("other").exists());
    daemon.stop();
}

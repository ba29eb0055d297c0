//! However a recording ends, it is readable and the verdict is given.

use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use stallscore::found::Found;
use stallscore::read::Truth;

use crate::host::{Ended, Folder, cpu, findings, machine, stallgen, stallprof, stderr, succeeded};
use crate::kinds::assert_close;

fn ended_by(signal: i32) {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new(&format!("signal-{signal}"));
    let recording = folder.path("r.stall");
    let mut command = stallprof();
    command.args(["record", "-o"]).arg(&recording).stdout(Stdio::piped()).stderr(Stdio::piped());
    // SAFETY: async-signal-safe. What runs these tests may ignore it, as nohup(1) does.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGHUP, libc::SIG_DFL);
            Ok(())
        });
    }
    let child = command.spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    // SAFETY: our own child.
    unsafe { libc::kill(child.id() as i32, signal) };
    let output = child.wait_with_output().unwrap();
    succeeded(&output);
    let verdict = String::from_utf8_lossy(&output.stdout);
    assert!(verdict.contains("stall"), "no verdict: {verdict}");
    assert!(output.stderr.is_empty(), "silent without a terminal: {}", stderr(&output));
    assert_eq!(findings(&recording)["window"]["complete"], true);
}

#[test]
fn ctrl_c() {
    ended_by(libc::SIGINT);
}

#[test]
fn hang_up() {
    ended_by(libc::SIGHUP);
}

#[test]
fn sigterm() {
    ended_by(libc::SIGTERM);
}

/// As where the connection of an ssh broke: nobody reads the verdict, but the recording is whole and
/// its command is not left behind.
#[test]
fn a_terminal_that_hangs_up() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("hung-up");
    let recording = folder.path("r.stall");
    let (mut master, mut slave) = (-1, -1);
    let (name, modes, size) = (std::ptr::null_mut(), std::ptr::null(), std::ptr::null());
    // SAFETY: two new descriptors that nobody else owns, not for children.
    let (master, slave) = unsafe {
        assert_eq!(libc::openpty(&raw mut master, &raw mut slave, name, modes, size), 0);
        assert_eq!(libc::fcntl(master, libc::F_SETFD, libc::FD_CLOEXEC), 0);
        (OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(slave))
    };
    let mut command = stallprof();
    command.args(["record", "-o"]).arg(&recording).args(["--", "sh", "-c"]);
    // Its own SIGHUP does not end it.
    command.arg("trap '' HUP; echo $$ >\"$0\"; exec sleep 100").arg(folder.path("pid"));
    command.stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap()).stderr(slave);
    // SAFETY: both are async-signal-safe; the terminal becomes the child's own.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGHUP, libc::SIG_DFL);
            libc::setsid();
            libc::ioctl(0, libc::TIOCSCTTY, 0);
            Ok(())
        });
    }
    let mut child = Ended(command.spawn().unwrap());
    drop(command); // It holds the terminal, too.
    std::thread::sleep(Duration::from_secs(2));
    drop(master);
    let status = child.0.wait().unwrap();
    assert_eq!(status.code(), Some(128 + libc::SIGHUP), "{status}");
    assert_eq!(findings(&recording)["window"]["complete"], true);
    let pid = std::fs::read_to_string(folder.path("pid")).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists(), "the command goes on: {pid}");
}

/// nohup(1) asks for that.
#[test]
fn a_hang_up_that_is_ignored() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("nohup");
    let recording = folder.path("r.stall");
    let script = "trap '' HUP; exec \"$0\" record -d 2s -o \"$1\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_stallprof")]).arg(&recording);
    let mut child = Ended(command.stdout(Stdio::null()).spawn().unwrap());
    std::thread::sleep(Duration::from_secs(1));
    // SAFETY: our own child, not waited for yet.
    unsafe { libc::kill(child.0.id() as i32, libc::SIGHUP) };
    assert!(child.0.wait().unwrap().success());
    let window = &findings(&recording)["window"];
    let length = window["end"].as_u64().unwrap() - window["start"].as_u64().unwrap();
    assert!(length >= 1_900_000_000, "{length} ns");
}

#[test]
fn the_end_of_the_command() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("command");
    let recording = folder.path("r.stall");
    let output = stallprof()
        .args(["record", "-o"])
        .arg(&recording)
        .args(["--", "sh", "-c", "sleep 0.3; exit 7"])
        .output()
        .unwrap();
    succeeded(&output);
    assert_eq!(findings(&recording)["window"]["complete"], true);
}

#[test]
fn kill_minus_nine_leaves_a_readable_recording() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("killed");
    let recording = folder.path("r.stall");
    let mut child =
        stallprof().args(["record", "-o"]).arg(&recording).stdout(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(3500));
    child.kill().unwrap();
    child.wait().unwrap();
    let f = findings(&recording);
    assert_eq!(f["window"]["complete"], false);
    let notes = f["notes"].to_string();
    assert!(notes.contains("cut short"), "{notes}");
    let samples: u64 =
        f["cpus"].as_array().unwrap().iter().map(|c| c["samples"].as_u64().unwrap()).sum();
    let counted = f["latencies"].as_array().unwrap().len();
    assert!(samples + counted as u64 > 0, "two seconds must be in it");
}

/// A real full disk: a tmpfs of 256 KiB in a mount namespace of the test's own.
#[test]
fn a_full_disk() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("full");
    let (disk, copy) = (folder.path("disk"), folder.path("copy.stall"));
    std::fs::create_dir(&disk).unwrap();
    let script = r#"
        mount -t tmpfs -o size=256k none "$DISK" || exit 99
        # Busy, so that there is something to record.
        (while :; do :; done) & busy=$!
        "$STALLPROF" record -F 5000 -d 20s -o "$DISK/r.stall"
        code=$?
        kill $busy
        cp "$DISK/r.stall" "$COPY"
        exit $code
    "#;
    let output = std::process::Command::new("unshare")
        .args(["--mount", "sh", "-c", script])
        .env("DISK", &disk)
        .env("COPY", &copy)
        .env("STALLPROF", env!("CARGO_BIN_EXE_stallprof"))
        .output()
        .unwrap();
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("No space left on device"), "{message}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("stall"), "no verdict");
    let f = findings(&copy);
    assert_eq!(f["window"]["complete"], false);
    assert!(f["cpus"][0]["samples"].as_u64().unwrap() > 0);
}

/// Interrupts are off most of the time, and as most of these recordings end: each stall that began
/// within one is in it, with all of its length.
#[test]
fn interrupts_off_at_the_end() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("irqsoff-end");
    let (cpu, truth) = (cpu().to_string(), folder.path("truth"));
    let mut generator = Command::new(stallgen())
        .args(["irqsoff", "--cpu", &cpu, "--count", "30", "--length", "300ms"])
        .args(["--every", "330ms", "--no-victims", "--truth"])
        .arg(&truth)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let windows = (0..4).map(|n| {
        let recording = folder.path(&format!("{n}.stall"));
        let output = stallprof()
            .args(["record", "-C", &cpu, "-d", &format!("{}ms", 400 + 70 * n), "-o"])
            .arg(&recording)
            .output()
            .unwrap();
        succeeded(&output);
        findings(&recording)
    });
    let windows: Vec<_> = windows.collect();
    generator.wait().unwrap();
    let truth = Truth::read(&truth).unwrap();
    let mut lengths = Vec::new();
    for f in &windows {
        let edge = |name: &str| f["window"][name].as_u64().unwrap();
        // Not what had hardly begun.
        let inside = edge("start")..edge("end") - 10_000_000;
        let found = Found::all(f).unwrap();
        for made in truth.stalls.iter().filter(|made| inside.contains(&made.start_ns)) {
            let gap = found.iter().find(|x| x.cause == "irqs_off" && x.covers(made));
            let gap = gap.unwrap_or_else(|| panic!("not found: {made:?} in {found:#?}"));
            assert!(gap.blames(&truth.header), "{gap:?}");
            lengths.push((gap.duration, made.duration_ns));
        }
    }
    // Some six: how many, the moments at which recordings begin decide.
    assert!(lengths.len() >= 2, "only {} stalls began within a recording", lengths.len());
    assert_close("interrupt gap", &lengths);
}

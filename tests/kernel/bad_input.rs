//! Each mistake gets one clear message, a non-zero exit, and leaves nothing behind.

use std::path::Path;

use crate::host::{Folder, machine, stallprof, stderr};

/// Runs `record` with these arguments; the message must hold every one of `words`.
fn refused(args: &[&str], words: &[&str]) {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("refused");
    let recording = folder.path("r.stall");
    let output = stallprof()
        .args(["record", "-d", "100ms", "-o"])
        .arg(&recording)
        .args(args)
        .output()
        .unwrap();
    let message = stderr(&output);
    assert!(!output.status.success(), "{args:?} was accepted");
    for word in words {
        assert!(message.contains(word), "{args:?} says {message:?}, not {word:?}");
    }
    assert!(!message.contains("panicked"), "{message}");
    assert!(!recording.exists(), "{args:?} left a recording behind");
}

#[test]
fn unknown_cpu() {
    refused(&["-C", "4095"], &["4095", "not online", "this host has"]);
    refused(&["-C", "3-1"], &["3-1"]);
    refused(&["-C", "one"], &["one"]);
    refused(&["-C", ""], &["cpu"]);
}

#[test]
fn thresholds_and_times_of_nothing() {
    refused(&["--stall", "0"], &["--stall", "zero"]);
    refused(&["--syscall-min", "0ms"], &["--syscall-min", "zero"]);
    refused(&["--stall", "soon"], &["soon", "5ms"]);
    refused(&["--stall", "5"], &["a number and a unit", "5ms"]);
    refused(&["-F", "0"], &["--freq"]);
}

#[test]
fn unknown_process_and_command() {
    refused(&["-p", "4194303"], &["4194303", "no such process"]);
    refused(&["--", "/no/such/program"], &["/no/such/program"]);
}

#[test]
fn output_that_cannot_be() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("output");
    let there = folder.path("there.stall");
    std::fs::write(&there, "precious").unwrap();
    let record = |path: &Path, force: bool| {
        let mut command = stallprof();
        command.args(["record", "-d", "100ms", "-o"]).arg(path);
        if force {
            command.arg("--force");
        }
        let output = command.output().unwrap();
        (output.status.success(), stderr(&output))
    };
    let (ok, message) = record(&there, false);
    assert!(!ok && message.contains("exists") && message.contains("--force"), "{message}");
    assert_eq!(std::fs::read(&there).unwrap(), b"precious");
    let (ok, message) = record(&folder.path("no/dir.stall"), false);
    assert!(!ok && message.contains("no directory"), "{message}");
    let (ok, message) = record(&folder.path("."), true);
    assert!(!ok && message.contains("directory"), "{message}");
    let (ok, message) = record(&there, true);
    assert!(ok, "{message}");
    assert_ne!(std::fs::read(&there).unwrap(), b"precious");
}

#[test]
fn what_is_no_recording() {
    let folder = Folder::new("none");
    let report = |path: &Path| {
        let output = stallprof().arg("report").arg(path).output().unwrap();
        assert!(!output.status.success());
        stderr(&output)
    };
    let file = folder.path("text.stall");
    std::fs::write(&file, "this is not a recording, whatever its name says\n".repeat(9)).unwrap();
    assert!(report(&file).contains("not a stallprof recording"));
    std::fs::write(&file, "").unwrap();
    assert!(report(&file).contains("empty"));
    assert!(report(&folder.path("missing.stall")).contains("missing.stall"));
    assert!(report(Path::new("/")).contains('/'));
}

/// Its clock is not the one of the kernel's events.
#[test]
fn a_time_namespace_of_its_own() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("timens");
    let output = std::process::Command::new("unshare")
        .args(["--time", "--monotonic", "100000", "--fork", env!("CARGO_BIN_EXE_stallprof")])
        .args(["record", "-d", "1", "-o"])
        .arg(folder.path("r.stall"))
        .output()
        .unwrap();
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("time namespace"), "{message}");
    assert!(!folder.path("r.stall").exists());
}

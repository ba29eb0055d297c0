//! Each mistake gets one clear message, a non-zero exit, and leaves nothing behind.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::host::{Folder, findings, machine, stallprof, stderr};

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

/// Who is looked at cannot hold the one who looks: its map of symbols may be a FIFO.
#[test]
fn a_process_that_offers_a_fifo_for_its_symbols() {
    let Some(_machine) = machine() else { return };
    let map = PathBuf::from(format!("/tmp/perf-{}.map", std::process::id()));
    assert!(Command::new("mkfifo").arg(&map).status().unwrap().success());
    let folder = Folder::new("fifo");
    let recording = folder.path("r.stall");
    let mut record = stallprof();
    record.args(["record", "-d", "1", "-p", &std::process::id().to_string(), "-o"]).arg(&recording);
    let mut record = record.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // Code that no file backs: subtracts until nothing is left.
    const COUNT_DOWN: [u8; 6] = [0x48, 0xff, 0xcf, 0x75, 0xfb, 0xc3];
    // SAFETY: a new mapping, which holds a function that touches its argument alone.
    let count_down: extern "C" fn(u64) = unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let access = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
        let code = libc::mmap(std::ptr::null_mut(), 4096, access, flags, -1, 0);
        assert_ne!(code, libc::MAP_FAILED);
        std::ptr::copy_nonoverlapping(COUNT_DOWN.as_ptr(), code.cast(), COUNT_DOWN.len());
        std::mem::transmute(code)
    };
    let late = Instant::now() + Duration::from_secs(60);
    let status = loop {
        count_down(100_000_000);
        match record.try_wait().unwrap() {
            None if Instant::now() > late => {
                record.kill().unwrap();
                break None;
            }
            None => {}
            status => break status,
        }
    };
    record.wait().unwrap();
    std::fs::remove_file(&map).unwrap();
    assert!(status.expect("held by a FIFO").success());
    let findings = findings(&recording);
    let cpus = findings["cpus"].as_array().unwrap();
    let samples: u64 = cpus.iter().map(|c| c["samples"].as_u64().unwrap()).sum();
    assert!(samples > 100, "{samples} samples");
}

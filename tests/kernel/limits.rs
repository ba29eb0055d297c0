//! Where there is little memory, or no thread to be had: told in words, with what to do, and never
//! by a panic.

use std::process::{Command, Output};

use crate::host::{Folder, machine, stderr};

/// Runs stallprof with so many KiB of addresses, and with stacks of so many bytes for its threads.
fn limited(addresses: u64, stack: u64, args: &[&str]) -> Output {
    let limit = format!("ulimit -v {addresses}; exec \"$0\" \"$@\"");
    Command::new("sh")
        .args(["-c", &limit, env!("CARGO_BIN_EXE_stallprof")])
        .args(args)
        .env("RUST_MIN_STACK", stack.to_string())
        .output()
        .unwrap()
}

#[test]
fn without_threads() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("no-threads");
    let path = folder.path("r.stall");
    let path = path.to_str().unwrap();
    for args in [&["record", "-d", "300ms", "-o", path][..], &["check"], &["doctor"]] {
        let output = limited(2 << 20, 4 << 30, args);
        let said = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
        assert!(!said.contains("panicked"), "{args:?}: {said}");
        if args[0] != "doctor" {
            let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.contains("no thread can be started"), "{args:?}: {said}");
            assert!(words.contains("raise the limit of memory (ulimit -v)"), "{args:?}: {said}");
            assert!(!output.status.success(), "{args:?}: {said}");
        }
    }
}

/// As glibc would have it, each thread has a heap of its own for which 64 MiB are set aside.
#[test]
fn with_few_addresses() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("few-addresses");
    let path = folder.path("r.stall");
    let args = ["record", "-d", "300ms", "-o", path.to_str().unwrap(), "--force"];
    for mib in [200, 250, 300] {
        let output = limited(mib << 10, 2 << 20, &args);
        assert!(output.status.success(), "{mib} MiB: {}: {}", output.status, stderr(&output));
        assert!(!stderr(&output).contains("panicked"), "{mib} MiB: {}", stderr(&output));
    }
}

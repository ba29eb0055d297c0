//! `stallprof export` as a command.

use std::process::{Command, Output};

use super::path;

fn export(options: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stallprof"));
    command.arg("export").arg(path("fifo.stall")).args(options).output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn it_writes_a_file_or_standard_output() {
    let out = std::env::temp_dir().join(format!("stallprof-export-{}", std::process::id()));
    let name = out.to_str().unwrap();
    let output = export(&["--format", "folded", "-o", name]);
    assert!(output.status.success() && output.stdout.is_empty(), "{}", told(&output));
    assert_eq!(told(&output), format!("stallprof: wrote {name}\n"));
    let piped = export(&["--format", "folded", "-o", "-"]);
    assert!(piped.status.success() && piped.stderr.is_empty());
    assert_eq!(std::fs::read(&out).unwrap(), piped.stdout);

    let again = export(&["--format", "folded", "-o", name]);
    assert_eq!(again.status.code(), Some(1));
    assert!(told(&again).contains("exists: give --force"), "{}", told(&again));
    assert!(export(&["--format", "pprof", "-o", name, "--force"]).status.success());
    assert_eq!(std::fs::read(&out).unwrap()[..2], [0x1f, 0x8b], "gzip");
    std::fs::remove_file(&out).unwrap();
}

#[test]
fn what_makes_no_sense_is_refused() {
    let recording = path("fifo.stall");
    let own = export(&["--format", "pprof", "--force", "-o", recording.to_str().unwrap()]);
    assert!(told(&own).contains("is the recording itself"), "{}", told(&own));
    let stacks = export(&["--format", "perfetto", "--stalls-only", "-o", "-"]);
    assert!(told(&stacks).contains("--stalls-only is for formats of stacks"), "{}", told(&stacks));
    let full = export(&["--format", "perfetto", "-o", "/dev/full"]);
    assert_eq!(full.status.code(), Some(1), "{}", told(&full));
}

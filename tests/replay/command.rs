//! `stallprof report` as a command: where it writes, and what it says when it cannot.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::process::{Command, Stdio};

use super::folder;

const FORMS: [&[&str]; 4] = [&[], &["--format", "json"], &["--stalls"], &["--around"]];

fn report(options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stallprof"));
    command.arg("report").arg(folder().join("memcg.stall")).args(options);
    command
}

#[test]
fn a_full_disk_is_told_in_one_line() {
    for options in FORMS {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = report(options).stdout(full).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{options:?}: {told}");
        let want = "stallprof: the report could not be written to standard output: No space left \
                    on device (os error 28)\n";
        assert_eq!(told, want, "{options:?}");
    }
}

#[test]
fn a_closed_pipe_is_no_word_worth() {
    for options in FORMS {
        let mut child =
            report(options).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        // What a shell shows of a program that SIGPIPE ended.
        assert_eq!(output.status.code(), Some(141), "{options:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{options:?}");
    }
}

#[test]
fn each_picture_is_told_and_standard_output_holds_the_report_alone() {
    let name = format!("stallprof-{}\u{1b}-", std::process::id());
    let path = |what: &str| std::env::temp_dir().join(format!("{name}{what}.svg"));
    let (held, profile) = (path("held"), path("profile"));
    let plain = report(&[]).output().unwrap();
    let pictures = ["--flame", held.to_str().unwrap(), "--profile", profile.to_str().unwrap()];
    let output = report(&pictures).output().unwrap();
    assert!(output.status.success() && output.stdout == plain.stdout && plain.stderr.is_empty());
    let told = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 2, "{told}");
    assert!(lines[0].starts_with("stallprof: wrote ") && lines[0].contains("\\x1b-held.svg"));
    assert!(lines[0].ends_with(", the flame graph of what held the CPUs"), "{told}");
    assert!(lines[1].ends_with(", the flame graph of the whole recording"), "{told}");
    for path in [held, profile] {
        let mut text = String::new();
        File::open(&path).unwrap().read_to_string(&mut text).unwrap();
        std::fs::remove_file(path).unwrap();
        assert!(text.starts_with("<svg"), "{text:.80}");
    }
}

/// A width that cannot be is none: no line is cut to nothing.
#[test]
fn the_width_that_the_environment_gives_is_kept_to() {
    for (columns, widest) in
        [("40", 40), ("59", 59), ("200", 140), ("0", 100), ("x", 100), ("1", 30)]
    {
        let output = report(&[]).env("COLUMNS", columns).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let longest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!((widest - 8..=widest).contains(&longest), "COLUMNS={columns}: {longest}");
        assert!(text.contains("sg-memcg[2840/2855]"), "COLUMNS={columns}: {text}");
    }
}

/// Where git knows the checkout, the program knows its commit; elsewhere it says nothing of one.
#[test]
fn the_version_tells_the_commit_that_was_built() {
    let output = Command::new(env!("CARGO_BIN_EXE_stallprof")).arg("--version").output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let version = concat!("stallprof ", env!("CARGO_PKG_VERSION"));
    let commit = stallprof::BUILD.trim_end_matches('+');
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let git = |args: &[&str]| Command::new("git").current_dir(root).args(args).output();
    let known = git(&["rev-parse", "HEAD"]).is_ok_and(|head| head.status.success());
    if known && root.join(".git").exists() {
        let kind = git(&["cat-file", "-t", commit]).unwrap().stdout;
        assert_eq!(String::from_utf8(kind).unwrap(), "commit\n", "{told}");
        assert_eq!(told, format!("{version} ({})\n", stallprof::BUILD));
    } else {
        assert_eq!(told, format!("{version}\n"));
    }
}

/// Only incidents have copies of the host's files.
#[test]
fn no_snapshot_is_told_as_such() {
    let output = report(&["--snapshot"]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("nothing was copied of the host"), "{told}");
}

/// A value stands behind a `=`: without one, the file that follows is the recording.
#[test]
fn an_option_that_may_have_a_value_leaves_the_file_alone() {
    let run = |option: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stallprof"));
        let output = command.args(["report", option]).arg(folder().join("memcg.stall")).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_ne!(run("--around"), run("--around=2"));
    assert_eq!(run("--around"), run("--around=worst"));
}

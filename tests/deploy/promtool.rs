//! Prometheus' own checker, which `tools/setup test` installs.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::skip::skipped;

/// What it says of `input`; none, and says so, where it is not installed.
pub fn promtool(test: &str, arguments: &[&str], input: &str) -> Option<Result<(), String>> {
    let mut command = Command::new("promtool");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(why) => {
            skipped(test, &format!("promtool: {why} (try: tools/setup test)"));
            return None;
        }
    };
    // It may have found fault before it has read all.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    Some(if output.status.success() { Ok(()) } else { Err(said) })
}

//! What stallgen refuses, and that it says what to do instead.

#![allow(clippy::unwrap_used)]

use std::process::Command;

fn refusal(arguments: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_stallgen"))
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    assert!(!output.status.success(), "{arguments}: was not refused");
    assert!(output.stdout.is_empty(), "{arguments}: printed a truth");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn bad_input_is_refused_with_advice() {
    for (arguments, advice) in [
        ("bh --cpu 4095", "give --cpu one of the online CPUs"),
        ("bh --cpu 0 --length 0ms", "--length must be more than 0"),
        ("bh --cpu 0 --length 2s --every 5s", "give 1s or less"),
        ("bh --cpu 0 --length 50ms --every 20ms", "give a longer --every"),
        ("bh --cpu 0 --every 0ms", "--every must be more than 0"),
        ("bh --cpu 0 --length 20", "write a number and its unit"),
        ("bh --cpu 0 --count 100000 --every 1s", "give fewer"),
        ("bh --cpu 0 --truth /no/such/file", "there is no such directory"),
        ("nonsense --cpu 0", "possible values: syscall, bh"),
    ] {
        let message = refusal(arguments);
        assert!(message.contains(advice), "{arguments}: {message}");
    }
}

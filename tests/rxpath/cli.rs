//! The commands: answers without a host, and what bad input gets.

use std::process::{Command, Output};

use super::vectors::KEY;

fn stallprof(args: &str) -> Output {
    let key = KEY.replace(' ', "");
    let args = args.replace("KEY", &key);
    let program = env!("CARGO_BIN_EXE_stallprof");
    let mut command = Command::new(program);
    command.env("COLUMNS", "100").args(["rxpath"]).args(args.split_whitespace());
    command.output().expect("stallprof")
}

fn text(args: &str) -> String {
    let out = stallprof(args);
    let error = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{args}: {error}");
    String::from_utf8(out.stdout).expect("text")
}

const FIRST: &str = "predict --src 66.9.149.187 --dst 161.142.100.80";

#[test]
fn predictions_by_hand() {
    let said = text(&format!("{FIRST} --key KEY --queues 8 --tcp 2794:1766"));
    let want = "TCP 66.9.149.187:2794 -> 161.142.100.80:1766: queue 0\n";
    assert!(said.starts_with(want) && said.contains("0x51ccc178 of addresses and ports"), "{said}");
    let said = text(&format!("{FIRST} --key KEY --table 3,2,1,0 --icmp"));
    assert!(said.contains(": queue 1\n") && said.contains("by entry 2 of a table of 4"), "{said}");
    assert!(said.contains("ICMP has no ports"), "{said}");
    let json = text(&format!("{FIRST} --key KEY --queues 8 --icmp --format json"));
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["prediction"]["hash"]["value"], 0x323e_8fc2);
    assert_eq!(json["prediction"]["queue"]["value"], 2);
    assert_eq!(json["prediction"]["cpu"]["known"], "unknown");
}

#[test]
fn source_ports_for_a_queue() {
    let said = text(&format!("{FIRST} --key KEY --queues 16 --tcp :443 --queue 11"));
    assert!(said.contains("reaches queue 11"), "{said}");
    let ports = said.lines().find_map(|l| l.trim().strip_prefix("from ")).expect("ports");
    let first = ports.split(',').next().expect("a port");
    let said = text(&format!("{FIRST} --key KEY --queues 16 --tcp {first}:443"));
    assert!(said.lines().next().expect("a line").ends_with(": queue 11"), "{said}");
    let said = text(&format!("{FIRST} --key KEY --queues 512 --tcp :443"));
    assert!(said.contains("496 more in the JSON"), "{said}");
}

#[test]
fn bad_input_is_refused_with_the_reason() {
    for (args, want) in [
        ("predict --dev nope --src 10.0.0.1 --dst 10.0.0.2 --icmp", "no network device nope"),
        ("show --dev nope", "no network device nope"),
        ("predict --dev lo --src 10.0.0.1 --dst ::1 --icmp", "one is IPv4, the other IPv6"),
        (
            "predict --dev lo --src 10.0.0.256 --dst ::1 --icmp",
            "\"10.0.0.256\" is not an IP address",
        ),
        ("predict --dev lo --src 10.0.0.1 --dst 10.0.0.2 --tcp 1", "write SPORT:DPORT"),
        ("predict --dev lo --src 10.0.0.1 --dst 10.0.0.2", "--icmp"),
        ("predict --dev lo --src 10.0.0.1 --dst 10.0.0.2 --icmp --cpu 99999", "no such CPU online"),
        ("predict --src 10.0.0.1 --dst 10.0.0.2 --icmp", "give a device"),
        ("predict --src 10.0.0.1 --dst 10.0.0.2 --icmp --key KEY", "needs --queues or --table"),
        ("predict --src 10.0.0.1 --dst 10.0.0.2 --icmp --key 6d:5a --queues 2", "2 bytes"),
        ("predict --src 10.0.0.1 --dst 10.0.0.2 --udp 1:2 --key KEY --queues 2", "--fields"),
        (
            "predict --src 10.0.0.1 --dst 10.0.0.2 --icmp --key KEY --queues 4 --table 0,1,2,9",
            "entry 3 of --table is queue 9, but there are 4 queues",
        ),
        ("predict --src 10.0.0.1 --dst 10.0.0.2 --icmp --key KEY --table 0,1,2", "power of two"),
        (
            "predict --src 10.0.0.1 --dst 10.0.0.2 --icmp --key KEY --queues 4 --queue 4",
            "--queue 4",
        ),
        (
            "predict --src 10.0.0.1 --dst 10.0.0.2 --icmp --key KEY --queues 4 --cpu 0",
            "needs --dev",
        ),
    ] {
        let out = stallprof(args);
        let error = String::from_utf8_lossy(&out.stderr);
        assert!(!out.status.success(), "{args}");
        assert!(error.replace('\n', " ").contains(want), "{args}: {error}");
    }
}

#[test]
fn this_host_is_shown() {
    text("show");
    let json: serde_json::Value = serde_json::from_str(&text("show --format json")).expect("JSON");
    assert!(json["nics"].is_array() && json["cpus_online"].is_array(), "{json}");
}

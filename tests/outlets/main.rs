//! What `stallprof daemon` sends to other hosts, received on real sockets: OTLP by the published
//! messages, incidents by a directory and by an emulator of S3. Needs root; what
//! cannot run is told, and fails in CI (tests/skip).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bucket;
#[allow(dead_code, reason = "the tests of the daemon use the rest")]
#[path = "../daemon/host.rs"]
mod host;
mod otlp;
mod receiver;
mod s3;
#[path = "../skip/mod.rs"]
mod skip;
mod tables;
mod tls;

use std::process::Command;
use std::time::Duration;

use host::{Daemon, wait};

/// Incidents that do not take long, and only those asked for.
const QUICK: [&str; 12] = [
    "-s",
    "flight.after=1ms",
    "-s",
    "flight.before=1s",
    "-s",
    "triggers.softirq_delay=0",
    "-s",
    "triggers.softirq_run=0",
    "-s",
    "triggers.handoff=0",
    "-s",
    "triggers.interrupt_gap=0",
];

/// stallprof on a node of this name.
fn on_node(name: &str) -> Command {
    let mut command = host::stallprof();
    command.env("K8S_NODE_NAME", name);
    command
}

/// Makes an incident; gives its id.
fn incident(daemon: &Daemon) -> String {
    let last = || Some(daemon.incidents().last()?["id"].as_str().unwrap().to_owned());
    let before = last();
    daemon.signal(libc::SIGUSR1);
    wait("an incident", Duration::from_secs(10), || last() != before);
    last().unwrap()
}

/// Whether this kernel has Landlock: then it has to be in force.
fn landlock() -> bool {
    // SAFETY: with this flag it takes no pointer: landlock_create_ruleset(2).
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0, 1) };
    version > 0
}

/// All that the docs tell of these metrics is exported, and nothing else.
#[test]
fn the_docs_tell_each_metric() {
    let Some(_machine) = host::machine() else { return };
    let folder = host::Folder::new("outlets-docs");
    let daemon = Daemon::start(&folder, &QUICK);
    let text = daemon.get("/metrics").unwrap().text();
    let ours =
        |name: &&str| name.starts_with("stallprof_otlp_") || name.starts_with("stallprof_upload_");
    let types = text.lines().filter_map(|l| l.strip_prefix("# TYPE ")?.split(' ').next());
    let exported: std::collections::BTreeSet<_> = types.filter(ours).collect();
    let docs = std::fs::read_to_string("docs/metrics.md").unwrap();
    let told = docs.lines().filter_map(|l| l.strip_prefix("| `")?.split('`').next());
    assert_eq!(told.filter(ours).collect::<std::collections::BTreeSet<_>>(), exported);
    daemon.stop();
}

/// The example for a cluster is a configuration, also with what is commented out in it.
#[test]
fn the_example_is_a_configuration() {
    let folder = host::Folder::new("outlets-example");
    let example = std::fs::read_to_string("tools/deploy/kubernetes/daemon.toml").unwrap();
    let whole = example.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => rest,
        _ => line,
    });
    let file = folder.path("daemon.toml");
    std::fs::write(&file, whole.collect::<Vec<_>>().join("\n")).unwrap();
    let output = host::stallprof().args(["daemon", "--print-config", "-c"]).arg(&file).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("endpoint = \"http://localhost:4318\""), "{said}");
    assert!(said.contains("url = \"s3://BUCKET/stallprof\""), "{said}");
}

//! From a stall to an incident: the flight recorder, triggers, cool-down, what is counted.

use std::time::Duration;

use crate::host::{Daemon, Folder, findings, machine, report, stalls, wait};

const QUICK: [&str; 4] = ["-s", "flight.after=1s", "-s", "http.allow_cut=true"];

/// A storm of one culprit: one incident with all of it, further ones only counted, every stall
/// counted under its cause.
#[test]
fn a_storm_is_one_incident_with_the_right_culprit() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("storm");
    let daemon = Daemon::start(&folder, &QUICK);
    stalls("irqsoff", 10, "80ms");
    wait("the incident", Duration::from_secs(10), || daemon.incidents().len() == 1);
    let incident = &daemon.incidents()[0];
    assert_eq!(incident["cause"], "irqs_off", "{incident}");
    assert_eq!(incident["culprit"], "stallgen", "{incident}");
    assert!(incident["worst"].as_u64().unwrap() >= 50_000_000, "{incident}");

    let id = incident["id"].as_str().unwrap();
    let file = folder.path("store").join(format!("{id}.stall"));
    let answer = daemon.get(&format!("/incidents/{id}")).unwrap();
    assert_eq!(answer.body, std::fs::read(&file).unwrap(), "what is sent is the file");
    let found = findings(&file);
    assert_eq!(found["window"]["complete"], true);
    let culprit = &found["culprits"][0]["culprit"];
    assert_eq!(culprit["process"], "stallgen", "{culprit}");
    assert!(culprit["file"].as_str().unwrap().ends_with("/cpu.stat"), "{culprit}");
    let recording = stallprof::recording::read(&file).unwrap();
    assert!(recording.damage.is_empty(), "{:?}", recording.damage);
    let names: Vec<_> = recording.snapshots.iter().map(|s| recording.str(s.name)).collect();
    assert!(names.contains(&"/proc/interrupts"), "{names:?}");
    assert_eq!(found["incident"]["trigger"], incident["trigger"]);
    let shown = report(&file, &[]);
    let trigger = incident["trigger"].as_str().unwrap();
    assert!(shown.contains("What triggered it\n") && shown.contains(trigger), "{shown}");
    assert!(report(&file, &["--snapshot"]).lines().any(|name| name == "/proc/interrupts"));
    let copied = report(&file, &["--snapshot=/proc/interrupts"]);
    assert!(copied.lines().any(|line| line.trim().starts_with("LOC:")), "{copied}");

    let series = "stallprof_stalls_total{cause=\"irqs_off\",culprit=\"stallgen\"}";
    wait("the count", Duration::from_secs(20), || daemon.metric(series) >= Some(9.0));
    let accept = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                  Accept: application/openmetrics-text\r\n\r\n";
    let open = daemon.send(accept).unwrap().text();
    assert!(open.contains(&format!("# {{incident=\"{id}\"}}")), "no exemplar: {open}");
    assert_eq!(
        daemon.metric("stallprof_lost_records_total{probe=\"sampler\",reason=\"ring_full\"}"),
        Some(0.0)
    );
    daemon.stop();
}

#[test]
fn a_signal_and_a_request_make_one_each_time() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("asked");
    let daemon = Daemon::start(&folder, &QUICK);
    daemon.signal(libc::SIGUSR1);
    wait("the first", Duration::from_secs(10), || daemon.incidents().len() == 1);
    let post = "POST /incidents HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(daemon.send(post).unwrap().status, 202);
    wait("the second", Duration::from_secs(10), || daemon.incidents().len() == 2);
    let triggers: Vec<_> = daemon.incidents().iter().map(|i| i["trigger"].clone()).collect();
    assert_eq!(triggers, ["asked for by SIGUSR1", "asked for by POST /incidents"]);
    // One that is under way when the daemon ends is kept too.
    daemon.signal(libc::SIGUSR1);
    std::thread::sleep(Duration::from_millis(500));
    daemon.stop();
    let kept = std::fs::read_dir(folder.path("store")).unwrap().count();
    assert_eq!(kept, 3);
}

#[test]
fn it_holds_few_rights_and_says_which() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("rights");
    let daemon = Daemon::start(&folder, &QUICK);
    // A container may have filters of its own.
    let own = std::fs::read_to_string("/proc/self/status").unwrap();
    let own = own.lines().find_map(|l| l.strip_prefix("Seccomp_filters:")).unwrap();
    let own: u32 = own.trim().parse().unwrap();
    for task in std::fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap() {
        let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let value = |name: &str| {
            let line = status.lines().find_map(|l| l.strip_prefix(name)).unwrap();
            line.trim().to_owned()
        };
        let held = u64::from_str_radix(&value("CapEff:"), 16).unwrap();
        for (bit, name) in [(21, "CAP_SYS_ADMIN"), (1, "CAP_DAC_OVERRIDE"), (16, "CAP_SYS_MODULE")]
        {
            assert_eq!(held >> bit & 1, 0, "{name} is held: {status}");
        }
        assert_eq!(value("NoNewPrivs:"), "1");
        // Filtered, and those that do not measure twice.
        assert_eq!(value("Seccomp:"), "2", "{status}");
        let twice = ["stallprof", "stallprof-store"].contains(&value("Name:").as_str());
        let filters = value("Seccomp_filters:").parse::<u32>().unwrap();
        assert_eq!(filters - own, if twice { 2 } else { 1 }, "{status}");
    }
    for thread in ["all", "http", "store"] {
        let series = format!("stallprof_seccomp_up{{thread=\"{thread}\"}}");
        assert_eq!(daemon.metric(&series), Some(1.0), "{thread}");
    }
    let log = daemon.stop();
    assert!(log.contains("holds CAP_BPF, "), "{log}");
    assert!(log.contains("all threads: by seccomp ") && log.contains("no program is run"), "{log}");
    assert!(!log.contains("no seccomp"), "{log}");
}

/// What is counted under a name: slow reads by kind of file, packets by CPU.
#[test]
fn slow_reads_and_packets_are_counted() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("named");
    let on = "probes.on=[\"softirq\", \"sampler\", \"syscall\"]";
    let daemon = Daemon::start(&folder, &["-s", on, "-s", "flight.before=4s", "-s", QUICK[1]]);
    let packets = || {
        let text = daemon.get("/metrics").unwrap().text();
        let rows = text.lines().filter_map(|l| l.strip_prefix("stallprof_rx_packets_total{cpu=\""));
        let counts: Vec<f64> =
            rows.map(|l| l.split_once(' ').unwrap().1.parse().unwrap()).collect();
        assert!(!counts.is_empty(), "{text}");
        counts.iter().sum::<f64>()
    };
    let before = packets();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    (0..100).for_each(|_| drop(socket.send_to(b"x", socket.local_addr().unwrap())));
    assert!(packets() >= before + 100.0);
    stalls("irqsoff", 3, "80ms");
    let read = "{file=\"cpu.stat\"}";
    let count = || daemon.metric(&format!("stallprof_slow_reads_total{read}"));
    wait("the reads", Duration::from_secs(20), || count() >= Some(3.0));
    let seconds = daemon.metric(&format!("stallprof_slow_read_seconds_total{read}"));
    assert!(seconds >= Some(0.24), "{seconds:?}");
    daemon.stop();
}

//! HTTP: what is served, and what bad clients get.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::host::{Daemon, Folder, machine, wait};
use crate::promtool::promtool;

#[test]
fn bad_requests_get_an_answer_and_reach_no_file() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("requests");
    let daemon = Daemon::start(&folder, &[]);
    let get = |path: &str| daemon.get(path).unwrap().status;
    assert_eq!([get("/"), get("/metrics"), get("/healthz"), get("/incidents")], [200; 4]);
    for path in [
        "/incidents/..%2f..%2fetc%2fpasswd",
        "/incidents/%2e%2e",
        "/incidents/x%00.stall",
        "/incidents//etc/passwd",
        "/../../../../etc/passwd",
        "/nothing",
    ] {
        assert_eq!(get(path), 404, "{path}");
    }
    let send = |request: &str| daemon.send(request).map(|answer| answer.status);
    let ask = |line: &str, head: &str| {
        send(&format!("{line} HTTP/1.1\r\n{head}Connection: close\r\n\r\n"))
    };
    assert_eq!(ask("POST /incidents", "Host: localhost\r\n"), Some(403), "not allowed by default");
    assert_eq!(ask("DELETE /incidents", "Host: localhost\r\n"), Some(405));
    assert_eq!(ask("GET /metrics", "Host: evil.example\r\n"), Some(421), "DNS rebinding");
    assert_eq!(send("NONSENSE\r\n\r\n"), Some(400));
    assert_eq!(send("GET / HTTP/9.9\r\n\r\n"), Some(400));
    assert_eq!(send(&format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000))), Some(431));
    let lines = "X-Much: y\r\n".repeat(1000);
    assert_eq!(ask("GET /", &format!("Host: localhost\r\n{lines}")), Some(431));
    let mut noise = TcpStream::connect(("127.0.0.1", daemon.port)).unwrap();
    noise.write_all(&(0..=255).cycle().take(10_000).collect::<Vec<u8>>()).unwrap_or_default();
    assert_eq!(get("/healthz"), 200);
    daemon.stop();
}

#[test]
fn the_log_says_where_it_is_and_when_it_ends() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("places");
    let daemon = Daemon::start(&folder, &[]);
    let place = format!("http://127.0.0.1:{}/ (metrics at /metrics)", daemon.port);
    let store = folder.path("store");
    let line = format!("stallprof: {place}, incidents in {}", store.display());
    let log = daemon.stop();
    assert!(log.lines().any(|told| told == line), "{log}");
    assert_eq!(log.lines().last(), Some("stallprof: stopped"), "{log}");
}

#[test]
fn a_token_is_asked_for_where_one_is_set() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("token");
    let file = folder.path("token");
    std::fs::write(&file, "0123456789abcdef\n").unwrap();
    let set = format!("http.token_file={}", file.display());
    let daemon = Daemon::start(&folder, &["-s", &set]);
    let ask = |token: &str| {
        let head = format!("Host: x\r\nAuthorization: {token}\r\nConnection: close\r\n\r\n");
        daemon.send(&format!("GET /metrics HTTP/1.1\r\n{head}")).unwrap().status
    };
    assert_eq!(daemon.get("/metrics").unwrap().status, 401);
    assert_eq!(ask("Bearer 0123456789abcdeX"), 401);
    assert_eq!(ask("Bearer "), 401);
    assert_eq!(ask("Bearer 0123456789abcdef"), 200);
    assert_eq!(daemon.get("/healthz").unwrap().status, 200);
    daemon.stop();
}

/// More clients than there are places, that never finish their request: they are thrown out, and
/// those who behave are served meanwhile or soon after.
#[test]
fn slow_clients_do_not_keep_others_out() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("slow");
    let daemon = Daemon::start(&folder, &["-s", "http.connections=16"]);
    let slow: Vec<TcpStream> = (0..24)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", daemon.port)).unwrap();
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: local").unwrap();
            stream
        })
        .collect();
    let began = Instant::now();
    assert_eq!(daemon.get("/healthz").map(|a| a.status), Some(200));
    // 24 in rounds of 16, 5 s each, is the most it could take.
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    let mut first = &slow[0];
    first.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut rest = Vec::new();
    let _ = first.read_to_end(&mut rest);
    let closed = first.write_all(b"x").and_then(|()| first.write_all(b"x")).is_err();
    assert!(closed || rest.is_empty(), "it was answered: {}", String::from_utf8_lossy(&rest));
    daemon.stop();
}

#[test]
fn a_thousand_scrapes_leave_nothing_behind() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("scrapes");
    let daemon = Daemon::start(&folder, &[]);
    let fds = || std::fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().count();
    daemon.get("/metrics").unwrap();
    let before = fds();
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let answer = daemon.get("/metrics").expect("an answer");
                    assert_eq!(answer.status, 200);
                    assert!(answer.text().contains("stallprof_build_info"));
                }
            });
        }
    });
    wait("connections to close", Duration::from_secs(5), || fds() <= before + 2);
    daemon.stop();
}

/// Each series of a histogram has a bucket without a bound, and all that it counted is in there:
/// without it there is no quantile.
fn histograms_are_whole(text: &str) {
    let lines: std::collections::BTreeSet<&str> = text.lines().collect();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let mut looked_at = 0;
    for family in types.filter_map(|line| line.strip_suffix(" histogram")) {
        let counts = text.lines().filter_map(|l| l.strip_prefix(family)?.strip_prefix("_count"));
        for count in counts {
            let (labels, value) = count.rsplit_once(' ').unwrap();
            let labels = labels.trim_start_matches('{').trim_end_matches('}');
            let labels = if labels.is_empty() { String::new() } else { format!(",{labels}") };
            let bucket = format!("{family}_bucket{{le=\"+Inf\"{labels}}} {value}");
            assert!(lines.contains(bucket.as_str()), "no {bucket}");
            looked_at += 1;
        }
    }
    assert!(looked_at > 0, "no histogram in {text}");
}

/// Every series belongs to a family that says what it is, names and values are well formed, and no
/// series comes twice: what `promtool check metrics` looks at.
#[test]
fn metrics_are_well_formed() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("metrics");
    let daemon = Daemon::start(&folder, &["-s", "metrics.per_cpu=true"]);
    // So that there are histograms to look at.
    let counted = |text: &str| text.contains("\nstallprof_softirq_delay_seconds_count{");
    wait("softirqs to be counted", Duration::from_secs(10), || {
        daemon.get("/metrics").is_some_and(|answer| counted(&answer.text()))
    });
    let open = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                Accept: application/openmetrics-text\r\n\r\n";
    let open = daemon.send(open).unwrap().text();
    assert!(open.ends_with("# EOF\n") && counted(&open), "{open}");
    histograms_are_whole(&open);
    let text = daemon.get("/metrics").unwrap().text();
    histograms_are_whole(&text);
    let (mut types, mut seen) =
        (std::collections::BTreeMap::new(), std::collections::BTreeSet::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {name}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name} {kind}");
            continue;
        }
        if line.starts_with("# HELP ") {
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        assert!(seen.insert(series.to_owned()), "twice: {series}");
        let name = series.split('{').next().unwrap();
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .filter_map(|part| name.strip_suffix(part))
            .find(|family| types.get(*family).is_some_and(|kind| kind == "histogram"))
            .unwrap_or(name);
        assert!(types.contains_key(family), "no type: {line}");
    }
    if let Some(Err(said)) = promtool("metrics_are_well_formed", &["check", "metrics"], &text) {
        panic!("{said}");
    }
    // All that is exported is in the docs, and nothing else.
    let docs = std::fs::read_to_string("docs/metrics.md").unwrap();
    let told = docs.lines().filter_map(|l| l.strip_prefix("| `")?.split('`').next());
    // What tells of outlets is compared in `tests/outlets`.
    let told = told.filter(|n| !n.contains("_otlp_") && !n.contains("_upload_"));
    let told: std::collections::BTreeSet<_> = told.map(str::to_owned).collect();
    types.retain(|name, _| !name.contains("_otlp_") && !name.contains("_upload_"));
    assert_eq!(told, types.into_keys().collect(), "docs/metrics.md and what is exported differ");
    daemon.stop();
}

//! Metrics and incidents by OTLP.

use std::collections::BTreeMap;
use std::slice;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::{
    HistogramDataPoint, Metric, metric::Data, number_data_point,
};

use crate::host::{Daemon, Folder, machine, stallprof, wait};
use crate::receiver::{Mood, Receiver};
use crate::{QUICK, incident, landlock, on_node};

const DELAYS: &str = "stallprof_softirq_delay_seconds";

fn text(value: &KeyValue) -> String {
    match value.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}

fn pairs(all: &[KeyValue]) -> BTreeMap<String, String> {
    all.iter().map(|pair| (pair.key.clone(), text(pair))).collect()
}

fn metrics(message: &ExportMetricsServiceRequest) -> BTreeMap<String, Metric> {
    let scopes = message.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    scopes.flat_map(|scope| &scope.metrics).map(|m| (m.name.clone(), m.clone())).collect()
}

/// The delays of timers in the last message: on a quiet host the first messages come before them.
fn timers(messages: &[ExportMetricsServiceRequest]) -> Option<HistogramDataPoint> {
    let metric = metrics(messages.last()?).remove(DELAYS)?;
    let Some(Data::Histogram(all)) = metric.data else { panic!("no histogram") };
    all.data_points.into_iter().find(|p| pairs(&p.attributes)["vector"] == "TIMER")
}

fn records(receiver: &Receiver) -> Vec<LogRecord> {
    receiver.with(|got| {
        let resources = got.logs.iter().flat_map(|message| &message.resource_logs);
        let scopes = resources.flat_map(|resource| &resource.scope_logs);
        scopes.flat_map(|scope| &scope.log_records).cloned().collect()
    })
}

fn start(folder: &Folder, port: u16, more: &[&str]) -> Daemon {
    let endpoint = format!("otlp.endpoint=http://127.0.0.1:{port}/in/");
    let otlp = ["-s", &endpoint, "-s", "otlp.interval=1s", "-s", "otlp.timeout=500ms"];
    Daemon::start_as(folder, on_node("node-7"), &[&QUICK, &otlp[..], more].concat())
}

fn pushes(daemon: &Daemon, signal: &str, result: &str) -> f64 {
    let series = format!("stallprof_otlp_pushes_total{{signal=\"{signal}\",result=\"{result}\"}}");
    daemon.metric(&series).unwrap_or(0.0)
}

/// Name, kind and unit of each family that has series, as the page of metrics tells them.
fn families(page: &str) -> BTreeMap<String, (String, String)> {
    let mut families: BTreeMap<String, (String, String)> = BTreeMap::new();
    let series = |name: &str| {
        let rest = |line: &str| line.strip_prefix(name).map(str::to_owned);
        page.lines().filter_map(rest).any(|rest| rest.starts_with(['{', ' ', '_']))
    };
    for line in page.lines() {
        let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|l| l.split_once(' '))
        else {
            continue;
        };
        let unit = match name {
            _ if page.contains(&format!("# UNIT {name} seconds\n")) => "s",
            _ if page.contains(&format!("# UNIT {name} bytes\n")) => "By",
            _ => "",
        };
        let full = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
        if series(&full) {
            families.insert(full, (kind.to_owned(), unit.to_owned()));
        }
    }
    families
}

#[test]
fn the_receiver_gets_what_prometheus_gets() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("otlp");
    let (receiver, port) = Receiver::start();
    let secret = folder.path("headers");
    std::fs::write(&secret, "# for the receiver\nAuthorization: Bearer 123\n").unwrap();
    let file = format!("otlp.headers_file={}", secret.display());
    let headers = "otlp.headers={x-scope=\"a b\"}";
    let attributes = "otlp.attributes={\"deployment.environment.name\"=\"test\"}";
    let daemon = start(&folder, port, &["-s", &file, "-s", headers, "-s", attributes]);
    let id = incident(&daemon);
    wait("the incident", Duration::from_secs(10), || !records(&receiver).is_empty());
    let pushed = receiver.with(|got| got.metrics.len());
    let enough =
        || receiver.with(|got| got.metrics.len() > pushed && timers(&got.metrics).is_some());
    wait("metrics, timers among them", Duration::from_secs(10), enough);

    // Families and series are the same.
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                   Accept: application/openmetrics-text\r\n\r\n";
    let page = daemon.send(request).unwrap().text();
    let message = receiver.with(|got| got.metrics.last().unwrap().clone());
    let metrics = metrics(&message);
    let got: BTreeMap<_, _> = metrics
        .iter()
        .map(|(name, metric)| {
            let kind = match &metric.data {
                Some(Data::Sum(sum)) => {
                    assert!(sum.is_monotonic && sum.aggregation_temporality == 2, "{name}");
                    "counter"
                }
                Some(Data::Histogram(all)) => {
                    assert_eq!(all.aggregation_temporality, 2);
                    "histogram"
                }
                Some(Data::Gauge(_)) => "gauge",
                other => panic!("{other:?}"),
            };
            (name.clone(), (kind.to_owned(), metric.unit.clone()))
        })
        .collect();
    assert_eq!(got, families(&page));
    assert!(got.len() > 20, "{got:?}");

    // A histogram counts between two bounds what the page counts up to each.
    let Some(Data::Histogram(all)) = &metrics[DELAYS].data else { panic!("no histogram") };
    for point in &all.data_points {
        assert_eq!(point.explicit_bounds.len() + 1, point.bucket_counts.len());
        assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
        assert!(point.explicit_bounds.is_sorted() && point.start_time_unix_nano > 0);
        assert!(point.start_time_unix_nano < point.time_unix_nano);
    }
    let timer = timers(slice::from_ref(&message)).unwrap();
    let now = daemon.metric("stallprof_softirq_delay_seconds_count{vector=\"TIMER\"}").unwrap();
    assert!(timer.count > 0 && timer.count as f64 <= now, "{} {now}", timer.count);
    let Some(Data::Sum(incidents)) = &metrics["stallprof_incidents_total"].data else {
        panic!("no counter")
    };
    let stored = incidents.data_points.iter().find(|p| pairs(&p.attributes)["result"] == "stored");
    assert_eq!(stored.unwrap().value, Some(number_data_point::Value::AsInt(1)));

    // Who sent it.
    let resource = message.resource_metrics[0].resource.clone().unwrap();
    let resource = pairs(&resource.attributes);
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    for (key, value) in [
        ("service.name", "stallprof"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("host.name", name.trim()),
        ("k8s.node.name", "node-7"),
        ("deployment.environment.name", "test"),
    ] {
        assert_eq!(resource[key], value, "{key}");
    }
    let headers = receiver.with(|got| got.headers.clone());
    assert_eq!(headers["authorization"], "Bearer 123");
    assert_eq!(headers["x-scope"], "a b");
    assert_eq!(headers["content-type"], "application/x-protobuf");

    // The incident, once.
    let logs = records(&receiver);
    assert_eq!(logs.len(), 1);
    let about = pairs(&logs[0].attributes);
    assert_eq!(about["stallprof.incident.id"], id);
    let kept = &daemon.incidents()[0];
    assert_eq!(about["stallprof.incident.cause"], kept["cause"].as_str().unwrap());
    assert_eq!(logs[0].time_unix_nano, kept["time"].as_u64().unwrap());
    assert_eq!(logs[0].event_name, "stallprof.incident");
    let body = logs[0].body.clone().and_then(|body| body.value);
    assert_eq!(body, Some(Value::StringValue("asked for by SIGUSR1".to_owned())));

    let up = daemon.metric("stallprof_landlock_up{thread=\"otlp\"}");
    assert_eq!(up, Some(f64::from(u8::from(landlock()))), "{}", daemon.log());
    assert_eq!(daemon.metric("stallprof_seccomp_up{thread=\"otlp\"}"), Some(1.0));
    // The last count comes with the end.
    let before = receiver.with(|got| got.metrics.len());
    daemon.stop();
    assert!(receiver.with(|got| got.metrics.len()) > before);
}

/// One that refuses, hangs or is not there: the daemon goes on, counts it, says it once, and the
/// receiver gets each incident in the end.
#[test]
fn a_receiver_that_fails_costs_nothing() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("otlp-fails");
    let (receiver, port) = Receiver::start();
    receiver.with(|got| got.mood = Mood::Refuses(503));
    let daemon = start(&folder, port, &[]);
    let first = incident(&daemon);
    let failed = || pushes(&daemon, "metrics", "failed");
    wait("refusals", Duration::from_secs(15), || failed() >= 2.0);
    receiver.with(|got| got.mood = Mood::Hangs);
    let before = failed();
    wait("timeouts", Duration::from_secs(15), || failed() >= before + 2.0);
    let asked = Instant::now();
    assert_eq!(daemon.get("/readyz").unwrap().status, 200);
    assert!(asked.elapsed() < Duration::from_secs(1), "HTTP waits for the receiver");
    assert_eq!(pushes(&daemon, "metrics", "taken"), 0.0);
    let said = daemon.log().matches("pushing to the OTLP receiver failed").count();
    assert_eq!(said, 1, "{}", daemon.log());

    receiver.with(|got| got.mood = Mood::RefusesOne);
    let second = incident(&daemon);
    let both = || records(&receiver).len() == 2;
    wait("both incidents", Duration::from_secs(20), both);
    wait("metrics", Duration::from_secs(10), || pushes(&daemon, "metrics", "taken") >= 2.0);
    let ids: Vec<_> = records(&receiver)
        .iter()
        .map(|record| pairs(&record.attributes)["stallprof.incident.id"].clone())
        .collect();
    assert_eq!(ids, [first, second]);
    assert!(daemon.metric("stallprof_otlp_refused_total{signal=\"logs\"}").unwrap() >= 1.0);
    assert_eq!(daemon.metric("stallprof_otlp_dropped_incidents_total"), Some(0.0));
    receiver.with(|got| got.mood = Mood::Hangs);
    let before = failed();
    wait("a timeout", Duration::from_secs(10), || failed() > before);
    // It ends in time all the same: `stop` measures that.
    let log = daemon.stop();
    assert!(log.contains("the OTLP receiver works again"), "{log}");
    assert!(log.contains("refused 1 of the logs: too\\nold"), "{log}");
}

/// What it will never take is not sent again.
#[test]
fn what_is_refused_for_good_is_dropped_and_counted() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("otlp-dropped");
    let (receiver, port) = Receiver::start();
    receiver.with(|got| got.mood = Mood::Refuses(400));
    let daemon = start(&folder, port, &[]);
    incident(&daemon);
    let dropped = || daemon.metric("stallprof_otlp_dropped_incidents_total") == Some(1.0);
    wait("it to be dropped", Duration::from_secs(10), dropped);
    receiver.with(|got| got.mood = Mood::Takes);
    wait("metrics", Duration::from_secs(10), || pushes(&daemon, "metrics", "taken") >= 2.0);
    assert_eq!(pushes(&daemon, "logs", "failed"), 1.0);
    assert!(records(&receiver).is_empty());
    daemon.stop();
}

#[test]
fn a_bad_one_is_refused() {
    let folder = Folder::new("otlp-refused");
    for (toml, reason) in [
        ("[otlp]\nendpoint = \"collector:4318\"\n", "line 2: otlp.endpoint: give http://"),
        ("[otlp]\nendpoint = \"http://u:p@host\"\n", "without user"),
        ("[otlp]\ninterval = \"1ms\"\n", "otlp.interval: 1s at least, 1h at most"),
        ("[otlp]\nendpoint = \"http://h\"\nheaders = {\"a b\" = \"c\"}\n", "no name of a header"),
        ("[otlp]\nheaders = {a = \"b\\nc: d\"}\n", "characters that headers cannot have"),
        ("[otlp]\nheader = {}\n", "unknown field `header`"),
        ("[upload]\nurl = \"https://example.org/\"\n", "line 2: upload.url: give s3://"),
        ("[upload]\nurl = \"s3://key:secret@bucket/\"\n", "come from the environment"),
        ("[upload]\nnode = \"../x\"\n", "upload.node"),
        ("[upload]\nurl = \"file://relative\"\n", "upload.url"),
        ("[upload]\nkey = \"\"\n", "unknown field `key`"),
    ] {
        let file = folder.path("c.toml");
        std::fs::write(&file, toml).unwrap();
        let output = stallprof().args(["daemon", "--print-config", "-c"]).arg(&file).output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "taken: {toml}");
        assert!(said.contains(reason), "{toml}: {said}");
    }
}

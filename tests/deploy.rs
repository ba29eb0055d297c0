//! What `tools/deploy` has for Prometheus and Grafana: it can be read, and asks for metrics that
//! there are.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

#[path = "deploy/manifests.rs"]
mod manifests;
#[path = "deploy/promtool.rs"]
mod promtool;
mod skip;

use promtool::promtool;

const RULES: &str = "tools/deploy/prometheus/rules.yml";

fn file(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Names of metrics in a text; of a histogram the family.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = words.filter(|word| word.starts_with("stallprof_"));
    let family = |name: &str| {
        let part = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
        part.unwrap_or(name).to_owned()
    };
    ours.map(family).collect()
}

/// Those that docs/metrics.md lists; the daemon's tests compare it with what is exported.
fn listed() -> BTreeSet<String> {
    let docs = file("docs/metrics.md");
    let rows = docs.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    rows.map(str::to_owned).collect()
}

/// Those that the rules ask for.
fn asked() -> BTreeSet<String> {
    let rules = file(RULES);
    let words = |line: &&str| !["summary:", "description:"].iter().any(|word| line.contains(word));
    names(&rules.lines().filter(words).collect::<Vec<_>>().join("\n"))
}

/// Queries of all panels of the dashboard.
fn queries() -> Vec<String> {
    let dashboard: Value =
        serde_json::from_str(&file("tools/deploy/grafana/stallprof.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn rules_and_dashboard_ask_for_metrics_that_there_are() {
    let (listed, rules) = (listed(), asked());
    let shown = names(&queries().join("\n"));
    assert!(rules.len() > 8, "{rules:?}");
    let unknown: Vec<_> = rules.union(&shown).filter(|name| !listed.contains(*name)).collect();
    assert!(unknown.is_empty(), "not in docs/metrics.md: {unknown:?}");
}

#[test]
fn every_metric_has_an_alert_or_a_reason_to_have_none() {
    let docs = file("docs/metrics.md");
    let (_, without) = docs.split_once("\n## Without an alert\n").unwrap();
    let (without, asked) = (names(without), asked());
    for name in listed() {
        let told = (asked.contains(&name), without.contains(&name));
        assert!(told.0 != told.1, "{name}: in the rules, in docs/metrics.md as without: {told:?}");
    }
}

#[test]
fn panels_do_not_overlap() {
    let dashboard: Value =
        serde_json::from_str(&file("tools/deploy/grafana/stallprof.json")).unwrap();
    let (mut cells, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        let at = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        for x in at("x")..at("x") + at("w") {
            assert!(x < 24, "{panel}");
            for y in at("y")..at("y") + at("h") {
                assert!(cells.insert((x, y)), "over another: {panel}");
            }
        }
    }
}

#[test]
fn promtool_reads_the_rules_and_they_do_what_they_say() {
    let check = |arguments: &[&str]| {
        promtool("promtool_reads_the_rules_and_they_do_what_they_say", arguments, "")
    };
    let Some(checked) = check(&["check", "rules", RULES]) else { return };
    checked.unwrap();
    check(&["test", "rules", "tools/deploy/prometheus/rules.test.yml"]).unwrap().unwrap();
    // Debian's Prometheus is built without what asks Kubernetes.
    let scrape = file("tools/deploy/prometheus/prometheus.yml");
    let (before, after) = scrape.split_once("    kubernetes_sd_configs:\n").unwrap();
    let (_, after) = after.split_once("    relabel_configs:\n").unwrap();
    let scrape = format!("{before}    relabel_configs:\n{after}");
    let path = std::env::temp_dir().join(format!("stallprof-scrape-{}.yml", std::process::id()));
    fs::write(&path, scrape).unwrap();
    // More than its syntax would take the file with the token.
    let checked = check(&["check", "config", "--syntax-only", path.to_str().unwrap()]);
    fs::remove_file(&path).unwrap();
    checked.unwrap().unwrap();
}

/// What Grafana would ask, as rules, so that promtool reads it.
#[test]
fn promtool_reads_the_queries_of_the_dashboard() {
    let mut rules = "groups:\n- name: dashboard\n  rules:\n".to_owned();
    for (n, query) in queries().iter().enumerate() {
        let query = query
            .replace("$__rate_interval", "5m")
            .replace("$__range", "6h")
            .replace("$instance", ".*");
        assert!(!query.contains('$'), "a variable that is not known: {query}");
        let query = serde_json::to_string(&query).unwrap();
        rules.push_str(&format!("  - {{record: \"q:{n}\", expr: {query}}}\n"));
    }
    let path = std::env::temp_dir().join(format!("stallprof-dashboard-{}", std::process::id()));
    fs::write(&path, &rules).unwrap();
    let arguments = ["check", "rules", path.to_str().unwrap()];
    let checked = promtool("promtool_reads_the_queries_of_the_dashboard", &arguments, "");
    fs::remove_file(&path).unwrap();
    if let Some(Err(said)) = checked {
        panic!("{said}");
    }
}

//! A real Prometheus (`tools/setup test` installs it) that scrapes the daemon: by TLS with a
//! certificate of its own and a token, with the rules that we ship.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::host::{Daemon, Folder, free_port, machine, stallprof, stalls, wait};
use crate::skip::skipped;
use crate::tls::{SHOWN, certificates, curl, section};

/// Ends with the test.
struct Prometheus {
    child: Child,
    port: u16,
}

impl Prometheus {
    /// None, and says so, where there is none.
    fn start(folder: &Folder, test: &str, scrape: &str) -> Option<Prometheus> {
        let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/deploy/prometheus/rules.yml");
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n\
             rule_files: [{rules}]\nscrape_configs:\n- job_name: stallprof\n{scrape}"
        );
        let (file, port) = (folder.path("prometheus.yml"), free_port());
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.path("tsdb").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.arg("--enable-feature=exemplar-storage");
        let log = std::fs::File::create(folder.path("prometheus.log")).unwrap();
        match command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn() {
            Ok(child) => Some(Prometheus { child, port }),
            Err(why) => {
                skipped(test, &format!("prometheus: {why} (try: tools/setup test)"));
                None
            }
        }
    }

    fn ask(&self, path: &str, arguments: &[&str]) -> Value {
        let url = format!("http://127.0.0.1:{}/api/v1/{path}", self.port);
        let output =
            Command::new("curl").args(["-s", "-G", &url]).args(arguments).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// The value of the one series that a query gives.
    fn value(&self, query: &str) -> Option<f64> {
        let answer = self.ask("query", &["--data-urlencode", &format!("query={query}")]);
        let all = answer["data"]["result"].as_array()?;
        assert!(all.len() <= 1, "{query}: {answer}");
        all.first()?["value"][1].as_str()?.parse().ok()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn prometheus_reads_all_of_it() {
    const NAME: &str = "prometheus_reads_all_of_it";
    let Some(_machine) = machine() else { return };
    let folder = certificates("scraped");
    std::fs::write(folder.path("token"), "0123456789abcdef\n").unwrap();
    let file = folder.path("c.toml");
    let place = |name: &str| folder.path(name).display().to_string();
    let toml = format!(
        "{}[http]\ntoken_file = \"{}\"\n[flight]\nbefore = \"4s\"\nafter = \"1s\"\n",
        section(&folder, ["server.pem", "server.key", "clients.pem"]),
        place("token")
    );
    std::fs::write(&file, toml).unwrap();
    let mut command = stallprof();
    command.arg("daemon").arg("-c").arg(&file);
    command.arg("-s").arg(format!("store.directory={}", place("store")));
    let daemon = Daemon::start_until(&folder, command, |daemon| {
        curl(&folder, &format!("https://127.0.0.1:{}/readyz", daemon.port), SHOWN).0 == 200
    });
    let scrape = format!(
        "  scheme: https\n  authorization: {{credentials_file: {}}}\n  tls_config: {{ca_file: {}, \
         cert_file: {}, key_file: {}}}\n  static_configs: [{{targets: ['127.0.0.1:{}']}}]\n",
        place("token"),
        place("servers.pem"),
        place("client.pem"),
        place("client.key"),
        daemon.port
    );
    let Some(prometheus) = Prometheus::start(&folder, NAME, &scrape) else { return };
    let up = || prometheus.value("up");
    wait("a scrape", Duration::from_secs(20), || up() == Some(1.0));
    let version = format!("stallprof_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    assert_eq!(prometheus.value(&version), Some(1.0));
    stalls("irqsoff", 3, "80ms");
    let counted = "sum(stallprof_stalls_total{cause=\"irqs_off\",culprit=\"stallgen\"})";
    let enough = || prometheus.value(counted) >= Some(3.0);
    wait("the stalls", Duration::from_secs(25), enough);
    let p99 = "histogram_quantile(0.99, sum by (le) (stallprof_softirq_delay_seconds_bucket))";
    let p99 = prometheus.value(p99).unwrap();
    assert!(p99 > 0.0 && p99 < 10.0, "{p99}");
    // All that the page has, and nothing thrown away.
    let all = prometheus.value("count({job=\"stallprof\",__name__=~\"stallprof_.*\"})").unwrap();
    assert!(all > 100.0, "{all}");
    assert!(prometheus.value("scrape_samples_scraped") >= Some(all));
    let exemplars = ["query=stallprof_stalls_total", "start=0", "end=9999999999"];
    let words: Vec<&str> = exemplars.iter().flat_map(|word| ["--data-urlencode", word]).collect();
    let told = || prometheus.ask("query_exemplars", &words)["data"].to_string();
    wait("the exemplar", Duration::from_secs(15), || told().contains("\"incident\""));
    // Our rules go by it.
    let rules = || prometheus.ask("rules", &[])["data"]["groups"].clone();
    let all = |groups: &Value| -> Vec<Value> {
        let groups = groups.as_array().cloned().unwrap_or_default();
        groups.iter().flat_map(|g| g["rules"].as_array().cloned().unwrap_or_default()).collect()
    };
    let healthy = |rule: &Value| rule["health"] == "ok";
    let done = || all(&rules()).len() > 5 && all(&rules()).iter().all(healthy);
    wait("the rules", Duration::from_secs(10), done);
    drop(prometheus);
    daemon.stop();
}

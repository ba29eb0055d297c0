//! What the daemon does and with which limits: a TOML file, with `--set` over it. A key that is not
//! known or a value that makes no sense is refused with its place.

pub mod file;
pub mod outlets;
mod read;
mod sections;
mod tls;
mod units;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use outlets::{Otlp, Upload};
pub use read::ConfigError;
pub use sections::{Flight, Http, Metrics, Probes, Rights, Store, Triggers};
pub use tls::Tls;
pub use units::{Bytes, Cpus, Listen, Period};

use crate::host::{CpuList, HostRoot};
use crate::probe::{self, PROBES, Wanted};
use crate::units::Nanos;

/// Everything that can be set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What is measured.
    pub probes: Probes,
    /// The flight recorder.
    pub flight: Flight,
    /// What makes an incident.
    pub triggers: Triggers,
    /// Where incidents are kept.
    pub store: Store,
    /// The HTTP server.
    pub http: Http,
    /// What encrypts it.
    pub tls: Tls,
    /// The metrics.
    pub metrics: Metrics,
    /// What the daemon gives up.
    pub rights: Rights,
    /// Metrics and incidents by OTLP.
    pub otlp: Otlp,
    /// Incidents to object storage.
    pub upload: Upload,
}

impl Config {
    /// Whether the values go together.
    ///
    /// # Errors
    /// Which do not, and why.
    pub fn check(&self) -> Result<(), String> {
        for name in &self.probes.on {
            if !PROBES.iter().any(|p| p.name == name) {
                let names: Vec<_> = PROBES.iter().map(|p| p.name).collect();
                return Err(format!("probes.on: no such probe: {name}; there are {names:?}"));
            }
        }
        if self.probes.stall.0.0 == 0 || self.probes.syscall_min.0.0 == 0 {
            return Err("probes: a threshold of zero would record everything".to_owned());
        }
        self.check_triggers()?;
        let past = self.flight.before.0 + self.flight.after.0;
        if past > Nanos::from_millis(3_600_000) || past < Nanos::from_millis(1_000) {
            return Err("flight: before and after together are 1 s at least, 1 h at most".into());
        }
        if self.flight.memory.0 < 1 << 20 {
            return Err("flight.memory: less than 1 MiB holds nothing".to_owned());
        }
        if self.store.directory.is_relative() {
            return Err("store.directory: give the whole path, from /".to_owned());
        }
        if self.store.count == 0 || self.store.bytes.0 == 0 {
            return Err("store: a limit of zero keeps nothing".to_owned());
        }
        let asks = self.http.token_file != Path::new("") || self.tls.client_ca != Path::new("");
        if !asks && !self.http.insecure && !self.http.listen.local() {
            return Err("http.listen: others than this host could connect: give a token_file, or \
                        a client_ca in [tls], or insecure = true where the network itself keeps \
                        them away"
                .to_owned());
        }
        self.tls.check(&self.http)?;
        self.otlp.check()?;
        self.upload.check()
    }

    /// A trigger that could never go off is refused.
    fn check_triggers(&self) -> Result<(), String> {
        let on = |probe: &str| self.probes.on.iter().any(|name| name == probe);
        let triggers = &self.triggers;
        if triggers.insert_failed > 0 && !on("ct_stats") {
            return Err("triggers.insert_failed: add \"ct_stats\" to probes.on".to_owned());
        }
        if triggers.slow_cgroup_read.0.0 == 0 {
            return Ok(());
        }
        if !on("syscall") && !on("memcg") {
            return Err("triggers.slow_cgroup_read: add \"syscall\" to probes.on, or \"memcg\" \
                        for the mean of many reads"
                .to_owned());
        }
        if triggers.slow_cgroup_read < self.probes.syscall_min {
            return Err(
                "triggers.slow_cgroup_read: shorter calls than probes.syscall_min are not \
                        recorded"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// What the probes are told, on a host with these CPUs.
    ///
    /// # Errors
    /// A CPU that is not online.
    pub fn for_probes(&self, online: &CpuList, root: &HostRoot) -> Result<probe::Config, String> {
        let cpus = self.probes.cpus.0.as_ref().unwrap_or(online);
        if let Some(missing) = cpus.cpus().iter().find(|c| !online.contains(**c)) {
            return Err(format!(
                "probes.cpus: CPU {missing} is not online; this host has {online}"
            ));
        }
        let off = PROBES.iter().filter(|p| !self.probes.on.iter().any(|name| name == p.name));
        Ok(probe::Config {
            cpus: cpus.cpus().to_vec(),
            stall: self.probes.stall.0,
            gap: probe::Config::gap_for(self.probes.stall.0, self.probes.freq),
            freq: self.probes.freq,
            syscall_min: self.probes.syscall_min.0,
            sleeping_calls: false,
            pid: None,
            softirq_runs: self.probes.softirq_runs,
            methods: off.map(|p| (p.name, Wanted::Off)).collect(),
            tracking: probe::Tracking::default(),
            root: root.clone(),
        })
    }
}

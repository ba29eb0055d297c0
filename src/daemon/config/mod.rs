//! What the daemon does and with which limits: a TOML file, with `--set` over it. A key that is not
//! known or a value that makes no sense is refused with its place.

pub mod outlets;
mod tls;
mod units;

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use outlets::{Otlp, Upload};
pub use tls::Tls;
pub use units::{Bytes, Cpus, Listen, Period};

use crate::host::{CpuList, HostRoot};
use crate::probe::{self, PROBES, Wanted};
use crate::units::Nanos;

/// No configuration is longer.
const MAX_FILE: u64 = 1 << 20;

/// Why there is no configuration to go by.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not a configuration; `what` tells the reason, and line and column where it has one place.
    #[error("{}: {what}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and where.
        what: String,
    },
    /// A `--set` is wrong.
    #[error("--set {text}: {what}")]
    Set {
        /// As given.
        text: String,
        /// What is wrong with it.
        what: String,
    },
    /// Values that do not go together.
    #[error("{0}")]
    Together(String),
}

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

/// What is measured, from which thresholds on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Probes {
    /// CPUs: `all` that are online, or a list such as `0,2-5`.
    pub cpus: Cpus,
    /// Which probes, by name. What is left out is not attached.
    pub on: Vec<String>,
    /// Samples a second on each CPU.
    #[serde(deserialize_with = "units::frequency")]
    pub freq: u32,
    /// A lateness counts as a stall from this length on.
    pub stall: Period,
    /// System calls count as slow from this length on, where the probe `syscall` is on.
    pub syscall_min: Period,
    /// Softirq run times of all softirqs: exact, but dear on a busy network.
    pub softirq_runs: bool,
}

/// How much of the past is kept, and how much of what follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Flight {
    /// How far back an incident reaches.
    pub before: Period,
    /// For how long an incident goes on after its trigger.
    pub after: Period,
    /// At most this much memory holds the past; where it is full the oldest goes first.
    pub memory: Bytes,
}

/// From where on something makes an incident; 0 is never.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Triggers {
    /// A softirq waited this long.
    pub softirq_delay: Period,
    /// A softirq handler ran this long.
    pub softirq_run: Period,
    /// ksoftirqd waited this long, and nobody else served its softirqs.
    pub handoff: Period,
    /// A CPU took no interrupt for this long.
    pub interrupt_gap: Period,
    /// So many packets lost to `insert_failed` within a minute, in any one network namespace; takes
    /// the probe `ct_stats`.
    pub insert_failed: u64,
    /// A read of a cgroup file took this long; takes the probe `syscall` or `memcg`.
    pub slow_cgroup_read: Period,
    /// So many dying memory cgroups.
    pub dying_memcgs: u64,
    /// So many dying memory cgroups more within a minute.
    pub dying_memcgs_growth: u64,
    /// Share of the last 10 s in which some task waited for a CPU (PSI), per cent.
    #[serde(deserialize_with = "units::percent")]
    pub cpu_pressure: u32,
    /// The same for memory.
    #[serde(deserialize_with = "units::percent")]
    pub memory_pressure: u32,
    /// The same for block devices.
    #[serde(deserialize_with = "units::percent")]
    pub io_pressure: u32,
    /// After an incident further triggers wait for so long: what they mean is in the flight
    /// recorder still.
    pub quiet: Period,
    /// For this long an incident of a cause and culprit that was stored is only counted again.
    pub cooldown: Period,
}

/// Where incidents are kept, and how many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// The directory. It is made if need be, for its owner alone.
    pub directory: PathBuf,
    /// At most this many bytes.
    pub bytes: Bytes,
    /// At most this many incidents.
    pub count: usize,
}

/// Who may ask, and for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// `ADDRESS:PORT`, `unix:/PATH` or `off`.
    pub listen: Listen,
    /// File with the token that requests must carry; empty for none.
    pub token_file: PathBuf,
    /// Serve without a token where others than this host can connect.
    pub insecure: bool,
    /// `POST /incidents` cuts an incident.
    pub allow_cut: bool,
    /// At most this many connections at a time; others wait.
    #[serde(deserialize_with = "units::connections")]
    pub connections: usize,
}

/// What the daemon gives up besides the capabilities that it does not need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rights {
    /// Limit the files of the threads that talk to clients and that write incidents (Landlock),
    /// where the kernel can.
    pub landlock: bool,
    /// Refuse system calls that are never needed (seccomp), where the kernel can.
    pub seccomp: bool,
}

/// How much detail metrics have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Latencies by CPU, and not only of the whole node.
    pub per_cpu: bool,
    /// So many culprits have a time series of their own; stalls of the rest count as `other`.
    #[serde(deserialize_with = "units::culprits")]
    pub culprits: usize,
}

/// The probes that run unless others are asked for; those of `stallprof top`, too.
pub const ON: [&str; 4] = ["softirq", "ksoftirqd", "sampler", "hardirq"];

impl Default for Probes {
    fn default() -> Probes {
        Probes {
            cpus: Cpus(None),
            on: ON.map(str::to_owned).to_vec(),
            freq: 99,
            stall: Period(Nanos::from_millis(10)),
            syscall_min: Period(Nanos::from_millis(10)),
            softirq_runs: false,
        }
    }
}

impl Default for Flight {
    fn default() -> Flight {
        Flight {
            before: Period(Nanos::from_millis(60_000)),
            after: Period(Nanos::from_millis(5_000)),
            memory: Bytes(8 << 20),
        }
    }
}

impl Default for Triggers {
    fn default() -> Triggers {
        Triggers {
            softirq_delay: Period(Nanos::from_millis(50)),
            softirq_run: Period(Nanos::from_millis(50)),
            handoff: Period(Nanos::from_millis(100)),
            interrupt_gap: Period(Nanos::from_millis(50)),
            insert_failed: 0,
            slow_cgroup_read: Period(Nanos(0)),
            dying_memcgs: 0,
            dying_memcgs_growth: 0,
            cpu_pressure: 0,
            memory_pressure: 0,
            io_pressure: 0,
            quiet: Period(Nanos::from_millis(30_000)),
            cooldown: Period(Nanos::from_millis(600_000)),
        }
    }
}

impl Default for Store {
    fn default() -> Store {
        Store { directory: "/var/lib/stallprof".into(), bytes: Bytes(1 << 30), count: 200 }
    }
}

impl Default for Http {
    fn default() -> Http {
        Http {
            listen: Listen::default(),
            token_file: PathBuf::new(),
            insecure: false,
            allow_cut: false,
            connections: 64,
        }
    }
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics { per_cpu: false, culprits: 20 }
    }
}

impl Default for Rights {
    fn default() -> Rights {
        Rights { landlock: true, seccomp: true }
    }
}

impl Config {
    /// Reads a file, if there is one, and puts `KEY=VALUE`s over it.
    ///
    /// # Errors
    /// [`ConfigError`] tells what is wrong where.
    pub fn read(file: Option<&Path>, set: &[String]) -> Result<Config, ConfigError> {
        let mut table = toml::Table::new();
        if let Some(path) = file {
            let text = text(path)?;
            let told = |error: toml::de::Error| ConfigError::File {
                path: path.to_owned(),
                what: placed(&error, &text),
            };
            // As a whole first: only so it is known in which line a value stands.
            toml::from_str::<Config>(&text).map_err(told)?;
            table = toml::from_str(&text).map_err(told)?;
        }
        for text in set {
            table =
                put(&table, text).map_err(|what| ConfigError::Set { text: text.clone(), what })?;
        }
        let config = toml::Value::Table(table).try_into::<Config>();
        let config = config.map_err(|error| ConfigError::Together(error.to_string()))?;
        config.check().map_err(|what| match file {
            Some(path) if set.is_empty() => {
                let line = text(path).ok().and_then(|text| line_of(&text, &what));
                let what = line.map_or(what.clone(), |line| format!("line {line}: {what}"));
                ConfigError::File { path: path.to_owned(), what }
            }
            _ => ConfigError::Together(what),
        })?;
        Ok(config)
    }

    /// All values in force, as TOML.
    #[must_use]
    pub fn to_toml(&self) -> String {
        // Plain tables of plain values can always be written.
        toml::to_string(self).unwrap_or_default()
    }

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

/// The reason, with line and column.
fn placed(error: &toml::de::Error, text: &str) -> String {
    let reason = error.message().trim_end();
    let before = error.span().and_then(|span| text.get(..span.start));
    let Some(before) = before else { return reason.to_owned() };
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}: {reason}")
}

/// The line of the key that a refusal begins with, `section.key: reason`, or of its section.
fn line_of(text: &str, refusal: &str) -> Option<usize> {
    let (section, key) = refusal.split_once(':')?.0.split_once('.').unwrap_or((refusal, ""));
    let section = section.split(':').next().unwrap_or(section);
    let table = toml::de::DeTable::parse(text).ok()?.into_inner();
    let (name, value) = table.iter().find(|(name, _)| name.get_ref() == section)?;
    let keys = value.get_ref().as_table();
    let key = keys.and_then(|keys| keys.iter().find(|(name, _)| name.get_ref() == key));
    let at = key.map_or(name.span().start, |(name, _)| name.span().start);
    Some(text.get(..at)?.matches('\n').count() + 1)
}

fn text(path: &Path) -> Result<String, ConfigError> {
    let read = || {
        if fs::metadata(path)?.len() > MAX_FILE {
            return Err(std::io::Error::other("longer than 1 MiB: not a configuration"));
        }
        fs::read_to_string(path)
    };
    read().map_err(|source| ConfigError::Read { path: path.to_owned(), source })
}

/// Puts `http.listen=off` into a table: as a number, list or boolean where that is wanted, else as
/// text.
fn put(table: &toml::Table, text: &str) -> Result<toml::Table, String> {
    let (key, value) = text.split_once('=').ok_or("give KEY=VALUE, such as flight.before=30s")?;
    let (section, name) = key.trim().split_once('.').ok_or("the key is SECTION.NAME")?;
    let value = value.trim();
    let parsed = toml::from_str::<toml::Table>(&format!("v = {value}")).ok();
    let parsed = parsed.and_then(|mut one| one.remove("v"));
    let mut refusal = None;
    for value in parsed.into_iter().chain([toml::Value::String(value.to_owned())]) {
        let mut table = table.clone();
        let empty = || toml::Value::Table(toml::Table::new());
        match table.entry(section).or_insert_with(empty) {
            toml::Value::Table(section) => drop(section.insert(name.to_owned(), value)),
            _ => return Err(format!("{section} is no section")),
        }
        match toml::Value::Table(table.clone()).try_into::<Config>() {
            Ok(_) => return Ok(table),
            // What the value itself says of it tells more than what its text would say.
            Err(error) => drop(refusal.get_or_insert(error.message().to_owned())),
        }
    }
    Err(refusal.unwrap_or_default())
}

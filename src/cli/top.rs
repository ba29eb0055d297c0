//! `stallprof top`: what is going on now.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::top::{self, Attached, Trust};

/// Show what stalls the CPUs now, and who does it, in the terminal
///
/// Latencies of each CPU, a strip of its last five minutes, and the culprits of that time. Measures
/// this host with the daemon's low cost, or shows what a daemon measures. `?` tells the keys.
#[derive(clap::Args)]
pub struct Args {
    /// Show what the daemon at this address measures, such as http://127.0.0.1:9747 or https://node7:9747
    #[arg(long, value_name = "URL")]
    attach: Option<String>,

    /// File with the token of that daemon
    #[arg(long, value_name = "FILE", requires = "attach")]
    token_file: Option<PathBuf>,

    /// Authority of the certificate of that daemon (PEM), for https
    #[arg(long, value_name = "FILE", requires = "attach")]
    ca: Option<PathBuf>,

    /// Certificate to show to that daemon (PEM)
    #[arg(long, value_name = "FILE", requires = "ca", requires = "key")]
    cert: Option<PathBuf>,

    /// Key of that certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,

    #[cfg(feature = "probes")]
    #[command(flatten)]
    measure: alone::Measure,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    // Before anything is attached or asked.
    top::check()?;
    let colors = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    match &args.attach {
        Some(url) => {
            let token = args.token_file.as_deref().map(token).transpose()?;
            let own = args.cert.clone().zip(args.key.clone());
            let trust = Trust { ca: args.ca.clone(), own };
            top::run(&mut Attached::to(url, token, &trust)?, colors)?;
        }
        #[cfg(feature = "probes")]
        None => top::run(&mut alone::start(&args.measure)?, colors)?,
        #[cfg(not(feature = "probes"))]
        None => bail!("this stallprof is built without probes: give --attach"),
    }
    Ok(ExitCode::SUCCESS)
}

fn token(file: &Path) -> Result<String> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("--token-file {}", file.display()))?;
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        bail!("--token-file {}: no token", file.display());
    }
    Ok(token.to_owned())
}

#[cfg(feature = "probes")]
mod alone {
    use anyhow::{Result, bail};

    use crate::cli::host_root;
    use crate::cli::record::explain;
    use crate::daemon::Alone;
    use crate::host::{CpuList, HostFacts, HostRoot};
    use crate::probe::{Config, PROBES, Tracking, Wanted};
    use crate::top::{Source, Told};
    use crate::units::Nanos;

    #[derive(clap::Args)]
    pub struct Measure {
        /// CPUs to measure, such as 11 or 0,2-5; all by default
        #[arg(short = 'C', long = "cpu", value_name = "LIST", conflicts_with = "attach")]
        cpus: Option<CpuList>,

        /// Samples a second on each CPU
        #[arg(short = 'F', long, default_value_t = 99, value_name = "HZ", conflicts_with = "attach",
              value_parser = clap::value_parser!(u32).range(1..=999))]
        freq: u32,

        /// What is late by so much is shown as late; such as 10ms
        #[arg(long, default_value = "10ms", value_name = "TIME", conflicts_with = "attach")]
        stall: Nanos,

        /// Where the host's / is mounted, such as /host in a container; docs/daemon.md tells what
        /// for
        #[arg(long, value_name = "DIR", default_value = "/", value_parser = host_root::running(),
              conflicts_with = "attach")]
        host_root: HostRoot,
    }

    pub fn start(args: &Measure) -> Result<Here> {
        if args.stall.0 == 0 {
            bail!("--stall 0: everything would be late; give a time, such as 10ms");
        }
        let facts = HostFacts::read(&args.host_root)?;
        let online = &facts.cpus_online;
        let cpus = args.cpus.as_ref().unwrap_or(online);
        if let Some(missing) = cpus.cpus().iter().find(|c| !online.contains(**c)) {
            bail!("--cpu {cpus}: CPU {missing} is not online; this host has {online}");
        }
        let off = PROBES.iter().filter(|p| !p.always_on);
        let config = Config {
            cpus: cpus.cpus().to_vec(),
            stall: args.stall,
            gap: Config::gap_for(args.stall, args.freq),
            freq: args.freq,
            syscall_min: args.stall,
            sleeping_calls: false,
            tracking: Tracking::default(),
            root: args.host_root.clone(),
            pid: None,
            softirq_runs: false,
            methods: off.map(|p| (p.name, Wanted::Off)).collect(),
        };
        Ok(Here(Alone::start(config).map_err(explain)?))
    }

    /// This host.
    pub struct Here(Alone);

    impl Source for Here {
        fn read(&mut self, interval: Nanos) -> Told {
            match self.0.read(interval) {
                Some(live) => Told::Now(Box::new(live)),
                None => Told::Ended("the thread that owns the probes has ended".to_owned()),
            }
        }
    }
}

//! `stallprof daemon`: always on.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;

use super::host_root;
use super::output::print;
use crate::daemon::{self, Origin};
use crate::host::HostRoot;

/// Read from here where nothing else is said.
const DEFAULT: &str = "/etc/stallprof/daemon.toml";

/// Watch this host for months: metrics, and of each bad stall a recording
///
/// Keeps the last minute at full detail in memory; what stalls a CPU past a threshold makes an
/// incident, an ordinary recording of before, during and after. SIGHUP reads the configuration
/// again, SIGUSR1 makes an incident at once, SIGTERM ends it.
#[derive(clap::Args)]
pub struct Args {
    /// The configuration; /etc/stallprof/daemon.toml by default, where there is one
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Set a value over that of the file, such as flight.before=30s; more than once for more
    #[arg(short, long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// Print all values in force as TOML, and end
    #[arg(long)]
    print_config: bool,

    /// Where the host's / is mounted, such as /host in a container; docs/daemon.md tells what for
    #[arg(long, value_name = "DIR", default_value = "/", value_parser = host_root::running())]
    host_root: HostRoot,
}

pub fn run(args: Args) -> Result<ExitCode> {
    let default = || Path::new(DEFAULT).exists().then(|| PathBuf::from(DEFAULT));
    let origin = Origin { file: args.config.or_else(default), set: args.set };
    let config = origin.read()?;
    if args.print_config {
        return print(|out| out.write_all(config.to_toml().as_bytes()));
    }
    daemon::run(config, origin, args.host_root)?;
    Ok(ExitCode::SUCCESS)
}

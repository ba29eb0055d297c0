//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::qemu::Machine;

/// Runs the current build on other kernels, in qemu without KVM.
#[derive(Debug, Parser)]
#[command(name = "tools/vm")]
pub struct Args {
    /// The folder with stallprof, stallgen and so on; this program's own if not given
    #[arg(long, global = true, value_name = "FOLDER")]
    pub build: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The kernels that are known, and whether they are in the cache
    List,
    /// Download kernels, all if none is named; those in the cache stay as they are
    Fetch {
        /// Names, as `list` gives them
        kernels: Vec<String>,
    },
    /// A shell on a kernel
    Shell {
        #[command(flatten)]
        machine: Machine,
        /// Files for the guest's /with
        #[arg(long, value_name = "FILE")]
        with: Vec<PathBuf>,
        /// Its name
        kernel: String,
    },
    /// The scenarios on each kernel, all if none is named; writes the tables of docs/kernels.md
    /// if nothing was left out
    Matrix {
        #[command(flatten)]
        machine: Machine,
        /// Kinds of stall; all, and what the probes cost, if none is named
        #[arg(long = "scenario", value_name = "KIND")]
        scenarios: Vec<String>,
        /// Methods to force, once more for each: what `stallprof record --method` takes
        #[arg(long = "method", value_name = "PROBE=RUNG")]
        methods: Vec<String>,
        /// Where the results go as JSON lines
        #[arg(long, value_name = "FILE")]
        rows: Option<PathBuf>,
        /// Leave docs/kernels.md as it is
        #[arg(long)]
        no_table: bool,
        /// Names, as `list` gives them
        kernels: Vec<String>,
    },
    /// A command, or a script of tools/guest by its name, on a kernel
    Run {
        #[command(flatten)]
        machine: Machine,
        /// Files for the guest's /with
        #[arg(long, value_name = "FILE")]
        with: Vec<PathBuf>,
        /// Where to put what the command leaves in the guest's /out
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
        /// Its name
        kernel: String,
        /// The command with its arguments
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
}

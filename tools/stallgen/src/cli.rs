//! The command line, and what of it can be refused before anything is made.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};

use crate::clock::parse_duration;
use crate::task::online_cpus;

/// The longest stall; spin.bpf.h enforces the same in the kernel.
pub const MAX_LENGTH: Duration = Duration::from_secs(1);
/// The longest run.
const MAX_RUN: Duration = Duration::from_secs(3600);
/// What making and removing one memory cgroup may take, with a wide margin.
const PER_MEMCG: Duration = Duration::from_millis(10);

/// Ways to hold a CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// A system call that keeps the CPU: preemption off, interrupts on
    Syscall,
    /// A task that has bottom halves off
    Bh,
    /// A task that has interrupts off
    Irqsoff,
    /// A softirq handler (NET_RX) that runs long
    Softirq,
    /// A hard interrupt that runs long
    Hardirq,
    /// A SCHED_FIFO task in user mode
    Fifo,
    /// No injection: reads memory.stat above dying memory cgroups
    Memcg,
}

impl Kind {
    /// The name on the command line and in the truth.
    pub fn name(self) -> &'static str {
        match self {
            Self::Syscall => "syscall",
            Self::Bh => "bh",
            Self::Irqsoff => "irqsoff",
            Self::Softirq => "softirq",
            Self::Hardirq => "hardirq",
            Self::Fifo => "fifo",
            Self::Memcg => "memcg",
        }
    }

    /// Whether ksoftirqd is to be among the victims: these kinds leave
    /// interrupts on, and show themselves in its wait alone.
    pub fn starves_ksoftirqd(self) -> bool {
        matches!(self, Self::Syscall | Self::Fifo)
    }
}

/// Makes known kernel stalls on one CPU and writes the ground truth.
#[derive(Debug, Parser)]
#[command(name = "stallgen", version)]
pub struct Args {
    /// What holds the CPU
    pub kind: Kind,
    /// The CPU to hold
    #[arg(long)]
    pub cpu: u32,
    /// Stalls to make
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub count: u32,
    /// Length of a stall, 1s at most (memcg: takes what it takes)
    #[arg(long, default_value = "20ms", value_parser = parse_duration)]
    pub length: Duration,
    /// One stall in each such period, at a jittered time
    #[arg(long, default_value = "100ms", value_parser = parse_duration)]
    pub every: Duration,
    /// Where the truth goes; - is standard output
    #[arg(long, default_value = "-", value_name = "FILE")]
    pub truth: PathBuf,
    /// Packets a second steered to the CPU, whose waits are measured
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(100..=20_000))]
    pub pps: u32,
    /// No packets and no bursts beyond those that make the stall
    #[arg(long)]
    pub no_victims: bool,
    /// Kind syscall: the file that is read (this program itself if not given)
    #[arg(long)]
    pub file: Option<PathBuf>,
    /// Kind memcg: dying memory cgroups under the one that is read
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub dying: u32,
    /// Seed of the jitter
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl Args {
    /// Refuses what cannot work.
    pub fn check(&self) -> Result<()> {
        let online = online_cpus()?;
        ensure!(
            online.contains(&self.cpu),
            "there is no CPU {}: give --cpu one of the online CPUs {online:?}",
            self.cpu
        );
        ensure!(!self.every.is_zero(), "--every must be more than 0");
        if self.kind != Kind::Memcg {
            ensure!(!self.length.is_zero(), "--length must be more than 0");
            ensure!(
                self.length <= MAX_LENGTH,
                "--length {:?} is longer than stallgen may hold a CPU: give {MAX_LENGTH:?} or less",
                self.length
            );
            ensure!(
                self.length <= self.every,
                "stalls of {:?} do not fit into --every {:?}: give a longer --every",
                self.length,
                self.every
            );
        }
        ensure!(
            self.every.saturating_mul(self.count) <= MAX_RUN,
            "{} stalls, one every {:?}, take longer than {MAX_RUN:?}: give fewer or a shorter --every",
            self.count,
            self.every
        );
        let directory = self.truth.parent().filter(|path| !path.as_os_str().is_empty());
        ensure!(
            directory.is_none_or(Path::is_dir),
            "the truth cannot go to {}: there is no such directory",
            self.truth.display()
        );
        // SAFETY: plain system call without arguments.
        ensure!(unsafe { libc::geteuid() } == 0, "needs root (BPF, namespaces): use sudo");
        Ok(())
    }

    /// The time after which the run is stopped: twice what it should take.
    pub fn limit(&self) -> Duration {
        let stalls = self.every.max(MAX_LENGTH / 10) * self.count;
        let memcgs = match self.kind {
            Kind::Memcg => PER_MEMCG * self.dying,
            _ => Duration::ZERO,
        };
        2 * stalls + memcgs + Duration::from_secs(20)
    }

    /// The CPUs for everything but the hog: any other, if there is one.
    pub fn other_cpus(&self) -> Result<Vec<u32>> {
        let mut cpus = online_cpus()?;
        if cpus.len() > 1 {
            cpus.retain(|&cpu| cpu != self.cpu);
        }
        Ok(cpus)
    }
}

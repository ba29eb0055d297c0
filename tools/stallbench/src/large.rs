//! What a recording of any size takes to be read: made-up ones, each full of one kind of row, as
//! no recorder writes them. Nobody has a gigabyte of stalls; whoever gets one must not wait for ever.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;
use stallgen::clock::now_ns;
use stallprof::model::*;
use stallprof::recording::Writer;
use stallprof::units::{Cpu, Ktime, Nanos, Tgid, Tid};

use crate::cli::{Common, Subject};
use crate::table::{Budget, Comparison, Table};
use crate::workdir::WorkDir;

/// What `report` of a recording of any size may take, MB.
const MEMORY: f64 = 500.0;
/// CPUs of the host that it might be of.
const CPUS: u64 = 64;
const PERIOD: u64 = 1_000_000;
/// Functions that there are, and how many of them are on a stack.
const FUNCTIONS: u64 = 5_000;
const DEPTH: u64 = 300;
/// Rows between two blocks.
const BLOCK: u64 = 4_000;

/// What `large` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub common: Common,

    /// How large each is to be: bytes, or with K, M or G
    #[arg(long, default_value = "500M", value_name = "SIZE", value_parser = size)]
    pub size: u64,

    /// Make only these
    #[arg(long, value_enum, value_name = "KIND")]
    pub kind: Vec<Kind>,

    /// Make them in this folder, and leave them there
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// What fills a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Ticks with stacks, none of them late
    Samples,
    /// Ticks that end an interrupt gap each, without stacks
    Gaps,
    /// The same with a task and a stack of 300 functions each, none twice
    Stacks,
    /// Softirq delays
    Delays,
    /// Slow system calls, each of a file of its own
    Calls,
}

/// Bytes, as `500M`.
fn size(text: &str) -> Result<u64> {
    let digits = text.trim_end_matches(['K', 'M', 'G']);
    let unit = match &text[digits.len()..] {
        "" => 1,
        "K" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        _ => bail!("a number, and K, M or G behind it"),
    };
    digits.parse::<u64>()?.checked_mul(unit).context("too large")
}

/// Makes them one after the other, and reads each.
pub fn run(args: &Args) -> Result<Vec<Table>> {
    let subjects = args.common.subjects()?;
    let kinds = if args.kind.is_empty() { Kind::value_variants() } else { &args.kind };
    let own = WorkDir::new()?;
    let dir = args.keep.as_deref().unwrap_or(own.path());
    let mut times = Table::new("stallprof report of made-up recordings, s", Comparison::Ratio, 1);
    let mut peaks = Table::new("the most memory, MB", Comparison::Ratio, 0);
    for kind in kinds {
        let name = format!("{kind:?}").to_lowercase();
        let path = dir.join(format!("{name}.stall"));
        eprintln!("making {}", path.display());
        let rows = make(&path, *kind, args.size)?;
        let megabytes = std::fs::metadata(&path)?.len() as f64 / 1e6;
        times.notes.push(format!("{name}: {rows} rows, {megabytes:.0} MB"));
        for subject in &subjects {
            for page in [false, true] {
                let (mut took, mut most) = (Vec::new(), Vec::new());
                for _ in 0..args.common.rounds {
                    let (seconds, memory) = read(subject, &path, page)?;
                    took.push(seconds);
                    most.push(memory);
                }
                let what = if page { "text and page" } else { "text" };
                let row = format!("{}: {name}, {what}", subject.name);
                times.row(row.clone(), took, None, None);
                peaks.row(row, most, None, Some(Budget::Value(MEMORY)));
            }
        }
        if args.keep.is_none() {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(vec![times, peaks])
}

/// Seconds, and MB at most, that a report takes.
fn read(subject: &Subject, path: &Path, page: bool) -> Result<(f64, f64)> {
    let mut command = Command::new(&subject.path);
    command.arg("report").arg(path).stdin(Stdio::null()).stdout(Stdio::null()).process_group(0);
    if page {
        command.arg("--force").arg("--output").arg(path.with_extension("html"));
    }
    let began = now_ns();
    let child =
        command.spawn().with_context(|| format!("cannot run {}", subject.path.display()))?;
    // SAFETY: zeroes are a valid rusage; our own child, waited for here alone.
    let (waited, status, usage) = unsafe {
        let (mut status, mut usage) = (0, std::mem::zeroed::<libc::rusage>());
        let pid = child.id() as libc::pid_t;
        (libc::wait4(pid, &mut status, 0, &mut usage), status, usage)
    };
    ensure!(waited > 0 && status == 0, "stallprof report {}: status {status}", path.display());
    Ok(((now_ns() - began) as f64 / 1e9, usage.ru_maxrss as f64 * 1024.0 / 1e6))
}

/// Makes a recording of about so many bytes; returns how many rows it has.
fn make(path: &Path, kind: Kind, bytes: u64) -> Result<u64> {
    let meta = Meta {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: "made-up".to_owned(),
        kernel: "6.18.0".to_owned(),
        arch: "x86_64".to_owned(),
        cpus: (0..CPUS as u32).collect(),
        start: Ktime(1_000_000_000_000),
        sample_period: Nanos(PERIOD),
        stall_threshold: Nanos(5 * PERIOD),
        gap_threshold: Nanos(5 * PERIOD),
        syscall_min: Nanos(PERIOD),
        ..Meta::default()
    };
    let file = File::create(path).with_context(|| format!("cannot make {}", path.display()))?;
    let mut w = Writer::to_file(file, &meta)?;
    let mut chance = Chance(kind as u64);
    let mut times = [meta.start.0; CPUS as usize];
    let mut rows = 0;
    while w.written() < bytes {
        for _ in 0..BLOCK {
            let cpu = rows % CPUS;
            let late = 5 * PERIOD + chance.below(50 * PERIOD);
            let time = &mut times[cpu as usize];
            *time += 2 * PERIOD + if kind == Kind::Samples { 0 } else { late };
            let event =
                row(&mut w, kind, (Ktime(*time), Cpu(cpu as u32)), Nanos(late), &mut chance);
            w.event(event);
            rows += 1;
        }
        w.flush()?;
        w.forget_stacks();
    }
    w.finish(Ktime(times.into_iter().max().unwrap_or_default()))?;
    Ok(rows)
}

fn row(
    w: &mut Writer<File>,
    kind: Kind,
    (time, cpu): (Ktime, Cpu),
    late: Nanos,
    chance: &mut Chance,
) -> Event {
    let sample = Sample { time, cpu, ..Sample::default() };
    match kind {
        Kind::Samples => {
            let (task, kernel_stack) = (task(w, chance), stack(w, chance, 20));
            Event::Sample(Sample { task, kernel_stack, ..sample })
        }
        Kind::Gaps => Event::Sample(Sample { gap: late, ..sample }),
        Kind::Stacks => {
            let (task, kernel_stack) = (task(w, chance), stack(w, chance, DEPTH));
            Event::Sample(Sample { task, kernel_stack, gap: late, ..sample })
        }
        Kind::Delays => {
            let vector = Vector::NET_RX;
            Event::SoftirqDelay(SoftirqDelay {
                time,
                cpu,
                vector,
                delay: late,
                ..Default::default()
            })
        }
        Kind::Calls => {
            let name = format!("/sys/fs/cgroup/memory/{:016x}/memory.stat", chance.next());
            let syscall = SyscallId { nr_plus_1: 1, args: [3, 0, 4096], file: w.string(&name) };
            let task = task(w, chance);
            let (duration, on_cpu) = (late, late);
            let call =
                SyscallSlow { time, cpu, task, syscall, duration, on_cpu, ..Default::default() };
            Event::SyscallSlow(call)
        }
    }
}

/// One of a thousand.
fn task(w: &mut Writer<File>, chance: &mut Chance) -> TaskId {
    let number = 100 + chance.below(1_000) as u32;
    let comm = w.string(&format!("worker{number}"));
    w.task(Task { tid: Tid(number), tgid: Tgid(number), comm, ..Task::default() })
}

/// A stack that landed where interrupts came back.
fn stack(w: &mut Writer<File>, chance: &mut Chance, depth: u64) -> StackId {
    let mut frame = |name: &str| {
        let function = w.string(name);
        w.frame(Frame { function, kernel: true, ..Frame::default() })
    };
    let mut frames = vec![frame("_raw_spin_unlock_irqrestore")];
    frames.extend((1..depth).map(|_| frame(&format!("function_{}", chance.below(FUNCTIONS)))));
    w.stack(&frames)
}

/// The same numbers each time: splitmix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let n = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ n >> 31
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

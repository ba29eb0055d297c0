//! The ground truth: JSON lines, a header, one line a stall, an end.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// Version of the format.
pub(crate) const VERSION: u32 = 1;
/// The clock of every time in it.
pub(crate) const CLOCK: &str = "CLOCK_MONOTONIC";

/// What all stalls of a run have in common.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Header {
    /// The kind of stall, as on the command line.
    pub kind: String,
    /// The CPU that was held.
    pub cpu: u32,
    /// The process to blame; none where no task is to blame.
    pub tgid: Option<u32>,
    /// The thread to blame.
    pub tid: Option<u32>,
    /// The thread's comm.
    pub comm: Option<String>,
    /// The length asked for; the stalls themselves say what they took.
    pub length_ns: u64,
    /// Stalls asked for.
    pub count: u32,
    /// The file the system call is about.
    pub file: Option<String>,
    /// The system call inside which the CPU is held.
    pub syscall: Option<String>,
    /// The softirq vector inside which the CPU is held.
    pub vector: Option<String>,
    /// Dying memory cgroups under the one that is read.
    pub dying: Option<u64>,
}

/// A stretch of time on the held CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First moment of the stall.
    pub start_ns: u64,
    /// First moment after it.
    pub end_ns: u64,
    /// Longest time in it in which somebody else had the CPU, where that is known.
    pub paused_ns: u64,
}

impl Span {
    /// How long it was.
    pub fn duration_ns(self) -> u64 {
        self.end_ns.saturating_sub(self.start_ns)
    }
}

/// One stall with what it did to others.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stall {
    /// Number of the stall in this run.
    pub n: u32,
    /// As in the header.
    pub kind: String,
    /// As in the header.
    pub cpu: u32,
    /// As in the header.
    pub tgid: Option<u32>,
    /// As in the header.
    pub tid: Option<u32>,
    /// First moment of the stall.
    pub start_ns: u64,
    /// How long it was.
    pub duration_ns: u64,
    /// Longest time in it in which somebody else had the CPU: an interrupt, or the hypervisor.
    /// 0 for memcg, which cannot know.
    #[serde(default)]
    pub paused_ns: u64,
    /// Longest wait of a packet under way during the stall.
    pub victim_wait_ns: u64,
    /// Packets that waited for more than a quarter of the stall.
    pub victims: u32,
    /// When ksoftirqd of this CPU was woken, in the stall or before it, to wait
    /// through it.
    pub ksoftirqd_woken_ns: Option<u64>,
    /// When it then got the CPU.
    pub ksoftirqd_in_ns: Option<u64>,
}

impl Stall {
    /// First moment after it.
    pub fn end_ns(&self) -> u64 {
        self.start_ns + self.duration_ns
    }

    /// When ksoftirqd was woken and when it got the CPU, if both happened.
    pub fn ksoftirqd_wait(&self) -> Option<(u64, u64)> {
        self.ksoftirqd_woken_ns.zip(self.ksoftirqd_in_ns)
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Header {
        version: u32,
        #[serde(flatten)]
        header: &'a Header,
        clock: &'static str,
    },
    Stall(&'a Stall),
    End {
        stalls: usize,
        complete: bool,
    },
}

/// Writes the truth to `path` in one piece, or to standard output for `-`.
pub fn write(path: &Path, header: &Header, stalls: &[Stall], complete: bool) -> Result<()> {
    if path == Path::new("-") {
        return write_lines(io::stdout().lock(), header, stalls, complete)
            .context("cannot write the truth to standard output");
    }
    // A device such as /dev/null is written to, never replaced by a file.
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return File::options()
            .write(true)
            .open(path)
            .and_then(|device| write_lines(device, header, stalls, complete))
            .with_context(|| format!("cannot write the truth to {}", path.display()));
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let write_file = || {
        write_lines(File::create(&temporary)?, header, stalls, complete)?;
        fs::rename(&temporary, path)
    };
    write_file().with_context(|| format!("cannot write the truth to {}", path.display()))
}

fn write_lines(
    to: impl Write,
    header: &Header,
    stalls: &[Stall],
    complete: bool,
) -> io::Result<()> {
    let mut to = BufWriter::new(to);
    let mut line = |line: Line<'_>| {
        serde_json::to_writer(&mut to, &line)?;
        to.write_all(b"\n")
    };
    line(Line::Header { version: VERSION, header, clock: CLOCK })?;
    for stall in stalls {
        line(Line::Stall(stall))?;
    }
    line(Line::End { stalls: stalls.len(), complete })?;
    to.flush()
}

//! What makes an incident and is no lateness of a CPU: a count or a share past its limit.
//!
//! Each is told once; within its cool-down the same of the same one is only counted. Names are
//! looked up when the probes' thread takes its turn: events have numbers.

mod pressures;
mod windows;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io::Write;
use std::time::{Duration, Instant};

use super::config::Triggers;
use crate::host::HostRoot;
use crate::model::{CtReading, Event, FileReads, Filesystem, StrId, SyscallSlow, TaskId, syscalls};
use crate::render::escape;
use crate::session::Namer;
use crate::units::{Cpu, Ktime, Nanos};
use pressures::Pressures;
use windows::{Growth, Sum};

/// Conditions that wait for their incident, and those noticed in one turn.
const WAITING: usize = 16;
const NOTICED: usize = 64;
/// Causes that are remembered for their cool-down.
const REMEMBERED: usize = 1000;
/// One that goes on is counted as repeated this often at most.
const COUNTED: Duration = Duration::from_secs(30);
/// Characters of a culprit, and of the words; names in them are whatever somebody chose.
const MOST: (usize, usize) = (100, 300);
/// Over which time lost packets are summed, and growth is looked at.
const WINDOW: Nanos = Nanos(60_000_000_000);

/// Something past its limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Its name, as in `docs/daemon.md`.
    pub cause: &'static str,
    /// Of what or whom; empty for the host as a whole.
    pub culprit: String,
    /// What was measured.
    pub value: u64,
    /// From where on it makes an incident.
    pub limit: u64,
    /// Unit of both.
    pub unit: &'static str,
    /// The same in words.
    pub told: String,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told)
    }
}

/// What an event showed, before its names are looked up.
enum Notice {
    /// Packets lost in a network namespace within [`WINDOW`].
    Failed(CtReading, u64),
    /// A slow read: who, which file, how long.
    Read(TaskId, StrId, Nanos),
    /// So many reads, whose mean is that long.
    Reads(FileReads),
}

/// When a condition was told, and when it was last counted.
struct Told {
    at: Instant,
    counted: Instant,
}

/// All that is watched for.
pub struct Conditions {
    triggers: Triggers,
    pressures: Pressures,
    failed: HashMap<u64, Sum>,
    dying: Growth,
    reading: Option<CtReading>,
    calls: HashMap<Cpu, SyscallSlow>,
    notices: Vec<Notice>,
    found: Vec<Condition>,
    told: HashMap<(&'static str, String), Told>,
    waiting: VecDeque<Condition>,
    /// The number of "insert_failed" among the strings of the recording in the making.
    insert_failed: StrId,
}

impl Conditions {
    /// Watches for what the configuration wants.
    #[must_use]
    pub fn new(triggers: &Triggers, root: &HostRoot) -> Conditions {
        Conditions {
            triggers: triggers.clone(),
            pressures: Pressures::open(triggers, root),
            failed: HashMap::new(),
            dying: Growth::new(WINDOW),
            reading: None,
            calls: HashMap::new(),
            notices: Vec::new(),
            found: Vec::new(),
            told: HashMap::new(),
            waiting: VecDeque::new(),
            insert_failed: StrId::NONE,
        }
    }

    /// Other limits from now on; what was told stays told.
    pub fn set(&mut self, triggers: &Triggers, root: &HostRoot) {
        if *triggers != self.triggers {
            self.triggers = triggers.clone();
            self.pressures = Pressures::open(triggers, root);
        }
    }

    /// Looks at an event.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::CtReading(reading) => self.reading = Some(*reading),
            Event::CtGrown(grown) if grown.counter == self.insert_failed => {
                self.failed(grown.time, grown.netns, grown.count);
            }
            Event::SyscallSlow(call) if self.reads_past(call.duration) => {
                self.calls.insert(call.cpu, *call);
            }
            // It follows the call that it tells more of.
            Event::FileCall(more) if is_cgroup(more.filesystem) => {
                if let Some(call) = self.calls.remove(&more.cpu).filter(|c| c.time == more.time) {
                    self.read(&call);
                }
            }
            Event::FileReads(reads)
                if is_cgroup(reads.filesystem) && self.reads_past(mean(reads)) =>
            {
                self.notice(Notice::Reads(*reads));
            }
            Event::DyingMemcgs(dying) => self.dying(dying.time, dying.count),
            _ => {}
        }
    }

    fn failed(&mut self, time: Ktime, netns: u64, count: u64) {
        let limit = self.triggers.insert_failed;
        let Some(reading) = self.reading.filter(|r| r.netns == netns && r.time == time) else {
            return;
        };
        self.failed.retain(|_, sum| sum.lasts(time));
        let sum = self.failed.entry(netns).or_insert_with(|| Sum::new(WINDOW));
        let sum = sum.add(time, count);
        if limit > 0 && sum >= limit {
            self.notice(Notice::Failed(reading, sum));
        }
    }

    fn reads_past(&self, length: Nanos) -> bool {
        let limit = self.triggers.slow_cgroup_read.0;
        limit.0 > 0 && length >= limit
    }

    fn read(&mut self, call: &SyscallSlow) {
        let nr = call.syscall.nr_plus_1.saturating_sub(1);
        if syscalls::reads(std::env::consts::ARCH, nr) {
            self.notice(Notice::Read(call.task, call.syscall.file, call.duration));
        }
    }

    fn dying(&mut self, time: Ktime, count: u64) {
        let Triggers { dying_memcgs: limit, dying_memcgs_growth: most, .. } = self.triggers;
        if limit > 0 && count >= limit {
            let told = format!("{count} dying memory cgroups, limit {limit}");
            self.find("dying_memcgs", (count, limit, "cgroups"), told);
        }
        let grown = self.dying.add(time, count);
        if most > 0 && grown >= most {
            let told = format!(
                "{grown} dying memory cgroups more within a minute, {count} now, limit {most}"
            );
            self.find("dying_memcgs_growth", (grown, most, "cgroups"), told);
        }
    }

    fn find(&mut self, cause: &'static str, value: (u64, u64, &'static str), told: String) {
        if self.found.len() < NOTICED {
            self.found.push(condition(cause, String::new(), value, told));
        }
    }

    fn notice(&mut self, notice: Notice) {
        if self.notices.len() < NOTICED {
            self.notices.push(notice);
        }
    }

    /// Looks at what no event tells and no kernel watches for, once in some seconds.
    pub fn look(&mut self) {
        self.found.extend(self.pressures.look());
    }

    /// Takes in what was noticed since the last turn; gives how many were told before.
    pub fn turn<W: Write>(&mut self, out: &mut Namer<W>) -> usize {
        self.insert_failed = match self.triggers.insert_failed {
            0 => StrId::NONE,
            _ => out.writer.string("insert_failed"),
        };
        for notice in std::mem::take(&mut self.notices) {
            self.found.push(self.named(notice, out));
        }
        self.found.extend(self.pressures.past());
        let found = std::mem::take(&mut self.found);
        found.into_iter().filter(|condition| !self.admit(condition)).count()
    }

    /// The next one to make an incident of.
    pub fn next(&mut self) -> Option<Condition> {
        self.waiting.pop_front()
    }

    /// One whose incident something else took comes again first.
    pub fn again(&mut self, condition: Condition) {
        self.waiting.push_front(condition);
    }

    /// Lets one wait for its incident; no if it was told within its cool-down and counts again.
    fn admit(&mut self, condition: &Condition) -> bool {
        let cooldown = Duration::from_nanos(self.triggers.cooldown.0.0);
        self.told.retain(|_, told| told.at.elapsed() < cooldown);
        let (key, now) = ((condition.cause, condition.culprit.clone()), Instant::now());
        if let Some(told) = self.told.get_mut(&key) {
            let again = told.counted.elapsed() >= COUNTED;
            told.counted = if again { now } else { told.counted };
            return !again;
        }
        // What finds no room now is noticed again if it goes on.
        if self.waiting.len() < WAITING && self.told.len() < REMEMBERED {
            self.told.insert(key, Told { at: now, counted: now });
            self.waiting.push_back(condition.clone());
        }
        true
    }

    fn named<W: Write>(&self, notice: Notice, out: &Namer<W>) -> Condition {
        let text = |id: StrId| out.writer.text(id).unwrap_or_default().to_owned();
        let reader = |id: TaskId| {
            let task = out.writer.known_task(id).unwrap_or_default();
            let process = text(task.process);
            if process.is_empty() { text(task.comm) } else { process }
        };
        let slow = self.triggers.slow_cgroup_read.0;
        match notice {
            Notice::Failed(reading, count) => {
                let (limit, name) = (self.triggers.insert_failed, text(reading.name));
                let names = [name, text(reading.cgroup), format!("net:[{}]", reading.netns)];
                let culprit = names.into_iter().find(|n| !n.is_empty()).unwrap_or_default();
                let told = format!(
                    "{count} packets lost within a minute to insert_failed in network namespace \
                     {culprit}, limit {limit}"
                );
                condition("insert_failed", culprit, (count, limit, "packets"), told)
            }
            Notice::Read(task, file, length) => {
                let (file, reader) = (text(file), reader(task));
                let told = format!("read of {file} by {reader} took {length}, limit {slow}");
                let culprit = who_reads(&reader, &file);
                condition("slow_cgroup_read", culprit, (length.0, slow.0, "ns"), told)
            }
            Notice::Reads(reads) => {
                let (file, reader) = (text(reads.file), reader(reads.task));
                let mean = mean(&reads);
                let told = format!(
                    "{} reads of {file} by {reader} took {mean} in the mean, limit {slow}",
                    reads.reads
                );
                let culprit = who_reads(&reader, &file);
                condition("slow_cgroup_read", culprit, (mean.0, slow.0, "ns"), told)
            }
        }
    }
}

/// Reader and name of the file: whichever cgroup it is of, the reader is one.
fn who_reads(reader: &str, file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or_default();
    format!("{reader} {name}")
}

/// The longest of them took this long at least.
fn mean(reads: &FileReads) -> Nanos {
    Nanos(reads.total.0 / reads.reads.max(1))
}

fn condition(
    cause: &'static str,
    culprit: String,
    (value, limit, unit): (u64, u64, &'static str),
    told: String,
) -> Condition {
    let culprit = escape::bounded(&culprit, MOST.0).into_owned();
    let told = escape::bounded(&told, MOST.1).into_owned();
    Condition { cause, culprit, value, limit, unit, told }
}

fn is_cgroup(filesystem: Filesystem) -> bool {
    matches!(filesystem, Filesystem::CgroupV1 | Filesystem::CgroupV2)
}

//! Takes the counts of file reads out of the kernel's table.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use libbpf_rs::{MapCore, MapFlags, MapHandle};

use super::rstat::filesystem;
use super::wire::types::{sp_filesystem, sp_place, sp_reader, sp_reads};
use super::wire::{read, text, wire};
use super::{Method, Names, Shared, memcg, sp_task};
use crate::host::HostRoot;
use crate::model::{Event, FileReads, Filesystem, ProbeStatus, TaskId};
use crate::units::{Cpu, Ktime, Nanos};

wire!(sp_reader, sp_reads);

/// The table is read so often that it takes a thousandth of the time at most, between these.
const PERIOD: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What has been read of the table so far.
pub struct ReadCounts {
    due: Instant,
    rows: HashMap<Vec<u8>, Row>,
    root: HostRoot,
    /// Processes can be told from those that are gone.
    sees_all: bool,
    /// Shorter reads of cgroup files are not counted.
    at_least: Nanos,
}

/// A reader and a file, by name: a daemon's recordings follow each other, and number anew.
struct Row {
    who: Option<sp_task>,
    filesystem: Filesystem,
    file: String,
    last: Vec<sp_reads>,
}

impl ReadCounts {
    /// Begins; makes the rows for those who will find no room.
    pub fn new(shared: &Shared, probes: &[ProbeStatus], root: HostRoot) -> ReadCounts {
        for number in 1..=sp_filesystem::SP_FS_PROC.0 {
            let mut key = [0; size_of::<sp_reader>()];
            let at = std::mem::offset_of!(sp_reader, filesystem);
            key[at..at + 2].copy_from_slice(&(number as u16).to_ne_bytes());
            let none = vec![vec![0; size_of::<sp_reads>()]; shared.possible()];
            // Without it they are not counted; the table is new and has room.
            let _ = shared.reads.update_percpu(&key, &none, MapFlags::NO_EXIST);
        }
        let sees_all = root.has_kernel_tids();
        let at_least = if by_call(probes) { memcg::COUNTED } else { Nanos(0) };
        ReadCounts { due: Instant::now(), rows: HashMap::new(), root, sees_all, at_least }
    }

    /// Hands over what has grown since the last time, if it is time to look or the `last` time.
    pub fn read(
        &mut self,
        shared: &Shared,
        names: &mut dyn Names,
        (now, last): (Ktime, bool),
        push: &mut dyn FnMut(Event),
    ) {
        let began = Instant::now();
        if began < self.due && !last {
            return;
        }
        let keys: Vec<Vec<u8>> = shared.reads.keys().collect();
        for key in keys {
            let Some(reader) = read::<sp_reader>(&key) else { continue };
            // Asked before the counts are read: one that is gone adds nothing to them.
            let gone = self.sees_all
                && reader.tgid != 0
                && !self.root.has(format!("proc/{}", reader.tgid));
            let Ok(Some(counts)) = shared.reads.lookup_percpu(&key, MapFlags::ANY) else {
                continue;
            };
            if counts.iter().all(|cpu| cpu.iter().all(|byte| *byte == 0)) {
                continue;
            }
            let row = self
                .rows
                .entry(key.clone())
                .or_insert_with(|| Row::new(&reader, &key, &shared.readers));
            let at_least = match row.filesystem {
                Filesystem::Proc => memcg::COUNTED,
                _ => self.at_least,
            };
            for (cpu, more) in row.grown(&counts) {
                push(Event::FileReads(FileReads {
                    time: now,
                    cpu,
                    task: row.who.as_ref().map_or(TaskId::NONE, |who| names.task(who)),
                    filesystem: row.filesystem,
                    file: names.string(&row.file),
                    reads: more.reads,
                    total: Nanos(more.total),
                    on_cpu: Nanos(more.on_cpu),
                    slept: more.slept,
                    bytes: more.bytes,
                    at_least,
                }));
            }
            if gone {
                // Room for others.
                let _ = shared.reads.delete(&key);
                let _ = shared.readers.delete(&key);
                self.rows.remove(&key);
            }
        }
        self.due = began + (began.elapsed() * 1000).clamp(PERIOD.0, PERIOD.1);
    }
}

/// Whether it is the syscall probe that counts reads of cgroup files.
pub fn by_call(probes: &[ProbeStatus]) -> bool {
    let by = |p: &ProbeStatus| p.method.as_deref() == Some(Method::Syscall.name());
    probes.iter().any(|p| p.name == "memcg" && by(p))
}

impl Row {
    fn new(reader: &sp_reader, key: &[u8], readers: &MapHandle) -> Row {
        let who = readers.lookup(key, MapFlags::ANY).ok().flatten();
        let who = who.and_then(|bytes| read::<sp_task>(&bytes));
        let filesystem = filesystem(u32::from(reader.filesystem));
        let name = text(&reader.file);
        let file = match (filesystem, sp_place(u32::from(reader.place))) {
            _ if name.is_empty() => String::new(),
            (Filesystem::Proc, sp_place::SP_PLACE_TOP) => format!("/proc/{name}"),
            (Filesystem::Proc, sp_place::SP_PLACE_PID) => format!("/proc/*/{name}"),
            (Filesystem::Proc, _) => format!("/proc/.../{name}"),
            _ => name,
        };
        Row { who, filesystem, file, last: Vec::new() }
    }

    /// What has been added on each CPU where there were reads since the last time.
    fn grown(&mut self, counts: &[Vec<u8>]) -> Vec<(Cpu, sp_reads)> {
        self.last.resize(counts.len(), sp_reads::default());
        let cpus = counts.iter().zip(&mut self.last).enumerate();
        let grown = cpus.filter_map(|(cpu, (bytes, last))| {
            let sums = read::<sp_reads>(bytes)?;
            if sums.reads == last.reads {
                return None;
            }
            let before = std::mem::replace(last, sums);
            let more = sp_reads {
                reads: sums.reads.wrapping_sub(before.reads),
                total: sums.total.wrapping_sub(before.total),
                on_cpu: sums.on_cpu.wrapping_sub(before.on_cpu),
                slept: sums.slept.wrapping_sub(before.slept),
                bytes: sums.bytes.wrapping_sub(before.bytes),
            };
            Some((Cpu(cpu as u32), more))
        });
        grown.collect()
    }
}

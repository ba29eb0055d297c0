//! All reads of files on cgroupfs and procfs, as the kernel side counted them.

use std::collections::BTreeMap;

use super::index::Index;
use super::{blame, files, paths};
use crate::model::findings::FileReadGroup;
use crate::model::{FileReads, StrId, TaskId};
use crate::units::Nanos;

/// By process and file, longest total first.
pub fn groups(index: &Index<'_>) -> Vec<FileReadGroup> {
    let r = index.recording;
    let mut by: BTreeMap<(TaskId, &str, StrId), Vec<&FileReads>> = BTreeMap::new();
    for reads in &r.file_reads {
        let key = (index.thread(reads.task), paths::word(reads.filesystem), reads.file);
        by.entry(key).or_default().push(reads);
    }
    // They are counted until the probes are taken off, which is after the end.
    let counted = r.file_reads.iter().map(|reads| reads.time).max().unwrap_or_default();
    let window = counted.max(r.last_time()).since(r.meta.start);
    let mut groups: Vec<FileReadGroup> = by
        .into_iter()
        .map(|((task, filesystem, file), rows)| {
            let sum = |of: fn(&FileReads) -> u64| {
                rows.iter().fold(0u64, |sum, row| sum.saturating_add(of(row)))
            };
            let (calls, total) = (sum(|row| row.reads), sum(|row| row.total.0));
            FileReadGroup {
                task: task.is_some().then(|| {
                    // Under the name it read by, not the one it had before an exec.
                    let name = blame::most_seen(rows.iter().map(|row| row.task));
                    let mut who = blame::identity(r, name.unwrap_or(task));
                    who.file = Some(r.str(file).to_owned());
                    who
                }),
                filesystem,
                at_least: rows.iter().map(|row| row.at_least).max().unwrap_or_default(),
                calls,
                total: Nanos(total),
                on_cpu: Nanos(sum(|row| row.on_cpu.0)),
                slept: sum(|row| row.slept),
                bytes: sum(|row| row.bytes),
                per_minute: per_minute(calls, window),
                total_per_minute: Nanos(per_minute(total, window)),
                by_cpu: files::shares(rows.iter().map(|row| (row.cpu, row.reads, row.total))),
            }
        })
        .collect();
    groups.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.task.cmp(&b.task)));
    groups
}

fn per_minute(sum: u64, window: Nanos) -> u64 {
    let minute = u128::from(sum) * 60_000_000_000 / u128::from(window.0.max(1));
    u64::try_from(minute).unwrap_or(u64::MAX)
}

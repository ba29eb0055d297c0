//! From a recording to findings. Pure: the same recording gives the same findings, byte for byte.
//!
//! The way of it: `lateness` turns events into measures of how late something was; `episode`
//! joins those that overlap on a CPU into stalls; `blame` finds who did each, from what was
//! recorded *inside* it; `groups` ranks them, and `told` adds them up as a person counts.

mod advice;
mod alike;
mod blame;
mod calls;
pub mod compare;
pub mod conntrack;
mod dying;
mod episode;
mod files;
mod groups;
mod health;
mod incident;
mod index;
mod latency;
mod lateness;
mod notes;
mod open;
mod parts;
mod paths;
pub mod pings;
mod reads;
pub(crate) mod received;
mod room;
mod slow_reads;
pub(crate) mod stacks;
mod steal;
pub mod told;
mod windows;

use std::collections::BTreeMap;

use crate::model::Recording;
use crate::model::findings::{Findings, Host, LostRecords, Options, SCHEMA, Stall, Window};
use crate::units::Ktime;
pub(crate) use alike::Alike;
pub(crate) use calls::{Calls, outside_calls};
pub use dying::counts as dying_counts;
pub(crate) use groups::median;
use index::Index;
pub use latency::{Histogram, histograms};
use room::Room;
pub use slow_reads::{SlowRead, slow_reads};

/// Concludes what a recording shows.
#[must_use]
pub fn analyse(recording: &Recording) -> Findings {
    let index = Index::new(recording);
    let mut episodes = Vec::new();
    for cpu in index.cpus() {
        let mut measures = lateness::measures(&index, cpu);
        measures.extend(open::measures(&index, cpu));
        episodes.extend(episode::join(measures).into_iter().map(|episode| (cpu, episode)));
    }
    let mut room = Room::default();
    room.worst(&mut episodes);
    let judge = |(cpu, episode)| blame::stall(&index, &mut room, cpu, episode);
    let mut stalls: Vec<Stall> = episodes.into_iter().map(judge).collect();
    stalls.sort_by_key(|s: &Stall| (s.start, s.cpu));
    for (n, stall) in stalls.iter_mut().enumerate() {
        stall.id = n + 1;
    }

    let (meta, ended) = (&recording.meta, recording.last_time());
    let (slow_files, slow_file_calls) = files::slow(&index, &stalls);
    let file_reads = reads::groups(&index);
    let dying_trend = dying::trend(recording);
    let advice = advice::advice(recording, &slow_files, &file_reads, dying_trend);
    let conntrack = conntrack::conntrack(recording);
    let culprits = groups::culprits(&stalls);
    let dying = dying_trend.map(|d| d.max);
    Findings {
        schema: SCHEMA,
        recorded_by: meta.version.clone(),
        build: meta.build.clone(),
        command: meta.command.clone(),
        incident: incident::incident(recording),
        host: Host {
            name: meta.host.clone(),
            kernel: meta.kernel.clone(),
            preemption: meta.preemption.clone(),
            dying_memcgs: dying,
            no_steal_time: steal::untold(recording),
        },
        window: Window {
            start: meta.start,
            end: stalls.iter().map(|s| s.start.after(s.duration)).fold(ended, Ktime::max),
            start_realtime: meta.start_realtime,
            complete: recording.end.is_some(),
        },
        options: Options {
            stall_threshold: meta.stall_threshold,
            gap_threshold: meta.gap_threshold,
            sample_period: meta.sample_period,
            syscall_min: meta.syscall_min,
        },
        cpus: groups::cpus(&index, &stalls, told::culprits(&stalls, &culprits, dying)),
        culprits,
        latencies: latency::latencies(recording),
        slow_calls: calls::groups(&index),
        health: health::health(recording, &advice, conntrack.as_ref()),
        advice,
        slow_files,
        slow_file_calls,
        file_reads,
        dying_trend,
        received: received::received(recording, &stalls),
        conntrack,
        lost: lost(recording),
        probes: meta.probes.clone(),
        notes: open::notes(&index, &stalls)
            .into_iter()
            .chain(notes::notes(recording, &stalls))
            .chain(room.notes())
            .collect(),
        stalls,
    }
}

fn lost(recording: &Recording) -> Vec<LostRecords> {
    let mut lost: BTreeMap<&str, LostRecords> = BTreeMap::new();
    for event in &recording.lost {
        let row = lost.entry(recording.str(event.probe)).or_default();
        row.ring_full = row.ring_full.saturating_add(event.ring_full);
        row.rate_limited = row.rate_limited.saturating_add(event.rate_limited);
        row.preempted = row.preempted.saturating_add(event.preempted);
        row.unseen = row.unseen.saturating_add(event.unseen);
    }
    let named = |(probe, row): (&str, _)| LostRecords { probe: probe.to_owned(), ..row };
    lost.into_iter().map(named).collect()
}

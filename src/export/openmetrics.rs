//! Counters and histograms as OpenMetrics text (<https://github.com/OpenObservability/OpenMetrics>),
//! each point at the moment the recording ended. A series begins at zero with the recording. Names
//! and labels are those of the daemon's metrics (`docs/metrics.md`), as far as it has the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::io::{self, Write};

use crate::model::event::HistKind;
use crate::model::findings::Findings;
use crate::model::{Recording, Vector, hist};
use crate::render::{escape, label::culprit as culprit_label};
use crate::units::{Cpu, Nanos};

/// Columns of a label's value.
const LABEL: usize = 200;
/// Culprits that have series of their own, those that held CPUs longest; the others are one more.
const CULPRITS: usize = 100;

/// Writes all metrics and the end mark.
pub fn write(out: &mut dyn Write, r: &Recording, f: &Findings) -> io::Result<()> {
    let end = r.meta.start_realtime.saturating_add(r.duration().0);
    let stamp = if r.meta.start_realtime == 0 { String::new() } else { format!(" {}", secs(end)) };
    let mut page = Page { out, stamp, host: escape::bounded(&f.host.name, LABEL).into_owned() };
    page.about(r, f)?;
    page.histograms(r)?;
    page.stalls(f)?;
    page.lost(f)?;
    page.out.write_all(b"# EOF\n")
}

struct Page<'o> {
    out: &'o mut dyn Write,
    stamp: String,
    host: String,
}

impl Page<'_> {
    fn family(&mut self, name: &str, kind: &str, unit: &str, help: &str) -> io::Result<()> {
        writeln!(self.out, "# TYPE {name} {kind}")?;
        if !unit.is_empty() {
            writeln!(self.out, "# UNIT {name} {unit}")?;
        }
        writeln!(self.out, "# HELP {name} {help}")
    }

    fn point(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        value: impl Display,
    ) -> io::Result<()> {
        write!(self.out, "{name}{{host=\"{}\"", label(&self.host))?;
        for (key, text) in labels.iter().filter(|(_, text)| !text.is_empty()) {
            write!(self.out, ",{key}=\"{}\"", label(text))?;
        }
        writeln!(self.out, "}} {value}{}", self.stamp)
    }

    fn about(&mut self, r: &Recording, f: &Findings) -> io::Result<()> {
        let name = "stallprof_recording_duration_seconds";
        self.family(name, "gauge", "seconds", "How long the recording lasted.")?;
        self.point(name, &[], secs(r.duration().0))?;
        let name = "stallprof_stall_threshold_seconds";
        self.family(name, "gauge", "seconds", "What counts as a stall, from this length on.")?;
        let options = &f.options;
        self.point(name, &[("of", "softirq")], secs(options.stall_threshold.0))?;
        self.point(name, &[("of", "interrupt_gap")], secs(options.gap_threshold.0))?;
        let name = "stallprof_probe_up";
        self.family(name, "gauge", "", "1 where a measure ran, 0 where it could not.")?;
        for probe in &f.probes {
            let method = probe.method.as_deref().unwrap_or("none");
            let labels = [("probe", probe.name.as_str()), ("method", method)];
            self.point(name, &labels, u8::from(probe.method.is_some()))?;
        }
        if let Some(count) = f.host.dying_memcgs {
            let name = "stallprof_dying_memory_cgroups";
            self.family(name, "gauge", "", "Dying memory cgroups, the most that were counted.")?;
            self.point(name, &[], count)?;
        }
        Ok(())
    }

    /// Buckets at the powers of two, where the recorded ones have their ends too, so that each
    /// count is exact. Sums are not recorded, so there is neither a sum nor a count beside them.
    fn histograms(&mut self, r: &Recording) -> io::Result<()> {
        let mut rows: BTreeMap<(HistKind, Cpu, Vector), BTreeMap<u32, u64>> = BTreeMap::new();
        for h in &r.hists {
            let vector = if h.kind == HistKind::KsoftirqdWait { Vector(0) } else { h.vector };
            let row = rows.entry((h.kind, h.cpu, vector)).or_default();
            let count = row.entry(h.bucket).or_default();
            *count = count.saturating_add(h.count);
        }
        let mut family = None;
        for ((kind, cpu, vector), buckets) in rows {
            let (name, help) = match kind {
                HistKind::SoftirqDelay => {
                    ("stallprof_softirq_delay_seconds", "Raise of a softirq to its entry.")
                }
                HistKind::SoftirqRun => {
                    ("stallprof_softirq_run_seconds", "Entry of a softirq to its exit.")
                }
                HistKind::KsoftirqdWait => (
                    "stallprof_ksoftirqd_wait_seconds",
                    "Wake of ksoftirqd until the CPU switched to it.",
                ),
            };
            if family.replace(kind) != Some(kind) {
                self.family(name, "histogram", "seconds", help)?;
            }
            let cpu = cpu.to_string();
            let vector = if kind == HistKind::KsoftirqdWait { "" } else { vector.name() };
            let labels = [("cpu", cpu.as_str()), ("vector", vector)];
            self.buckets(&format!("{name}_bucket"), &labels, &buckets)?;
        }
        Ok(())
    }

    fn buckets(
        &mut self,
        name: &str,
        labels: &[(&str, &str); 2],
        buckets: &BTreeMap<u32, u64>,
    ) -> io::Result<()> {
        let last = (hist::BUCKETS - 1) as u32;
        let total = buckets.values().fold(0u64, |a, b| a.saturating_add(*b));
        let mut below = 0u64;
        let mut counts = buckets.iter().peekable();
        for edge in (1 << hist::SUB_BITS..=last).step_by(1 << hist::SUB_BITS) {
            while let Some((_, n)) = counts.next_if(|(bucket, _)| **bucket < edge) {
                below = below.saturating_add(*n);
            }
            // A bucket holds what is below its upper end, a "le" what is up to it.
            let le = secs(hist::lower(edge as usize).0 - 1);
            self.point(name, &[labels[0], labels[1], ("le", &le)], below)?;
        }
        self.point(name, &[labels[0], labels[1], ("le", "+Inf")], total)
    }

    fn stalls(&mut self, f: &Findings) -> io::Result<()> {
        let mut rows: BTreeMap<(Cpu, &str, String), (u64, Nanos)> = BTreeMap::new();
        let mut known = BTreeSet::new();
        for group in f.culprits.iter().filter(|group| !group.served_meanwhile) {
            let mut who = culprit_label(&group.culprit);
            if !known.contains(&who) && known.len() >= CULPRITS {
                "other".clone_into(&mut who);
            }
            known.insert(who.clone());
            for stall in group.stalls.iter().filter_map(|id| f.stalls.get(id.checked_sub(1)?)) {
                let row = rows.entry((stall.cpu, group.cause.name(), who.clone())).or_default();
                *row = (row.0 + 1, row.1 + stall.duration);
            }
        }
        let name = "stallprof_stalls";
        self.family(name, "counter", "", "Stalls by CPU, cause and culprit.")?;
        for ((cpu, cause, who), (count, _)) in &rows {
            let cpu = cpu.to_string();
            let labels = [("cpu", cpu.as_str()), ("cause", cause), ("culprit", who)];
            self.point("stallprof_stalls_total", &labels, count)?;
        }
        let name = "stallprof_stall_seconds";
        self.family(name, "counter", "seconds", "Sum of the lengths of these stalls.")?;
        for ((cpu, cause, who), (_, total)) in &rows {
            let cpu = cpu.to_string();
            let labels = [("cpu", cpu.as_str()), ("cause", cause), ("culprit", who)];
            self.point("stallprof_stall_seconds_total", &labels, secs(total.0))?;
        }
        let name = "stallprof_harmless_stalls";
        let help = "Stalls, not among these, in which nobody waited but ksoftirqd.";
        self.family(name, "counter", "", help)?;
        for cpu in f.cpus.iter().filter(|cpu| cpu.served_meanwhile > 0) {
            let labels = [("cpu", &*cpu.cpu.to_string())];
            self.point("stallprof_harmless_stalls_total", &labels, cpu.served_meanwhile)?;
        }
        Ok(())
    }

    fn lost(&mut self, f: &Findings) -> io::Result<()> {
        let name = "stallprof_lost_records";
        self.family(name, "counter", "", "Records that did not arrive, by probe and reason.")?;
        for lost in &f.lost {
            for (reason, n) in [
                ("ring_full", lost.ring_full),
                ("rate_limited", lost.rate_limited),
                ("preempted", lost.preempted),
                ("unseen", lost.unseen),
            ] {
                let labels = [("probe", lost.probe.as_str()), ("reason", reason)];
                self.point("stallprof_lost_records_total", &labels, n)?;
            }
        }
        Ok(())
    }
}

/// Nanoseconds as seconds, exactly.
fn secs(nanos: u64) -> String {
    let (whole, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let text = format!("{whole}.{rest:09}");
    let short = text.trim_end_matches('0');
    if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
}

/// A label's value: a name cannot end it.
fn label(text: &str) -> String {
    let shown = escape::bounded(text, LABEL);
    shown.replace('\\', "\\\\").replace('"', "\\\"")
}

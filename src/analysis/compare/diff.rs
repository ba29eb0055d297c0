//! Before and after: did it help?
//!
//! Compared is what both recordings could see alike: stalls of kinds that both measured, past the
//! higher of the two thresholds, on the CPUs that both recorded; but not those that harmed nobody
//! (`Stall::served_meanwhile`). Rates are compared by the exact
//! test of two Poisson counts, thinned by how much the stalls come in bursts; with several culprits
//! each chance counts as many times as there are culprits (Bonferroni).

use std::collections::{BTreeMap, BTreeSet};

use super::kin;
use super::merged::Merged;
use super::stats::{dispersion, rates_differ_by_chance};
use crate::model::Recording;
use crate::model::difference::*;
use crate::model::findings::{Findings, Stall, StallKind};
use crate::units::{Cpu, Ktime, Nanos};

/// Below this chance a difference is said to be one.
const UNLIKELY: f64 = 0.01;
/// Parts of a recording's time in which stalls are counted, to see bursts.
const PARTS: usize = 30;
/// Shares whose percentiles are compared.
const SHARES: [f64; 3] = [0.5, 0.99, 0.999];

/// Probes that measure stalls, and the kinds they do, the one that sees most of a kind first. The
/// others tell more of them.
const MEASURES: [(&str, StallKind); 5] = [
    ("softirq", StallKind::SoftirqDelay),
    ("softirq", StallKind::SoftirqRun),
    ("ksoftirqd", StallKind::Handoff),
    ("sampler", StallKind::InterruptGap),
    ("hardirq", StallKind::InterruptGap),
];

/// Compares two recordings with what was found in them.
#[must_use]
pub fn diff(before: (&Recording, &Findings), after: (&Recording, &Findings)) -> Difference {
    let rules = Rules::new(before.1, after.1);
    let sides = [rules.view(before.1), rules.view(after.1)];
    let all = [0, 1].map(|n| sides[n].stalls.iter().collect::<Vec<_>>());
    let mut by_kin: BTreeMap<Kin, [Vec<&(&Stall, Nanos)>; 2]> = BTreeMap::new();
    for (n, side) in sides.iter().enumerate() {
        for stall in &side.stalls {
            by_kin.entry(kin(&stall.0.culprit, stall.0.cause)).or_default()[n].push(stall);
        }
    }
    let comparisons = by_kin.len();
    let worst = |stalls: &[&(&Stall, Nanos)]| stalls.iter().map(|s| s.1).max().unwrap_or_default();
    let mut culprits: Vec<CulpritChange> = by_kin
        .into_iter()
        .map(|(who, stalls)| CulpritChange {
            who,
            stalls: change(&rules, &sides, [&stalls[0], &stalls[1]], comparisons),
            worst_before: worst(&stalls[0]),
            worst_after: worst(&stalls[1]),
        })
        .collect();
    culprits.sort_by_key(|c| {
        let shown = !matches!(c.stalls.verdict, Verdict::NotShown | Verdict::Lost);
        (!shown, std::cmp::Reverse(c.stalls.before.max(c.stalls.after)))
    });
    Difference {
        schema: SCHEMA,
        before: rules.side(before, &sides[0]),
        after: rules.side(after, &sides[1]),
        cpus: rules.cpus.iter().copied().collect(),
        stall_threshold: rules.stall_threshold,
        gap_threshold: rules.gap_threshold,
        stalls: change(&rules, &sides, [&all[0], &all[1]], 1),
        culprits,
        latencies: latencies(&rules, before.0, after.0),
        caveats: rules.caveats(before, after),
    }
}

/// What is compared.
struct Rules {
    cpus: BTreeSet<Cpu>,
    stall_threshold: Nanos,
    gap_threshold: Nanos,
    kinds: BTreeSet<StallKind>,
}

/// What of a recording is compared.
struct View<'a> {
    /// Stalls with their lengths, as far as both sides could see them.
    stalls: Vec<(&'a Stall, Nanos)>,
    start: Ktime,
    duration: Nanos,
    cpus: usize,
    lost: u64,
}

impl Rules {
    fn new(a: &Findings, b: &Findings) -> Rules {
        let cpus = |f: &Findings| f.cpus.iter().map(|c| c.cpu).collect::<BTreeSet<_>>();
        let kinds = measured(a).intersection(&measured(b)).map(|m| m.0).collect();
        Rules {
            cpus: cpus(a).intersection(&cpus(b)).copied().collect(),
            stall_threshold: a.options.stall_threshold.max(b.options.stall_threshold),
            gap_threshold: a.options.gap_threshold.max(b.options.gap_threshold),
            kinds,
        }
    }

    fn wants(&self, cpu: Cpu) -> bool {
        self.cpus.is_empty() || self.cpus.contains(&cpu)
    }

    fn view<'a>(&self, f: &'a Findings) -> View<'a> {
        let length = |stall: &Stall| {
            let measures = stall.measures.iter().filter(|m| self.kinds.contains(&m.kind));
            let past = measures.filter(|m| match m.kind {
                StallKind::InterruptGap => m.duration >= self.gap_threshold,
                _ => m.duration >= self.stall_threshold,
            });
            past.map(|m| m.duration).max()
        };
        let stalls = f.stalls.iter().filter(|s| self.wants(s.cpu) && !s.served_meanwhile());
        View {
            stalls: stalls.filter_map(|s| Some((s, length(s)?))).collect(),
            start: f.window.start,
            duration: f.window.end.since(f.window.start),
            cpus: f.cpus.iter().filter(|c| self.wants(c.cpu)).count(),
            lost: lost(f),
        }
    }

    fn side(&self, (_, f): (&Recording, &Findings), view: &View<'_>) -> Side {
        Side {
            host: f.host.clone(),
            start_realtime: f.window.start_realtime,
            duration: view.duration,
            cpus: f.cpus.iter().map(|c| c.cpu).collect(),
            options: f.options,
            stalls: f.stalls.len(),
            served_meanwhile: f.stalls.iter().filter(|s| s.served_meanwhile()).count(),
            lost: view.lost,
        }
    }

    fn caveats(
        &self,
        before: (&Recording, &Findings),
        after: (&Recording, &Findings),
    ) -> Vec<String> {
        let (a, b) = (before.1, after.1);
        let mut words = Vec::new();
        let mut differ = |what: &str, a: &str, b: &str, then: &str| {
            if a != b {
                words.push(format!("{what} differ: {a} before, {b} after. {then}"));
            }
        };
        let text = |n: Nanos| n.to_string();
        let options = (&a.options, &b.options);
        let thresholds = "Counted on both sides is what is past the higher one.";
        differ(
            "Thresholds of stalls",
            &text(options.0.stall_threshold),
            &text(options.1.stall_threshold),
            thresholds,
        );
        differ(
            "Thresholds of interrupt gaps",
            &text(options.0.gap_threshold),
            &text(options.1.gap_threshold),
            thresholds,
        );
        differ(
            "Sampling periods",
            &text(options.0.sample_period),
            &text(options.1.sample_period),
            "More samples find more culprits, and the sampler's interrupts themselves run pending \
             softirqs on kernels since 6.5.",
        );
        differ("Hosts", &a.host.name, &b.host.name, "What differs may be the hosts' doing.");
        differ("Kernels", &a.host.kernel, &b.host.kernel, "Causes may show in other measures.");
        let (old, new) = (methods(a), methods(b));
        for name in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
            let method = |of: &BTreeMap<&str, &str>| of.get(name).map_or("none", |m| m).to_owned();
            let then = match MEASURES.iter().any(|(probe, _)| probe == name) {
                true => "Only stalls of kinds that both measured count.",
                false => "Stalls are measured without it; what is told of them may differ.",
            };
            differ(&format!("Methods of {name}"), &method(&old), &method(&new), then);
        }
        let cpus = |f: &Findings| f.cpus.iter().map(|c| c.cpu).collect::<Vec<_>>();
        if self.cpus.is_empty() {
            words.push("No CPU is in both recordings: rates are a minute per CPU.".to_owned());
        } else if cpus(a) != cpus(b) {
            words.push(
                "The recordings are of different CPUs: only those that are in both are compared."
                    .to_owned(),
            );
        }
        for (f, r, which) in [(a, before.0, "before"), (b, after.0, "after")] {
            if lost(f) > 0 {
                words.push(format!(
                    "{} records were lost {which}: there may have been more stalls.",
                    lost(f)
                ));
            }
            if r.end.is_none() {
                words.push(format!("The recording {which} was cut short."));
            }
        }
        words
    }
}

/// Methods of the probes that ran, by their names.
fn methods(f: &Findings) -> BTreeMap<&str, &str> {
    f.probes.iter().filter_map(|p| Some((p.name.as_str(), p.method.as_deref()?))).collect()
}

/// Kinds of stalls that a recording could see, with the probe that saw most of them: gaps that a
/// sampler sees are not those that long handlers alone make.
fn measured(f: &Findings) -> BTreeSet<(StallKind, &'static str)> {
    let ran = methods(f);
    let mut best = BTreeMap::new();
    for (probe, kind) in MEASURES.iter().filter(|(probe, _)| ran.contains_key(probe)) {
        best.entry(*kind).or_insert(*probe);
    }
    best.into_iter().collect()
}

fn lost(f: &Findings) -> u64 {
    f.lost.iter().fold(0, |n: u64, l| n.saturating_add(l.total()))
}

fn change(
    rules: &Rules,
    sides: &[View<'_>; 2],
    stalls: [&[&(&Stall, Nanos)]; 2],
    comparisons: usize,
) -> Change {
    let [a, b] = stalls.map(<[_]>::len);
    let spread = [0, 1].map(|n| {
        let mut parts = [0u64; PARTS];
        let view = &sides[n];
        for (stall, _) in stalls[n] {
            let at = stall.start.since(view.start).0 as f64 / view.duration.0.max(1) as f64;
            parts[((at * PARTS as f64) as usize).min(PARTS - 1)] += 1;
        }
        dispersion(&parts)
    });
    let thin = |n: usize| (n as f64 / spread[0].max(spread[1])) as u64;
    let time = [0, 1].map(|n| sides[n].duration.secs() * sides[n].cpus as f64);
    let chance = rates_differ_by_chance(thin(a), thin(b), time[0], time[1]);
    let p = (chance * comparisons.max(1) as f64).min(1.0);
    // CPUs that are in both need no mention in the rate.
    let apart = rules.cpus.is_empty();
    let minutes = |n: usize| match apart {
        true => time[n] / 60.0,
        false => sides[n].duration.secs() / 60.0,
    };
    let rate = |count: usize, n: usize| match minutes(n) {
        none if none <= 0.0 => 0.0,
        minutes => count as f64 / minutes,
    };
    let (before_per_minute, after_per_minute) = (rate(a, 0), rate(b, 1));
    let fewer = after_per_minute < before_per_minute;
    let verdict = match (a, b) {
        _ if p >= UNLIKELY => Verdict::NotShown,
        _ if sides[usize::from(fewer)].lost > 0 => Verdict::Lost,
        (_, 0) => Verdict::Gone,
        (0, _) => Verdict::New,
        _ if fewer => Verdict::Fewer,
        _ => Verdict::More,
    };
    Change { before: a, after: b, before_per_minute, after_per_minute, p, verdict }
}

fn latencies(rules: &Rules, before: &Recording, after: &Recording) -> Vec<LatencyChange> {
    let [mut a, mut b] = [Merged::default(), Merged::default()];
    a.add(before, |cpu| rules.wants(cpu));
    b.add(after, |cpu| rules.wants(cpu));
    let which: BTreeSet<_> = a.which().chain(b.which()).collect();
    let change = |which| {
        let percentiles = SHARES.map(|share| {
            let (before, after) = (a.bounds(which, share), b.bounds(which, share));
            let verdict = match (before, after) {
                (Some(x), Some(y)) if y.low > x.high => Moved::Longer,
                (Some(x), Some(y)) if y.high < x.low => Moved::Shorter,
                (Some(_), Some(_)) => Moved::NotShown,
                _ => Moved::TooFew,
            };
            PercentileChange { share, before, after, verdict }
        });
        LatencyChange {
            what: which.0,
            vector: which.1,
            before: a.count(which),
            after: b.count(which),
            percentiles: percentiles.to_vec(),
        }
    };
    which.into_iter().map(change).collect()
}

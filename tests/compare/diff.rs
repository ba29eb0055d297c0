//! Before and after.

use super::{found, healed, load, path, stallprof, text};
use stallprof::analysis::compare::diff;
use stallprof::model::Recording;
use stallprof::model::difference::{Difference, LatencyChange, Moved, Verdict};
use stallprof::render::{self, Style, flame};

const INCIDENT: &str = "flamegraphs/incident-memcg/6.12-v2.stall";

fn compare(before: Recording, after: Recording) -> Difference {
    let (a, b) = (found(before), found(after));
    diff((&a.0, &a.1), (&b.0, &b.1))
}

fn shown(d: &Difference, width: usize) -> String {
    let mut out = Vec::new();
    render::difference::write(&mut out, d, Style { color: false, width }).unwrap();
    text(&out)
}

#[test]
fn what_helped_is_told_with_its_chance() {
    let (r, f) = load(INCIDENT);
    let d = compare(r.clone(), healed(&r));
    assert_eq!((d.stalls.verdict, d.stalls.before, d.stalls.after), (Verdict::Gone, 120, 0));
    let first = &d.culprits[0];
    assert_eq!(first.stalls.verdict, Verdict::Gone);
    assert_eq!(first.who.file.as_deref(), Some("/sys/fs/cgroup/stallgen/N/memory.stat"));
    assert!(first.stalls.p < 0.001, "{}", first.stalls.p);
    let per_minute = first.stalls.before as f64 * 60.0 / r.duration().secs();
    assert!((first.stalls.before_per_minute - per_minute).abs() < 1e-9);
    let page = shown(&d, 140);
    assert!(page.starts_with("The stalls are gone: "), "{page}");
    assert!(
        page.contains("none in 10.0 s after; a chance result is unlikely (p < 0.001)"),
        "{page}"
    );
    // And the other way round they are new.
    let (before, after) = (healed(&r), r);
    assert_eq!(compare(before, after).stalls.verdict, Verdict::New);
    assert_eq!(d.before.stalls, f.stalls.len());
}

#[test]
fn a_recording_does_not_differ_from_itself() {
    for name in [INCIDENT, "tests/replay/memcg.stall", "tests/replay/quiet.stall"] {
        let (r, _) = load(name);
        let d = compare(r.clone(), r);
        assert_eq!(d.stalls.verdict, Verdict::NotShown, "{name}");
        assert!(d.culprits.iter().all(|c| c.stalls.verdict == Verdict::NotShown), "{name}");
        let moved = d.latencies.iter().flat_map(|l| &l.percentiles);
        assert!(moved.clone().all(|p| matches!(p.verdict, Moved::NotShown | Moved::TooFew)));
        assert!(d.caveats.is_empty(), "{:?}", d.caveats);
    }
}

/// Half of a recording of steady stalls beside the other half: nothing is said to differ.
#[test]
fn halves_of_one_recording_do_not_differ() {
    // In the others nobody waited but ksoftirqd.
    for name in ["irqsoff", "bh", "hardirq", "softirq"] {
        let (r, _) = load(&format!("tests/replay/{name}.stall"));
        let middle = r.meta.start.after(stallprof::units::Nanos(r.duration().0 / 2));
        let (mut a, mut b) = (r.clone(), r);
        a.end = Some(middle);
        b.meta.start = middle;
        macro_rules! halve {
            ($($table:ident)*) => {$(
                a.$table.retain(|e| e.time <= middle);
                b.$table.retain(|e| e.time > middle);
            )*};
        }
        halve!(samples delays runs handoffs runners hardirqs syscalls steal hists lost dying_memcgs);
        let d = compare(a, b);
        let wrong: Vec<_> =
            d.culprits.iter().filter(|c| c.stalls.verdict != Verdict::NotShown).collect();
        assert!(wrong.is_empty() && d.stalls.before + d.stalls.after >= 8, "{name}: {wrong:#?}");
    }
}

#[test]
fn a_few_stalls_carry_no_claim() {
    let (r, _) = load("tests/replay/hardirq.stall");
    let mut few = r.clone();
    few.hardirqs.truncate(2);
    few.samples.iter_mut().for_each(|s| s.gap.0 = 0);
    few.delays.clear();
    few.handoffs.clear();
    few.runs.clear();
    let d = compare(few.clone(), healed(&r));
    assert!((1..4).contains(&d.stalls.before), "{:?}", d.stalls);
    assert_eq!((d.stalls.after, d.stalls.verdict), (0, Verdict::NotShown));
    assert!(shown(&d, 100).contains("chance may have made this"));
}

#[test]
fn stalls_in_one_burst_carry_less_than_their_number() {
    let (r, _) = load(INCIDENT);
    let mut burst = healed(&r);
    let mut delay = stallprof::model::SoftirqDelay::default();
    (delay.cpu.0, delay.delay.0) = (r.meta.cpus[0], 6_000_000);
    for n in 0..15 {
        delay.time = r.meta.start.after(stallprof::units::Nanos(1_000_000_000 + n * 10_000_000));
        burst.delays.push(delay);
    }
    let d = compare(burst, healed(&r));
    assert_eq!((d.stalls.before, d.stalls.verdict), (15, Verdict::NotShown), "{:?}", d.stalls);
}

#[test]
fn what_only_one_side_could_see_is_not_compared() {
    let (r, f) = load("tests/replay/irqsoff.stall");
    assert!(f.stalls.len() >= 10);
    // After: no sampler and no hard interrupts, so no interrupt gaps.
    let mut blind = healed(&r);
    blind.samples.clear();
    for probe in &mut blind.meta.probes {
        if ["sampler", "hardirq"].contains(&probe.name.as_str()) {
            (probe.method, probe.reason) = (None, Some("not asked for".to_owned()));
        }
    }
    let d = compare(r.clone(), blind);
    assert!(d.stalls.before < f.stalls.len() / 2, "{:?}", d.stalls);
    assert_ne!(d.stalls.verdict, Verdict::Gone);
    assert!(d.caveats.iter().any(|c| c.starts_with("Methods of sampler differ")));

    // Long handlers alone are not all gaps.
    let mut handlers = healed(&r);
    let sampler = handlers.meta.probes.iter_mut().find(|p| p.name == "sampler").unwrap();
    sampler.method = None;
    assert_eq!(compare(r.clone(), handlers).stalls.before, d.stalls.before);

    // A higher threshold after: only what is past it counts before.
    let mut coarse = healed(&r);
    (coarse.meta.stall_threshold.0, coarse.meta.gap_threshold.0) = (30_000_000, 30_000_000);
    let d = compare(r.clone(), coarse);
    assert_eq!((d.stall_threshold.0, d.stalls.before), (30_000_000, 0));
    let scope = "Of stalls of 30.0 ms or more (interrupt gaps: 30.0 ms): no difference shown: ";
    assert!(shown(&d, 140).starts_with(scope), "{}", shown(&d, 140));
    assert!(d.caveats.iter().any(|c| c.starts_with("Thresholds of stalls differ: 5.00 ms before")));

    // Losses on the side that has fewer.
    let mut lossy = healed(&r);
    lossy.lost.push(stallprof::model::Lost { ring_full: 9, ..Default::default() });
    let d = compare(r.clone(), lossy);
    assert!(matches!(d.stalls.verdict, Verdict::Lost | Verdict::NotShown), "{:?}", d.stalls);
    assert!(
        d.caveats
            .iter()
            .any(|c| c == "9 records were lost after: there may have been more stalls.")
    );
}

/// Its first CPU bears another number, and more CPUs saw nothing.
fn on(r: &Recording, cpus: &[u32]) -> Recording {
    let mut r = r.clone();
    r.meta.cpus = cpus.to_vec();
    macro_rules! renumber {
        ($($table:ident)*) => {$( r.$table.iter_mut().for_each(|e| e.cpu.0 = cpus[0]); )*};
    }
    renumber!(samples delays handoffs hardirqs runs hists);
    r
}

/// Whatever probes there are, now or later.
#[test]
fn a_changed_method_of_any_probe_is_told() {
    let (mut r, _) = load(INCIDENT);
    r.meta.probes.truncate(1);
    let probe = |name: &str, method: Option<&str>| {
        let mut probe = r.meta.probes[0].clone();
        (probe.name, probe.method) = (name.to_owned(), method.map(str::to_owned));
        probe
    };
    let (mut a, mut b) = (r.clone(), r.clone());
    a.meta.probes.extend([probe("rxpath", Some("tp_btf")), probe("memcg", Some("fentry"))]);
    a.meta.probes.extend([probe("rstat", None), probe("ct_stats", Some("netlink"))]);
    b.meta.probes.extend([probe("rxpath", Some("procfs")), probe("conntrack", Some("raw_tp"))]);
    b.meta.probes.push(probe("ct_stats", Some("netlink")));
    let told = compare(a, b).caveats;
    let seen = [
        "conntrack differ: none before, raw_tp",
        "memcg differ: fentry before, none",
        "rxpath differ: tp_btf before, procfs",
    ];
    let then = "Stalls are measured without it; what is told of them may differ.";
    let expected: Vec<_> =
        seen.iter().map(|words| format!("Methods of {words} after. {then}")).collect();
    assert_eq!(told, expected, "and nothing of rstat and ct_stats");
}

/// As many CPUs on both sides are still not the same CPUs.
#[test]
fn without_a_common_cpu_rates_are_those_of_one_cpu() {
    let (r, _) = load(INCIDENT);
    let d = compare(on(&r, &[0, 1]), on(&r, &[2, 3]));
    assert!(d.cpus.is_empty() && shown(&d, 140).contains(" stalls a minute per CPU ("));
    let per_minute = d.stalls.before as f64 * 60.0 / r.duration().secs();
    assert!(d.stalls.before > 0 && (d.stalls.before_per_minute - per_minute / 2.0).abs() < 1e-9);
    assert_eq!(d.stalls.before_per_minute, d.stalls.after_per_minute);
    // Of three CPUs each has less.
    let d = compare(on(&r, &[0, 1]), on(&r, &[2, 3, 4]));
    assert!((d.stalls.after_per_minute - per_minute / 3.0).abs() < 1e-9, "{:?}", d.stalls);
    // CPUs in both: a minute of the recording, however many those are.
    let d = compare(on(&r, &[0, 1]), on(&r, &[0, 1, 2]));
    assert!((d.stalls.after_per_minute - per_minute).abs() < 1e-9, "{:?}", d.stalls);
}

/// What only the higher threshold leaves to compare is no answer for all stalls.
#[test]
fn a_verdict_on_a_part_says_of_which_part() {
    let (r, _) = load(INCIDENT);
    let mut coarse = r.clone();
    (coarse.meta.stall_threshold.0, coarse.meta.gap_threshold.0) = (10_000_000, 20_000_000);
    let scope = "Of stalls of 10.0 ms or more (interrupt gaps: 20.0 ms): ";
    let mut seen = Vec::new();
    for (before, after) in [(r.clone(), healed(&coarse)), (healed(&r), coarse)] {
        let d = compare(before, after);
        let page = shown(&d, 140);
        assert!(page.starts_with(scope), "{page}");
        seen.push((d.stalls.verdict, page));
    }
    assert_eq!((seen[0].0, seen[1].0), (Verdict::Gone, Verdict::New));
    assert!(seen[0].1[scope.len()..].starts_with("seen only before: "), "{}", seen[0].1);
    assert!(seen[1].1[scope.len()..].starts_with("seen only after: none in "), "{}", seen[1].1);

    // CPUs that one side alone has are left out.
    let cpu = r.meta.cpus[0];
    let page = shown(&compare(r.clone(), on(&healed(&r), &[cpu, cpu + 1])), 140);
    assert!(page.starts_with(&format!("Of stalls on CPU {cpu}: seen only before: ")), "{page}");

    // None is in both: never what a change did.
    for (before, after) in [(r.clone(), healed(&r)), (healed(&r), r.clone())] {
        let page = shown(&compare(on(&before, &[1]), on(&after, &[0, 2, 3, 4])), 140);
        let scope =
            "Different CPUs (1 before, 0,2-4 after), so this does not show what a change did: ";
        assert!(page.replace("\n  ", " ").starts_with(scope), "{page}");
        let low = page.to_lowercase();
        let mut words = low.split(|c: char| !c.is_alphabetic());
        assert!(!words.any(|w| ["gone", "now", "new"].contains(&w)), "{page}");
    }
}

#[test]
fn latencies_move_only_where_their_bounds_lie_apart() {
    let (r, _) = load("tests/replay/memcg.stall");
    let mut slow = r.clone();
    for h in &mut slow.hists {
        // Four times as long: two rows of buckets.
        h.bucket += 32;
    }
    let d = compare(r, slow);
    let busy: Vec<_> = d.latencies.iter().filter(|l| l.before > 2000).collect();
    assert!(!busy.is_empty());
    for l in &busy {
        assert_eq!(l.percentiles[0].verdict, Moved::Longer, "{l:?}");
    }
    for l in d.latencies.iter().filter(|l| l.before < 10_000) {
        assert_eq!(l.percentiles[2].verdict, Moved::TooFew, "p99.9 of {} events", l.before);
    }
}

#[test]
fn too_few_events_are_told_once() {
    let d = compare(load("tests/replay/memcg.stall").0, load("tests/replay/quiet.stall").0);
    let none = |l: &LatencyChange| l.percentiles.iter().all(|p| p.verdict == Moved::TooFew);
    let untold = d.latencies.iter().filter(|l| none(l)).count();
    let page = shown(&d, 140);
    let rows = page.lines().filter(|row| row.ends_with(" after; too few events")).count();
    assert!(untold > 0 && rows == untold, "{untold}: {page}");
}

#[test]
fn the_pictures_widths_are_those_of_the_side_that_has_more() {
    let (a, fa) = load(INCIDENT);
    let (b, fb) = found(healed(&a));
    let mut svg = Vec::new();
    flame::difference(&mut svg, (&a, &fa), (&b, &fb)).unwrap();
    let svg = text(&svg);
    assert!(svg.contains("memory_stat_show") && svg.contains("widths: before"), "{svg:.300}");
    let mut none = Vec::new();
    flame::difference(&mut none, (&b, &fb), (&b, &fb)).unwrap();
    assert!(text(&none).contains("No sample fell into a stall on either side."));
}

#[test]
fn as_a_command() {
    let (a, b) = ("tests/replay/memcg.stall", "tests/replay/quiet.stall");
    let told = stallprof(&["diff", a, b]);
    assert!(told.status.success(), "{}", text(&told.stderr));
    for width in [40, 80, 140] {
        let (x, y) = (load(a), load(b));
        let page = shown(&diff((&x.0, &x.1), (&y.0, &y.1)), width);
        let widest = page.lines().map(render::escape::columns).max().unwrap();
        assert!(widest <= width, "{width}: {widest}\n{page}");
    }
    let json = stallprof(&["diff", a, b, "--format", "json"]);
    let value: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&value["schema"], &value["stalls"]["before"]), (&2.into(), &10.into()));
    let svg = std::env::temp_dir().join(format!("stallprof-diff-{}.svg", std::process::id()));
    let drawn = stallprof(&["diff", a, b, "--redact", "--flame", svg.to_str().unwrap()]);
    assert!(drawn.status.success() && !text(&drawn.stdout).contains("stallgen"));
    assert!(!std::fs::read_to_string(&svg).unwrap().contains("stallgen"));
    std::fs::remove_file(&svg).unwrap();
    let own = stallprof(&["diff", a, b, "--force", "--flame", path(a).to_str().unwrap()]);
    assert!(text(&own.stderr).contains("is a recording"), "{}", text(&own.stderr));
}

//! What each format says of real recordings.

use std::collections::{BTreeMap, BTreeSet};

use super::difference::difference;
use super::wire::Message;
use super::{FORMATS, exported, load, text};
use stallprof::export::Format;

const NAMES: [&str; 4] = ["memcg.stall", "fifo.stall", "hardirq.stall", "quiet.stall"];

#[test]
fn the_same_recording_gives_the_same_bytes() {
    let (r, f) = load("fifo.stall");
    for format in FORMATS {
        assert!(exported(format, &r, &f, false) == exported(format, &r, &f, false), "{format:?}");
    }
}

#[test]
fn goldens() {
    let (r, f) = load("irqsoff.stall");
    for (name, made) in [
        ("irqsoff-held.folded", text(Format::Folded, &r, &f, true)),
        ("irqsoff-held-ordered.folded", text(Format::FoldedOrdered, &r, &f, true)),
        ("irqsoff.openmetrics", text(Format::Openmetrics, &r, &f, false)),
    ] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/export").join(name);
        if std::env::var_os("STALLPROF_BLESS").is_some() {
            std::fs::write(&path, &made).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        if let Some(difference) = difference(&kept, &made) {
            panic!("{name} differs {difference}");
        }
    }
}

/// Both folded forms, and pprof, hold the same time.
#[test]
fn no_sample_is_lost_on_the_way() {
    for name in NAMES {
        let (r, f) = load(name);
        for stalls_only in [false, true] {
            let sum = |lines: &str| -> u64 {
                lines.lines().map(|l| l.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
            };
            let folded = sum(&text(Format::Folded, &r, &f, stalls_only));
            let ordered = text(Format::FoldedOrdered, &r, &f, stalls_only);
            assert_eq!(folded, sum(&ordered), "{name}");
            let raw = exported(Format::Pprof, &r, &f, stalls_only);
            let profile = Message::read(&raw);
            let values = profile.messages(2).into_iter().map(|s| s.numbers(2));
            let (ticks, time) = values.fold((0, 0), |sum, v| (sum.0 + v[0], sum.1 + v[1]));
            assert_eq!(time, folded * r.meta.sample_period.0, "{name}");
            if !stalls_only {
                assert_eq!(ticks, r.samples.len() as u64, "{name}");
                assert!(ticks > 1000, "{name} holds {ticks} samples");
            }
        }
    }
}

/// Drawn from right to left, time goes from left to right.
#[test]
fn stacks_in_order_of_time_begin_with_the_newest() {
    let (r, f) = load("memcg.stall");
    let ordered = text(Format::FoldedOrdered, &r, &f, false);
    let last = r.samples.last().unwrap();
    let newest = ordered.lines().next().unwrap();
    let innermost = r.functions(last.kernel_stack).next().unwrap_or("[user mode]");
    assert!(newest.contains(innermost), "{newest}: no {innermost}");
    let merged = text(Format::Folded, &r, &f, false).lines().count();
    assert!(ordered.lines().count() > merged, "runs of samples are told apart");
}

#[test]
fn a_profile_names_the_culprit_of_each_stall() {
    let (r, f) = load("memcg.stall");
    let raw = exported(Format::Pprof, &r, &f, false);
    let profile = Message::read(&raw);
    let strings = profile.texts(6);
    assert_eq!(strings[0], "", "the schema wants it");
    let s = |n: u64| strings[n as usize];
    let types: Vec<_> =
        profile.messages(1).iter().map(|t| (s(t.number(1)), s(t.number(2)))).collect();
    let nanoseconds = "nanoseconds";
    assert_eq!(types, [("samples", "count"), ("time", nanoseconds), ("stalled", nanoseconds)]);
    assert_eq!(profile.number(9), r.meta.start_realtime);
    assert_eq!(profile.number(12), r.meta.sample_period.0);
    let (locations, functions) = (profile.messages(4), profile.messages(5));
    let mut stalls = BTreeMap::new();
    for sample in profile.messages(2) {
        let labels: BTreeMap<_, _> = sample
            .messages(3)
            .iter()
            .map(|l| (s(l.number(1)), (s(l.number(2)), l.number(3))))
            .collect();
        assert!(labels.contains_key("cpu") && (labels.contains_key("task") || labels.len() > 1));
        assert_eq!(sample.numbers(2)[2] > 0, labels.contains_key("stall"), "{labels:?}");
        for location in sample.numbers(1) {
            let line = locations[location as usize - 1].messages(4);
            let name = line.first().map(|l| s(functions[l.number(1) as usize - 1].number(2)));
            assert_ne!(name, Some(""));
        }
        if let (Some((_, stall)), Some((who, _))) = (labels.get("stall"), labels.get("culprit")) {
            stalls.insert(*stall as usize, (labels["cause"].0, *who));
        }
    }
    for (id, (cause, who)) in stalls {
        let stall = f.stalls.iter().find(|s| s.id == id).unwrap();
        assert_eq!(serde_json::to_value(stall.cause).unwrap(), cause);
        if let stallprof::model::findings::Culprit::Task(task) = &stall.culprit {
            assert!(who.starts_with(&task.comm), "{who}: {}", task.comm);
        }
    }
}

#[test]
fn a_trace_has_each_stall_on_the_track_of_its_cpu() {
    for name in NAMES {
        let (r, f) = load(name);
        let raw = exported(Format::Perfetto, &r, &f, false);
        let packets = Message::read(&raw).messages(1);
        let clock = packets[0].messages(6);
        let clocks: Vec<_> =
            clock[0].messages(1).iter().map(|c| (c.number(1), c.number(2))).collect();
        assert_eq!(clocks, [(3, r.meta.start.0), (1, r.meta.start_realtime)], "{name}");
        assert_eq!((packets[0].number(13), clock[0].number(2)), (1, 3));

        let tracks: BTreeMap<u64, Message<'_>> = packets
            .iter()
            .flat_map(|p| p.messages(60))
            .map(|track| (track.number(1), track))
            .collect();
        let (mut stalls, mut open) = (BTreeMap::new(), BTreeMap::<u64, u64>::new());
        for packet in packets.iter().filter(|p| !p.messages(11).is_empty()) {
            let event = &packet.messages(11)[0];
            let (track, time) = (event.number(11), packet.number(8));
            assert!(tracks.contains_key(&track), "{name}: an event on no track");
            match event.number(9) {
                1 => {
                    let args = event.messages(4);
                    let id = args.iter().find(|a| a.text(10) == "stall");
                    if let (true, Some(id)) = (event.text(22) == "stall", id) {
                        let cpu = &tracks[&tracks[&track].number(5)];
                        stalls.insert(id.number(3) as usize, (cpu.text(2).to_owned(), time, track));
                    }
                    *open.entry(track).or_default() += 1;
                }
                2 => *open.get_mut(&track).unwrap() -= 1,
                4 => {}
                other => panic!("{name}: event of type {other}"),
            }
        }
        assert!(open.values().all(|n| *n == 0), "{name}: a slice without an end");
        assert_eq!(stalls.len(), f.stalls.len(), "{name}");
        for stall in &f.stalls {
            let (cpu, time, _) = &stalls[&stall.id];
            assert_eq!((cpu.as_str(), *time), (&*format!("CPU {}", stall.cpu), stall.start.0));
        }
        samples(&packets, &r);
    }
}

fn samples(packets: &[Message<'_>], r: &stallprof::model::Recording) {
    let (mut frames, mut stacks, mut names) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut seen = 0;
    for packet in packets {
        for new in packet.messages(12) {
            names.extend(new.messages(5).iter().map(|n| (n.number(1), n.text(2).to_owned())));
            frames.extend(new.messages(6).iter().map(|f| (f.number(1), f.number(2))));
            stacks.extend(new.messages(7).iter().map(|s| (s.number(1), s.numbers(2))));
        }
        for sample in packet.messages(66) {
            let of = &r.samples[seen];
            seen += 1;
            assert_eq!((packet.number(8), sample.number(1)), (of.time.0, u64::from(of.cpu.0)));
            let last = stacks[&sample.number(4)].last().unwrap();
            let innermost = names.get(&frames[last]).map(String::as_str);
            if let Some(function) = r.functions(of.kernel_stack).next() {
                assert_eq!(innermost, Some(function));
            }
        }
    }
    assert_eq!(seen, r.samples.len());
}

/// No metric says more than the recording: each point is in the findings.
#[test]
fn metrics_agree_with_the_findings() {
    for name in NAMES {
        let (r, f) = load(name);
        let metrics = text(Format::Openmetrics, &r, &f, false);
        assert!(metrics.ends_with("# EOF\n"));
        let value = |line: &str| -> f64 {
            line.rsplit_once('}').unwrap().1.split(' ').nth(1).unwrap().parse().unwrap()
        };
        let of = |metric: &'static str| metrics.lines().filter(move |l| l.starts_with(metric));
        let stalls: f64 = of("stallprof_stalls_total{").map(value).sum();
        let harmless: f64 = of("stallprof_harmless_stalls_total{").map(value).sum();
        let served = f.stalls.iter().filter(|s| s.served_meanwhile()).count();
        assert_eq!(harmless as usize, served, "{name}");
        assert_eq!(stalls as usize, f.stalls.len() - served, "{name}");
        let counted: f64 = metrics.lines().filter(|l| l.contains("le=\"+Inf\"")).map(value).sum();
        let known: u64 = f.latencies.iter().map(|l| l.count).sum();
        assert_eq!(counted as u64, known, "{name}");
        let points = metrics.lines().filter(|l| !l.starts_with('#'));
        let series: Vec<_> = points.map(|l| l.rsplit_once('}').unwrap().0).collect();
        assert_eq!(series.iter().collect::<BTreeSet<_>>().len(), series.len(), "{name}: twice");
    }
}

/// A recording without a sampler has no time to tell, and says none.
#[test]
fn what_was_not_recorded_is_not_exported() {
    let (mut r, _) = load("fifo.stall");
    r.samples.clear();
    r.hists.clear();
    r.dying_memcgs.clear();
    r.meta.dying_memcgs = None;
    (r.meta.sample_period.0, r.meta.start_realtime) = (0, 0);
    let f = stallprof::analysis::analyse(&r);
    let raw = exported(Format::Pprof, &r, &f, false);
    let profile = Message::read(&raw);
    assert_eq!((profile.messages(1).len(), profile.number(9), profile.number(12)), (1, 0, 0));
    assert_eq!(text(Format::Folded, &r, &f, false), "");
    let metrics = text(Format::Openmetrics, &r, &f, false);
    assert!(!metrics.contains("softirq_delay") && !metrics.contains("dying"), "{metrics}");
    let threshold = "stallprof_stall_threshold_seconds{host=\"vm\",of=\"softirq\"} 0.005\n";
    assert!(metrics.contains(threshold), "no moment without a clock: {metrics}");
}

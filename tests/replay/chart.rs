//! Flame charts: a frame is no longer than what was seen to be one thing.

use stallprof::analysis::{self, analyse};
use stallprof::model::{self, ProbeStatus, Recording, Sample};
use stallprof::render::{Case, figures};
use stallprof::{model::findings::Findings, recording};

use super::made::{READ, WITH_BH_OFF, delay, in_kernel, ms, slow_call, tape, ticks};
use super::tape::Tape;

/// Frames of all charts: name and microseconds, each chart from left to right.
fn frames(r: &Recording, f: &Findings) -> Vec<(String, u64)> {
    let mut frames = Vec::new();
    for figure in figures::all(&Case::new(r, f, "made.stall")) {
        if !figure.name.starts_with("chart-") {
            continue;
        }
        let svg = figure.alone();
        assert!(!svg.contains('\u{2060}'), "the mark between calls is for drawing alone");
        let mut own: Vec<(u64, String, u64)> = Vec::new();
        for (title, rest) in svg.split("<title>").skip(1).filter_map(|s| s.split_once("</title>")) {
            let number = |name: &str| {
                let (_, value) = rest.split_once(&format!(" {name}=\""))?;
                value.split_once('"')?.0.parse::<u64>().ok()
            };
            // Frames alone have their place in microseconds.
            let own_tag = rest.split_once("/>").is_some_and(|(tag, _)| tag.contains(" data-x=\""));
            if let (true, Some(x), Some(w)) = (own_tag, number("data-x"), number("data-w")) {
                let name = title.rsplit_once(" (").unwrap().0;
                own.push((x, name.to_owned(), w));
            }
        }
        own.sort();
        frames.extend(own.into_iter().map(|(_, name, w)| (name, w)));
    }
    frames
}

/// A task that has bottom halves off for 20 ms, in calls to read.
fn reader() -> (Tape, Sample) {
    let mut tape = tape();
    tape.0.meta.syscall_min = ms(2.0);
    tape.0.meta.probes = vec![ProbeStatus {
        name: "syscall".to_owned(),
        method: Some("tp_btf".to_owned()),
        ..ProbeStatus::default()
    }];
    let task = tape.task("cat", 70, 70);
    let like = in_kernel(&mut tape, task, &WITH_BH_OFF);
    delay(&mut tape, 0.0, 20.0);
    (tape, like)
}

/// Lengths of the frames of read, in microseconds.
fn reads(tape: &Tape) -> Vec<u64> {
    let all = frames(&tape.0, &analyse(&tape.0)).into_iter();
    all.filter(|(name, _)| name == "read(2)").map(|(_, us)| us).collect()
}

#[test]
fn two_calls_are_two_frames() {
    let (mut tape, like) = reader();
    ticks(&mut tape, 0.0, 20, like);
    slow_call(&mut tape, like.task, 10.1, 10.2);
    slow_call(&mut tape, like.task, 20.1, 9.9);
    assert_eq!(reads(&tape), [10_000, 10_000]);
    // So are what they called, and the task's own frame is one.
    let all = frames(&tape.0, &analyse(&tape.0));
    let of = |wanted: &str| all.iter().filter(|(name, _)| name == wanted).count();
    assert_eq!((of("vfs_read"), of("cat")), (2, 1));
}

#[test]
fn one_call_is_one_frame() {
    let (mut tape, like) = reader();
    ticks(&mut tape, 0.0, 20, like);
    slow_call(&mut tape, like.task, 20.1, 20.2);
    assert_eq!(reads(&tape), [20_000]);
}

/// A call as long as 2 ms would have been recorded: what looks like one of 20 ms were several.
#[test]
fn a_loop_of_short_calls_is_not_drawn_as_a_long_one() {
    let (mut tape, like) = reader();
    ticks(&mut tape, 0.0, 20, like);
    assert_eq!(reads(&tape), [2_000; 10]);
    let samples = tape.0.samples.iter_mut().enumerate();
    samples.for_each(|(n, s)| s.syscall.args[2] = READ.args[2] + n as u64);
    assert_eq!(reads(&tape), [1_000; 20]);
}

#[test]
fn time_without_a_sample_parts_two_frames() {
    let (mut tape, like) = reader();
    ticks(&mut tape, 0.0, 5, like);
    ticks(&mut tape, 8.0, 12, like);
    slow_call(&mut tape, like.task, 20.1, 20.2);
    assert_eq!(reads(&tape), [5_000, 12_000]);
    let all = frames(&tape.0, &analyse(&tape.0));
    assert!(all.contains(&("[no sample]".to_owned(), 3_000)), "{all:?}");
    assert_eq!(all.iter().filter(|(name, _)| name == "cat").count(), 2);
}

/// In real recordings no frame of a call is longer than the longest recorded one of that name, but
/// for the periods of its first and last tick.
#[test]
fn no_frame_is_longer_than_a_call_was() {
    let mut looked_at = 0;
    for path in super::recordings() {
        let r = recording::read(&path).unwrap();
        let f = analysis::analyse(&r);
        let room = 2 * r.meta.sample_period.0 / 1_000;
        for (name, us) in frames(&r, &f) {
            let Some((call, _)) = name.split_once("(2)").filter(|(call, _)| !call.contains(' '))
            else {
                continue;
            };
            if us <= r.meta.syscall_min.0 / 1_000 + room {
                continue;
            }
            let own = r.syscalls.iter().filter(|c| {
                model::syscalls::name(&r.meta.arch, c.syscall.nr_plus_1.saturating_sub(1)) == call
            });
            let longest = own.map(|c| c.duration.0 / 1_000).max().unwrap_or_default();
            assert!(us <= longest + room, "{}: {name} {us} of {longest}", path.display());
            looked_at += 1;
        }
    }
    assert!(looked_at >= 5, "only {looked_at} frames of slow calls");
}

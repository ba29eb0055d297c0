//! What the renderers show of a made-up incident: goldens, limits of width, hostile names.

// A test that cannot go on may panic.
#![allow(clippy::unwrap_used)]

#[path = "render/attack.rs"]
mod attack;
#[path = "render/difference.rs"]
mod difference;
#[path = "render/evidence.rs"]
mod evidence;
#[path = "render/files.rs"]
mod files;
#[path = "render/flames.rs"]
mod flames;
#[path = "render/golden.rs"]
mod golden;
#[path = "render/health.rs"]
mod health;
#[path = "render/hostile.rs"]
mod hostile;
#[path = "render/incident.rs"]
mod incident;
#[path = "render/names.rs"]
mod names;
#[path = "render/node.rs"]
mod node;
#[path = "render/node_health.rs"]
mod node_health;
#[path = "render/page.rs"]
mod page;
#[path = "render/reading.rs"]
mod reading;
#[path = "render/scene.rs"]
mod scene;
#[path = "render/schema.rs"]
mod schema;
#[path = "render/tape.rs"]
mod tape;
#[path = "render/tracked.rs"]
mod tracked;
#[path = "render/xml.rs"]
mod xml;

use golden::check;
use incident::Incident;
use names::{DECENT, HOSTILE};
use scene::incident;
use stallprof::model::findings::{Culprit, Findings};

use stallprof::render::{Style, escape, flame, json, ordered, terminal};
use stallprof::units::{Cpu, Tgid, Tid};

fn plain(width: usize) -> Style {
    Style { color: false, width }
}

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

fn verdict(f: &Findings, style: Style) -> String {
    text(|out| terminal::verdict(out, f, style).unwrap())
}

fn stalls(f: &Findings, style: Style) -> String {
    text(|out| terminal::stalls(out, f, style).unwrap())
}

fn order(i: &Incident, stall: Option<usize>, n: usize, style: Style) -> String {
    let stall = match stall {
        Some(id) => i.f.stalls.iter().find(|s| s.id == id).unwrap(),
        None => i.f.worst().unwrap(),
    };
    text(|out| ordered::write(out, &i.r, stall, n, style).unwrap())
}

fn as_json(f: &Findings) -> String {
    text(|out| json::write(out, f).unwrap())
}

fn folded(lines: &[(String, u64)]) -> String {
    lines.iter().map(|(stack, n)| format!("{stack} {n}\n")).collect()
}

fn svg(lines: &[(String, u64)], caption: &flame::Caption) -> String {
    text(|out| flame::svg(out, lines, caption).unwrap())
}

/// The first line with a character that acts on a terminal, as far as it takes to see it.
fn acting(text: &str) -> Option<String> {
    let line = text.lines().find(|l| l.chars().any(|c| escape::acts(c) && c != '\t'))?;
    let at = line.find(escape::acts)?;
    Some(line[..at].chars().rev().take(80).collect::<String>().chars().rev().collect())
}

/// Keeps an output for looking at: `STALLPROF_SHOW=/tmp cargo test ... --test render`.
fn show(name: &str, what: &str) {
    if let Some(dir) = std::env::var_os("STALLPROF_SHOW") {
        std::fs::write(std::path::Path::new(&dir).join(name), what).unwrap();
    }
}

fn no_stall() -> Incident {
    let mut i = incident(&DECENT);
    i.f = incident::findings(&DECENT, &i.r, Vec::new());
    i.f.lost.clear();
    i.f.latencies.retain(|l| l.max < i.f.options.stall_threshold);
    i
}

#[test]
fn the_verdict() {
    let Incident { f, .. } = incident(&DECENT);
    for width in [40, 80, 100, 140] {
        check(&format!("verdict-{width}.txt"), &verdict(&f, plain(width)));
    }
    check("verdict-100-color.txt", &verdict(&f, Style { color: true, width: 100 }));
}

#[test]
fn two_lines_hold_the_answer() {
    let Incident { f, .. } = incident(&DECENT);
    for width in 60..=200 {
        let shown = verdict(&f, plain(width));
        let mut lines = shown.lines();
        let (first, second) = (lines.next().unwrap(), lines.next().unwrap());
        assert!(
            first.contains("CPU 11 stalled 14 times in 30.0 s, worst 187 ms"),
            "{width}: {first}"
        );
        assert!(second.contains("cadvisor[10137]"), "{width}: {second}");
    }
}

#[test]
fn without_stalls() {
    let mut i = no_stall();
    check("quiet-100.txt", &verdict(&i.f, plain(100)));
    i.f.lost = incident(&DECENT).f.lost;
    assert!(verdict(&i.f, plain(100)).lines().nth(1).unwrap().contains("Records were lost"));
    i.f.probes.iter_mut().for_each(|p| p.method = None);
    let blind = verdict(&i.f, plain(100));
    assert!(
        blind.starts_with("Nothing was measured: whether CPUs stalled is unknown\n"),
        "{blind}"
    );
    assert!(stalls(&i.f, plain(80)).starts_with("No stall of 5.00 ms or more"));
}

#[test]
fn many_stalled_cpus_stay_readable() {
    let mut i = incident(&DECENT);
    let template = i.f.stalls.iter().find(|s| s.cpu.0 == 4).unwrap().clone();
    let all: Vec<_> = (0..300)
        .map(|cpu| {
            let mut s = template.clone();
            s.cpu = Cpu(cpu);
            s
        })
        .collect();
    i.f = incident::findings(&DECENT, &i.r, all);
    i.f.cpus = (0..300)
        .map(|cpu| {
            let mut c = i.f.cpus[4].clone();
            c.cpu = Cpu(cpu);
            c
        })
        .collect();
    let shown = verdict(&i.f, plain(100));
    assert!(shown.contains("Stalled less badly: CPUs 26-299"), "{shown}");
    assert!(shown.lines().count() < 175);
}

/// A pool of threads, a script that starts a process a read, a file per cgroup: one culprit each.
#[test]
fn threads_children_and_files_add_up() {
    let mut i = incident(&DECENT);
    let mut all: Vec<_> = i.f.stalls.iter().filter(|s| s.cpu.0 == 11).cloned().collect();
    for (n, stall) in all.iter_mut().enumerate() {
        if let Culprit::Task(t) = &mut stall.culprit {
            t.tid = Tid(10137 + n as u32 % 5);
        }
    }
    i.f = incident::findings(&DECENT, &i.r, all.clone());
    let shown = verdict(&i.f, plain(100));
    assert!(shown.contains("13 of 14  cadvisor[10137] (5 threads)  read(2) of /sys/"), "{shown}");
    assert!(shown.contains("8 in kernel code that was not preemptible, 5 with"), "{shown}");
    for (n, stall) in all.iter_mut().enumerate() {
        if let Culprit::Task(t) = &mut stall.culprit {
            (t.tid, t.tgid) = (Tid(4000 + n as u32), Tgid(4000 + n as u32));
            t.file = Some(format!("/sys/fs/cgroup/{n}/memory.stat"));
        }
    }
    i.f = incident::findings(&DECENT, &i.r, all);
    let shown = verdict(&i.f, plain(140));
    let words = "13 of 14  cadvisor[4006] (one of 13 processes)  read(2) of \
        /sys/fs/cgroup/6/memory.stat and 12 other files  held CPU 11, median 140 ms, worst";
    assert!(shown.replace("\n            ", " ").contains(words), "{shown}");
}

#[test]
fn each_stall() {
    let Incident { f, .. } = incident(&DECENT);
    check("stalls-100.txt", &stalls(&f, plain(100)));
    check("stalls-40.txt", &stalls(&f, plain(40)));
}

#[test]
fn in_order_of_time() {
    let i = incident(&DECENT);
    check("ordered-worst-100.txt", &order(&i, None, 100, plain(100)));
    check("ordered-2-160.txt", &order(&i, Some(2), 100, plain(160)));
    check("ordered-2-40.txt", &order(&i, Some(2), 4, plain(40)));
    let few = order(&i, Some(2), 10, plain(160));
    assert!(few.contains("10 samples before it, 112 inside, oldest first. "), "{few}");
    let all = order(&i, Some(2), 1_000_000, plain(160));
    assert!(all.contains(", all there are, 112 inside, "), "{all}");
}

#[test]
fn every_line_keeps_to_the_width() {
    for names in [&DECENT, &HOSTILE] {
        let i = incident(names);
        for width in (30..=140).chain([160, 250]) {
            let style = plain(width);
            for shown in [
                verdict(&i.f, style),
                stalls(&i.f, style),
                order(&i, None, 100, style),
                order(&i, Some(2), 100, style),
            ] {
                let wide = shown.lines().map(escape::columns).max().unwrap();
                assert!(wide <= width && 3 * wide > width, "{width}: {wide} columns are used");
                for line in shown.lines() {
                    assert_eq!(line, line.trim_end(), "blanks at the end");
                }
            }
        }
    }
}

#[test]
fn colour_changes_nothing_but_colour() {
    let Incident { f, .. } = incident(&DECENT);
    let mut painted = verdict(&f, Style { color: true, width: 100 });
    for code in ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m"] {
        painted = painted.replace(code, "");
    }
    assert_eq!(painted, verdict(&f, plain(100)));
}

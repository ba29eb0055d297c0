//! `--redact`: no name that somebody chose is in any output, and all else is.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use stallprof::export::{self, Format};
use stallprof::model::health::Severity;
use stallprof::model::meta::{Incident, PastLimit};
use stallprof::model::{HealthNumber, HealthRow, Recording, StrId};
use stallprof::redact::{Key, redact};
use stallprof::render::{Style, flame, json, ordered, terminal};
use stallprof::units::Ktime;
use stallprof::{analysis, recording};

const MARK: &str = "acme";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/replay").join(name)
}

fn key() -> Key {
    Key::from_bytes(b"sixteen bytes or more").unwrap()
}

/// A real recording in which every name that somebody chose bears a mark, and the names.
fn marked(name: &str) -> (Recording, BTreeSet<String>) {
    let mut r = recording::read(&path(name)).unwrap();
    let mut names = BTreeSet::new();
    let mut new = |r: &mut Recording, id: &mut StrId| {
        let text = r.str(*id).to_owned();
        if text.is_empty() {
            return;
        }
        let fixed = ["sys", "fs", "cgroup", "memory", "proc", "dev", "memory.stat"];
        let mark = |part: &str| match part {
            part if part.is_empty() || (text.starts_with('/') && fixed.contains(&part)) => {
                part.to_owned()
            }
            part => format!("{part}{MARK}"),
        };
        let parts: Vec<String> = text.split('/').map(mark).collect();
        names.extend(parts.iter().filter(|p| p.contains(MARK)).cloned());
        r.strings.push(parts.join("/"));
        *id = StrId(r.strings.len() as u32 - 1);
    };
    for n in 1..r.tasks.len() {
        let mut task = r.tasks[n];
        if !task.kthread && task.tid.0 != 0 {
            new(&mut r, &mut task.comm);
            new(&mut r, &mut task.process);
        }
        new(&mut r, &mut task.cgroup);
        r.strings.push("shop/cart".to_owned());
        task.pod = StrId(r.strings.len() as u32 - 1);
        new(&mut r, &mut task.pod);
        r.tasks[n] = task;
    }
    for n in 1..r.frames.len() {
        let mut frame = r.frames[n];
        if !frame.kernel {
            new(&mut r, &mut frame.function);
            new(&mut r, &mut frame.module);
        }
        r.frames[n] = frame;
    }
    for n in 0..r.samples.len() {
        let mut file = r.samples[n].syscall.file;
        new(&mut r, &mut file);
        r.samples[n].syscall.file = file;
    }
    for n in 0..r.syscalls.len() {
        let mut file = r.syscalls[n].syscall.file;
        new(&mut r, &mut file);
        r.syscalls[n].syscall.file = file;
    }
    for n in 0..r.hardirqs.len() {
        let mut name = r.hardirqs[n].name;
        new(&mut r, &mut name);
        r.hardirqs[n].name = name;
    }
    health(&mut r);
    r.meta.incident = Some(Incident {
        id: "20261121T093012.123Z".to_owned(),
        trigger: "read of /acme/memory.stat by acme took 12 ms, limit 10 ms".to_owned(),
        time: 1_795_253_412_123_000_000,
        cause: "slow_cgroup_read".to_owned(),
        culprit: "acme memory.stat".to_owned(),
        past: Some(PastLimit { value: 12_000_000, limit: 10_000_000, unit: "ns".to_owned() }),
        ..Incident::default()
    });
    r.meta.host = MARK.to_owned();
    r.meta.build = Some("acme".to_owned());
    r.meta.kernel += "-acme";
    r.meta.kernel_version = "#1 acme".to_owned();
    r.meta.threaded_napi.push("acme0".to_owned());
    r.damage.push("Damage at acme.".to_owned());
    r.meta.command.extend(["-o", "acme.stall", "--", "acme", "--acme"].map(str::to_owned));
    (r, names)
}

/// Findings of the node's health with a name in each of their texts.
fn health(r: &mut Recording) {
    let time = Ktime(r.meta.start.0 + 1);
    let checks = [
        ("made-up acme", "acme"),
        ("mtu-tunnels", "vxlan-acme"),
        ("cpu-throttling", "/kubepods/acme"),
        ("conntrack-loss", "pod acme/acme"),
    ];
    for (finding, (check, subject)) in (1..).zip(checks) {
        let text = |r: &mut Recording, text: &str| {
            r.strings.push(text.to_owned());
            StrId(r.strings.len() as u32 - 1)
        };
        let row = HealthRow {
            time,
            finding,
            check: text(r, check),
            severity: Severity::Critical,
            subject: text(r, subject),
            value: text(r, "MTU 1500 of acme"),
            why: text(r, "for acme"),
            prove: text(r, "ip link show acme"),
            help: text(r, "ip link set acme"),
            ..HealthRow::default()
        };
        r.health.push(row);
        let name = text(r, "mtu");
        r.health_numbers.push(HealthNumber { time, finding, name, value: 1500 });
    }
}

/// Every output that there is, with a name for each.
fn outputs(r: &Recording) -> Vec<(&'static str, Vec<u8>)> {
    let f = &analysis::analyse(r);
    let mut all: Vec<(&str, Vec<u8>)> = Vec::new();
    let mut add = |name, write: &mut dyn FnMut(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        all.push((name, out));
    };
    let style = Style { color: false, width: 140 };
    add("text", &mut |out| terminal::verdict(out, f, style).unwrap());
    add("stalls", &mut |out| terminal::stalls(out, f, style).unwrap());
    if let Some(worst) = f.worst() {
        add("around", &mut |out| ordered::write(out, r, worst, 1000, style).unwrap());
    }
    add("json", &mut |out| json::write(out, f).unwrap());
    add("held", &mut |out| {
        flame::svg(out, &flame::held(r, f), &flame::held_caption(r, f)).unwrap();
    });
    add("profile", &mut |out| {
        flame::svg(out, &flame::profile(r, f), &flame::profile_caption(r)).unwrap();
    });
    for (name, format) in [
        ("folded", Format::Folded),
        ("folded-ordered", Format::FoldedOrdered),
        ("pprof", Format::Pprof),
        ("perfetto", Format::Perfetto),
        ("openmetrics", Format::Openmetrics),
    ] {
        add(name, &mut |out| export::write(out, format, r, f, false).unwrap());
    }
    #[cfg(feature = "parquet")]
    for table in export::parquet::TABLES {
        // Files are compressed: what is read back from them is what they hold.
        add(table.name, &mut |out| {
            let (process, thread) = (std::process::id(), std::thread::current().id());
            let path = std::env::temp_dir().join(format!("redact-{process}-{thread:?}"));
            table.write(&mut std::fs::File::create(&path).unwrap(), r, f).unwrap();
            let file = std::fs::File::open(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
            let rows = parquet::file::reader::SerializedFileReader::new(file).unwrap().into_iter();
            rows.for_each(|row| out.extend(row.unwrap().to_string().into_bytes()));
        });
    }
    for (name, bytes) in &mut all {
        if *name == "pprof" {
            let mut raw = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut raw)
                .unwrap();
            *bytes = raw;
        }
    }
    // The file itself is compressed: what is read back from it is all that it holds.
    let file = recording::write(Vec::new(), r).unwrap();
    let read = recording::read_bytes(&file).unwrap();
    all.push(("recording", format!("{read:?}").into_bytes()));
    all
}

fn contains(text: &[u8], name: &str) -> bool {
    String::from_utf8_lossy(text).to_lowercase().contains(name)
}

#[test]
fn no_name_that_somebody_chose_is_in_any_output() {
    for name in ["fifo.stall", "hardirq.stall"] {
        let (r, names) = marked(name);
        assert!(names.len() > 20, "{names:?}");
        for (what, text) in outputs(&r) {
            // Tables of which the recording has no rows.
            let tables = ["calls", "runners", "reads", "drops", "retransmits"];
            let none = text.is_empty() && tables.contains(&what);
            // Timers and calls from other CPUs have no name of their own.
            let nameless = ["measures", "hardirqs", "histograms", "lost"].contains(&what);
            let nameless = none || nameless;
            assert!(nameless || contains(&text, MARK), "{name}: {what} shows no name at all");
        }
        for (what, text) in outputs(&redact(r, &key())) {
            assert!(!contains(&text, MARK), "{name}: {what} tells a name");
        }
    }
}

/// Of a recording as it is: none of its own texts but those that the rule keeps.
#[test]
fn the_texts_of_a_recording_are_gone() {
    let r = recording::read(&path("memcg.stall")).unwrap();
    let mut chosen: BTreeSet<&str> =
        r.frames.iter().filter(|f| !f.kernel).map(|f| r.str(f.function)).collect();
    for task in r.tasks.iter().filter(|t| !t.kthread) {
        chosen.extend([r.str(task.comm), r.str(task.process)]);
    }
    chosen.retain(|name| name.len() >= 6 && !name.starts_with("swapper/"));
    // A program's function may bear the name of one of the kernel's, which stays.
    let kernel: BTreeSet<&str> =
        r.frames.iter().filter(|f| f.kernel).map(|f| r.str(f.function)).collect();
    chosen.retain(|name| !kernel.iter().any(|k| k.contains(name)));
    assert!(chosen.len() > 100);
    for (what, text) in outputs(&redact(r.clone(), &key())) {
        let text = String::from_utf8_lossy(&text);
        if let Some(name) = chosen.iter().find(|name| text.contains(**name) && !common(name)) {
            panic!("{what} tells {name}");
        }
    }
}

/// Words that stand in outputs for other reasons.
fn common(name: &str) -> bool {
    ["stallprof", "memory", "malloc", "calloc", "read", "write"].contains(&name)
}

#[test]
fn health_is_told_by_its_numbers() {
    let (r, _) = marked("fifo.stall");
    let health = analysis::analyse(&redact(r, &key())).health.unwrap();
    let of = |check: &str| health.findings.iter().map(|f| &f.finding).find(|f| f.check == check);
    let tunnel = of("mtu-tunnels").unwrap();
    assert_eq!((tunnel.severity, tunnel.value.as_str()), (Severity::Critical, "mtu 1500"));
    assert_eq!(tunnel.numbers["mtu"], 1500);
    assert!(tunnel.subject.as_ref().unwrap().starts_with("dev-"));
    assert_eq!(tunnel.help, stallprof::health::checks::by_name("mtu-tunnels").unwrap().help);
    let cgroup = of("cpu-throttling").unwrap().subject.as_ref().unwrap();
    assert!(cgroup.starts_with("/kubepods/"), "{cgroup}");
    assert!(of("(left out)").is_some(), "a check that this version does not know");
}

#[test]
fn a_trigger_is_told_without_names() {
    let (r, _) = marked("fifo.stall");
    let f = analysis::analyse(&redact(r, &key()));
    let mut text = Vec::new();
    terminal::verdict(&mut text, &f, Style { color: false, width: 140 }).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("past its limit: slow_cgroup_read"), "{text}");
    assert!(text.contains("12 ms; the limit is 10 ms") || text.contains("12.0 ms; the limit is"));
    assert!(text.contains("kept for slow cgroup read by name-"), "{text}");
    assert_eq!(f.incident.unwrap().time, 1_795_253_412_123_000_000);
}

#[test]
fn what_was_found_is_the_same() {
    for name in ["memcg.stall", "fifo.stall", "hardirq.stall", "irqsoff.stall"] {
        let r = recording::read(&path(name)).unwrap();
        let was = analysis::analyse(&r);
        let is = analysis::analyse(&redact(r, &key()));
        assert_eq!(is.stalls.len(), was.stalls.len(), "{name}");
        for (is, was) in is.stalls.iter().zip(&was.stalls) {
            assert_eq!(
                (is.cpu, is.start, is.duration, is.cause),
                (was.cpu, was.start, was.duration, was.cause)
            );
            assert_eq!(
                (is.evidence.samples, is.evidence.agree),
                (was.evidence.samples, was.evidence.agree)
            );
            assert_eq!(
                is.evidence.stack, was.evidence.stack,
                "{name}: the kernel's functions stay"
            );
        }
        assert_eq!(is.culprits.len(), was.culprits.len(), "{name}");
        assert_eq!(is.latencies.len(), was.latencies.len());
    }
    let r = redact(recording::read(&path("memcg.stall")).unwrap(), &key());
    let mut text = Vec::new();
    terminal::verdict(&mut text, &analysis::analyse(&r), Style { color: false, width: 140 })
        .unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("/memory.stat") && text.contains("read(2) of /sys/fs/cgroup/memory/"));
    assert!(text.contains("kworker/u8:4") && text.contains("flush_memcg_stats_dwork"), "{text}");
}

#[test]
fn as_a_command() {
    let dir = std::env::temp_dir().join(format!("stallprof-redact-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let (key, short) = (dir.join("key"), dir.join("short"));
    std::fs::write(&key, [9; 32]).unwrap();
    std::fs::write(&short, "guess me").unwrap();
    let run = |words: &[&Path]| {
        Command::new(env!("CARGO_BIN_EXE_stallprof")).args(words).output().unwrap()
    };
    let p = |text: &'static str| Path::new(text);
    let (a, b, c) = (dir.join("a.stall"), dir.join("b.stall"), dir.join("c.stall"));
    let file = path("fifo.stall");
    let done = run(&[p("redact"), &file, p("-o"), &a, p("--redact-key"), &key]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(run(&[p("redact"), &file, p("-o"), &b, p("--redact-key"), &key]).status.success());
    assert!(run(&[p("redact"), &file, p("-o"), &c]).status.success());
    let read = |path: &Path| std::fs::read(path).unwrap();
    assert!(read(&a) == read(&b), "one key, one set of pseudonyms");
    assert!(read(&a) != read(&c), "a random key gives others");
    // A report of the redacted recording is the redacted report of the recording.
    let report = run(&[p("report"), &file, p("--redact-key"), &key]);
    assert!(report.status.success());
    let again = run(&[p("report"), &a]);
    assert_eq!(String::from_utf8_lossy(&report.stdout), String::from_utf8_lossy(&again.stdout));
    let refused = run(&[p("report"), &file, p("--redact-key"), &short]);
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("a key needs 16 bytes or more, this one has 8"), "{told}");
    std::fs::remove_dir_all(&dir).unwrap();
}

//! Recordings of real stalls in, findings out, compared with goldens.
//!
//! `tests/replay/NAME.stall` was recorded on a real kernel, and so was the gallery in `flamegraphs/`;
//! `NAME.json` and `NAME.txt` are what is found in it. A change of the analysis shows as a change of
//! these. To accept it: `STALLPROF_BLESS=1 cargo test --test replay`, and look at the diff.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "replay/calls.rs"]
mod calls;
#[path = "replay/chart.rs"]
mod chart;
#[path = "replay/command.rs"]
mod command;
#[path = "render/difference.rs"]
mod difference;
#[path = "replay/files.rs"]
mod files;
#[path = "replay/gallery.rs"]
mod gallery;
#[path = "replay/harmless.rs"]
mod harmless;
#[path = "replay/made.rs"]
mod made;
#[path = "replay/page.rs"]
mod page;
#[path = "replay/proof.rs"]
mod proof;
#[path = "replay/stolen.rs"]
mod stolen;
#[path = "render/tape.rs"]
mod tape;
#[path = "replay/tracked.rs"]
mod tracked;

use std::path::{Path, PathBuf};

use difference::difference;
use stallprof::render::{self, Style};
use stallprof::{analysis, recording};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/replay")
}

fn recordings() -> Vec<PathBuf> {
    let mut found: Vec<_> =
        [folder(), gallery::folder()].iter().flat_map(|f| recordings_in(f)).collect();
    found.sort();
    assert!(found.len() >= 10, "only {} recordings in {}", found.len(), folder().display());
    found
}

fn recordings_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries.filter(|p| p.extension().is_some_and(|e| e == "stall")).collect()
}

/// JSON and text of what a recording shows.
fn outputs(path: &Path) -> (Vec<u8>, Vec<u8>) {
    let recording = recording::read(path).unwrap();
    let findings = analysis::analyse(&recording);
    let (mut json, mut text) = (Vec::new(), Vec::new());
    render::json::write(&mut json, &findings).unwrap();
    render::terminal::verdict(&mut text, &findings, Style::default()).unwrap();
    render::terminal::stalls(&mut text, &findings, Style::default()).unwrap();
    (json, text)
}

#[test]
fn recordings_give_the_findings_they_gave() {
    let bless = std::env::var_os("STALLPROF_BLESS").is_some();
    let mut wrong = Vec::new();
    for path in recordings() {
        let (json, text) = outputs(&path);
        for (output, extension) in [(json, "json"), (text, "txt")] {
            let golden = path.with_extension(extension);
            if bless {
                std::fs::write(&golden, &output).unwrap();
                eprintln!("blessed {}", golden.display());
                continue;
            }
            let kept = std::fs::read_to_string(&golden).unwrap_or_default();
            if let Some(difference) = difference(&kept, &String::from_utf8(output).unwrap()) {
                let name = golden.file_name().unwrap().to_string_lossy();
                wrong.push(format!("{name}, {difference}"));
            }
        }
    }
    let told: Vec<&str> = wrong.iter().take(4).map(String::as_str).collect();
    assert!(
        wrong.is_empty(),
        "{} goldens are missing or differ; the head of this file tells more\n{}",
        wrong.len(),
        told.join("")
    );
}

#[test]
fn the_same_recording_gives_the_same_findings() {
    for path in recordings() {
        assert!(outputs(&path) == outputs(&path), "{} gives now this, now that", path.display());
    }
}

/// Whatever part of a recording is left, what is found in it is found without panic, and no
/// culprit appears that the whole recording does not name.
#[test]
fn a_recording_cut_anywhere_names_nobody_new() {
    let path = folder().join("irqsoff.stall");
    let bytes = std::fs::read(&path).unwrap();
    let names = |bytes: &[u8]| {
        let findings = analysis::analyse(&recording::read_bytes(bytes).unwrap());
        let tids = findings.stalls.into_iter().filter_map(|s| match s.culprit {
            stallprof::model::findings::Culprit::Task(t) => Some((t.comm, t.tid)),
            _ => None,
        });
        tids.collect::<std::collections::BTreeSet<_>>()
    };
    let whole = names(&bytes);
    assert!(!whole.is_empty());
    for len in (64..bytes.len()).step_by(997) {
        let cut = names(&bytes[..len]);
        assert!(cut.is_subset(&whole), "cut at {len}: {cut:?}");
    }
}

/// What is told of a CPU is told of each of its stalls once, and of none of another's.
#[test]
fn each_stall_has_one_culprit_on_its_cpu() {
    for path in recordings() {
        let f = analysis::analyse(&recording::read(&path).unwrap());
        for cpu in &f.cpus {
            let own: Vec<_> = f.stalls.iter().filter(|s| s.cpu == cpu.cpu).map(|s| s.id).collect();
            let mut told: Vec<_> = cpu.culprits.iter().flat_map(|c| c.stalls.clone()).collect();
            told.sort_unstable();
            assert_eq!(told, own, "CPU {} of {}", cpu.cpu, path.display());
            let counted = |c: &stallprof::model::findings::CpuCulprit| {
                let stalls = c.stalls.iter().map(|id| f.stall(*id).unwrap());
                let of_groups = c.groups.iter().flat_map(|n| f.culprits[n - 1].stalls.clone());
                let of_groups: Vec<_> = of_groups.collect();
                assert!(c.stalls.iter().all(|id| of_groups.contains(id)));
                assert_eq!(
                    c.causes.iter().map(|cause| cause.stalls).sum::<usize>(),
                    c.stalls.len()
                );
                stalls.map(|s| s.duration).collect::<Vec<_>>()
            };
            for culprit in &cpu.culprits {
                let lengths = counted(culprit);
                assert!(lengths.is_sorted_by(|a, b| a >= b), "not the longest first");
                assert_eq!(lengths.into_iter().sum::<stallprof::units::Nanos>(), culprit.total);
            }
            let kinds: usize = cpu.kinds.iter().map(|kind| kind.stalls).sum();
            let harmed = cpu.stalls - cpu.served_meanwhile;
            assert_eq!(kinds, if harmed > 0 { harmed } else { cpu.stalls });
        }
    }
}

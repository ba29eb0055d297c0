//! The incident of the gallery: its verdict names the reader, and the pings that came back late are
//! those that stalls held up.

use std::path::{Path, PathBuf};

use stallprof::analysis::analyse;
use stallprof::model::findings::{Culprit, Findings, Stall, TaskCulprit};
use stallprof::recording;

/// Where `tools/guest/incident-memcg.sh` left its recordings, each with the pings of its time.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("flamegraphs/incident-memcg")
}

fn incidents() -> impl Iterator<Item = (PathBuf, Findings)> {
    let paths = ["6.1-v1.stall", "6.12-v2.stall"].map(|name| folder().join(name));
    paths.into_iter().map(|path| {
        let recording = recording::read(&path).unwrap();
        (path, analyse(&recording))
    })
}

fn task(culprit: &Culprit) -> Option<&TaskCulprit> {
    match culprit {
        Culprit::Task(task) => Some(task),
        _ => None,
    }
}

#[test]
fn the_incident_names_the_reader() {
    for (path, f) in incidents() {
        let first = &f.culprits[0];
        let reader = task(&first.culprit).unwrap();
        assert_eq!((reader.comm.as_str(), reader.syscall.as_deref()), ("sg-memcg", Some("read")));
        let file = reader.file.as_deref().unwrap();
        assert!(file.ends_with("/memory.stat"), "{}: {file}", path.display());
        assert_eq!(f.host.dying_memcgs, Some(6000));
        let stacks = f.stalls.iter().filter(|s| task(&s.culprit) == Some(reader));
        let flushes = stacks.filter(|s| {
            s.evidence
                .stack
                .iter()
                .any(|f| f.contains("memory_stat") || f.contains("memcg_stat_show"))
        });
        assert!(flushes.count() >= 10, "{}", path.display());
    }
}

/// An echo that was away for 40 ms or more, all in CLOCK_MONOTONIC.
struct LateEcho {
    sent: u64,
    back: u64,
}

fn late_echoes(path: &Path, f: &Findings) -> Vec<LateEcho> {
    let shift = f.window.start_realtime - f.window.start.0;
    let text = std::fs::read_to_string(path.with_extension("ping")).unwrap();
    let echo = |line: &str| {
        let (seconds, rest) = line.strip_prefix('[')?.split_once(']')?;
        let ms: f64 = rest.split_once("time=")?.1.split(' ').next()?.parse().ok()?;
        let back = (seconds.parse::<f64>().ok()? * 1e9) as u64 - shift;
        Some(LateEcho { sent: back - (ms * 1e6) as u64, back }).filter(|_| ms >= 40.0)
    };
    let inside = |e: &LateEcho| e.sent >= f.window.start.0 && e.back <= f.window.end.0;
    text.lines().filter_map(echo).filter(inside).collect()
}

fn overlap(stall: &Stall, echo: &LateEcho) -> u64 {
    let (start, end) = (stall.start.0, stall.start.0 + stall.duration.0);
    end.min(echo.back).saturating_sub(start.max(echo.sent))
}

/// In nine of ten, stalls of the CPU that serves them make up half of the way. The rest waited for
/// the pinging CPU, which was not recorded: a guest's CPUs have to share those of its host. On 6.12
/// the flush pauses for each CPU's part, and no echo was as late as that.
#[test]
fn late_pings_of_the_incident_line_up_with_stalls() {
    let (path, f) = incidents().next().unwrap();
    let late = late_echoes(&path, &f);
    assert!(late.len() >= 10, "{}: {} late echoes", path.display(), late.len());
    let held = |e: &&LateEcho| {
        let by_stalls: u64 = f.stalls.iter().map(|s| overlap(s, e)).sum();
        2 * by_stalls >= e.back - e.sent
    };
    let lined_up = late.iter().filter(held).count();
    assert!(10 * lined_up >= 9 * late.len(), "{lined_up} of {}", late.len());
}

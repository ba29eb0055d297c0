//! The incident of the gallery: its verdict names the reader, and the pings that came back late are
//! those that stalls held up.

use std::path::{Path, PathBuf};

use stallprof::analysis::analyse;
use stallprof::analysis::pings::{JoinOptions, join};
use stallprof::model::findings::{Culprit, Findings, JoinedPings, TaskCulprit};
use stallprof::ping::log;
use stallprof::recording;
use stallprof::units::Nanos;

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

/// In nine of ten, stalls of the CPU that serves them make up half of the way. The rest waited for
/// the pinging CPU, which was not recorded: a guest's CPUs have to share those of its host. On 6.12
/// the flush pauses for each CPU's part, and no echo was as late as that.
#[test]
fn late_pings_of_the_incident_line_up_with_stalls() {
    let (path, f) = incidents().next().unwrap();
    let (r, log) =
        (recording::read(&path).unwrap(), log::read(&path.with_extension("ping")).unwrap());
    let options = JoinOptions { offset: Nanos(0), late: Some(Nanos::from_millis(40)) };
    let joined = join(&r, &f, &log, options);
    let JoinedPings { late, in_stalls, .. } = joined;
    assert!(late >= 10, "{}: {late} late echoes", path.display());
    assert!(10 * in_stalls >= 9 * late, "{in_stalls} of {late}");
    let first = &joined.waited[0];
    assert_eq!(task(&first.culprit).unwrap().comm, "sg-memcg");
    assert_eq!(first.probes, in_stalls, "no other culprit");
}

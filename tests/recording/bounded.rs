//! Large recordings, of which not all samples are read.

use std::fs;
use std::path::{Path, PathBuf};

use stallprof::analysis::analyse;
use stallprof::model::findings::Findings;
use stallprof::model::*;
use stallprof::recording::{Bounds, Writer, read, read_bounded, read_within, tables};
use stallprof::render::flame;
use stallprof::units::{Cpu, Ktime, Nanos, Tgid, Tid};

use crate::examples::meta;
use crate::forge::{Chunk, TempDir, blob, block, end, header};
use crate::memory::peak;

const FEW: Bounds = Bounds { whole: 1 << 40, outside: 40, events: u64::MAX, names: usize::MAX };

fn bounded(path: &Path, bounds: &Bounds) -> Recording {
    read_bounded(path, bounds, &mut |_, _| ()).unwrap()
}

/// All that is concluded but what must differ: notes that say so.
fn json(f: &Findings) -> String {
    serde_json::to_string_pretty(&Findings { notes: Vec::new(), ..f.clone() }).unwrap()
}

fn recordings() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/replay");
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|e| e == "stall")).collect();
    found.sort();
    assert!(found.len() > 5);
    found
}

#[test]
fn findings_are_the_same_with_few_of_the_samples() {
    for path in recordings() {
        let (whole, part) = (read(&path).unwrap(), bounded(&path, &FEW));
        let thinned = part.thinned.clone().unwrap();
        assert_eq!(thinned.samples, whole.samples.len() as u64);
        assert!(thinned.one_in > 1 && thinned.stretches == 0, "{thinned:?}");
        assert!(part.samples.is_sorted_by_key(|s| s.time));
        assert!(part.stacks.len() < whole.stacks.len() || whole.stacks.len() < 40);
        let count: u64 = part.samples.iter().map(Sample::count).sum();
        assert_eq!(count, thinned.samples, "{}", path.display());
        let (f, g) = (analyse(&whole), analyse(&part));
        assert!(json(&f) == json(&g), "{}: findings differ", path.display());
        assert!(g.notes.iter().any(|note| note.contains("one sample in")), "{:?}", g.notes);
        assert_eq!(flame::held(&whole, &f), flame::held(&part, &g));
        let all = |r, f| flame::profile(r, f).iter().map(|(_, n)| n).sum::<u64>();
        assert_eq!(all(&whole, &f), all(&part, &g), "{}", path.display());
        assert_eq!(bounded(&path, &FEW), part, "the same each time");
    }
}

#[test]
fn one_that_is_small_is_read_as_it_is() {
    let path = &recordings()[0];
    let all = Bounds { outside: 1 << 40, ..FEW };
    let (whole, part) = (read(path).unwrap(), bounded(path, &all));
    assert_eq!((part.samples.len(), &part.thinned), (whole.samples.len(), &None));
    // Names have other numbers, and those that nobody refers to are gone.
    let (f, g) = (analyse(&whole), analyse(&part));
    assert_eq!((json(&f), f.notes), (json(&g), g.notes));
}

#[test]
fn too_many_stalls_are_told_of() {
    let path = recordings().into_iter().find(|p| p.ends_with("memcg.stall")).unwrap();
    let some = bounded(&path, &Bounds { whole: 200, ..FEW });
    assert!(some.thinned.as_ref().unwrap().stretches > 0);
    let f = analyse(&some);
    assert!(f.notes.iter().any(|note| note.contains("stretches with shorter")), "{:?}", f.notes);
    // What is known without samples is known.
    assert_eq!(f.stalls.len(), analyse(&read(&path).unwrap()).stalls.len());
}

#[test]
fn damage_is_told_as_ever() {
    let dir = TempDir::new("bounded");
    let (path, bytes) = (dir.join("a.stall"), fs::read(&recordings()[0]).unwrap());
    for (name, bytes) in [
        ("cut", bytes[..bytes.len() * 7 / 10].to_vec()),
        ("joined", [&bytes[..], &bytes[..]].concat()),
        (
            "flipped",
            bytes.iter().enumerate().map(|(n, b)| b ^ u8::from(n % 9999 == 9000)).collect(),
        ),
        ("header alone", bytes[..16].to_vec()),
    ] {
        fs::write(&path, &bytes).unwrap();
        let (whole, part) = (read(&path).unwrap(), bounded(&path, &FEW));
        assert_eq!(whole.damage, part.damage, "{name}");
        assert_eq!(whole.end, part.end, "{name}");
    }
    for (bytes, words) in [(&b""[..], "is empty"), (b"film", "not a stallprof recording")] {
        fs::write(&path, bytes).unwrap();
        let told = read_bounded(&path, &FEW, &mut |_, _| ()).unwrap_err().to_string();
        assert!(told.contains(words), "{told}");
    }
}

/// Processes that come and go: nearly every sample has names of its own.
fn made(path: &Path, samples: u64) {
    let meta =
        Meta { sample_period: Nanos(1_000_000), stall_threshold: Nanos(5_000_000), ..meta() };
    let mut w = Writer::to_file(fs::File::create(path).unwrap(), &meta).unwrap();
    let start = meta.start.0;
    for n in 0..samples {
        let comm = w.string(&format!("sh{}", n % 7));
        let task =
            Task { tid: Tid(n as u32 + 2), tgid: Tgid(n as u32 + 2), comm, ..Task::default() };
        let task = w.task(task);
        let frames: Vec<FrameId> = (0..12)
            .map(|depth| {
                let function = w.string(&format!("function_{}", (n + depth) % 50));
                let offset = n % 1009 * 16 + depth;
                w.frame(Frame { function, offset, kernel: true, ..Frame::default() })
            })
            .collect();
        let kernel_stack = w.stack(&frames);
        let (time, cpu) = (Ktime(start + n * 500_000), Cpu((n % 2) as u32));
        w.event(Event::Sample(Sample { time, cpu, task, kernel_stack, ..Sample::default() }));
        if n % 4_000 == 3_999 {
            w.flush().unwrap();
            w.forget_stacks();
        }
    }
    w.finish(Ktime(start + samples * 500_000)).unwrap();
}

#[test]
fn memory_does_not_grow_with_the_recording() {
    let dir = TempDir::new("large");
    let path = dir.join("a.stall");
    let mut peaks = Vec::new();
    for samples in [40_000, 120_000] {
        made(&path, samples);
        let bounds = Bounds { outside: 4_000, ..FEW };
        let (part, most) = peak(|| bounded(&path, &bounds));
        assert_eq!(part.samples.iter().map(Sample::count).sum::<u64>(), samples);
        peaks.push(most);
    }
    let (_, whole) = peak(|| read(&path).unwrap());
    assert!(peaks[1] < peaks[0] * 5 / 4, "{peaks:?}");
    assert!(peaks[1] < whole / 3, "{peaks:?}, as a whole {whole}");
}

/// Softirqs that waited, one after the other, as long as `length` says.
fn late(path: &Path, rows: u64, length: impl Fn(u64) -> u64) {
    let meta = Meta { stall_threshold: Nanos(1_000), ..meta() };
    let mut w = Writer::to_file(fs::File::create(path).unwrap(), &meta).unwrap();
    for n in 0..rows {
        let time = Ktime(meta.start.0 + n * 10_000_000);
        let (vector, delay) = (Vector::NET_RX, Nanos(length(n)));
        w.event(Event::SoftirqDelay(SoftirqDelay { time, vector, delay, ..Default::default() }));
    }
    w.finish(Ktime(meta.start.0 + rows * 10_000_000)).unwrap();
}

#[test]
fn of_too_many_events_the_worst_are_read_and_the_others_told() {
    let dir = TempDir::new("worst");
    let path = dir.join("a.stall");
    // In no order, none twice.
    late(&path, 9_973, |n| 5_000 + n * 7_919 % 9_973 * 900);
    let bounds = Bounds { events: 1 << 20, ..FEW };
    let (whole, part) = (read(&path).unwrap(), bounded(&path, &bounds));
    let told = part.thinned.clone().unwrap().left_out;
    assert_eq!((told.len(), told[0].table, told[0].of), (1, "softirq_delay", 9_973));
    assert_eq!(part.delays.len() as u64 + told[0].rows, 9_973);
    assert!(part.delays.len() > 300, "{}", part.delays.len());
    let mut lengths: Vec<Nanos> = whole.delays.iter().map(|d| d.delay).collect();
    lengths.sort_unstable();
    let least = part.delays.iter().map(|d| d.delay).min().unwrap();
    // Lengths that are nearly equal (a bucket of the histogram) are not told apart.
    let nth = lengths[lengths.len() - part.delays.len()];
    assert!(least.0 >= nth.0 - nth.0 / 16 && part.delays.iter().any(|d| d.delay == lengths[9_972]));
    let f = analyse(&part);
    assert!(f.notes.iter().any(|n| n.contains(" of 9973 of \"softirq_delay\"")), "{:?}", f.notes);
    assert_eq!(bounded(&path, &bounds), part, "the same each time");
    assert_eq!(bounded(&path, &FEW).thinned, None, "all fit");
}

/// Each table in turn, filled with rows of a byte each, as no recorder does.
#[test]
fn no_table_takes_more_memory_than_it_may() {
    let dir = TempDir::new("tables");
    let path = dir.join("a.stall");
    let bounds = Bounds { whole: 5_000, outside: 5_000, events: 4 << 20, names: 4 << 20 };
    let rows = 50_000;
    for (table, columns) in tables().iter().skip_while(|(name, _)| *name != "sample") {
        let mut chunk = Chunk::new(table, rows as u64);
        for column in columns.iter().filter(|c| ["time", "gap", "delay", "run", "cpu"].contains(c))
        {
            chunk = chunk.column(column, 2, &vec![7; rows]);
        }
        let meta = Chunk::new("meta", 1).texts("json", &[b"{\"stall_threshold\":1}"]).end();
        let many = block(&chunk.end()).repeat(20);
        fs::write(&path, [header(1, 0), block(&meta), many, block(&end(9))].concat()).unwrap();
        let (part, most) = peak(|| bounded(&path, &bounds));
        assert!(most < 60 << 20, "{table}: {most} bytes");
        let left_out = part.thinned.map(|t| (t.one_in, t.left_out));
        // A million rows; those of histograms are one when added up.
        assert!(left_out.is_some() || *table == "hist", "{table}");
        assert!(part.damage.is_empty(), "{:?}", part.damage);
    }
}

/// A stack, a task and a text of its own for each sample, the longest that may be.
#[test]
fn names_take_no_more_memory_than_they_may() {
    let dir = TempDir::new("names");
    let path = dir.join("a.stall");
    let text = vec![b'x'; 30_000];
    let mut file = [header(1, 0), block(&crate::forge::meta())].concat();
    for first in (1..1_000).step_by(100) {
        let ids: Vec<u64> = (first..first + 100).collect();
        let texts: Vec<&[u8]> = ids.iter().map(|_| &text[..]).collect();
        let frames: Vec<u8> = ids.iter().flat_map(|_| blob(&[2; 8_000])).collect();
        let parts = [
            Chunk::new("string", 100).plain("id", &ids).texts("text", &texts).end(),
            Chunk::new("task", 100).plain("id", &ids).plain("comm", &ids).end(),
            Chunk::new("stack", 100).plain("id", &ids).column("frames", 1, &frames).end(),
            Chunk::new("sample", 100)
                .plain("time", &ids)
                .plain("task", &ids)
                .plain("kernel_stack", &ids)
                .end(),
        ];
        file.extend(block(&parts.concat()));
    }
    file.extend(block(&end(9_999)));
    fs::write(&path, &file).unwrap();
    let few = Bounds { outside: 1 << 40, names: 4 << 20, ..FEW };
    let (part, most) = peak(|| bounded(&path, &few));
    assert!(most < 60 << 20, "{most}");
    assert_eq!(part.samples.len(), 1_000);
    let told = part.thinned.clone().unwrap();
    assert!(told.names > 500 && told.left_out.is_empty(), "{told:?}");
    let f = analyse(&part);
    assert!(f.notes.iter().any(|n| n.contains("no room for")), "{:?}", f.notes);
    // Read as a whole, it does not fit either, and with more room it does.
    assert!(read_within(&path, 64 << 20, u64::MAX, &mut |_, _| ()).unwrap().is_none());
    let whole = read_within(&path, 1 << 30, u64::MAX, &mut |_, _| ()).unwrap().unwrap();
    assert_eq!((whole.samples.len(), whole.damage.len()), (1_000, 0));
}

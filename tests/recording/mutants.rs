//! Real recordings, changed inside their blocks with the checksums made right again, so that what
//! is wrong reaches the decoder, the analysis and every renderer. None may make them panic, think
//! for long or take much memory. The same mutants in each run.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use stallprof::analysis::analyse;
use stallprof::model::*;
use stallprof::recording::{Writer, read, read_bytes};
use stallprof::render::{Style, flame, json, ordered, terminal};
use stallprof::units::{Ktime, Nanos};

use crate::dissect::{change_values, dissect, join};
use crate::forge::{Random, block, blocks, header, unpack};
use crate::fuzz::change;
use crate::memory;

/// Mutants of all seeds together, on a machine that is not too busy for them.
const MUTANTS: usize = 2400;
/// Fewer have to do if it is.
const ENOUGH: usize = 400;
const TIME_FOR_ALL: Duration = Duration::from_secs(20);
const TIME_FOR_ONE: Duration = Duration::from_secs(2);
const MEMORY_FOR_ONE: usize = 300 << 20;

/// What is recorded around the first stalls of a real recording, and the names that it needs:
/// small, so that thousands of mutants take seconds.
fn seed(path: &Path) -> Vec<u8> {
    let r = read(path).unwrap();
    let stalls = analyse(&r).stalls;
    let near = |at: Ktime| {
        let margin = Nanos::from_millis(15);
        let mut first = stalls.iter().take(3);
        first.any(|s| s.start.before(margin) <= at && at <= s.start.after(s.duration + margin))
    };
    let mut w = Writer::new(Vec::new(), &r.meta).unwrap();
    for e in r.samples.iter().filter(|e| near(e.time)) {
        let (task, file) = (name_task(&mut w, &r, e.task), w.string(r.str(e.syscall.file)));
        let kernel_stack = name_stack(&mut w, &r, e.kernel_stack);
        let user_stack = name_stack(&mut w, &r, e.user_stack);
        let syscall = SyscallId { file, ..e.syscall };
        w.event(Event::Sample(Sample { task, syscall, kernel_stack, user_stack, ..*e }));
    }
    for e in r.delays.iter().filter(|e| near(e.time)) {
        let task = name_task(&mut w, &r, e.task);
        let entry_stack = name_stack(&mut w, &r, e.entry_stack);
        w.event(Event::SoftirqDelay(SoftirqDelay { task, entry_stack, ..*e }));
    }
    for e in r.runners.iter().filter(|e| near(e.time)) {
        let task = name_task(&mut w, &r, e.task);
        w.event(Event::Runner(Runner { task, ..*e }));
    }
    for e in &r.syscalls {
        let (task, file) = (name_task(&mut w, &r, e.task), w.string(r.str(e.syscall.file)));
        w.event(Event::SyscallSlow(SyscallSlow {
            task,
            syscall: SyscallId { file, ..e.syscall },
            ..*e
        }));
    }
    r.runs.iter().filter(|e| near(e.time)).for_each(|e| w.event(Event::SoftirqRun(*e)));
    r.handoffs.iter().filter(|e| near(e.time)).for_each(|e| w.event(Event::Handoff(*e)));
    r.hardirqs.iter().filter(|e| near(e.time)).for_each(|e| w.event(Event::HardIrq(*e)));
    r.steal.iter().for_each(|e| w.event(Event::Steal(*e)));
    r.file_calls.iter().for_each(|e| w.event(Event::FileCall(*e)));
    r.file_reads.iter().for_each(|e| w.event(Event::FileReads(*e)));
    r.dying_memcgs.iter().for_each(|e| w.event(Event::DyingMemcgs(*e)));
    r.snapshots.iter().for_each(|e| w.event(Event::Snapshot(*e)));
    r.hists.iter().take(99).for_each(|e| w.event(Event::Hist(*e)));
    let probe = w.string("sampler");
    w.event(Event::Lost(Lost { probe, ring_full: 3, ..Lost::default() }));
    w.finish(r.last_time()).unwrap()
}

fn name_task(w: &mut Writer<Vec<u8>>, r: &Recording, id: TaskId) -> TaskId {
    let task = r.task(id);
    let mut text = |id| w.string(r.str(id));
    let (comm, process, cgroup) = (text(task.comm), text(task.process), text(task.cgroup));
    let pod = text(task.pod);
    w.task(Task { comm, process, cgroup, pod, ..task })
}

fn name_stack(w: &mut Writer<Vec<u8>>, r: &Recording, id: StackId) -> StackId {
    let frames = r.stack(id).iter().map(|&id| {
        let frame = r.frame(id);
        let (function, module) = (w.string(r.str(frame.function)), w.string(r.str(frame.module)));
        w.frame(Frame { function, module, ..frame })
    });
    let frames: Vec<_> = frames.collect();
    w.stack(&frames)
}

fn recordings() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/replay");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|p| p.extension().is_some_and(|e| e == "stall"));
    files.sort();
    files
}

/// A table of a recording: what is in its block, and the block.
struct Part {
    raw: Vec<u8>,
    block: Vec<u8>,
}

/// The tables of a recording, a block for each.
fn parts(file: &[u8]) -> Vec<Part> {
    let raws = blocks(file).into_iter().map(|(at, len)| unpack(&file[at..at + len]));
    let tables = raws.flat_map(|raw| dissect(&raw));
    let parts = tables.map(|table| {
        let raw = join(&[table]);
        Part { block: block(&raw), raw }
    });
    parts.collect()
}

/// Most have other values and reach the analysis; the rest has other bytes where values are held.
fn mutant(parts: &[Part], random: &mut Random) -> Vec<u8> {
    let mut blocks: Vec<Vec<u8>> = parts.iter().map(|part| part.block.clone()).collect();
    let by_value = random.below(4) > 0;
    for _ in 0..=random.below(6) {
        let which = random.below(parts.len());
        let mut raw = parts[which].raw.clone();
        for _ in 0..=random.below(3) {
            if by_value {
                let mut tables = dissect(&raw);
                change_values(&mut tables, random);
                raw = join(&tables);
            } else {
                change(&mut raw, random);
            }
        }
        blocks[which] = block(&raw);
    }
    let mut bytes = [header(1, 0), blocks.concat()].concat();
    if random.below(10) == 0 {
        bytes.truncate(random.below(bytes.len()));
    }
    bytes
}

#[test]
fn a_block_taken_apart_and_joined_is_the_same() {
    let file = std::fs::read(&recordings()[0]).unwrap();
    for (at, len) in blocks(&file) {
        let raw = unpack(&file[at..at + len]);
        assert!(join(&dissect(&raw)) == raw, "another block");
    }
}

/// Of this thread: other tests and other programs run meanwhile.
fn cpu_time() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it fills the timespec, and this clock is always there.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut now) };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// What `stallprof report` can make of a file, a part of it for each number.
fn report(bytes: &[u8], n: usize) {
    let Ok(r) = read_bytes(bytes) else { return };
    let f = analyse(&r);
    let mut out = Vec::new();
    let style = Style { color: n & 1 == 0, width: [40, 100, 160][n % 3] };
    terminal::verdict(&mut out, &f, style).unwrap();
    terminal::stalls(&mut out, &f, style).unwrap();
    json::write(&mut out, &f).unwrap();
    flame::svg(&mut out, &flame::held(&r, &f), &flame::held_caption(&r, &f)).unwrap();
    if n.is_multiple_of(4) {
        if let Some(stall) = f.worst() {
            ordered::write(&mut out, &r, stall, 50, style).unwrap();
        }
        flame::svg(&mut out, &flame::profile(&r, &f), &flame::profile_caption(&r)).unwrap();
    }
}

#[test]
fn mutants_of_real_recordings_do_no_harm() {
    let files = recordings();
    let seeds: Vec<_> = files.iter().map(|path| (path, parts(&seed(path)))).collect();
    let (next, began) = (AtomicUsize::new(0), Instant::now());
    let harms = Mutex::new(Vec::new());
    let work = || {
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= MUTANTS || began.elapsed() > TIME_FOR_ALL {
                return;
            }
            let (path, parts) = &seeds[n % seeds.len()];
            let bytes = mutant(parts, &mut Random(n as u64 + 1));
            let start = cpu_time();
            let (outcome, most) = memory::peak(|| {
                std::panic::catch_unwind(|| report(&bytes, n / seeds.len())).is_ok()
            });
            let took = cpu_time() - start;
            let harm = match outcome {
                false => "made a panic: see above".to_owned(),
                true if took >= TIME_FOR_ONE => format!("took {took:?}"),
                true if most >= MEMORY_FOR_ONE => format!("took {} MB", most >> 20),
                true => continue,
            };
            let name = path.file_name().unwrap().to_string_lossy();
            harms.lock().unwrap().push(format!("mutant {n}, of {name}, {harm}"));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    let done = next.into_inner().min(MUTANTS);
    let harms = harms.into_inner().unwrap();
    assert!(harms.is_empty(), "{} of {done}: {:#?}", harms.len(), &harms[..harms.len().min(9)]);
    println!("{done} mutants in {:?}", began.elapsed());
    assert!(done >= ENOUGH, "only {done} mutants in {TIME_FOR_ALL:?}");
}

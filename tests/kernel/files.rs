//! Slow files of cgroupfs and procfs: each read is found, with its file, its length, and what it
//! did meanwhile; as measured by whoever read, with its own clock.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::host::{Folder, Recorder, findings, machine, nothing_lost, stallprof};
use crate::kinds;

/// A system call as the caller saw it.
#[derive(Debug)]
struct Seen {
    start: u64,
    end: u64,
    bytes: u64,
}

impl Seen {
    fn length(&self) -> u64 {
        self.end - self.start
    }
}

fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes into `time`.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// One read from the beginning of a file.
fn read(file: &mut File) -> Seen {
    let mut buffer = [0; 1 << 16];
    file.rewind().unwrap();
    let start = now();
    let bytes = file.read(&mut buffer).unwrap() as u64;
    Seen { start, end: now(), bytes }
}

/// The findings of a recording that runs while `work` does.
fn recorded<T>(name: &str, min: &str, work: impl FnOnce() -> T) -> (T, Value) {
    let folder = Folder::new(name);
    let recording = folder.path("r.stall");
    let mut record = stallprof();
    record.args(["record", "--syscall-min", min]);
    let recorder = Recorder::start(record, &recording);
    let done = work();
    recorder.stop();
    let findings = findings(&recording);
    nothing_lost(&findings);
    (done, findings)
}

/// The groups of a process, one for each kind of file.
fn groups(f: &Value, tgid: u64) -> Vec<&Value> {
    let all = f["slow_files"].as_array().unwrap().iter();
    all.filter(|g| g["task"]["tgid"] == tgid).collect()
}

/// The only group of a process with that file, and its calls.
fn group<'a>(f: &'a Value, tgid: u64, file: &str) -> (&'a Value, Vec<&'a Value>) {
    let of: Vec<_> = groups(f, tgid).into_iter().filter(|g| g["task"]["file"] == file).collect();
    assert_eq!(of.len(), 1, "{file}: {:?}", groups(f, tgid));
    let all = f["slow_file_calls"].as_array().unwrap().iter();
    (of[0], all.filter(|c| c["group"] == of[0]["id"]).collect())
}

fn number(v: &Value, field: &str) -> u64 {
    v[field].as_u64().unwrap_or_else(|| panic!("no {field} in {v}"))
}

/// Each call that was longer than `min` by the caller's clock was found inside what the caller saw,
/// nearly as long, and no other. What is within a tenth of `min` may have been found or not.
fn assert_same(seen: &[Seen], calls: &[&Value], min: u64) {
    let sure = seen.iter().filter(|s| s.length() > min + min / 10);
    let maybe = seen.iter().filter(|s| s.length() >= min);
    let (sure, maybe) = (sure.collect::<Vec<_>>(), maybe.count());
    assert!(!sure.is_empty(), "nothing was slow: {seen:?}");
    // Who lost the CPU on the way back to user mode is late by its own clock.
    let (least, found) = (sure.len() - sure.len() / 4, calls.len());
    assert!((least..=maybe).contains(&found), "{found} of {}", sure.len());
    let mut shorter = Vec::new();
    for s in &sure {
        let inside = |c: &&&Value| {
            let start = number(c, "start");
            start >= s.start && start + number(c, "duration") <= s.end
        };
        let Some(call) = calls.iter().find(inside) else {
            shorter.push((s.length(), s));
            continue;
        };
        let short = s.length() - number(call, "duration");
        if short > (s.length() / 50).max(200_000) {
            shorter.push((short, s));
        }
        assert_eq!(number(call, "returned"), s.bytes, "{call}");
    }
    // The way into the kernel and out of it again.
    assert!(4 * shorter.len() <= sure.len(), "too short (ns, seen): {shorter:?}");
}

/// All reads of a process and file: as many, and as long, as the caller saw. Those within a tenth of
/// the limit may have been counted or not.
fn assert_counted(f: &Value, tgid: u64, file: &str, seen: &[Seen]) {
    let rows = f["file_reads"].as_array().unwrap();
    let row = rows.iter().find(|r| r["task"]["tgid"] == tgid && r["task"]["file"] == file);
    let row = row.unwrap_or_else(|| panic!("{file} of {tgid} is not in {rows:?}"));
    let least = number(row, "at_least");
    let of = |least: u64| seen.iter().filter(move |s| s.length() >= least);
    let (sure, maybe) = (of(least + least / 10), of(least));
    let counted = number(row, "calls") as usize;
    assert!((sure.clone().count()..=maybe.clone().count()).contains(&counted), "{row}");
    let (least, most): (u64, u64) = (sure.map(Seen::length).sum(), maybe.map(Seen::length).sum());
    let total = number(row, "total");
    let way = 200_000 * seen.len() as u64 + least / 10;
    assert!(total <= most && total + way >= least, "{least} {most} {row}");
    let by_cpu = row["by_cpu"].as_array().unwrap();
    assert_eq!(by_cpu.iter().map(|c| number(c, "calls")).sum::<u64>(), counted as u64);
}

/// The reader of stallgen, above dying memory cgroups.
#[test]
fn memory_stat() {
    let Some(_machine) = machine() else { return };
    let options = ["--every", "250ms", "--dying", "10000"];
    let kinds::Run { truth, findings: f, .. } = &kinds::run("memcg", 8, &[], &options);
    let tgid = u64::from(truth.header.tgid.unwrap());
    let file = truth.header.file.clone().unwrap();
    let (group, calls) = group(f, tgid, &file);
    let bytes = number(calls[0], "returned");
    let seen: Vec<Seen> = truth
        .stalls
        .iter()
        .map(|t| Seen { start: t.start_ns, end: t.start_ns + t.duration_ns, bytes })
        .collect();
    assert_same(&seen, &calls, 5_000_000);
    assert_counted(f, tgid, "memory.stat", &seen);
    assert_eq!(
        (&group["filesystem"], &group["task"]["syscall"]),
        (&"cgroup".into(), &"read".into())
    );
    let below = file.split_once("/stallgen/").unwrap().1.trim_end_matches("/memory.stat");
    assert_eq!(group["cgroups"][0], format!("/stallgen/{below}"));
    let trend = &f["dying_trend"];
    assert!((9_000..20_000).contains(&number(trend, "max")), "{trend}");
    assert!(number(trend, "counts") >= 3, "{trend}");
    for call in calls {
        assert!(number(call, "on_cpu") <= number(call, "duration") + 4_000_000, "{call}");
        let Some(rstat) = call["rstat"].as_object() else { continue };
        let held = rstat["held"].as_u64().unwrap() + rstat["waited"].as_u64().unwrap();
        assert!(held <= number(call, "duration"), "{call}");
    }
    if has_rstat(f) {
        let rstat = &group["rstat"];
        let at_locks = number(rstat, "held") + number(rstat, "waited");
        assert!(2 * at_locks > number(group, "total"), "it is the flush that takes long: {group}");
    }
}

/// Whether this kernel tells of the locks: 6.10 and later do.
fn has_rstat(f: &Value) -> bool {
    let probes = f["probes"].as_array().unwrap().iter();
    probes.filter(|p| p["name"] == "rstat").any(|p| p["method"].is_string())
}

/// A cgroup on v2 with children, that goes with this value.
struct Cgroups(PathBuf);

impl Cgroups {
    fn new(children: usize) -> Cgroups {
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        let v2 = mounts.lines().map(|l| l.split(' ').collect::<Vec<_>>());
        let v2 = v2.filter(|f| f[2] == "cgroup2").map(|f| f[1].to_owned()).next();
        let v2 = v2.expect("cgroup2 is mounted: mount -t cgroup2 none /sys/fs/cgroup/unified");
        let top = Path::new(&v2).join(format!("stallprof-files-{}", std::process::id()));
        let made = Cgroups(top);
        for n in 0..children {
            std::fs::create_dir_all(made.0.join(n.to_string())).unwrap();
        }
        made
    }

    /// A shell runs in each of them for a moment, so that a flush finds something in all.
    fn use_all(&self) {
        let script = "for c in \"$1\"/*/; do echo 0 > \"$c/cgroup.procs\" || exit 1; done";
        let status = Command::new("sh").args(["-c", script, "sh"]).arg(&self.0).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        for child in std::fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let _ = std::fs::remove_dir(child.path());
        }
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// cgroup v2: `cpu.stat` of a cgroup with many that ran below it.
#[test]
fn cpu_stat_of_cgroup2() {
    let Some(_machine) = machine() else { return };
    let cgroups = Cgroups::new(1_000);
    let path = cgroups.0.join("cpu.stat");
    let mut file = File::open(&path).unwrap();
    let (seen, f) = recorded("cpu-stat", "200us", || {
        let mut seen = Vec::new();
        for _ in 0..12 {
            cgroups.use_all();
            seen.push(read(&mut file));
            // Nothing to flush: short, and not a slow one.
            seen.push(read(&mut file));
        }
        seen
    });
    let tgid = u64::from(std::process::id());
    let (group, calls) = group(&f, tgid, path.to_str().unwrap());
    assert_same(&seen, &calls, 200_000);
    assert_counted(&f, tgid, "cpu.stat", &seen);
    let name = cgroups.0.file_name().unwrap().to_str().unwrap();
    assert_eq!(calls[0]["of_cgroup"], format!("/{name}"));
    assert_eq!(group["filesystem"], "cgroup");
    if has_rstat(&f) {
        for call in calls {
            let held = number(&call["rstat"], "held");
            assert!(held <= number(call, "duration"), "{call}");
            assert!(number(&call["rstat"], "locks") >= 1, "{call}");
        }
        let held = number(&group["rstat"], "held") + number(&group["rstat"], "waited");
        assert!(2 * held > number(group, "total"), "it is the flush that takes long: {group}");
    }
}

/// sendfile(2) is told by the file that it reads, not by the one that it writes.
#[test]
fn sendfile_of_cpu_stat() {
    let Some(_machine) = machine() else { return };
    let cgroups = Cgroups::new(1_000);
    let path = cgroups.0.join("cpu.stat");
    let file = File::open(&path).unwrap();
    let out = File::options().write(true).open("/dev/null").unwrap();
    let (seen, f) = recorded("sendfile", "200us", || {
        let send = |_| {
            cgroups.use_all();
            let (mut from, start) = (0, now());
            // SAFETY: both are open, and it writes to `from`.
            let sent = unsafe {
                libc::sendfile(out.as_raw_fd(), file.as_raw_fd(), &raw mut from, 1 << 16)
            };
            Seen { start, end: now(), bytes: u64::try_from(sent).unwrap() }
        };
        (0..8).map(send).collect::<Vec<_>>()
    });
    let tgid = u64::from(std::process::id());
    let (group, calls) = group(&f, tgid, path.to_str().unwrap());
    assert_same(&seen, &calls, 200_000);
    assert_counted(&f, tgid, "cpu.stat", &seen);
    assert_eq!(
        (&group["filesystem"], &group["task"]["syscall"]),
        (&"cgroup".into(), &"sendfile".into())
    );
}

/// So many mappings that whoever goes through all of them takes milliseconds.
struct Mappings(*mut libc::c_void, usize);

const PAGE: usize = 4096;

impl Mappings {
    fn new(count: usize) -> Mappings {
        let len = count * PAGE;
        let (read, flags) = (libc::PROT_READ, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping, which nobody reads, writes or keeps; parts of it get other rights.
        unsafe {
            let at = libc::mmap(std::ptr::null_mut(), len, read, flags, -1, 0);
            assert_ne!(at, libc::MAP_FAILED);
            for n in (0..count).step_by(2) {
                let page = at.cast::<u8>().add(n * PAGE).cast();
                assert_eq!(libc::mprotect(page, PAGE, libc::PROT_NONE), 0, "vm.max_map_count?");
            }
            Mappings(at, len)
        }
    }
}

impl Drop for Mappings {
    fn drop(&mut self) {
        // SAFETY: the mapping made above.
        unsafe { libc::munmap(self.0, self.1) };
    }
}

/// procfs: a process with 50,000 mappings, whose smaps are read and whose clear_refs are written.
#[test]
fn smaps_of_many_mappings() {
    let Some(_machine) = machine() else { return };
    let _mappings = Mappings::new(50_000);
    let pid = std::process::id();
    let mut rollup = File::open("/proc/self/smaps_rollup").unwrap();
    let mut smaps = File::open("/proc/self/smaps").unwrap();
    let mut refs = File::options().write(true).open("/proc/self/clear_refs").unwrap();
    let ((seen, parts, written), f) = recorded("smaps", "1ms", || {
        let seen: Vec<Seen> = (0..10).map(|_| read(&mut rollup)).collect();
        let mut buffer = vec![0; 1 << 20];
        let mut parts = Vec::new();
        loop {
            let start = now();
            let bytes = smaps.read(&mut buffer).unwrap() as u64;
            if bytes == 0 {
                break;
            }
            parts.push(Seen { start, end: now(), bytes });
        }
        let write = |_| {
            let start = now();
            refs.write_all(b"1\n").unwrap();
            Seen { start, end: now(), bytes: 2 }
        };
        (seen, parts, (0..5).map(write).collect::<Vec<_>>())
    });
    let (group, calls) = group(&f, pid.into(), &format!("/proc/{pid}/smaps_rollup"));
    assert_same(&seen, &calls, 1_000_000);
    assert_counted(&f, pid.into(), "/proc/*/smaps_rollup", &seen);
    assert_eq!((&group["filesystem"], &group["rstat"]), (&"proc".into(), &Value::Null));
    // The kernel hands out smaps in parts of a page: none is slow but by chance.
    assert!(parts.len() > 1_000, "{} parts", parts.len());
    let slow = parts.iter().filter(|s| s.length() >= 1_000_000).count();
    let found = groups(&f, pid.into()).into_iter();
    let found: u64 = found
        .filter(|g| g["task"]["file"] == format!("/proc/{pid}/smaps"))
        .map(|g| number(g, "calls"))
        .sum();
    assert!(found <= slow as u64, "{found} slow reads of smaps, the reader saw {slow}");
    if written.iter().any(|s| s.length() > 1_100_000) {
        let (group, calls) = self::group(&f, pid.into(), &format!("/proc/{pid}/clear_refs"));
        assert_same(&written, &calls, 1_000_000);
        assert_eq!(group["task"]["syscall"], "write");
    }
}

//! Every reader on trees in which one file after another was damaged: no panic, no hang.

use std::fs;
use std::path::{Path, PathBuf};

use stallprof::host::caps::Caps;
use stallprof::host::cgroup::{CgroupIds, CgroupMounts, Hierarchy, WalkLimits, walk};
use stallprof::host::kernel::{Lockdown, Sysctls};
use stallprof::host::ksoftirqd::ksoftirqds;
use stallprof::host::memcg::{DyingMemcgs, DyingUnknown};
use stallprof::host::stat::StealReader;
use stallprof::host::tasks::TaskFacts;
use stallprof::host::{CpuList, HostFacts, HostRoot};
use stallprof::model::workload::workload;
use stallprof::units::{Tgid, Tid};

use super::{TREES, TempDir, tree};

fn files_below(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a directory").flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files_below(&entry.path(), out),
            _ => out.push(entry.path()),
        }
    }
}

fn copy(from: &Path, to: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    files_below(from, &mut files);
    for file in &mut files {
        let target = to.join(file.strip_prefix(from).expect("a file of the tree"));
        fs::create_dir_all(target.parent().expect("a parent")).expect("a directory");
        fs::copy(&*file, &target).expect("a copy");
        *file = target;
    }
    files
}

/// Reads all there is, whatever comes of it.
fn read_everything(root: &HostRoot) {
    if let Ok(facts) = HostFacts::read(root) {
        facts.fill(&mut stallprof::model::Meta::default());
    }
    let _ = (Caps::effective(root).map(|caps| caps.names().count()), Lockdown::read(root));
    let _ = (Sysctls::read(root), DyingMemcgs::read(root));
    let _ = ksoftirqds(root, &"0-3".parse().expect("a list"));
    let _ = (CpuList::possible(root), CpuList::present(root));
    if let Ok(mut reader) = StealReader::open(root) {
        let _ = reader.read().map(<[_]>::len);
    }
    for (tgid, tid) in
        [(4242, 4250), (812, 812), (10137, 10144), (10200, 10200), (300, 300), (77, 90)]
    {
        let facts = TaskFacts::read(root, Tgid(tgid), Tid(tid), None);
        let _ = facts.and_then(|facts| workload(&facts.cgroup?.path));
    }
    let mounts = CgroupMounts::read(root).unwrap_or_default();
    for mount in [Hierarchy::V1Memory, Hierarchy::V2].into_iter().filter_map(|h| mounts.get(h)) {
        let _ = CgroupIds::scan(root, mount, WalkLimits::default())
            .map(|mut ids| ids.find(1).is_some());
    }
}

/// Damaged forms of a file's contents.
fn damaged(good: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(good);
    let digits_to = |with: &str| {
        let mut out = String::new();
        let mut in_number = false;
        for c in text.chars() {
            if !c.is_ascii_digit() {
                out.push(c);
            } else if !in_number {
                out.push_str(with);
            }
            in_number = c.is_ascii_digit();
        }
        out.into_bytes()
    };
    let flipped: Vec<u8> = good.iter().map(|b| b ^ 0x80).collect();
    let mut noise = 0x2545_f491_4f6c_dd1d_u64;
    let random = std::iter::repeat_with(|| {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        noise as u8
    });
    let mut forms = vec![
        Vec::new(),
        b"\n".to_vec(),
        good[..good.len() / 2].to_vec(),
        flipped,
        random.take(4096).collect(),
        digits_to("18446744073709551616"),
        digits_to("-1"),
        digits_to(""),
        vec![b'9'; 1 << 20],
        vec![b'/'; 1 << 20],
    ];
    let mut long = good.to_vec();
    long.resize(1 << 20, b'a');
    forms.push(long);
    forms
}

#[test]
fn damaged_files_do_not_stop_the_readers() {
    for name in TREES {
        let dir = TempDir::new(&format!("hostile-{name}"));
        let root = HostRoot::new(&dir.0);
        for file in copy(&tree(name), &dir.0) {
            let good = fs::read(&file).expect("the file");
            if good.is_empty() {
                continue; // It is there for its directory.
            }
            for form in damaged(&good) {
                fs::write(&file, form).expect("a damaged file");
                read_everything(&root);
            }
            fs::remove_file(&file).expect("no file");
            read_everything(&root);
            fs::write(&file, good).expect("the good file");
        }
    }
}

#[test]
fn a_file_without_end_is_refused() {
    let dir = TempDir::new("endless");
    fs::create_dir_all(dir.0.join("proc/self")).expect("a directory");
    for endless in ["proc/self/mountinfo", "proc/stat"] {
        // Zeros without a single block on the disk.
        let file = fs::File::create(dir.0.join(endless)).expect("a file");
        file.set_len(1 << 33).expect("room for none of it");
    }
    let root = HostRoot::new(&dir.0);
    let error = CgroupMounts::read(&root).expect_err("no end").to_string();
    assert!(error.ends_with("proc/self/mountinfo: longer than 4194304 bytes"), "{error}");
    // Zeros are no CPU line: the reader is done at once.
    assert_eq!(StealReader::open(&root).expect("open").read().map(<[_]>::len).ok(), Some(0));
}

#[test]
fn a_walk_follows_no_links_and_says_when_it_was_cut() {
    let dir = TempDir::new("walk");
    let mut deep = dir.0.clone();
    for _ in 0..70 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).expect("directories");
    std::os::unix::fs::symlink(&dir.0, deep.join("loop")).expect("a link");
    let end = walk(&dir.0, WalkLimits { dirs: 1000, depth: 1000 }, |_, _| {}).expect("a walk");
    assert_eq!((end.dirs, end.cut), (71, false));
    let end = walk(&dir.0, WalkLimits::default(), |_, _| {}).expect("a walk");
    assert_eq!((end.dirs, end.cut), (65, true));
    assert!(walk(&dir.0.join("none"), WalkLimits::default(), |_, _| {}).is_err());
}

#[test]
fn a_part_of_a_hierarchy_gives_no_count() {
    let dir = TempDir::new("partial");
    for name in ["5.10-v1", "6.12-v2"] {
        let to = dir.0.join(name);
        copy(&tree(name), &to);
        let root = HostRoot::new(&to);
        assert!(DyingMemcgs::read(&root).is_ok(), "{name}");
        let table = to.join("proc/self/mountinfo");
        let whole = fs::read_to_string(&table).expect("a mount table");
        fs::write(&table, whole.replace(" / /sys/fs/cgroup", " /docker/ab /sys/fs/cgroup"))
            .expect("written");
        assert!(matches!(DyingMemcgs::read(&root), Err(DyingUnknown::Partial)), "{name}");
        fs::write(&table, "").expect("written");
        assert!(matches!(DyingMemcgs::read(&root), Err(DyingUnknown::NoController)), "{name}");
    }
}

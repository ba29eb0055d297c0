//! Damaged files: no panic, and no value that is not there.

use std::fs;
use std::path::{Path, PathBuf};

use stallprof::health::{Severity, examine};
use stallprof::render::{Style, check};

use super::trees::TREES;
use super::{TempDir, of, read_at_once, tree};

/// Copies a tree with its symbolic links; the files of it.
pub fn copy(from: &Path, to: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            fs::create_dir_all(&target).unwrap();
            files.extend(copy(&entry.path(), &target));
        } else if kind.is_symlink() {
            let link = fs::read_link(entry.path()).unwrap();
            std::os::unix::fs::symlink(link, &target).unwrap();
        } else {
            fs::copy(entry.path(), &target).unwrap();
            files.push(target);
        }
    }
    files
}

fn damaged(good: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(good);
    let digits_to = |with: &str| {
        let runs = text.split_inclusive(|c: char| !c.is_ascii_digit());
        let change = |run: &str| {
            let rest = run.trim_start_matches(|c: char| c.is_ascii_digit());
            if rest.len() < run.len() { format!("{with}{rest}") } else { rest.to_owned() }
        };
        runs.map(change).collect::<String>().into_bytes()
    };
    vec![
        Vec::new(),
        b"\n".to_vec(),
        good[..good.len() / 2].to_vec(),
        good.iter().map(|b| b ^ 0x80).collect(),
        digits_to("18446744073709551616"),
        digits_to("18446744073709551615"),
        digits_to("-1"),
        digits_to("0"),
        digits_to(""),
        vec![b'9'; 1 << 16],
        b"a: b\n".repeat(10_000),
    ]
}

#[test]
fn damaged_files_stop_nothing() {
    for name in TREES {
        let dir = TempDir::new(&format!("health-hostile-{name}"));
        for file in copy(&tree(name), &dir.0) {
            let good = fs::read(&file).unwrap();
            for form in damaged(&good) {
                fs::write(&file, form).unwrap();
                let report = examine(&read_at_once(&dir.0));
                assert!(!report.findings.is_empty());
                let mut out = Vec::new();
                let style = Style { color: true, width: 40 };
                check::write(&mut out, &report, check::Detail { verbose: true }, style).unwrap();
            }
            fs::write(&file, good).unwrap();
        }
    }
}

#[test]
fn what_cannot_be_read_is_unknown() {
    for (file, checks) in [
        ("proc/1/net/stat/nf_conntrack", vec!["conntrack-loss"]),
        ("proc/1/net/netstat", vec!["listen-overflows", "syn-retransmits", "fragmentation"]),
        ("proc/1/net/snmp", vec!["syn-retransmits", "fragmentation"]),
        ("proc/1/net/sockstat", vec!["ephemeral-ports"]),
        ("proc/sys/net/ipv4/ip_local_port_range", vec!["ephemeral-ports"]),
        ("proc/sys/net/netfilter/nf_conntrack_max", vec!["conntrack-fill"]),
        ("proc/net/softnet_stat", vec!["softnet-drops", "softnet-squeeze"]),
        ("proc/1/net/stat/arp_cache", vec!["neighbours"]),
        ("proc/sys/net/ipv4/neigh/default/gc_thresh3", vec!["neighbours"]),
        ("proc/stat", vec!["steal"]),
        ("proc/pressure/memory", vec!["pressure"]),
        ("sys/fs/cgroup/cgroup.stat", vec!["dying-memcgs"]),
        ("proc/self/mountinfo", vec!["dying-memcgs", "cpu-throttling"]),
        ("sys/devices/system/cpu/online", vec!["rx-spread"]),
    ] {
        let dir = TempDir::new(&format!("health-unknown-{}", file.replace('/', "-")));
        copy(&tree("6.1"), &dir.0);
        let path = dir.0.join(file);
        let good = fs::read(&path).expect(file);
        let damages: [Option<&[u8]>; 3] = [None, Some(b""), Some(b"garbage")];
        for damage in damages {
            match damage {
                None => fs::remove_file(&path).unwrap(),
                Some(bytes) => fs::write(&path, bytes).unwrap(),
            }
            let report = examine(&read_at_once(&dir.0));
            for check in &checks {
                let severities: Vec<_> = of(&report, check).iter().map(|f| f.severity).collect();
                assert!(
                    severities.contains(&Severity::Unknown),
                    "{file} as {damage:?}: {check} says {severities:?}"
                );
            }
            fs::write(&path, &good).unwrap();
        }
    }
}

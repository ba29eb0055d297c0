//! State of the host that is gone when somebody comes to look: copied when a trigger goes off.

use std::fs::File;
use std::io::Read;
use std::time::{Duration, Instant};

use crate::host::cgroup::{CgroupMounts, Hierarchy, WalkLimits, walk};
use crate::host::{HostRoot, monotonic};
use crate::model::{Recording, Snapshot, StrId};
use crate::units::Ktime;

/// Files that are copied; those that a kernel does not have are left out.
const FILES: [&str; 14] = [
    "proc/interrupts",
    "proc/softirqs",
    "proc/net/softnet_stat",
    "proc/net/dev",
    "proc/net/sockstat",
    "proc/net/route",
    "proc/net/arp",
    "proc/net/stat/nf_conntrack",
    "proc/sys/net/netfilter/nf_conntrack_count",
    "proc/sys/net/netfilter/nf_conntrack_max",
    "proc/loadavg",
    "proc/pressure/cpu",
    "proc/pressure/memory",
    "proc/pressure/io",
];
/// So much of each is kept; a text of a recording is not longer than 64 KiB.
const MOST: u64 = 60 << 10;
/// No file is begun after so long.
const PATIENCE: Duration = Duration::from_millis(200);
/// Cgroups that are asked for their dying descendants, and those told.
const CGROUPS: (usize, usize) = (300, 20);

/// What was copied: name and text.
#[derive(Debug)]
pub struct Evidence {
    time: Ktime,
    texts: Vec<(String, String)>,
}

impl Evidence {
    /// Copies it, within 200 ms or a little more.
    #[must_use]
    pub fn take(root: &HostRoot) -> Evidence {
        let (time, began) = (monotonic(), Instant::now());
        let mut texts = Vec::new();
        for file in FILES.iter().take_while(|_| began.elapsed() < PATIENCE) {
            if let Ok(open) = root.open(file)
                && let Some(text) = copy(open)
            {
                texts.push((format!("/{file}"), text));
            }
        }
        let left = PATIENCE.saturating_sub(began.elapsed());
        texts.extend(dying(root, left).map(|text| ("dying descendants of cgroups".into(), text)));
        Evidence { time, texts }
    }

    /// Puts it into a recording.
    pub fn put(self, recording: &mut Recording) {
        for (name, text) in self.texts {
            let at = recording.strings.len() as u32;
            recording.strings.extend([name, text]);
            let row = Snapshot { time: self.time, name: StrId(at), text: StrId(at + 1) };
            recording.snapshots.push(row);
        }
    }
}

/// The text of a file, up to the bound.
fn copy(mut file: File) -> Option<String> {
    let mut bytes = Vec::new();
    file.by_ref().take(MOST).read_to_end(&mut bytes).ok()?;
    let cut = file.read(&mut [0]).is_ok_and(|more| more > 0);
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if cut {
        text.push_str("\n(cut)\n");
    }
    (!text.is_empty()).then_some(text)
}

/// The cgroups of the first two levels with the most dying descendants; only v2 tells.
fn dying(root: &HostRoot, patience: Duration) -> Option<String> {
    let began = Instant::now();
    let mounts = CgroupMounts::read(root).ok()?;
    let mount = mounts.get(Hierarchy::V2)?;
    let mut found = Vec::new();
    let limits = WalkLimits { dirs: CGROUPS.0, depth: 2 };
    let ask = |path: &std::path::Path, _: u64| {
        if began.elapsed() >= patience {
            return;
        }
        let stat = root.value(mount.point.join(path).join("cgroup.stat")).unwrap_or_default();
        let count = stat.lines().find_map(|l| l.strip_prefix("nr_dying_descendants "));
        let count = count.and_then(|n| n.parse::<u64>().ok()).unwrap_or_default();
        if count > 0 {
            found.push((count, path.display().to_string()));
        }
    };
    walk(&root.place(&mount.point).ok()?, limits, ask).ok()?;
    found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let lines = found.iter().take(CGROUPS.1).map(|(count, path)| format!("{count} /{path}\n"));
    Some(lines.collect::<String>()).filter(|text| !text.is_empty())
}

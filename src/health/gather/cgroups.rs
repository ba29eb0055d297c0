//! CPU limits of cgroups, read twice, and container ids.

use std::time::{Duration, Instant};

use crate::health::facts::{CgroupFacts, Known, Throttled};
use crate::host::HostRoot;
use crate::host::cgroup::WalkLimits;
use crate::host::throttle::CpuCgroups;
use crate::units::Nanos;

/// Cgroups visited at most: each costs a stat and an attempt to open a file, 5 to 10 us.
const VISITED: usize = 20_000;

pub fn read(root: &HostRoot, window: Duration, deadline: Instant) -> Known<CgroupFacts> {
    let limits = WalkLimits { dirs: VISITED, ..WalkLimits::default() };
    let found = CpuCgroups::scan(root, limits).map_err(|e| e.to_string())?;
    let at = Instant::now();
    let first = found.read();
    // A second reading that would come too late is of no use.
    let took = at.elapsed();
    let left = deadline.saturating_duration_since(Instant::now()).saturating_sub(took * 2);
    std::thread::sleep(window.saturating_sub(took).min(left));
    let window = Nanos(at.elapsed().as_nanos() as u64);
    let second = found.read();
    let limited = found.limited.iter().zip(first).zip(second).map(|((limited, first), second)| {
        let path = format!("/{}", limited.path.display());
        Throttled { path, name: None, milli_cpus: limited.milli_cpus, first, second }
    });
    Ok(CgroupFacts {
        limited: limited.collect(),
        visited: found.end.dirs,
        cut: found.end.cut,
        beyond: found.beyond,
        window,
        containers: found.containers,
    })
}

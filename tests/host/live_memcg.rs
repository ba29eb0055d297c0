//! Makes dying memory cgroups on this machine and counts them.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use stallprof::host::HostRoot;
use stallprof::host::cgroup::{CgroupMounts, Hierarchy};
use stallprof::host::memcg::DyingMemcgs;

use super::CGROUPS;
use crate::skip::skipped;

/// In a mount namespace and a tmpfs of its own: each cgroup is charged one page of a file, then
/// removed; the pages keep it dying. They go when the namespace goes.
const MAKE: &str = r#"
set -e
cd "$1"
mount -t tmpfs none /mnt
for n in $(seq "$2"); do
    mkdir "stallprof-$$-$n"
    (read pid rest < /proc/self/stat
     echo 0 > "stallprof-$$-$n/cgroup.procs"
     echo page > "/mnt/$n")
    rmdir "stallprof-$$-$n"
done
echo made
read wait
"#;

struct Maker(Child);

impl Maker {
    /// Returns when they are made; they live as long as the value.
    fn start(top: &Path, count: u64) -> Result<Maker, String> {
        let mut child = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", MAKE, "sh"])
            .arg(top)
            .arg(count.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("unshare: {e}"))?;
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its output");
        BufReader::new(stdout).read_line(&mut line).map_err(|e| e.to_string())?;
        if line == "made\n" {
            return Ok(Maker(child));
        }
        let _ = child.wait();
        Err("cgroups and a tmpfs cannot be made (see above)".to_owned())
    }
}

impl Drop for Maker {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// The count once it has stood still for half a second: the kernel lets go of removed cgroups
/// some time after their last page.
fn settled(count: impl Fn() -> u64) -> u64 {
    let (mut last, mut still) = (count(), 0);
    for _ in 0..100 {
        std::thread::sleep(Duration::from_millis(50));
        let now = count();
        still = if now == last { still + 1 } else { 0 };
        last = now;
        if still == 10 {
            break;
        }
    }
    last
}

#[test]
fn the_count_goes_up_by_those_made() {
    const NAME: &str = "the_count_goes_up_by_those_made";
    const MADE: u64 = 25;
    let root = HostRoot::default();
    let mounts = CgroupMounts::read(&root).expect("a mount table");
    if let Err(why) = DyingMemcgs::read(&root) {
        return skipped(NAME, &why.to_string());
    }
    let count = || DyingMemcgs::read(&root).expect("a count").count;
    let mount = mounts.get(Hierarchy::V1Memory).or_else(|| mounts.get(Hierarchy::V2));
    let top = root.path(&mount.expect("a hierarchy").point);
    // Others on this machine make and lose some too: one undisturbed try must be exact.
    let mut seen = Vec::new();
    for _ in 0..5 {
        let alone = CGROUPS.lock().unwrap_or_else(PoisonError::into_inner);
        let before = settled(count);
        let maker = match Maker::start(&top, MADE) {
            Ok(maker) => maker,
            Err(why) => return skipped(NAME, &why),
        };
        let begin = Instant::now();
        println!("{:?} in {:?}", DyingMemcgs::read(&root), begin.elapsed());
        let with = settled(count);
        drop(maker);
        drop(alone);
        seen.push((before, with));
        if with == before + MADE {
            return;
        }
    }
    panic!("before and with {MADE} more: {seen:?}");
}

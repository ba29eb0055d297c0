//! Dying memory cgroups.

use super::super::facts::Facts;
use super::super::finding::{Finding, Severity};
use super::super::words::plural;
use super::{Check, graded};

pub const DYING: Check = Check {
    name: "dying-memcgs",
    title: "dying memory cgroups",
    run,
    why: "each read of a memory.stat above them goes through all whose statistics changed, on \
          many kernels with interrupts off: packets and threads of that CPU wait meanwhile",
    prove: "cat /sys/fs/cgroup/cgroup.stat; on v1 compare num_cgroups of /proc/cgroups with the \
            directories",
    help: "echo 1 > /proc/sys/vm/drop_caches lets go of those that hold page cache only; read \
           memory.stat less often (cadvisor --housekeeping-interval); stallprof record shows who \
           pays",
};

/// One read of memory.stat above 1,000 that were written to on one CPU took 3 ms, above 5,000
/// 13 to 18 ms, above 20,000 54 to 92 ms; on eleven CPUs ten times as long (Linux 6.1 and 6.12,
/// cgroup v1 and v2).
const NOTICE: u64 = 1_000;
/// Three times the stall that `record` reports by default.
const WARNING: u64 = 5_000;
/// Longer than the 40 ms after which TCP acknowledges anyway (`TCP_DELACK_MIN`).
const CRITICAL: u64 = 20_000;

fn run(facts: &Facts) -> Vec<Finding> {
    let dying = match &facts.dying {
        Ok(dying) => dying,
        Err(why) => return vec![Finding::unknown(why)],
    };
    let severity = match graded(dying.count, WARNING, CRITICAL) {
        Severity::Ok if dying.count >= NOTICE => Severity::Notice,
        other => other,
    };
    let value = format!("{} ({})", plural(dying.count, "dying memory cgroup"), dying.method);
    vec![Finding::new(severity, value).number("dying", dying.count)]
}

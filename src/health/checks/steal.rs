//! Time that the hypervisor took.

use super::super::facts::Facts;
use super::super::finding::{Finding, Severity, Window};
use super::super::words::percent;
use super::{Check, graded};
use crate::units::Nanos;

pub const STEAL: Check = Check {
    name: "steal",
    title: "time stolen by the hypervisor",
    run,
    why: "the virtual CPUs were ready and the hypervisor ran something else: everything on them \
          stood still, interrupts too, and nothing inside can help it",
    prove: "grep ^cpu /proc/stat (eighth number, in 1/100 s); vmstat 1 (st)",
    help: "another host or a machine type with CPUs of its own; on burstable types: credits",
};

/// In thousandths: of each 100 ms 5 ms are gone, which is a stall by `record`'s default.
const WARNING: u64 = 50;
/// A fifth of the machine is not there.
const CRITICAL: u64 = 200;

fn run(facts: &Facts) -> Vec<Finding> {
    let (first, second) = match facts.steal.both() {
        Ok(both) => both,
        Err(why) => return vec![Finding::unknown(why)],
    };
    if second.is_empty() {
        return vec![Finding::unknown("the kernel does not tell steal time")];
    }
    let (mut stolen, mut cpus, mut worst) = (0u64, 0u64, (0u64, 0u32));
    for (cpu, after) in second {
        let Some((_, before)) = first.iter().find(|(c, _)| c == cpu) else { continue };
        // The kernel's own account may step back a little: that is no time.
        let grown = after.0.saturating_sub(before.0);
        // More than passed is no growth but an account that was begun anew.
        if grown > facts.steal.window.0.saturating_mul(2).max(50_000_000) {
            return vec![Finding::unknown("its counters were reset meanwhile")];
        }
        stolen += grown;
        cpus += 1;
        worst = worst.max((grown, cpu.0));
    }
    let whole = facts.steal.window.0.saturating_mul(cpus);
    let Some(share) = super::super::words::permille(stolen, whole) else {
        return vec![Finding::unknown("no CPU is in both readings")];
    };
    let mut value = percent(stolen, whole);
    if worst.0 > 0 {
        value += &format!(" of the CPUs' time, most on CPU {}: {}", worst.1, Nanos(worst.0));
    }
    let severity = match graded(share, WARNING, CRITICAL) {
        // One tick of 10 ms on one CPU is what the account can tell at least.
        Severity::Warning if stolen <= 10_000_000 => Severity::Notice,
        other => other,
    };
    let finding = Finding::new(severity, value).during(Window::Within(facts.steal.window));
    vec![finding.number("stolen_ns", stolen).number("cpus", cpus)]
}

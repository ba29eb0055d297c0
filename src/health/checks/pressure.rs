//! Pressure stall information.

use super::super::facts::Facts;
use super::super::finding::{Finding, Severity, Window};
use super::{Check, graded};
use crate::host::pressure::Resource;

pub const PRESSURE: Check = Check {
    name: "pressure",
    title: "pressure on CPU, memory, I/O and interrupts",
    run,
    why: "in that share of the last 10 s tasks that could have run stood still for lack of it",
    prove: "grep . /proc/pressure/*",
    help: "find the cgroup: grep -r . /sys/fs/cgroup --include='*.pressure'; give it more, or \
           limit who takes it",
};

/// The example of Documentation/accounting/psi.rst wakes a monitor at 150 ms in a second.
const WARNING: u64 = 1_500;
/// From here on systemd-oomd ends cgroups by default (DefaultMemoryPressureLimit=60%).
const CRITICAL: u64 = 6_000;

fn run(facts: &Facts) -> Vec<Finding> {
    facts
        .pressure
        .iter()
        .map(|(of, read)| match read {
            Err(why) => Finding::unknown(why).on(of.name()),
            Ok(pressure) => {
                // Of the whole machine's CPUs `full` means nothing, of interrupts there is no `some`.
                let (kind, share) = match of {
                    Resource::Cpu => ("some", pressure.some),
                    _ => ("full", pressure.full),
                };
                let Some(share) = share.map(u64::from) else {
                    return Finding::unknown(format!("the kernel does not tell \"{kind}\""))
                        .on(of.name());
                };
                // A machine whose CPUs are all in use does its work; what waits waits in turn.
                let severity = match (of, graded(share, WARNING, CRITICAL)) {
                    (Resource::Cpu, Severity::Critical) => Severity::Warning,
                    (Resource::Cpu, Severity::Warning) => Severity::Notice,
                    (_, severity) => severity,
                };
                Finding::new(severity, format!("{kind} {}.{:02} %", share / 100, share % 100))
                    .on(of.name())
                    .during(Window::TenSeconds)
                    .number("hundredths_of_percent", share)
            }
        })
        .collect()
}

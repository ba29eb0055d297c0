//! Cgroups that were held back by their CPU limit.

use super::super::facts::{Facts, Throttled};
use super::super::finding::{Finding, Severity, Window};
use super::super::words::{count, percent, permille, plural};
use super::{Check, or_ok};
use crate::host::counter::grown64;
use crate::units::Nanos;

pub const CPU: Check = Check {
    name: "cpu-throttling",
    title: "cgroups held back by their CPU limit",
    run,
    why: "the cgroup used up its quota and stood still until the next period (100 ms by default), \
          whatever was idle: what it serves waits for tens of milliseconds",
    prove: "cat CGROUP/cpu.stat",
    help: "raise or drop the CPU limit; cpu.max.burst lets it save up; fewer threads than CPUs of \
           the limit",
};

/// Share of its periods, in thousandths, from which the alert CPUThrottlingHigh of kubernetes-mixin
/// fires.
const SHARE: u64 = 250;
/// Fewer periods than this since it was made are no share: ten seconds.
const FEW: u64 = 100;

fn run(facts: &Facts) -> Vec<Finding> {
    let cgroups = match &facts.cgroups {
        Ok(cgroups) => cgroups,
        Err(why) => return vec![Finding::unknown(why)],
    };
    let window = Window::Within(cgroups.window);
    let mut findings: Vec<Finding> =
        cgroups.limited.iter().filter_map(|c| of_cgroup(c, window)).collect();
    let gone = cgroups.limited.iter().filter(|c| c.first.is_none() && c.second.is_none()).count();
    if gone > 0 {
        findings.push(Finding::unknown(format!(
            "cpu.stat of {} cannot be read",
            plural(gone as u64, "cgroup")
        )));
    }
    if cgroups.cut && findings.is_empty() {
        let value = format!(
            "of the first {} none is held back; there are more",
            plural(cgroups.visited as u64, "cgroup")
        );
        findings.push(Finding::unknown(value).number("visited", cgroups.visited as u64));
    }
    or_ok(findings, || {
        let limited = cgroups.limited.len() as u64;
        let value = match limited {
            0 => "no cgroup has a CPU limit".to_owned(),
            n => format!("none of {} held back", plural(n, "cgroup")),
        };
        Finding::new(Severity::Ok, value).during(window).number("limited", limited)
    })
}

fn of_cgroup(cgroup: &Throttled, window: Window) -> Option<Finding> {
    let after = cgroup.second?;
    // Without a first reading, or after one that does not fit, there is only the total.
    let grown = cgroup.first.and_then(|before| {
        Some((
            grown64(before.periods, after.periods)?,
            grown64(before.throttled, after.throttled)?,
            Nanos(grown64(before.time.0, after.time.0)?),
        ))
    });
    let (periods, throttled, time) = grown.unwrap_or((0, 0, Nanos(0)));
    let often = |part, whole| permille(part, whole).is_some_and(|share| share >= SHARE);
    let total = format!(
        "{} of {} in all",
        percent(after.throttled, after.periods),
        plural(after.periods, "period")
    );
    let cpus = format!("{}.{:02} CPUs", cgroup.milli_cpus / 1_000, cgroup.milli_cpus % 1_000 / 10);
    let finding = if throttled > 0 && often(throttled, periods) {
        let value = format!(
            "held back in {} of {} for {time}, limit {cpus}; {total}",
            count(throttled),
            plural(periods, "period")
        );
        Finding::new(Severity::Warning, value).during(window)
    } else if after.periods >= FEW && often(after.throttled, after.periods) {
        Finding::new(Severity::Notice, format!("held back in {total}, limit {cpus}"))
            .during(Window::SinceBoot)
    } else {
        return None;
    };
    let name = cgroup.name.as_deref().unwrap_or(&cgroup.path);
    let finding = finding.on(name).proved_by(format!("cat CGROUP_ROOT{}/cpu.stat", cgroup.path));
    let finding = finding.number("periods", periods).number("throttled", throttled);
    Some(finding.number("throttled_ns", time.0).number("throttled_total", after.throttled))
}

//! Packets that the receive softirq dropped or put off.

use super::super::facts::Facts;
use super::super::finding::{Finding, Severity, Window};
use super::super::words::count;
use super::{Check, graded, or_ok};
use crate::host::counter::grown32;
use crate::rxpath::SoftnetCpu;
use crate::units::Cpu;

pub const DROPS: Check = Check {
    name: "softnet-drops",
    title: "packets dropped from a full backlog",
    run: drops,
    why: "the queue of packets that wait for a CPU's softirq was full: everything that goes \
          through RPS, veth or loopback on that CPU is lost",
    prove: "cat /proc/net/softnet_stat (second column, hexadecimal)",
    help: "raise net.core.netdev_max_backlog; spread the load (RPS, more queues); stallprof \
           record -C CPU shows what keeps that CPU from its softirqs",
};

pub const SQUEEZE: Check = Check {
    name: "softnet-squeeze",
    title: "softirqs that ended with packets left",
    run: squeeze,
    why: "the budget of a NET_RX softirq was used up with packets left; they wait for the next \
          round or for ksoftirqd, behind other tasks",
    prove: "cat /proc/net/softnet_stat (third column, hexadecimal)",
    help: "spread the load over more queues or CPUs (stallprof rxpath); raise \
           net.core.netdev_budget and netdev_budget_usecs where a CPU is spared for packets",
};

/// A thousand packets a second lost on one CPU.
const DROPS_CRITICAL: u64 = 1_000;
/// A CPU that comes to it this often is busy: a squeeze ends 2 ms of work by default
/// (`netdev_budget_usecs`), so ten a second are 2 % of its time, fifty are 10 %.
const SQUEEZE_NOTICE: u64 = 10;
const SQUEEZE_WARNING: u64 = 50;

/// Growth of a counter for each CPU that is in both readings, per second, and the sum since boot.
struct Grown {
    cpus: Vec<(Cpu, u64, u64)>,
    total: u64,
    window: Window,
}

fn grown(facts: &Facts, of: fn(&SoftnetCpu) -> u32) -> Result<Grown, Vec<Finding>> {
    let unknown = |why: &str| vec![Finding::unknown(why)];
    let (first, second) = facts.softnet.both().map_err(|why| unknown(why))?;
    let window = facts.softnet.window;
    let per_second = |n: u64| (n as f64 / window.secs().max(0.05)) as u64;
    let mut cpus = Vec::new();
    for row in second {
        // A CPU that came online meanwhile has no growth.
        let Some(before) = first.iter().find(|b| b.cpu == row.cpu) else { continue };
        let grown = grown32(of(before), of(row));
        let Some(n) = grown else { return Err(unknown("its counters were reset meanwhile")) };
        cpus.push((row.cpu, n, per_second(n)));
    }
    let total = second.iter().map(|row| u64::from(of(row))).sum();
    Ok(Grown { cpus, total, window: Window::Within(window) })
}

fn drops(facts: &Facts) -> Vec<Finding> {
    let grown = match grown(facts, |row| row.dropped) {
        Ok(grown) => grown,
        Err(unknown) => return unknown,
    };
    let dropping = grown.cpus.iter().filter(|(_, n, _)| *n > 0);
    let findings: Vec<Finding> = dropping
        .map(|(cpu, n, per_second)| {
            Finding::new(graded(*per_second, 0, DROPS_CRITICAL), format!("{} dropped", count(*n)))
                .on(format!("CPU {cpu}"))
                .during(grown.window)
                .number("dropped", *n)
        })
        .collect();
    or_ok(findings, || {
        let severity = if grown.total > 0 { Severity::Notice } else { Severity::Ok };
        let value = match grown.total {
            0 => "none dropped".to_owned(),
            n => format!("{} dropped, none {}", count(n), grown.window.words()),
        };
        Finding::new(severity, value).during(Window::SinceBoot).number("dropped_total", grown.total)
    })
}

fn squeeze(facts: &Facts) -> Vec<Finding> {
    let grown = match grown(facts, |row| row.time_squeeze) {
        Ok(grown) => grown,
        Err(unknown) => return unknown,
    };
    let busy = grown.cpus.iter().filter(|(_, _, per_second)| *per_second >= SQUEEZE_NOTICE);
    let findings: Vec<Finding> = busy
        .map(|(cpu, n, per_second)| {
            let severity = match *per_second >= SQUEEZE_WARNING {
                true => Severity::Warning,
                false => Severity::Notice,
            };
            Finding::new(severity, format!("{} squeezed", count(*n)))
                .on(format!("CPU {cpu}"))
                .during(grown.window)
                .number("time_squeeze", *n)
        })
        .collect();
    let some: u64 = grown.cpus.iter().map(|(_, n, _)| n).sum();
    or_ok(findings, || {
        let value = format!("{} squeezed, {} since boot", count(some), count(grown.total));
        Finding::new(Severity::Ok, value)
            .during(grown.window)
            .number("time_squeeze", some)
            .number("time_squeeze_total", grown.total)
    })
}

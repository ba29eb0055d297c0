//! How received packets spread over CPUs.

use std::collections::BTreeSet;

use super::super::facts::Facts;
use super::super::finding::{Finding, Severity};
use super::{Check, or_ok};
use crate::rxpath::Nic;
use crate::units::Cpu;

pub const SPREAD: Check = Check {
    name: "rx-spread",
    title: "receive queues and their CPUs",
    run,
    why: "one CPU serves all packets of the device: what stalls that CPU stalls all of them, and \
          it is full first",
    prove: "stallprof rxpath; cat /proc/interrupts; grep . /sys/class/net/*/queues/rx-*/rps_cpus",
    help: "start irqbalance or set /proc/irq/N/smp_affinity_list, one queue for each CPU; on a \
           device with one queue set rps_cpus",
};

/// With fewer CPUs than this, one that serves a single queue is a large share of the machine
/// anyway.
const MANY_CPUS: usize = 4;

fn run(facts: &Facts) -> Vec<Finding> {
    let rx = match &facts.rx {
        Ok(rx) => rx,
        Err(why) => return vec![Finding::unknown(why)],
    };
    let cpus = rx.cpus_online.len();
    if cpus == 0 {
        return vec![Finding::unknown("the CPUs online are not known")];
    }
    // Hardware has interrupts or says why it has none; a virtual device has no driver in sysfs.
    let real = |nic: &&Nic| !nic.irqs.is_empty() && nic.up != Some(false) && !nic.rx.is_empty();
    let nics: Vec<&Nic> = rx.nics.iter().filter(real).collect();
    let findings = nics.iter().filter_map(|nic| of_nic(nic, cpus)).collect();
    or_ok(findings, || match nics.len() {
        0 => Finding::new(Severity::Ok, "no device with receive interrupts of its own"),
        _ => {
            let names: Vec<String> = nics.iter().map(|nic| words(nic)).collect();
            Finding::new(Severity::Ok, names.join("; "))
        }
    })
}

/// CPUs that the interrupts of the receive queues go to, where they are known for all queues.
fn irq_cpus(nic: &Nic) -> Option<BTreeSet<Cpu>> {
    let mut cpus = BTreeSet::new();
    for queue in &nic.rx {
        let irq = nic.irqs.iter().find(|irq| Some(irq.number) == queue.irq)?;
        cpus.extend(irq.cpus.iter().copied());
    }
    (!cpus.is_empty()).then_some(cpus)
}

/// Whether some queue hands packets on to further CPUs; none if that is not known of any.
fn rps(nic: &Nic) -> Option<bool> {
    let masks: Option<Vec<_>> = nic.rx.iter().map(|queue| queue.rps_cpus.as_ref()).collect();
    masks.map(|masks| masks.iter().any(|cpus| !cpus.is_empty()))
}

fn words(nic: &Nic) -> String {
    let queues = nic.rx.len();
    let cpus = irq_cpus(nic).map_or("CPUs not known".to_owned(), |c| match c.len() {
        1 => "1 CPU".to_owned(),
        n => format!("{n} CPUs"),
    });
    let rps = if rps(nic) == Some(true) { ", RPS" } else { "" };
    let plural = if queues == 1 { "" } else { "s" };
    format!("{}: {queues} queue{plural} on {cpus}{rps}", nic.name)
}

fn of_nic(nic: &Nic, cpus: usize) -> Option<Finding> {
    let queues = nic.rx.len();
    let finding = |severity, value: String| {
        let finding = Finding::new(severity, value).on(&nic.name);
        finding.number("queues", queues as u64).number("cpus", cpus as u64)
    };
    // Threads that poll are scheduled like others, wherever the interrupt goes.
    if nic.threaded || cpus == 1 {
        return None;
    }
    let Some(rps) = rps(nic) else {
        return Some(finding(Severity::Unknown, "whether RPS is on cannot be read".to_owned()));
    };
    if queues == 1 {
        let off = !rps && cpus >= MANY_CPUS;
        let value = || format!("one receive queue, RPS off, {cpus} CPUs");
        return off.then(|| finding(Severity::Notice, value()));
    }
    match irq_cpus(nic) {
        Some(on) if on.len() == 1 && !rps => {
            let cpu = on.first().map_or(0, |cpu| cpu.0);
            let value = format!("the interrupts of all {queues} receive queues go to CPU {cpu}");
            Some(finding(Severity::Warning, value))
        }
        Some(_) => None,
        None => {
            let why = nic.no_irqs.as_deref().unwrap_or("a queue's interrupt is not known");
            Some(finding(Severity::Unknown, format!("CPUs of its interrupts: {why}")))
        }
    }
}

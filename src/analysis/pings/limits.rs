//! What a join does not tell, in words.

use super::clock::Clock;
use super::ways::Ways;
use crate::model::Recording;
use crate::model::findings::Findings;
use crate::ping::{PingLog, Probe};
use crate::units::Cpu;

pub fn limits(
    r: &Recording,
    f: &Findings,
    log: &PingLog,
    clock: &Clock,
    ways: &Ways,
) -> Vec<String> {
    let mut limits = log.damage.clone();
    if !clock.same {
        limits.push(format!(
            "Joined by the clocks on the wall of two hosts, which are taken to agree within {}.",
            clock.offset
        ));
    }
    if !clock.same && f.window.start_realtime == 0 {
        limits.push("The recording does not tell the time on the wall: nothing fits.".to_owned());
    }
    if log.missing > 0 {
        limits
            .push(format!("{} probes are missing in the log: lost, or not written.", log.missing));
    }
    let recorded = |cpu: &&Cpu| r.meta.cpus.contains(&cpu.0);
    let unseen: Vec<String> =
        ways.all.iter().flatten().filter(|c| !recorded(c)).map(Cpu::to_string).collect();
    if !unseen.is_empty() {
        limits.push(format!(
            "Probes are received on CPU {}, which was not recorded: its stalls are not known.",
            unseen.join(", ")
        ));
    }
    let harmless = f.stalls.iter().filter(|s| s.served_meanwhile()).count();
    if harmless > 0 {
        limits.push(format!(
            "In {harmless} of the stalls only ksoftirqd waited, as interrupts ran its softirqs: no \
             probe is said to have waited in these."
        ));
    }
    let late = |p: &Probe| p.send_late.0 > 1_000_000;
    let own = log.probes.iter().filter(|p| late(p)).count();
    if own > 0 {
        limits.push(format!("The prober itself sent {own} probes more than 1 ms late."));
    }
    limits
}

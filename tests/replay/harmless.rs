//! Handoffs whose softirqs interrupts ran meanwhile: nobody waited but ksoftirqd. They are listed,
//! and count nowhere among those that did harm.

use stallprof::analysis::analyse;
use stallprof::analysis::compare::{Gather, diff};
use stallprof::analysis::pings::{JoinOptions, join};
use stallprof::model::findings::{Culprit, Stall};
use stallprof::model::{ProbeStatus, Recording, Sample};
use stallprof::ping::{Answer, Header, PingLog, Probe};
use stallprof::recording;
use stallprof::render::{self, Style, flame};
use stallprof::units::{Cpu, Nanos};

use super::made::{WITH_BH_OFF, delay, in_kernel, ms, tape, ticks, wait};
use super::tape::at;

/// `sh` keeps NET_RX waiting 20 ms; three times `rsync` keeps ksoftirqd waiting 100 ms, and interrupts
/// run its softirqs.
fn recorded() -> Recording {
    let mut tape = tape();
    let (sh, rsync) = (tape.task("sh", 70, 70), tape.task("rsync", 80, 80));
    let like = in_kernel(&mut tape, sh, &WITH_BH_OFF);
    ticks(&mut tape, 0.0, 20, like);
    delay(&mut tape, 0.0, 20.0);
    for n in 0..3 {
        let from = 200.0 + 200.0 * f64::from(n);
        wait(&mut tape, rsync, from, 100.0);
        ticks(&mut tape, from, 100, Sample { task: rsync, user_mode: true, ..Sample::default() });
    }
    for handoff in &mut tape.0.handoffs {
        (handoff.served_after, handoff.entered) = (ms(0.4), false);
    }
    tape.0.meta.boot_id = Some("one".into());
    for name in ["softirq", "ksoftirqd"] {
        let (name, method) = (name.to_owned(), Some("tp_btf".to_owned()));
        tape.0.meta.probes.push(ProbeStatus { name, method, ..ProbeStatus::default() });
    }
    tape.0
}

fn shown(write: impl FnOnce(&mut dyn std::io::Write)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap().replace('\u{a0}', " ")
}

fn verdict(r: &Recording) -> String {
    let style = Style { color: false, width: 140 };
    shown(|out| render::terminal::verdict(out, &analyse(r), style).unwrap())
}

#[test]
fn sums_are_of_those_in_which_somebody_waited() {
    let f = analyse(&recorded());
    let cpu = &f.cpus[0];
    assert_eq!((cpu.stalls, cpu.served_meanwhile), (4, 3));
    assert_eq!((cpu.worst, cpu.total), (ms(20.0), ms(20.0)));
    let groups: Vec<_> =
        f.culprits.iter().map(|g| (g.served_meanwhile, g.stalls.len(), g.total)).collect();
    assert_eq!(groups, [(false, 1, ms(20.0)), (true, 3, ms(300.0))]);
}

#[test]
fn the_verdict_tells_them_apart() {
    let shown = verdict(&recorded());
    let head = "CPU 1 stalled once in 700 ms (cut short), for 20.0 ms; besides, ksoftirqd alone \
                waited 3 times, up to 100 ms";
    assert!(shown.starts_with(head), "{shown}");
    assert!(shown.contains("\n  1 of 1  sh[70]"), "{shown}");
    assert!(shown.contains("\n  3 of 3 harmless  rsync[80]"), "{shown}");
}

#[test]
fn no_probe_waits_in_them() {
    let r = recorded();
    let f = analyse(&r);
    let probe = |seq, from: f64, rtt| Probe {
        seq,
        sent: Some(at(from)),
        rtt: Some(ms(rtt)),
        answer: Answer::Echo,
        ..Probe::default()
    };
    let header = Header { boot_id: Some("one".into()), late: ms(5.0), ..Header::default() };
    let probes = vec![probe(1, 1.0, 19.0), probe(2, 201.0, 99.0)];
    let log = PingLog { header, probes, missing: 0, damage: Vec::new() };
    let joined = join(&r, &f, &log, JoinOptions { offset: Nanos(0), late: None });
    assert_eq!((joined.late, joined.in_stalls), (2, 1));
    assert_eq!(joined.waited[0].stalls, [1]);
    assert!(joined.limits.iter().any(|l| l.starts_with("In 3 of the stalls only ksoftirqd")));
}

#[test]
fn comparisons_and_flame_graphs_leave_them_out() {
    let r = recorded();
    let f = analyse(&r);
    let d = diff((&r, &f), (&r, &f));
    assert_eq!((d.stalls.before, d.before.stalls, d.before.served_meanwhile), (1, 4, 3));
    assert_eq!(d.culprits.len(), 1);
    let mut gather = Gather::default();
    gather.add(None, &r, &f);
    let n = gather.finish();
    assert_eq!((n.nodes[0].harmed(), n.nodes[0].total, n.culprits.len()), (1, ms(20.0), 1));
    let text = shown(|out| render::nodes::write(out, &n, Style::default()).unwrap());
    assert!(
        text.starts_with("1 stall on 1 of 1 node, worst 20.0 ms on node 1; besides,"),
        "{text}"
    );
    let held = flame::held(&r, &f);
    assert!(!held.is_empty() && held.iter().all(|(line, _)| line.contains("sh;")), "{held:?}");
}

/// What the samples of one stall share is not what those of all do.
#[test]
fn a_softirq_is_told_with_the_function_that_all_its_stalls_share() {
    let r = recording::read(&super::folder().join("softirq.stall")).unwrap();
    let shown = verdict(&r);
    assert!(shown.contains("10 of 10  softirq NET_RX  in __netif_receive_skb_one_core"), "{shown}");
    let own = |s: &Stall| match &s.culprit {
        Culprit::Softirq { function: Some(function), .. } => function.starts_with("bpf_prog_"),
        _ => false,
    };
    assert!(analyse(&r).stalls.iter().any(own), "one function was in all samples of all");
}

#[test]
fn no_function_that_only_turns_interrupts_on_is_blamed() {
    for path in super::recordings() {
        let f = analyse(&recording::read(&path).unwrap());
        for group in &f.culprits {
            if let Culprit::Softirq { function: Some(function), .. } = &group.culprit {
                assert!(!function.contains("_unlock_irq"), "{}: {group:?}", path.display());
            }
        }
    }
}

/// A task that runs with interrupts off, or its virtual CPU does not run: the guest cannot tell.
#[test]
fn where_no_steal_time_is_counted_the_verdict_says_so() {
    let path = super::folder().join("irqsoff.stall");
    let mut r = recording::read(&path).unwrap();
    let doubt = "or the hypervisor, which reports no steal time";
    r.meta.virtual_machine = Some(false);
    assert!(!verdict(&r).contains(doubt));
    r.meta.virtual_machine = Some(true);
    r.steal.iter_mut().for_each(|s| s.total = Nanos(0));
    assert!(verdict(&r).contains(doubt));
    assert!(analyse(&r).cpus.iter().any(|c| c.cpu == Cpu(r.meta.cpus[0]) && c.stalls > 0));
}

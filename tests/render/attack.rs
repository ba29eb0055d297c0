//! One text that attacks whoever shows it, in every place of a recording that holds a text, through
//! the analysis and each renderer.

use std::collections::BTreeMap;

use super::tape::{PERIOD, START, Tape, at};
use super::{acting, as_json, order, page, plain, stalls, svg, verdict, xml};
use crate::incident::Incident;
use stallprof::analysis::analyse;
use stallprof::model::findings::Culprit;
use stallprof::model::health::Severity;
use stallprof::model::*;
use stallprof::render::{Case, figures, flame};
use stallprof::units::{Cpu, Nanos};

/// Ends what it may stand in (a line, an element, a comment, a script, a string, an escape sequence,
/// a frame of a folded line), turns the direction of text, hides.
const ATTACK: &str = "\x1b[2J\u{9b}31m\x1b]0;t\x07\r\nCPU 0 forged\0\u{7f}\u{202e}\u{2066}\u{200b}\
                      </script></text><svg onload=\"a()\">]]>--><!--&lt;'\"`${a};\u{2028}\u{ffff} 7";

fn ms(ms: u64) -> Nanos {
    Nanos::from_millis(ms)
}

/// The text, told apart by where it stands.
fn at_place(place: &str) -> String {
    format!("{place}{ATTACK}")
}

/// One stall for each kind of culprit that has a name.
fn recording() -> Recording {
    let mut tape = Tape::new();
    let name = |tape: &mut Tape, place: &str| tape.str(&at_place(place));
    let meta = &mut tape.0.meta;
    meta.version = at_place("version");
    meta.command = vec![at_place("command"), at_place("argument")];
    (meta.host, meta.kernel) = (at_place("host"), at_place("6.1.0-kernel"));
    (meta.arch, meta.kernel_version) = ("x86_64".into(), at_place("build"));
    meta.preemption = Some(at_place("preemption"));
    (meta.start, meta.start_realtime, meta.sample_period) = (START, 1, PERIOD);
    (meta.stall_threshold, meta.syscall_min, meta.cpus) = (ms(5), ms(5), vec![1]);
    for method in [None, Some(at_place("method"))] {
        let (probe, reason) = (at_place("probe"), Some(at_place("reason")));
        let measures = at_place("measures");
        meta.probes.push(ProbeStatus {
            name: probe,
            measures,
            method,
            reason,
            ..Default::default()
        });
    }
    tape.0.damage.push(at_place("damage"));

    let task = tape.task(&at_place("comm"), 70, 71);
    let other = tape.task(&at_place("other"), 72, 72);
    let (process, cgroup, file) =
        (name(&mut tape, "process"), name(&mut tape, "/unit"), name(&mut tape, "/file"));
    let unit = tape.str(&format!("{}.service", at_place("/system.slice/")));
    (tape.0.tasks[1].process, tape.0.tasks[1].cgroup) = (process, cgroup);
    tape.0.tasks[2].cgroup = unit;
    let syscall = SyscallId { nr_plus_1: 1, args: [3, 0, 0], file };
    let function = at_place("function");
    let kernel_stack = tape.stack(&[&function, "vfs_read", "do_syscall_64"], true);
    let user_stack = tape.stack(&[&at_place("user")], false);
    let module = name(&mut tape, "/module");
    tape.0.frames.push(Frame { module, ..Frame::default() });
    tape.0.stacks[2].0.push(FrameId(tape.0.frames.len() as u32 - 1));
    let held = Sample { task, syscall, kernel_stack, user_stack, ..Sample::default() };

    let delay = |tape: &mut Tape, from: u64, like: Sample| {
        (0..20).for_each(|n| tape.sample((from + n) as f64 + 0.5, 1, like));
        let (time, delay) = (at((from + 20) as f64), ms(20));
        let delay =
            SoftirqDelay { time, cpu: Cpu(1), delay, vector: Vector(3), ..Default::default() };
        tape.0.delays.push(delay);
    };
    delay(&mut tape, 0, held);
    let soft = tape.stack(&[&function, "net_rx_action", "handle_softirqs"], true);
    delay(&mut tape, 100, Sample { kernel_stack: soft, ..held });
    // A worker, and one of a task with a unit.
    let work = at_place("work");
    let worker = tape.task(&at_place("kworker"), 80, 80);
    tape.0.tasks[worker.0 as usize].kthread = true;
    let work = tape.stack(&[&work, "process_one_work", "kthread", "ret_from_fork"], true);
    delay(&mut tape, 200, Sample { task: worker, kernel_stack: work, ..held });
    delay(&mut tape, 300, Sample { task: other, ..held });
    // Interrupts off, and a tick that landed on an innocent one.
    let off = tape.stack(&["_raw_spin_unlock_irqrestore", &function, "do_syscall_64"], true);
    tape.sample(450.0, 1, Sample { kernel_stack: off, gap: ms(20), ..held });
    tape.sample(550.0, 1, Sample { gap: ms(20), ..held });
    // A hard interrupt, and several tasks while ksoftirqd waited.
    let irq = name(&mut tape, "irq");
    let (cpu, run, handler) = (Cpu(1), ms(20), FrameId(1));
    let irq = HardIrq { time: at(650.0), cpu, name: irq, handler, run, ..Default::default() };
    tape.0.hardirqs.push(irq);
    let (time, wake_to_in) = (at(750.0), ms(20));
    tape.0.handoffs.push(Handoff { time, cpu, wake_to_in, entered: true, ..Default::default() });
    for task in [task, other] {
        tape.0.runners.push(Runner { time, cpu, task, ran: ms(9), turns: 3, ..Runner::default() });
        let (time, duration) = (at(800.0), ms(9));
        let call = SyscallSlow { time, cpu, task, syscall, duration, ..Default::default() };
        tape.0.syscalls.push(call);
    }
    let (dev, kind) = (name(&mut tape, "device"), name(&mut tape, "kind"));
    let device = RxDeviceId { netns: 1, ifindex: 2, name: dev, kind };
    let row = RxRow { time, cpu, device, packets: 99, ..Default::default() };
    tape.0.rx_rows.push(row);
    let flow = RxFlow { time, cpu, netns: 1, ifindex: 2, packets: 99, ..Default::default() };
    tape.0.rx_flows.push(flow);
    let place = |tape: &mut Tape, of: &str| tape.str(&at_place(of));
    tape.0.health = vec![HealthRow {
        finding: 1,
        check: place(&mut tape, "check"),
        severity: Severity::Critical,
        subject: place(&mut tape, "subject"),
        value: place(&mut tape, "value"),
        why: place(&mut tape, "why"),
        prove: place(&mut tape, "prove"),
        help: place(&mut tape, "help"),
        ..Default::default()
    }];
    let counted = place(&mut tape, "counted");
    let number = HealthNumber { finding: 1, name: counted, value: 7, ..Default::default() };
    tape.0.health_numbers = vec![number];
    let probe = name(&mut tape, "lost");
    tape.0.lost.push(Lost { probe, ring_full: 1, ..Lost::default() });
    tape.0
}

/// Each place that a text of a recording can stand in, and whether the verdict shows it.
const PLACES: [&str; 31] = [
    "argument",
    "build",
    "check",
    "comm",
    "command",
    "counted",
    "damage",
    "device",
    "/file",
    "function",
    "help",
    "host",
    "irq",
    "6.1.0-kernel",
    "kind",
    "kworker",
    "lost",
    "measures",
    "method",
    "/module",
    "other",
    "preemption",
    "probe",
    "process",
    "prove",
    "reason",
    "subject",
    "/unit",
    "value",
    "why",
    "work",
];

#[test]
fn no_text_of_a_recording_acts_on_whoever_shows_it() {
    let r = recording();
    let i = Incident { f: analyse(&r), r };
    let kinds: BTreeMap<_, usize> = i.f.stalls.iter().fold(BTreeMap::new(), |mut kinds, s| {
        let kind = match &s.culprit {
            Culprit::Task(_) => "task",
            Culprit::Softirq { .. } => "softirq",
            Culprit::HardIrq { .. } => "irq",
            Culprit::Several { .. } => "several",
            Culprit::Unknown { .. } => "unknown",
            Culprit::Hypervisor => "hypervisor",
        };
        *kinds.entry(kind).or_default() += 1;
        kinds
    });
    let all = [("irq", 1), ("several", 1), ("softirq", 1), ("task", 4), ("unknown", 1)];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), all);

    let json = as_json(&i.f);
    let mut texts = vec![json.clone()];
    for width in [40, 100, 250] {
        texts.extend([verdict(&i.f, plain(width)), stalls(&i.f, plain(width))]);
        texts.extend((1..=i.f.stalls.len()).map(|n| order(&i, Some(n), 50, plain(width))));
    }
    let (held, profile) = (flame::held(&i.r, &i.f), flame::profile(&i.r, &i.f));
    for (lines, caption) in [
        (held, flame::held_caption(&i.r, &i.f)),
        (profile, flame::profile_caption(&i.r)),
        (Vec::new(), flame::held_caption(&i.r, &i.f)),
    ] {
        texts.extend(lines.iter().map(|(line, _)| line.clone()));
        let drawn = svg(&lines, &caption);
        let (elements, _) = xml::read(&drawn);
        // The picture, its own script, and inferno's nested picture of the frames.
        let count = |name: &str| elements.iter().filter(|e| *e == name).count();
        let own = usize::from(!lines.is_empty());
        assert_eq!((count("script"), count("svg")), (own, 1 + own));
        texts.push(drawn);
    }
    let drawn = page::without_script(&page::page(&i));
    page::harmless(&drawn);
    texts.push(drawn);
    for figure in figures::all(&Case::new(&i.r, &i.f, &at_place("source"))) {
        page::harmless(&figure.alone());
        texts.push(figure.alone());
    }
    for text in &texts {
        assert_eq!(acting(text), None);
        assert!(!text.lines().any(|l| l.trim_start().starts_with("CPU 0 forged")), "a forged line");
    }
    assert!(!json.contains(['<', '>', '&']), "JSON with markup in it");
    let read: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(read["host"]["name"], at_place("host"), "escaped, not changed");
    let shown = texts.concat();
    let missing: Vec<_> = PLACES.iter().filter(|p| !shown.contains(&format!("{p}\\"))).collect();
    assert_eq!(missing, [&"build", &"/module"], "nowhere shown, so nothing was tested");
}

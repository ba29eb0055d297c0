//! Findings in words: who, doing what, where. One wording for all renderers.

use super::ink::Text;
use super::text::{plural, time};
use super::{escape, terms};
use crate::model::findings::*;
use crate::units::{Cpu, Tgid, Tid};

/// Columns of a container id: as many as `docker ps` shows.
const CONTAINER: usize = 12;
/// Columns of one function name in a stack.
const FUNCTION: usize = 60;

/// `comm[pid]` of a main thread, `comm[pid/tid]` of another.
pub(super) fn who(comm: &str, tgid: Tgid, tid: Tid) -> String {
    let comm = if comm.is_empty() { "unknown".into() } else { escape::bounded(comm, 32) };
    if tgid.0 == tid.0 { format!("{comm}[{tid}]") } else { format!("{comm}[{tgid}/{tid}]") }
}

/// A culprit's name: `comm[pid]`, or `comm[pid/tid] of process` for a thread named otherwise.
pub(super) fn task(t: &TaskCulprit) -> String {
    let name = who(&t.comm, t.tgid, t.tid);
    match &t.process {
        Some(process) => format!("{name} of {}", escape::bounded(process, 32)),
        None => name,
    }
}

/// A system call's name with its section of the manual: `read(2)`.
pub(super) fn call(name: &str) -> String {
    let bare = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if bare { format!("{name}(2)") } else { name.to_owned() }
}

/// `read(2) of /proc/stat`; either may be missing.
pub(super) fn call_of(call: &str, file: &str) -> String {
    let file = escape::terminal(file);
    match (call, &*file) {
        ("", file) => file.to_owned(),
        (call, "") => call.to_owned(),
        (call, file) => format!("{call} of {file}"),
    }
}

/// What a task was doing; empty where nothing is known but that it ran.
pub(super) fn doing(task: &TaskCulprit) -> String {
    if let Some(work) = &task.work {
        return format!("work {}", escape::terminal(work));
    }
    let call = task.syscall.as_deref().map(call).unwrap_or_default();
    match call_of(&call, task.file.as_deref().unwrap_or_default()) {
        empty if empty.is_empty() && task.user_mode => "in user mode".to_owned(),
        words => words,
    }
}

/// Name and deed of a culprit, to be followed by what it did to the CPU.
pub(super) fn culprit(culprit: &Culprit) -> Text {
    let text = Text::new();
    let named = |what: String, function: &Option<String>| match function {
        Some(f) => text.clone().accent(&what).plain("  in ").plain(&escape::bounded(f, FUNCTION)),
        None => text.clone().accent(&what),
    };
    match culprit {
        Culprit::Task(task) => {
            let text = text.clone().accent(&self::task(task));
            match doing(task) {
                none if none.is_empty() => text,
                words => text.plain("  ").plain(&words),
            }
        }
        Culprit::Softirq { vector, function } => named(format!("softirq {vector}"), function),
        Culprit::HardIrq { kind, irq, name, handler } => {
            let mut what = format!("{} interrupt", kind.replace('_', " "));
            if let Some(irq) = irq {
                what += &format!(" {irq}");
            }
            if let Some(name) = name {
                what += &format!(" ({})", escape::bounded(name, 40));
            }
            let timer = handler.as_deref() == Some("perf_swevent_hrtimer");
            let text = named(what, handler);
            if timer {
                text.plain("  (a sampling timer: our own or another profiler's)")
            } else {
                text
            }
        }
        Culprit::Hypervisor => text.accent("the hypervisor"),
        Culprit::Several { tasks } => {
            let names: Vec<_> = tasks.iter().map(|t| escape::bounded(t, 40)).collect();
            text.accent("several tasks").plain("  ").plain(&names.join(", "))
        }
        Culprit::Unknown { why } => {
            let text = text.accent("unexplained");
            if why.is_empty() { text } else { text.plain(&format!(" ({why})")) }
        }
    }
}

/// What the culprit did to the CPU: `held CPU 11 with interrupts off`; empty if nobody is blamed.
pub(super) fn deed(culprit: &Culprit, cause: Cause, cpu: Cpu) -> String {
    deed_on(culprit, cause, &format!("CPU\u{a0}{cpu}"))
}

/// The same of several CPUs.
pub(super) fn deed_on(culprit: &Culprit, cause: Cause, cpus: &str) -> String {
    match (culprit, cause) {
        (Culprit::Unknown { .. }, Cause::Unexplained) => String::new(),
        (Culprit::Hypervisor, _) => format!("had {cpus} taken away"),
        // The culprit's name says the rest already.
        (Culprit::Softirq { .. }, Cause::SoftirqHog)
        | (Culprit::HardIrq { .. }, Cause::HardIrq)
        | (_, Cause::Unexplained) => format!("held {cpus}"),
        (Culprit::Several { .. }, cause) => format!("shared {cpus} {}", cause.how()),
        // Not all of the wait was its own.
        (_, Cause::StarvedByTasks) => format!("ran on {cpus} {}", cause.how()),
        (_, cause) => format!("held {cpus} {}", cause.how()),
    }
}

/// Whose task it is: pod, container, unit, or else the cgroup.
pub(super) fn workload(task: &TaskCulprit) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(w) = &task.workload {
        let pod = w.pod.as_ref().or(w.pod_uid.as_ref());
        words.extend(pod.map(|pod| format!("pod\u{a0}{}", escape::terminal(pod))));
        if let Some(id) = &w.container {
            let runtime = w.runtime.as_ref().map(|r| format!("\u{a0}({})", escape::bounded(r, 20)));
            let id = escape::end(id, CONTAINER + 1).into_owned();
            words.push(format!("container\u{a0}{id}{}", runtime.unwrap_or_default()));
        }
        words.extend(w.unit.as_ref().map(|u| format!("unit\u{a0}{}", escape::terminal(u))));
    }
    match &task.cgroup {
        Some(path) if words.is_empty() && path != "/" => {
            vec![format!("cgroup\u{a0}{}", escape::terminal(path))]
        }
        _ => words,
    }
}

/// `a < b < c`, innermost first: at most `most` functions, then how many more there are.
pub(super) fn stack<'a>(functions: impl ExactSizeIterator<Item = &'a str>, most: usize) -> String {
    let more = functions.len().saturating_sub(most);
    let mut shown: Vec<_> = functions.take(most).map(|f| escape::bounded(f, FUNCTION)).collect();
    if more > 0 {
        shown.push(format!("…\u{a0}{more}\u{a0}more").into());
    }
    shown.join(" < ")
}

/// Which vectors a measure is about, before its name: `NET_RX, TIMER `.
fn vectors(m: &Measure) -> String {
    // Those of a gap did not wait as long as it.
    if m.vectors.is_empty() || m.kind == StallKind::InterruptGap {
        return String::new();
    }
    names(m) + " "
}

fn names(m: &Measure) -> String {
    m.vectors.iter().map(|v| v.name()).collect::<Vec<_>>().join(", ")
}

/// A measure in few columns: `NET_RX delay`.
pub(super) fn short(m: &Measure) -> String {
    match m.kind {
        StallKind::SoftirqDelay => format!("{}delay", vectors(m)),
        StallKind::SoftirqRun => format!("{}run", vectors(m)),
        StallKind::Handoff => "handoff".to_owned(),
        StallKind::InterruptGap => terms::kind(m.kind).to_owned(),
    }
}

/// What was late in a stall, in few columns: `NET_RX delay`, `harmless handoff`.
pub(super) fn late(stall: &Stall) -> String {
    let longest = stall.measures.first().map(short).unwrap_or_default();
    if stall.served_meanwhile() { format!("harmless {longest}") } else { longest }
}

/// A measure with all that is known of it: `NET_RX softirq delay  19.8 ms, entered in ksoftirqd`.
pub(super) fn measure(m: &Measure) -> String {
    let mut words = format!("{}{}  {}", vectors(m), terms::kind(m.kind), time(m.duration));
    if m.open {
        words += match m.kind {
            StallKind::SoftirqRun => " at least, still running as the recording ended",
            _ => " at least, not entered before the recording ended",
        };
    }
    if m.uncertainty.0 > 0 {
        words += &format!(" (±\u{a0}{})", time(m.uncertainty));
    }
    if let Some(p) = &m.handoff {
        words += &format!(
            " = {} raise to wake + {} wake to switched in + {} switched in to entry",
            time(p.raise_to_wake),
            time(p.wake_to_in),
            time(p.in_to_entry)
        );
        if p.served_after.0 > 0 {
            words +=
                &format!("; an interrupt's exit served softirqs after {}", time(p.served_after));
        }
        if !p.entered {
            words += "; none were left for ksoftirqd";
        }
    }
    if m.kind == StallKind::InterruptGap && !m.vectors.is_empty() {
        words += &format!(", {} pending at its end", names(m));
    }
    match m.context {
        Some(c) => words + ", entered " + terms::context(c),
        None => words,
    }
}

/// How a measure ended, as an event: `NET_RX entered at the tail of an interrupt, 19.8 ms late`.
pub(super) fn ending(m: &Measure) -> String {
    let late = time(m.duration);
    match m.kind {
        StallKind::SoftirqDelay if m.open => {
            format!("{}not entered yet after {late}", vectors(m))
        }
        StallKind::SoftirqDelay => {
            let place = m.context.map(|c| format!(" {}", terms::context(c))).unwrap_or_default();
            format!("{}entered{place}, {late} late", vectors(m))
        }
        StallKind::SoftirqRun if m.open => {
            format!("{}handler still running after {late}", vectors(m))
        }
        StallKind::SoftirqRun => format!("{}handler returned after {late}", vectors(m)),
        StallKind::InterruptGap => format!("interrupts were taken again, after {late}"),
        StallKind::Handoff => match &m.handoff {
            Some(p) if !p.entered => format!(
                "ksoftirqd switched in after {}; all softirqs had been served",
                time(p.wake_to_in)
            ),
            Some(p) => format!(
                "ksoftirqd switched in after {} and entered a softirq, {late} late",
                time(p.wake_to_in)
            ),
            None => format!("ksoftirqd got to its work, {late} late"),
        },
    }
}

/// How strong the evidence is: `samples that point to it: 131 of 140`.
pub(super) fn witnesses(stall: &Stall) -> String {
    let e = &stall.evidence;
    let ran = (e.ran.0 > 0).then(|| match stall.culprit {
        Culprit::Task(_) => format!("the scheduler's records give it {}", time(e.ran)),
        Culprit::Several { .. } => format!("the scheduler's records give one {}", time(e.ran)),
        Culprit::Softirq { .. } | Culprit::HardIrq { .. } => {
            format!("its entry and its end are {} apart", time(e.ran))
        }
        Culprit::Hypervisor | Culprit::Unknown { .. } => {
            format!("what ran longest there had {}", time(e.ran))
        }
    });
    match (e.samples, ran) {
        (0, None) => "no sample inside".to_owned(),
        (0, Some(ran)) => ran,
        (n, None) => format!("samples that point to it: {} of {n}", e.agree.min(n)),
        (n, Some(ran)) => format!("{} inside; {ran}", plural(n, "sample")),
    }
}

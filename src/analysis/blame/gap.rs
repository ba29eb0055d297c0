//! An interrupt gap: the late tick lands on the first instruction after interrupts came back.
//! Where that is a function that turns them on, its caller had them off. Anywhere else the time
//! went to something a task cannot be blamed for.

use super::{Verdict, end_of, lock, task};
use crate::analysis::index::Index;
use crate::analysis::parts::Part;
use crate::analysis::steal;
use crate::model::Sample;
use crate::model::findings::{Cause, Culprit, Evidence, Measure};
use crate::units::{Cpu, Nanos};

/// Where a task comes to the CPU: kernel/sched/core.c.
const SWITCHES: [&str; 3] = ["finish_task_switch", "schedule_tail", "ret_from_fork"];

/// Judges a gap by the tick that ended it.
pub fn judge(index: &Index<'_>, cpu: Cpu, gap: &Measure) -> Verdict {
    let end = end_of(gap);
    let ticks = index.samples.between(cpu, gap.start, end);
    let Some(tick) = ticks.iter().rev().find(|s| s.gap.0 > 0 && s.time == end) else {
        let words = "a hard interrupt was this long, and no tick fell into it".to_owned();
        return Verdict::unknown("no tick fell into it", Evidence { words, ..Evidence::default() });
    };
    let stolen = steal::around(index, cpu, gap);
    if is_most(stolen.least, gap) {
        return hypervisor(gap, stolen.around);
    }
    if let Some(verdict) = hard_interrupts(tick, gap) {
        return verdict;
    }
    let may_be_stolen = is_most(stolen.most, gap);
    if let Some(verdict) = softirq_with_irqs_off(index, tick, gap).filter(|_| !may_be_stolen) {
        return verdict;
    }
    match (irqs_off_by(index, tick), may_be_stolen) {
        (Some((_, stack)), false) if let Some(since) = began_within(index, tick, gap) => {
            let words = format!(
                "the late tick landed where this task turned interrupts back on; but the system call \
                 it was in had begun {since} before: what kept interrupts from coming for the rest \
                 of {} is not known",
                gap.duration
            );
            let evidence = Evidence { samples: 1, words, ..Evidence::default() };
            let why = "it began before the system call that ended it";
            Verdict { stack, ..Verdict::unknown(why, evidence) }
        }
        (Some((function, stack)), false) => {
            blame_task(index, tick, gap, function, stack, stolen.around)
        }
        (Some((function, stack)), true) => {
            let words = format!(
                "the late tick landed in {function}, which turns interrupts back on; but the \
                 hypervisor counted {} of steal time around it{}: either may be the cause",
                stolen.around,
                if stolen.exact { "" } else { ", in steps of 10 ms" }
            );
            let evidence = Evidence { samples: 1, words, ..Evidence::default() };
            let why = "interrupts were off or the hypervisor took the CPU";
            Verdict { stack, ..Verdict::unknown(why, evidence) }
        }
        (None, true) if stolen.shared && is_most(stolen.around, gap) => {
            let words = format!(
                "the CPU took no interrupt for {}; {} of steal time were counted over several \
                 gaps: in which of them is not known",
                gap.duration, stolen.around
            );
            let evidence = Evidence { samples: 1, words, ..Evidence::default() };
            Verdict::unknown("perhaps the hypervisor, in this gap or in the next", evidence)
        }
        // Only what was counted is evidence, not what a coarse count may have missed.
        (None, true) if is_most(stolen.around, gap) => hypervisor(gap, stolen.around),
        (None, _) => nobody(index, tick),
    }
}

/// Whether a time makes up four fifths of a gap.
pub fn is_most(time: Nanos, gap: &Measure) -> bool {
    time.0 >= gap.duration.0 - gap.duration.0 / 5
}

/// The virtual CPU did not run.
pub fn hypervisor(gap: &Measure, stolen: Nanos) -> Verdict {
    Verdict {
        cause: Cause::Stolen,
        culprit: Culprit::Hypervisor,
        evidence: Evidence {
            samples: 1,
            agree: 1,
            words: format!(
                "the CPU took no interrupt for {}, and the hypervisor counted {stolen} of steal \
                 time around it",
                gap.duration
            ),
            ..Evidence::default()
        },
        stack: Part::default(),
    }
}

/// Hard interrupts one after another, none of which was long enough to be recorded.
fn hard_interrupts(tick: &Sample, gap: &Measure) -> Option<Verdict> {
    super::is_half(tick.hardirqs, gap.duration).then(|| many_interrupts(tick.hardirqs, 1))
}

/// The same of a time into which more than one tick fell.
pub fn interrupted_often(index: &Index<'_>, cpu: Cpu, m: &Measure) -> Option<Verdict> {
    let ticks = index.samples.between(cpu, m.start, end_of(m));
    // The first one tells of the time before, too.
    let in_hardirqs: Nanos = ticks.iter().skip(1).map(|s| s.hardirqs).sum();
    super::is_half(in_hardirqs, m.duration).then(|| many_interrupts(in_hardirqs, ticks.len()))
}

fn many_interrupts(time: Nanos, samples: usize) -> Verdict {
    let words = format!(
        "{time} of the time {} were spent in hard interrupts, none of which was as long as a stall",
        if samples == 1 { "since the tick before" } else { "between its samples" }
    );
    let evidence = Evidence { samples, words, ..Evidence::default() };
    Verdict::unknown("hard interrupts, one after another", evidence)
}

/// The function that had interrupts off and its stack, if the tick proves it.
fn irqs_off_by(index: &Index<'_>, tick: &Sample) -> Option<(String, Part)> {
    let facts = index.facts(tick.kernel_stack);
    // In user mode, or on top of it, interrupts cannot have been off.
    if tick.user_mode || facts.interrupt_frames >= facts.len {
        return None;
    }
    // A softirq that was entered within the gap may have been what took the time, and then come
    // back to this very instruction: while a task has interrupts off, none can be entered. One
    // whose handler lies on top now must have been entered after; where that is not known (0), it
    // may have had interrupts off itself.
    let entered = tick.since_softirq_entry;
    let known = entered.0 > 0;
    if facts.unknown_handler
        || known && facts.interrupt_frames == 0 && entered < tick.gap
        || facts.softirq.is_some() && (!known || entered.0 >= tick.gap.0.div_ceil(2))
    {
        return None;
    }
    if facts.irq_restore_frames == 0 && !just_ran_sti(tick, facts.interrupt_frames) {
        return None;
    }
    let stack = Part::outer(index.recording, tick.kernel_stack, facts.interrupt_frames);
    let held = stack.held_by(index.recording, facts.irq_restore_frames)?;
    // They were off for the switch from another task to this one.
    if SWITCHES.iter().any(|name| held.starts_with(name)) {
        return None;
    }
    Some((held.to_owned(), stack))
}

/// Whether the code at a frame had just enabled interrupts when it was interrupted.
fn just_ran_sti(tick: &Sample, frame: usize) -> bool {
    match u32::try_from(frame) {
        Ok(0) => tick.irqs_were_off,
        Ok(n) => tick.irqs_were_off_in.checked_shr(n).is_some_and(|bits| bits & 1 == 1),
        Err(_) => false,
    }
}

/// For how long the task had been in its system call, where that is less than half of the gap: the
/// rest is none of that call's.
fn began_within(index: &Index<'_>, tick: &Sample, gap: &Measure) -> Option<Nanos> {
    let since = in_call(index, tick)?;
    (!super::is_half(since, gap.duration)).then_some(since)
}

/// For how long the task had been in a system call that was recorded.
fn in_call(index: &Index<'_>, tick: &Sample) -> Option<Nanos> {
    let call = index.call_at(tick.task, tick.time)?;
    Some(tick.time.since(call.time.before(call.duration)))
}

/// A softirq handler that had interrupts off itself: the tick landed where it turned them on.
fn softirq_with_irqs_off(index: &Index<'_>, tick: &Sample, gap: &Measure) -> Option<Verdict> {
    let facts = index.facts(tick.kernel_stack);
    let (vector, depth) = index.softirq(tick)?;
    if facts.top_restores == 0 && !tick.irqs_were_off {
        return None;
    }
    let stack = Part::inner(index.recording, tick.kernel_stack, depth);
    let function = stack.held_by(index.recording, facts.top_restores).map(str::to_owned);
    Some(Verdict {
        cause: Cause::IrqsOff,
        culprit: Culprit::Softirq { vector, function: function.clone() },
        evidence: Evidence {
            samples: 1,
            agree: 1,
            function,
            words: format!(
                "no timer interrupt for {}; the first one after it landed where the {vector} \
                 softirq turned interrupts back on",
                gap.duration
            ),
            ..Evidence::default()
        },
        stack,
    })
}

fn blame_task(
    index: &Index<'_>,
    tick: &Sample,
    gap: &Measure,
    function: String,
    stack: Part,
    stolen: Nanos,
) -> Verdict {
    let mut words = format!(
        "no timer interrupt for {}; the first one after it landed where {function} turned \
         interrupts back on",
        gap.duration
    );
    if just_ran_sti(tick, index.facts(tick.kernel_stack).interrupt_frames) {
        words.push_str(": the code there had just executed an sti");
    }
    let period = index.recording.meta.sample_period;
    if let Some(since) = in_call(index, tick).filter(|s| s.0 + period.0 < gap.duration.0) {
        words.push_str(&format!("; the system call it was in had begun only {since} before"));
    }
    if stolen.0 > 0 {
        words.push_str(&format!("; steal time around it: {stolen}"));
    }
    words.push_str(&lock::waited(index, tick, gap.duration));
    Verdict {
        cause: Cause::IrqsOff,
        culprit: Culprit::Task(task::doing(index, tick.task, &[tick])),
        evidence: Evidence {
            samples: 1,
            agree: 1,
            function: Some(function),
            words,
            ..Evidence::default()
        },
        stack,
    }
}

/// Where the tick landed says nothing against the task there.
fn nobody(index: &Index<'_>, tick: &Sample) -> Verdict {
    let r = index.recording;
    let where_ = match r.functions(tick.kernel_stack).next() {
        Some(function) if !tick.user_mode => format!("kernel function {function}"),
        _ => "user mode".to_owned(),
    };
    let facts = index.facts(tick.kernel_stack);
    if !tick.user_mode && facts.len == 0 {
        let words = "the late tick landed in the kernel, and its stack is not known";
        let evidence = Evidence { samples: 1, words: words.to_owned(), ..Evidence::default() };
        return Verdict::unknown("the stack of the late tick is not known", evidence);
    }
    if !tick.user_mode && !facts.named {
        let words = "the late tick landed in the kernel, whose functions have no names here";
        let evidence = Evidence { samples: 1, words: words.to_owned(), ..Evidence::default() };
        return Verdict::unknown("kernel functions have no names here", evidence);
    }
    let stack = Part::outer(r, tick.kernel_stack, 0);
    let turns_on = !tick.user_mode
        && (facts.irq_restore_frames > 0 || facts.top_restores > 0 || tick.irqs_were_off);
    let (why, words) = if turns_on {
        let words = format!(
            "the late tick landed in {where_}, which turns interrupts on; but a softirq, an \
             interrupt or another task was there within the gap: for whom they were off is not known"
        );
        ("interrupts were off, for whom is not known", words)
    } else {
        let words = format!(
            "the late tick landed in {where_}, which does not turn interrupts on: what kept them \
             from coming (a hard interrupt, firmware, the hypervisor) was not seen"
        );
        ("no interrupts came, and no task had turned them off", words)
    };
    let evidence = Evidence { samples: 1, words, ..Evidence::default() };
    Verdict { stack, ..Verdict::unknown(why, evidence) }
}

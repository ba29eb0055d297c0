//! The kinds of stall that stallgen makes, each with what it has to be found as.

use crate::expected::Expected;

/// One for each kind of stallgen.
pub const KINDS: &[Expected] = &[
    Expected {
        kind: "syscall",
        measure: "handoff",
        cause: "non_preemptible",
        cause_rt: None,
        culprit: &[],
        probes: &["ksoftirqd"],
    },
    Expected {
        kind: "bh",
        measure: "softirq_delay",
        cause: "bh_off",
        cause_rt: Some("non_preemptible"),
        culprit: &[],
        probes: &["softirq", "sampler"],
    },
    Expected {
        kind: "irqsoff",
        measure: "interrupt_gap",
        cause: "irqs_off",
        cause_rt: None,
        culprit: &[],
        probes: &["sampler"],
    },
    Expected {
        kind: "softirq",
        measure: "softirq_run",
        cause: "softirq_hog",
        cause_rt: None,
        culprit: &[("type", "softirq"), ("vector", "NET_RX")],
        probes: &["softirq", "sampler"],
    },
    Expected {
        kind: "hardirq",
        measure: "interrupt_gap",
        cause: "hard_irq",
        cause_rt: None,
        culprit: &[("type", "hard_irq"), ("kind", "timer"), ("handler", "perf_swevent_hrtimer")],
        probes: &["hardirq"],
    },
    Expected {
        kind: "fifo",
        measure: "handoff",
        cause: "starved_by_rt",
        cause_rt: None,
        culprit: &[],
        probes: &["ksoftirqd"],
    },
    Expected {
        kind: "memcg",
        measure: "interrupt_gap",
        cause: "irqs_off",
        cause_rt: None,
        culprit: &[],
        probes: &["sampler"],
    },
];

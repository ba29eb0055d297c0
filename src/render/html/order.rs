//! Flame charts: what ran around the worst stalls, one after the other.

use super::super::figures::flames;
use super::super::terminal::cpu;
use super::super::text::time;
use super::{Case, empty, figure, markup, unmeasured};

pub(super) fn body(case: &Case<'_>) -> String {
    if case.f.stalls.is_empty() {
        let threshold = cpu::threshold(&case.f.options);
        return empty(&format!("There was no stall of {threshold} to look at."));
    }
    let charts = flames::charts(case);
    if charts.is_empty() {
        return empty("No sample was taken around the worst stalls.");
    }
    let more = "Time goes to the right, from the beginning of the stall, whose ground is coloured. A \
                tick stands for the time since the one before it; the tick that ended an interrupt \
                gap for the whole gap, if the analysis holds that its stack is what kept interrupts off. \
                Calls that follow each other are drawn apart.";
    let which = match unmeasured(case.f, "syscall", "") {
        None => format!("those shorter than {}", time(case.f.options.syscall_min)),
        Some(_) => "them".to_owned(),
    };
    let more = format!(
        "{more} Of {} there are no records: several with the same arguments may look like one.",
        markup::text(&which)
    );
    let each = charts.iter().map(|drawn| {
        let note = drawn.desc.strip_prefix(flames::CHART).unwrap_or_default();
        figure(drawn, &format!("{more}{note}"))
    });
    each.collect()
}

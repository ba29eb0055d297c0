//! Stalls and samples over the parts of a second: what comes every so often makes a pattern.

use super::super::figures::heat;
use super::super::terminal::cpu;
use super::super::text::time;
use super::{Case, empty, figure};

pub(super) fn body(case: &Case<'_>) -> String {
    let grid = heat::Grid::of(case);
    let cell = format!(
        "Each cell is {} of its column, read from below; the darker (on dark ground, the lighter), \
         the more.",
        time(grid.cell())
    );
    let stalls = match heat::stalls(case) {
        Some(drawn) => figure(&drawn, &format!("{cell} Stalled time of all CPUs together.")),
        None => empty(&format!("There was no stall of {}.", cpu::threshold(&case.f.options))),
    };
    let samples = match heat::samples(case) {
        Some(drawn) => figure(
            &drawn,
            &format!("{cell} An idle CPU takes no samples, so these tell how busy CPUs were."),
        ),
        None if case.f.options.sample_period.0 == 0 => {
            empty("The sampler did not run: what the CPUs did was not recorded.")
        }
        None => empty("The recording holds no samples: no CPU was busy."),
    };
    stalls + &samples
}

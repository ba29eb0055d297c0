//! Axes of time: where their ticks stand and what they say.

use std::fmt::Write;

use super::WIDTH;
use crate::units::{Ktime, Nanos};

/// A span of time laid over a width in pixels.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    pub(super) from: Ktime,
    pub(super) to: Ktime,
    pub(super) left: f64,
    pub(super) width: f64,
}

impl Scale {
    /// Where a moment is; at an end of the axis if it lies outside.
    pub(super) fn x(&self, t: Ktime) -> f64 {
        let whole = self.to.since(self.from).0.max(1) as f64;
        let part = t.since(self.from).0 as f64 / whole;
        self.left + self.width * part.min(1.0)
    }

    /// Pixels from one moment to another.
    pub(super) fn length(&self, from: Ktime, to: Ktime) -> f64 {
        (self.x(to) - self.x(from)).max(0.0)
    }

    pub(super) fn right(&self) -> f64 {
        self.left + self.width
    }
}

/// Half of the width of a long label: so close to the edge of a figure none can be centred.
const HALF: f64 = 20.0;

/// A step of 1, 2 or 5 times a power of ten that divides a span in no more than `most`.
pub(super) fn step(span: u64, most: u64) -> u64 {
    let mut ten = 1u64;
    loop {
        for digit in [1, 2, 5] {
            let step = ten.saturating_mul(digit);
            if span / step <= most || step == u64::MAX {
                return step;
            }
        }
        ten = ten.saturating_mul(10);
    }
}

/// A time relative to a zero, with as many digits as a step needs: `1.5 s`, `-20 ms`.
pub(super) fn label(at: i128, step: u64) -> String {
    let (unit, name, digits) = match step {
        1_000_000_000.. => (1e9, "s", 0),
        100_000_000.. => (1e9, "s", 1),
        1_000_000.. => (1e6, "ms", 0),
        100_000.. => (1e6, "ms", 1),
        1_000.. => (1e3, "us", 0),
        _ => (1.0, "ns", 0),
    };
    format!("{:.digits$}\u{a0}{name}", at as f64 / unit)
}

/// Lines and labels of an axis whose zero is a moment of the recording.
pub(super) fn time(scale: Scale, zero: Ktime, top: f64, bottom: f64) -> String {
    let span = scale.to.since(scale.from).0;
    let step = step(span, 10);
    let zero = i128::from(zero.0);
    let first = (i128::from(scale.from.0) - zero).div_euclid(i128::from(step));
    let mut svg = String::from("<g class=\"ticks\">");
    for n in first..=first + 12 {
        let at = n * i128::from(step);
        let Ok(moment) = u64::try_from(at + zero) else { continue };
        if moment < scale.from.0 || moment > scale.to.0 {
            continue;
        }
        let x = scale.x(Ktime(moment));
        let class = match x {
            ..HALF => "",
            x if x > WIDTH - HALF => "end",
            _ => "mid",
        };
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M{x:.2} {top:.0}V{bottom:.0}\"/>\
             <text class=\"{class}\" x=\"{x:.2}\" y=\"{:.0}\">{}</text>",
            bottom + 14.0,
            label(at, step)
        );
    }
    svg + "</g>\n"
}

/// A count of nanoseconds as an axis of lengths says it: `100 us`, `5 ms`.
pub(super) fn round(d: Nanos) -> String {
    let (unit, name) = match d.0 {
        1_000_000_000.. => (1e9, "s"),
        1_000_000.. => (1e6, "ms"),
        1_000.. => (1e3, "us"),
        _ => (1.0, "ns"),
    };
    format!("{}\u{a0}{name}", d.0 as f64 / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_few() {
        assert_eq!(step(11_000_000_000, 10), 2_000_000_000);
        assert_eq!(step(100, 10), 10);
        assert_eq!(step(0, 10), 1);
        assert!(step(u64::MAX, 10) > u64::MAX / 21);
        assert_eq!(label(-20_000_000, 5_000_000), "-20\u{a0}ms");
        assert_eq!(label(1_500_000_000, 500_000_000), "1.5\u{a0}s");
    }

    #[test]
    fn an_axis_of_any_span_ends() {
        for (from, to) in [(0, 0), (5, 6), (0, u64::MAX), (u64::MAX - 1, u64::MAX)] {
            let scale = Scale { from: Ktime(from), to: Ktime(to), left: 0.0, width: 900.0 };
            assert!(time(scale, Ktime(from), 0.0, 10.0).matches("<text").count() <= 13);
        }
    }
}

//! Units as types. Mixing a thread id with a process id, or a moment with a
//! duration, is the classic bug of this field; here it does not compile.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

unit! {
    /// A moment on CLOCK_MONOTONIC in nanoseconds, as `bpf_ktime_get_ns()` gives it
    /// (it stands still while the machine is suspended).
    Ktime(u64)
}
unit! {
    /// A logical CPU number as the kernel counts them.
    Cpu(u32)
}
unit! {
    /// A thread id: the kernel's `task->pid`, what `gettid(2)` returns.
    Tid(u32)
}
unit! {
    /// A process id: the kernel's `task->tgid`, what `getpid(2)` returns.
    Tgid(u32)
}

/// A length of time in nanoseconds. Shown with a unit a person reads: `187 ms`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Nanos(pub u64);

impl Ktime {
    /// Time since `earlier`; zero if `earlier` is in fact later.
    #[must_use]
    pub fn since(self, earlier: Ktime) -> Nanos {
        Nanos(self.0.saturating_sub(earlier.0))
    }

    /// This moment plus `d`.
    #[must_use]
    pub fn after(self, d: Nanos) -> Ktime {
        Ktime(self.0.saturating_add(d.0))
    }

    /// This moment less `d`; never before the clock's zero.
    #[must_use]
    pub fn before(self, d: Nanos) -> Ktime {
        Ktime(self.0.saturating_sub(d.0))
    }
}

impl Nanos {
    /// Whole milliseconds as a length of time.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Nanos {
        Nanos(ms * 1_000_000)
    }

    /// Seconds, for arithmetic and axes.
    #[must_use]
    pub fn secs(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl std::ops::Add for Nanos {
    type Output = Nanos;
    fn add(self, rhs: Nanos) -> Nanos {
        Nanos(self.0.saturating_add(rhs.0))
    }
}

impl std::iter::Sum for Nanos {
    fn sum<I: Iterator<Item = Nanos>>(iter: I) -> Nanos {
        iter.fold(Nanos(0), |a, b| a + b)
    }
}

/// Three significant digits and the unit that fits: `950 ns`, `1.25 ms`, `30.0 s`.
impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, f64); 4] = [("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9)];
        let ns = self.0 as f64;
        // Round first, then pick the unit, so that 999.6 us is "1.00 ms" and not "1000 us".
        let (unit, value) = UNITS
            .iter()
            .map(|&(unit, scale)| (unit, ns / scale))
            .find(|&(unit, v)| v < 999.5 || unit == "s")
            .unwrap_or(("s", ns / 1e9));
        let digits = match value {
            _ if unit == "ns" => 0,
            v if v < 9.995 => 2,
            v if v < 99.95 => 1,
            _ => 0,
        };
        f.pad(&format!("{value:.digits$} {unit}"))
    }
}

/// Why a duration given by a person could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("\"{0}\" is not a duration here: write a number and a unit, such as 5ms, 250us, 10s or 2m")]
pub struct BadDuration(String);

impl Nanos {
    /// Reads `5ms`; a bare number is refused, where one could mean milliseconds by it.
    ///
    /// # Errors
    /// It is no number with a unit.
    pub fn with_unit(text: &str) -> Result<Nanos, BadDuration> {
        let text = text.trim();
        match text == "0" || text.ends_with(|c: char| c.is_ascii_alphabetic()) {
            true => text.parse(),
            false => Err(BadDuration(text.to_owned())),
        }
    }
}

impl std::str::FromStr for Nanos {
    type Err = BadDuration;

    /// Reads `5ms`, `1.5s`, `250us`, `2m`; a bare number is seconds, as in `sleep(1)`.
    fn from_str(text: &str) -> Result<Nanos, BadDuration> {
        let bad = || BadDuration(text.to_owned());
        let trimmed = text.trim();
        let split = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, unit) = trimmed.split_at(split.unwrap_or(trimmed.len()));
        let scale = match unit.trim() {
            "ns" => 1.0,
            "us" | "µs" => 1e3,
            "ms" => 1e6,
            "s" | "" => 1e9,
            "m" | "min" => 60e9,
            "h" => 3600e9,
            _ => return Err(bad()),
        };
        let value = number.parse::<f64>().map_err(|_| bad())? * scale;
        if !value.is_finite() || value > 365.0 * 86400.0 * 1e9 {
            return Err(bad());
        }
        Ok(Nanos(value.round() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        assert_eq!("5ms".parse(), Ok(Nanos(5_000_000)));
        assert_eq!("1.5s".parse(), Ok(Nanos(1_500_000_000)));
        assert_eq!("10".parse(), Ok(Nanos(10_000_000_000)));
        assert_eq!("2m".parse(), Ok(Nanos(120_000_000_000)));
        assert_eq!("250 us".parse(), Ok(Nanos(250_000)));
        for bad in ["", "ms", "-1s", "5 parsecs", "1e9s", "1..2s", "inf", "99999999h"] {
            assert!(bad.parse::<Nanos>().is_err(), "{bad:?} was taken for a duration");
        }
    }

    #[test]
    fn durations_show_three_digits_and_a_unit() {
        let shown = |ns: u64| Nanos(ns).to_string();
        assert_eq!(shown(0), "0 ns");
        assert_eq!(shown(950), "950 ns");
        assert_eq!(shown(1_254), "1.25 us");
        assert_eq!(shown(999_600), "1.00 ms");
        assert_eq!(shown(187_000_000), "187 ms");
        assert_eq!(shown(30_000_000_000), "30.0 s");
    }
}

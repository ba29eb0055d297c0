//! Numbers, lists and dates as people read them.

use std::fmt::Write;

use crate::units::{Cpu, Ktime, Nanos};

/// A count with thousands separators: `23,411`.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut shown = String::with_capacity(digits.len() * 4 / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(c);
    }
    shown
}

/// An amount of data with three significant digits: `812 B`, `1.62 MB`.
pub(super) fn bytes(n: u64) -> String {
    let units = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if n < 1_000 {
        return format!("{n}\u{a0}B");
    }
    let mut value = n as f64;
    let mut unit = "B";
    for larger in units {
        // Round first, then pick the unit: 999,950 B are 1.00 MB.
        if value < 999.5 {
            break;
        }
        (value, unit) = (value / 1e3, larger);
    }
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$}\u{a0}{unit}")
}

/// A number and a noun that agrees with it: `1 stall`, `14 stalls`.
pub(super) fn plural(n: usize, noun: &str) -> String {
    format!("{}\u{a0}{noun}{}", count(n as u64), if n == 1 { "" } else { "s" })
}

/// A length of time that is not broken at the end of a line.
pub(super) fn time(d: Nanos) -> String {
    d.to_string().replace(' ', "\u{a0}")
}

/// A moment by its distance from the start of the recording: `+13.000 s`; what began before that
/// has a minus.
pub(super) fn offset(at: Ktime, start: Ktime) -> String {
    let (sign, far) = if at < start { ('-', start.since(at)) } else { ('+', at.since(start)) };
    format!("{sign}{:.3}\u{a0}s", far.secs())
}

/// `CPU 3` or `CPUs 0-10, 12`, not broken between the word and the first number.
pub(super) fn cpus(list: &[Cpu]) -> String {
    let mut sorted: Vec<u32> = list.iter().map(|c| c.0).collect();
    sorted.sort_unstable();
    sorted.dedup();
    let mut shown = format!("CPU{}\u{a0}", if sorted.len() == 1 { "" } else { "s" });
    let mut rest = sorted.as_slice();
    while let Some(&first) = rest.first() {
        let run = rest.iter().zip(first..=u32::MAX).take_while(|&(&cpu, next)| cpu == next).count();
        let last = rest[run - 1];
        // Writing to a String cannot fail.
        let _ = match run {
            1 => write!(shown, "{first}"),
            2 => write!(shown, "{first}, {last}"),
            _ => write!(shown, "{first}-{last}"),
        };
        rest = &rest[run..];
        if !rest.is_empty() {
            shown.push_str(", ");
        }
    }
    shown
}

/// A share in whole per cent; what is there is never shown as 0.
pub(super) fn percent(part: u64, whole: u64) -> String {
    match (part, whole) {
        (_, 0) => "-".to_owned(),
        (0, _) => "0 %".to_owned(),
        _ => match (100.0 * part as f64 / whole as f64).round() as u64 {
            0 => "<1 %".to_owned(),
            // CPU time is accounted by ticks and may exceed the time that passed.
            n => format!("{} %", n.min(100)),
        },
    }
}

/// `2026-11-05 12:34:56 UTC` of nanoseconds since 1970; none for 0, which means unknown.
pub(super) fn utc(nanos: u64) -> Option<String> {
    if nanos == 0 {
        return None;
    }
    let secs = nanos / 1_000_000_000;
    let (y, m, d) = civil(secs / 86_400);
    let (hour, min, sec) = (secs / 3600 % 24, secs / 60 % 60, secs % 60);
    Some(format!("{y:04}-{m:02}-{d:02} {hour:02}:{min:02}:{sec:02} UTC"))
}

/// Year, month and day of a number of days since 1970-01-01, counted in years that begin in March
/// so that the leap day comes last.
fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + u64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_lists() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
        let list = |l: &[u32]| cpus(&l.iter().map(|&c| Cpu(c)).collect::<Vec<_>>());
        assert_eq!(list(&[3]), "CPU\u{a0}3");
        assert_eq!(list(&[12, 0, 1, 2, 4, 5, u32::MAX]), "CPUs\u{a0}0-2, 4, 5, 12, 4294967295");
    }

    #[test]
    fn what_began_before_the_recording_has_a_minus() {
        let at = |ms: u64| offset(Ktime(ms * 1_000_000), Ktime(100_000_000));
        assert_eq!(
            [at(52), at(100), at(13_100)],
            ["-0.048\u{a0}s", "+0.000\u{a0}s", "+13.000\u{a0}s"]
        );
    }

    #[test]
    fn amounts() {
        let known = [(0, "0 B"), (999, "999 B"), (1_000, "1.00 kB"), (999_950, "1.00 MB")];
        for (n, words) in known {
            assert_eq!(bytes(n).replace('\u{a0}', " "), words);
        }
        assert_eq!(bytes(u64::MAX).replace('\u{a0}', " "), "18.4 EB");
    }

    #[test]
    fn shares_of_something_are_not_nothing() {
        assert_eq!(percent(0, 10), "0 %");
        assert_eq!(percent(1, 1_000), "<1 %");
        assert_eq!(percent(99, 100), "99 %");
        assert_eq!(percent(104, 100), "100 %");
        assert_eq!(percent(1, 0), "-");
    }

    #[test]
    fn dates() {
        assert_eq!(utc(0), None);
        assert_eq!(utc(951_827_696_000_000_000).as_deref(), Some("2000-02-29 12:34:56 UTC"));
        assert_eq!(utc(1_793_882_096_123_456_789).as_deref(), Some("2026-11-05 12:34:56 UTC"));
        assert_eq!(utc(u64::MAX).as_deref(), Some("2554-07-21 23:34:33 UTC"));
    }
}

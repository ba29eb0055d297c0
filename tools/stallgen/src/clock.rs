//! CLOCK_MONOTONIC, the clock of `bpf_ktime_get_ns` and of every time in the truth.

use std::io;
use std::ptr;
use std::time::Duration;

/// Nanoseconds of CLOCK_MONOTONIC.
pub fn now_ns() -> u64 {
    let mut ts = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `ts` is valid for writing; this clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut ts) };
    ts.tv_sec as u64 * 1_000_000_000 + ts.tv_nsec as u64
}

/// Sleeps until `ns`, or until a signal comes: callers look at the time again.
pub fn sleep_until(ns: u64) {
    let ts = libc::timespec {
        tv_sec: (ns / 1_000_000_000) as libc::time_t,
        tv_nsec: (ns % 1_000_000_000) as libc::c_long,
    };
    // SAFETY: `ts` is valid for reading; no remainder is asked for.
    unsafe {
        libc::clock_nanosleep(
            libc::CLOCK_MONOTONIC,
            libc::TIMER_ABSTIME,
            &raw const ts,
            ptr::null_mut(),
        )
    };
}

/// Lets the calling thread's sleeps end on time rather than 50 us late.
pub fn sleep_precisely() {
    // SAFETY: plain system call without pointers.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1) };
}

/// Has the kernel kill this process after `limit`, whatever state it is in.
pub fn kill_after(limit: Duration) {
    // SAFETY: plain system call; the default action of SIGALRM is to kill.
    unsafe { libc::alarm(limit.as_secs().try_into().unwrap_or(libc::c_uint::MAX)) };
}

/// Parses `20ms`, `100us`, `1s`, `5000ns`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale = match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        _ => return Err("write a number and its unit: 20ms, 500us, 1s".into()),
    };
    let number: u64 = number.parse().map_err(|e| format!("{e}"))?;
    number.checked_mul(scale).map(Duration::from_nanos).ok_or_else(|| "too long".into())
}

/// The error of the system call that just failed, named.
pub fn last_error(call: &str) -> anyhow::Error {
    anyhow::Error::new(io::Error::last_os_error()).context(call.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(parse_duration("20ms"), Ok(Duration::from_millis(20)));
        assert_eq!(parse_duration("1s"), Ok(Duration::from_secs(1)));
        assert!(parse_duration("20").is_err());
        assert!(parse_duration("ms").is_err());
        assert!(parse_duration("-1ms").is_err());
        assert!(parse_duration("99999999999999999s").is_err());
    }
}

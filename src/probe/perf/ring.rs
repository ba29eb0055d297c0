//! The timers and the memory that the kernel writes their records into.

use std::io;

use anyhow::{Context, Result};
use perf_event_open::config::{
    CallChain, Clock, Cpu as OnCpu, ExtraRecord, Opts, Proc, RecordIdFormat, SampleFormat, SampleOn,
};
use perf_event_open::count::Counter;
use perf_event_open::event::sw::Software;
use perf_event_open::sample::Sampler;

use crate::host::HostRoot;
use crate::host::kernel::Sysctls;
use crate::probe::Config;

/// Room for this many seconds of samples, of this many bytes each: some 50 frames.
const SECONDS: usize = 4;
const SAMPLE: usize = 512;
/// Room for 10,000 switches of tasks, each told twice: an eighth of a second where they are many.
const SWITCHES: usize = 1 << 20;
/// Bounds of a CPU's ring, and of all together, bytes.
const RING: (usize, usize) = (64 << 10, 8 << 20);
const ALL_RINGS: usize = 64 << 20;
/// The least that is worth a try: 32 KiB hold some 60 ms of samples at 999 Hz.
const LEAST_PAGES: u8 = 3; // as a power of two

/// A cpu-clock on each CPU, not yet enabled: samples with both stacks, every switch of tasks, new
/// names.
///
/// # Errors
/// The kernel refuses one.
pub fn timers(config: &Config) -> Result<Vec<Counter>> {
    let opts = Opts {
        sample_on: SampleOn::Freq(u64::from(config.freq)),
        sample_format: SampleFormat {
            call_chain: Some(CallChain {
                exclude_user: false,
                exclude_kernel: false,
                defer_user: false,
                max_stack_frames: 0, // as many as kernel.perf_event_max_stack allows
            }),
            ..SampleFormat::default()
        },
        extra_record: ExtraRecord { ctx_switch: true, comm: true, ..ExtraRecord::default() },
        record_id_all: true,
        record_id_format: RecordIdFormat { task: true, time: true, ..RecordIdFormat::default() },
        timer: Some(Clock::Monotonic),
        ..Opts::default()
    };
    let open = |cpu: &crate::units::Cpu| {
        Counter::new(Software::CpuClock, (Proc::ALL, OnCpu(cpu.0)), &opts)
            .map_err(explain)
            .with_context(|| format!("perf_event_open(cpu-clock) on CPU {cpu}"))
    };
    config.cpus.iter().map(open).collect()
}

/// What a person can do about a refusal.
fn explain(error: io::Error) -> anyhow::Error {
    let refused = matches!(error.raw_os_error(), Some(libc::EACCES | libc::EPERM));
    let paranoid = Sysctls::read(&HostRoot::default()).perf_event_paranoid;
    match paranoid {
        Some(level) if refused && level > 0 => anyhow::Error::new(error)
            .context(format!("needs CAP_PERFMON where kernel.perf_event_paranoid is {level}")),
        _ => error.into(),
    }
}

/// The rings of these timers, all of one size: the largest that the limits on locked memory allow
/// (kernel.perf_event_mlock_kb, RLIMIT_MEMLOCK).
///
/// # Errors
/// There is not even memory for the least.
pub fn rings(timers: &[Counter], config: &Config) -> Result<Vec<Sampler>> {
    let wanted = pages(config.freq as usize, config.cpus.len());
    let mut size = wanted;
    loop {
        let all: io::Result<Vec<Sampler>> = timers.iter().map(|t| t.sampler(size)).collect();
        match all {
            Ok(rings) => return Ok(rings),
            Err(_) if size > LEAST_PAGES => size -= 1,
            Err(error) => return Err(error).context("no memory for the samples of each CPU"),
        }
    }
}

/// Pages of a CPU's ring, as a power of two.
fn pages(freq: usize, cpus: usize) -> u8 {
    // SAFETY: sysconf takes no pointers.
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
    let wanted = (SWITCHES + freq * SECONDS * SAMPLE).next_power_of_two().min(RING.1);
    let share = (ALL_RINGS / cpus.max(1) + 1).next_power_of_two() / 2;
    let bytes = wanted.min(share).max(RING.0);
    (bytes / page).max(1).ilog2() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_hold_seconds_and_are_bounded() {
        // SAFETY: sysconf takes no pointers.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        let bytes = |freq, cpus| page << pages(freq, cpus);
        assert_eq!(bytes(999, 2), 4 << 20);
        assert_eq!(bytes(20_000, 1), 8 << 20);
        assert_eq!(bytes(99, 8), 2 << 20);
        for cpus in [1, 3, 64, 100, 1024] {
            assert!(cpus * bytes(999, cpus) <= ALL_RINGS, "{cpus}");
            assert!(bytes(999, cpus) >= RING.0, "{cpus}");
        }
    }
}

//! The floor: programs that do nothing, where a profiler of softirqs must have some. What a machine
//! loses to them it loses to any such tool.

use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::ptr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use libbpf_rs::libbpf_sys::{
    BPF_ALU64, BPF_EXIT, BPF_JMP, BPF_K, BPF_MOV, BPF_PROG_TYPE_PERF_EVENT,
    BPF_PROG_TYPE_RAW_TRACEPOINT, bpf_insn, bpf_prog_load, bpf_prog_type, bpf_raw_tracepoint_open,
};
use perf_event_open::config::{Cpu, Opts, Proc, SampleOn};
use perf_event_open::count::Counter;
use perf_event_open::event::sw::Software;
use stallgen::clock::{last_error, now_ns};
use stallgen::stop::Stop;
use stallgen::task::online_cpus;

/// What a softirq's delay cannot be told without.
const TRACEPOINTS: [&str; 2] = ["softirq_raise", "softirq_entry"];

const LOOK_NS: u64 = 1_000_000_000;
const LONGEST: Duration = Duration::from_hours(1);

/// What `floor` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A timer on each CPU as well, with a program that does nothing either
    #[arg(long, value_name = "HZ")]
    freq: Option<u64>,
}

/// Attaches them and waits for a signal.
pub fn run(args: &Args) -> Result<()> {
    let stop = Stop::install(LONGEST)?;
    let _links = TRACEPOINTS.iter().map(|name| attach(name)).collect::<Result<Vec<_>>>()?;
    let _timers = args.freq.map(timers).transpose()?;
    while stop.sleep_until(now_ns() + LOOK_NS) {}
    Ok(())
}

/// `return 0`.
fn load(kind: bpf_prog_type) -> Result<OwnedFd> {
    let insn = |code: u32| bpf_insn { code: code as u8, ..bpf_insn::default() };
    let program = [insn(BPF_ALU64 | BPF_MOV | BPF_K), insn(BPF_JMP | BPF_EXIT)];
    // SAFETY: name and license end in NUL, the instructions are as many as said, no options.
    let fd = unsafe {
        let (name, license) = (c"floor".as_ptr(), c"Dual MIT/GPL".as_ptr());
        bpf_prog_load(kind, name, license, program.as_ptr(), program.len() as u64, ptr::null_mut())
    };
    if fd < 0 {
        return Err(last_error("bpf(BPF_PROG_LOAD)"));
    }
    // SAFETY: a new descriptor that is ours alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn attach(tracepoint: &str) -> Result<OwnedFd> {
    let program = load(BPF_PROG_TYPE_RAW_TRACEPOINT)?;
    let name = CString::new(tracepoint)?;
    // SAFETY: the name ends in NUL, and the call keeps no reference to it.
    let fd = unsafe { bpf_raw_tracepoint_open(name.as_ptr(), program.as_raw_fd()) };
    if fd < 0 {
        return Err(last_error("bpf(BPF_RAW_TRACEPOINT_OPEN)")).context(tracepoint.to_owned());
    }
    // SAFETY: a new descriptor that is ours alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn timers(freq: u64) -> Result<Vec<Counter>> {
    let program = File::from(load(BPF_PROG_TYPE_PERF_EVENT)?);
    let timer = |cpu| -> Result<Counter> {
        let opts = Opts { sample_on: SampleOn::Freq(freq), ..Opts::default() };
        let timer = Counter::new(Software::CpuClock, (Proc::ALL, Cpu(cpu)), opts)
            .with_context(|| format!("perf_event_open(cpu-clock) on CPU {cpu}"))?;
        timer.attach_bpf(&program)?;
        timer.enable()?;
        Ok(timer)
    };
    online_cpus()?.into_iter().map(timer).collect()
}

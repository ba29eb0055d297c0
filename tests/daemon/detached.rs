//! BPF programs and perf events that go while the daemon runs. The kernel offers no way to that from
//! outside for the kinds that it attaches, so its own descriptors are made others, by ptrace.
#![cfg(target_arch = "x86_64")]

use std::fs;
use std::time::Duration;

use crate::host::{Daemon, Folder, machine, stalls, wait};

/// Stops the first thread of a process and has it make system calls.
struct Traced {
    pid: i32,
    before: libc::user_regs_struct,
}

/// A request without an address of the process.
fn ptrace(request: libc::c_uint, pid: i32, data: *mut libc::user_regs_struct) {
    // SAFETY: `data` is null or has room for the registers, which is what these requests take.
    let failed = unsafe { libc::ptrace(request, pid, std::ptr::null_mut::<u8>(), data) } < 0;
    assert!(!failed, "{request}: {}", std::io::Error::last_os_error());
}

fn registers(pid: i32) -> libc::user_regs_struct {
    // SAFETY: registers are plain numbers, and filled before they are looked at.
    let mut registers = unsafe { std::mem::zeroed() };
    ptrace(libc::PTRACE_GETREGS, pid, &raw mut registers);
    registers
}

fn stopped(pid: i32) {
    let mut status = 0;
    // SAFETY: fills the status of a thread that we trace.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, libc::__WALL) };
    assert!(waited == pid && libc::WIFSTOPPED(status), "{waited} {status:x}");
}

impl Traced {
    fn stop(pid: i32) -> Traced {
        ptrace(libc::PTRACE_SEIZE, pid, std::ptr::null_mut());
        ptrace(libc::PTRACE_INTERRUPT, pid, std::ptr::null_mut());
        stopped(pid);
        // It waits in a system call, behind whose instruction it stands.
        Traced { pid, before: registers(pid) }
    }

    fn call(&self, number: libc::c_long, arguments: [u64; 3]) -> i64 {
        let mut next = self.before;
        (next.rip, next.rax) = (self.before.rip - 2, number as u64);
        [next.rdi, next.rsi, next.rdx] = arguments;
        next.orig_rax = u64::MAX;
        ptrace(libc::PTRACE_SETREGS, self.pid, &raw mut next);
        ptrace(libc::PTRACE_SINGLESTEP, self.pid, std::ptr::null_mut());
        stopped(self.pid);
        registers(self.pid).rax.cast_signed()
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        ptrace(libc::PTRACE_SETREGS, self.pid, &raw mut self.before);
        ptrace(libc::PTRACE_DETACH, self.pid, std::ptr::null_mut());
    }
}

/// Descriptors of links and perf events.
fn attachments(pid: i32) -> Vec<u64> {
    let all = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().map(|entry| entry.unwrap().path());
    let ours =
        |to: &str| to.contains("bpf_link") || to.contains("bpf-link") || to.contains("perf_event");
    let ours = all.filter(|path| fs::read_link(path).is_ok_and(|to| ours(&to.to_string_lossy())));
    ours.map(|path| path.file_name().unwrap().to_str().unwrap().parse().unwrap()).collect()
}

#[test]
fn probes_that_were_detached_are_started_anew() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("detached");
    let daemon = Daemon::start(&folder, &["-s", "flight.after=1s", "-s", "triggers.quiet=1s"]);
    let counted = || daemon.metric("stallprof_softirq_delay_seconds_count{vector=\"TIMER\"}");
    wait("softirqs", Duration::from_secs(10), || counted().is_some_and(|n| n > 0.0));
    let restarts = || daemon.metric("stallprof_probe_restarts_total");
    assert_eq!(restarts(), Some(0.0));
    let attached = attachments(daemon.pid());
    assert!(attached.len() > 3, "{attached:?}");
    let traced = Traced::stop(daemon.pid());
    for fd in attached {
        // Its standard input is /dev/null. The numbers stay in use: closing them later is harmless.
        let cloexec = libc::O_CLOEXEC as u64;
        assert_eq!(traced.call(libc::SYS_dup3, [0, fd, cloexec]), fd.cast_signed());
    }
    drop(traced);
    assert!(attachments(daemon.pid()).is_empty());
    wait("the new probes", Duration::from_secs(30), || restarts() == Some(1.0));
    let log = daemon.log();
    assert!(log.contains("saw none: it was detached; the probes are started anew"), "{log}");
    let before = counted();
    wait("more softirqs", Duration::from_secs(10), || counted() > before);
    stalls("irqsoff", 3, "80ms");
    wait("the incident", Duration::from_secs(10), || !daemon.incidents().is_empty());
    assert_eq!(daemon.incidents()[0]["culprit"], "stallgen", "{}", daemon.incidents()[0]);
    assert_eq!(restarts(), Some(1.0), "once is enough");
    let log = daemon.stop();
    assert!(!log.contains("panicked"), "{log}");
}

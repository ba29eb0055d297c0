//! A system call that seccomp refuses is left without having been entered: it took no time.

use std::time::{Duration, Instant};

use stallprof::recording;

use crate::host::{Folder, machine, stallprof, succeeded};

const REFUSED: u32 = libc::SYS_getpgid as u32;
const TIMES: usize = 40;

/// Spins between calls that are refused, each after one that is not, in a thread of its own.
fn refused_calls() {
    let statement =
        |code: u32, k: u32, jt: u8, jf: u8| libc::sock_filter { code: code as u16, jt, jf, k };
    let answer = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;
    let mut filter = [
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0), // the number
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, REFUSED, 0, 1),
        statement(libc::BPF_RET | libc::BPF_K, answer, 0, 0),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the filter is read at once; both settings are of this thread alone.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let set = libc::SECCOMP_MODE_FILTER;
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, set, &raw const program), 0);
    }
    for _ in 0..TIMES {
        // SAFETY: neither takes a pointer.
        unsafe {
            libc::getppid();
            let began = Instant::now();
            while began.elapsed() < Duration::from_millis(20) {}
            assert_eq!(libc::getpgid(0), -1);
        }
    }
}

#[test]
fn a_call_that_is_refused_takes_no_time() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("refused");
    let recording = folder.path("r.stall");
    let output = std::thread::scope(|scope| {
        let calls = scope.spawn(|| {
            std::thread::sleep(Duration::from_secs(1));
            refused_calls();
        });
        let mut record = stallprof();
        let output = record.args(["record", "-d", "3s", "-o"]).arg(&recording).output().unwrap();
        calls.join().unwrap();
        output
    });
    succeeded(&output);
    let r = recording::read(&recording).unwrap();
    let told = r.syscalls.iter().filter(|c| c.syscall.nr_plus_1 == REFUSED + 1);
    assert_eq!(told.map(|c| c.duration).collect::<Vec<_>>(), []);
}

//! A timer interrupt that runs long: its function is named only if that took the time.

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd};
use std::time::{Duration, Instant};

use stallprof::recording;

use crate::host::{Folder, cpu, machine, stallprof, succeeded};
use crate::kinds::run;
use crate::rivals::pin;

/// Timers that expire at once.
const TIMERS: u64 = 15_000;

/// On the CPU that is recorded, which is kept busy until they have expired.
fn many_timers_expire() {
    pin();
    // SAFETY: plain data of the right size; limit of our process.
    unsafe {
        let mut files: libc::rlimit = std::mem::zeroed();
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut files), 0);
        files.rlim_cur = files.rlim_max;
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const files), 0);
        assert!(files.rlim_max > TIMERS + 1000, "too few files: ulimit -Hn {}", files.rlim_max);
    }
    let new = || {
        // SAFETY: a new descriptor that nobody else owns.
        unsafe {
            let fd = libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC);
            assert!(fd >= 0, "{}", std::io::Error::last_os_error());
            File::from_raw_fd(fd)
        }
    };
    let timers: Vec<File> = (0..TIMERS).map(|_| new()).collect();
    let wait = Duration::from_millis(300);
    let (expiry, began) = (stallprof::session::now().0 + wait.as_nanos() as u64, Instant::now());
    for timer in &timers {
        // SAFETY: plain data, read by the kernel.
        unsafe {
            let mut when: libc::itimerspec = std::mem::zeroed();
            when.it_value.tv_sec = (expiry / 1_000_000_000) as i64;
            when.it_value.tv_nsec = (expiry % 1_000_000_000) as i64;
            let (fd, flags) = (timer.as_raw_fd(), libc::TFD_TIMER_ABSTIME);
            assert_eq!(libc::timerfd_settime(fd, flags, &raw const when, std::ptr::null_mut()), 0);
        }
    }
    assert!(began.elapsed() < wait, "they expire as they are set");
    while began.elapsed() < wait + Duration::from_millis(100) {}
}

#[test]
fn no_timer_is_named_for_an_interrupt_that_many_made_long() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("timers");
    let recording = folder.path("r.stall");
    let output = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_secs(1));
            many_timers_expire();
        });
        let mut record = stallprof();
        record.args(["record", "-C", &cpu().to_string(), "--stall", "1ms", "-d", "3s", "-o"]);
        record.arg(&recording).output().unwrap()
    });
    succeeded(&output);
    let r = recording::read(&recording).unwrap();
    let longest = r.hardirqs.iter().max_by_key(|irq| irq.run).expect("no long interrupt");
    assert_eq!(longest.kind, stallprof::model::IrqKind::Timer, "{longest:?}");
    assert_eq!(r.str(r.frame(longest.handler).function), "", "of {}", longest.run);
}

/// One that did take it is.
#[test]
fn the_timer_that_made_its_interrupt_long_is_named() {
    let Some(_machine) = machine() else { return };
    let run = run("hardirq", 10, &[], &[]);
    let named = |f: &&stallscore::found::Found| f.culprit["handler"] == "perf_swevent_hrtimer";
    assert!(run.found.iter().filter(named).count() >= 8, "{:#?}", run.found);
}

//! A real-time priority is told as such, whatever a task's policy says once it was switched out.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use stallscore::found::Found;

use crate::host::{Folder, cpu, findings, machine, stallgen, stallprof, succeeded};

const TURN: Duration = Duration::from_millis(30);
const EVERY: Duration = Duration::from_millis(61);
/// Above what stallgen makes, which is there for the softirqs that ksoftirqd is woken for.
const FIFO: (i32, i32) = (libc::SCHED_FIFO, 3);
const OTHER: (i32, i32) = (libc::SCHED_OTHER, 0);

fn schedule((policy, priority): (i32, i32)) {
    let priority = libc::sched_param { sched_priority: priority };
    // SAFETY: plain data of the right size; it acts on the calling thread.
    assert_eq!(unsafe { libc::sched_setscheduler(0, policy, &raw const priority) }, 0);
}

/// Keeps the calling thread on the CPU that is recorded.
fn pin() {
    // SAFETY: plain data of the right size; it acts on the calling thread.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu() as usize, &mut set);
        assert_eq!(libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set), 0);
    }
}

fn spin() {
    let clock = Instant::now();
    while clock.elapsed() < TURN {}
}

/// Waits of ksoftirqd that a thread makes which takes such turns on its CPU: all are of one cause.
fn starved_by_rt(name: &str, turn: impl Fn() + Sync) {
    let folder = Folder::new(name);
    let recording = folder.path("r.stall");
    let (stop, began) = (AtomicBool::new(false), Instant::now());
    let (tid, output) = std::thread::scope(|scope| {
        let (tell, tid) = std::sync::mpsc::channel();
        let (stop, turn) = (&stop, &turn);
        scope.spawn(move || {
            pin();
            // SAFETY: gettid cannot fail.
            tell.send(unsafe { libc::gettid() }).unwrap();
            for round in 1.. {
                std::thread::sleep((EVERY * round).saturating_sub(began.elapsed()));
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                turn();
            }
        });
        let output = stallprof()
            .args(["record", "-C", &cpu().to_string(), "-o"])
            .arg(&recording)
            .arg("--")
            .arg(stallgen())
            .args(["fifo", "--cpu", &cpu().to_string(), "--count", "40", "--truth", "/dev/null"])
            .output();
        stop.store(true, Ordering::Relaxed);
        (tid.recv().unwrap(), output.unwrap())
    });
    succeeded(&output);
    let found = Found::all(&findings(&recording)).unwrap();
    let made: Vec<_> = found.iter().filter(|f| f.culprit["tid"] == tid).collect();
    // How many there are depends on who is on the CPU as ksoftirqd is woken.
    assert!(!made.is_empty(), "no wait of ksoftirqd is this thread's");
    let other = made.iter().find(|f| f.cause != "starved_by_rt");
    assert!(other.is_none(), "of {} waits one is {other:?}", made.len());
}

#[test]
fn a_task_that_gives_its_priority_up_before_it_is_switched_out() {
    let Some(_machine) = machine() else { return };
    starved_by_rt("gives-up", || {
        schedule(FIFO);
        spin();
        schedule(OTHER);
    });
}

/// A mutex with priority inheritance.
struct PiMutex(UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: it is a lock; only lock() and unlock() touch it.
unsafe impl Sync for PiMutex {}

impl PiMutex {
    /// Where it stays: a lock must not be moved.
    fn new() -> Box<PiMutex> {
        let lock = Box::new(PiMutex(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER)));
        let mut kind = MaybeUninit::uninit();
        // SAFETY: initialized in this order.
        unsafe {
            assert_eq!(libc::pthread_mutexattr_init(kind.as_mut_ptr()), 0);
            let inherit = libc::PTHREAD_PRIO_INHERIT;
            assert_eq!(libc::pthread_mutexattr_setprotocol(kind.as_mut_ptr(), inherit), 0);
            assert_eq!(libc::pthread_mutex_init(lock.0.get(), kind.as_ptr()), 0);
        }
        lock
    }

    fn lock(&self) {
        // SAFETY: initialized, and never destroyed while in use.
        assert_eq!(unsafe { libc::pthread_mutex_lock(self.0.get()) }, 0);
    }

    fn unlock(&self) {
        // SAFETY: by the thread that locked it.
        assert_eq!(unsafe { libc::pthread_mutex_unlock(self.0.get()) }, 0);
    }
}

#[test]
fn a_task_that_is_lent_the_priority_of_one_that_waits_for_its_mutex() {
    let Some(_machine) = machine() else { return };
    let (mutex, (ask, asked)) = (PiMutex::new(), std::sync::mpsc::channel::<()>());
    std::thread::scope(|scope| {
        // Gone with this block, however it is left: the other thread ends then.
        let (mutex, ask) = (&mutex, ask);
        scope.spawn(move || {
            schedule(FIFO);
            while asked.recv().is_ok() {
                mutex.lock();
                mutex.unlock();
            }
        });
        starved_by_rt("is-lent", || {
            mutex.lock();
            ask.send(()).unwrap();
            spin();
            mutex.unlock();
        });
    });
}

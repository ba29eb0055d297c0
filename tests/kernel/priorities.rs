//! A real-time priority is told as such, whatever a task's policy says once it was switched out.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::time::Duration;

use stallscore::found::Found;

use crate::host::{Folder, findings, machine};
use crate::rivals::{FIFO, OTHER, Rounds, pin, schedule, spin};

const TURN: Duration = Duration::from_millis(30);

/// Waits of ksoftirqd that a thread makes which takes such turns on its CPU: all are of one cause.
fn starved_by_rt(name: &str, turn: impl Fn() + Sync) {
    let folder = Folder::new(name);
    let (recording, rounds) = (folder.path("r.stall"), Rounds::new());
    let tid = std::thread::scope(|scope| {
        let (tell, tid) = std::sync::mpsc::channel();
        let (rounds, turn) = (&rounds, &turn);
        scope.spawn(move || {
            pin();
            // SAFETY: gettid cannot fail.
            tell.send(unsafe { libc::gettid() }).unwrap();
            rounds.each(Duration::ZERO, turn);
        });
        rounds.record(&recording);
        tid.recv().unwrap()
    });
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
        spin(TURN);
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
            spin(TURN);
            mutex.unlock();
        });
    });
}

//! Getting along with few addresses.

/// Where addresses are limited (`ulimit -v`) all threads share one heap: glibc sets 64 MiB of
/// addresses and more aside for each thread's own, and ends the program where there are none left.
#[cfg(target_env = "gnu")]
pub fn spare() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes into `limit`, which is ours.
    let read = unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut limit) } == 0;
    if read && limit.rlim_cur != libc::RLIM_INFINITY {
        // SAFETY: takes no pointers; no other thread has been started.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
    }
}

/// Other libraries set nothing aside.
#[cfg(not(target_env = "gnu"))]
pub fn spare() {}

//! What signals whoever started us wants ignored.

use std::mem::MaybeUninit;

/// Whether a signal was ignored when we were started.
pub fn is_ignored(signal: libc::c_int) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: it is only asked for; read where the kernel has filled it in.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

//! What libbpf has to say. It speaks through one callback of the process; lines are kept for
//! whoever asks, `stallprof doctor -v` above all, instead of going to standard error.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use libbpf_rs::{PrintLevel, set_print};

/// Lines kept: the end of a verifier's log says why it refused.
const KEPT: usize = 40;

static LINES: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

fn lines() -> MutexGuard<'static, VecDeque<String>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep(_: PrintLevel, message: String) {
    let mut kept = lines();
    for line in message.lines().filter(|l| !l.trim().is_empty()) {
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(line.to_owned());
    }
}

/// Calls `act` and gives what libbpf said meanwhile along with its result.
pub fn during<T>(act: impl FnOnce() -> T) -> (T, Vec<String>) {
    set_print(Some((PrintLevel::Warn, keep)));
    lines().clear();
    let result = act();
    (result, lines().drain(..).collect())
}

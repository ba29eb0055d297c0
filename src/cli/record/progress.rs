//! The line that shows how a recording goes; nothing where nobody watches.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::session::Counts;

/// A bar where the length is known, else a spinner.
pub fn bar(limit: Option<Duration>) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = match limit {
        Some(limit) => ProgressBar::new(limit.as_millis() as u64),
        None => ProgressBar::new_spinner(),
    };
    let template = match limit {
        Some(_) => "{spinner} {bar:20} {msg}",
        None => "{spinner} {msg}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
    bar
}

/// Draws it anew.
pub fn show(bar: &ProgressBar, counts: &Counts, began: Instant) {
    let elapsed = began.elapsed();
    bar.set_position(elapsed.as_millis() as u64);
    let worst = match counts.stalls {
        0 => String::new(),
        _ => format!(", worst {}", counts.worst),
    };
    bar.set_message(format!(
        "{:.0} s  {} stall{}{worst}  {} lost  (Ctrl-C ends)",
        elapsed.as_secs_f64(),
        counts.stalls,
        if counts.stalls == 1 { "" } else { "s" },
        counts.lost,
    ));
    bar.tick();
}

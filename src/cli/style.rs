//! The style that fits where we print.

use std::io::IsTerminal;

use crate::render::Style;

/// The style that fits standard output: width of the terminal, colours unless told not to
/// (<https://no-color.org>).
pub fn style() -> Style {
    let terminal = std::io::stdout().is_terminal();
    let color = terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).filter(|c| *c > 0);
    let width = columns.or_else(terminal_width).unwrap_or(Style::default().width);
    Style { color, width }
}

fn terminal_width() -> Option<usize> {
    // SAFETY: TIOCGWINSZ fills a winsize; all zeroes is a valid one.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: as above; on anything but a terminal it fails and fills nothing.
    let failed = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &mut size) } != 0;
    (!failed && size.ws_col > 0).then_some(usize::from(size.ws_col))
}

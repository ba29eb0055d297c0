//! The terminal, taken over and given back: at the end, at an error, at a panic.

use std::io::{self, IsTerminal, Stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};
use ratatui::{Frame, Terminal};

/// Columns and lines that it takes at least.
pub const LEAST: (u16, u16) = (40, 10);

/// The terminal in our hands.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    taken: Arc<AtomicBool>,
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// There is none, or it is too small.
    pub fn open() -> Result<Screen> {
        check()?;
        let taken = Arc::new(AtomicBool::new(true));
        let (usual, of_hook) = (std::panic::take_hook(), Arc::clone(&taken));
        std::panic::set_hook(Box::new(move |panic| {
            give_back(&of_hook);
            usual(panic);
        }));
        enable_raw_mode().context("taking over the terminal")?;
        let screen = execute!(io::stdout(), EnterAlternateScreen)
            .and_then(|()| Terminal::new(CrosstermBackend::new(io::stdout())));
        // Without a screen nobody else would.
        let screen = screen.inspect_err(|_| give_back(&taken));
        Ok(Screen { terminal: screen.context("taking over the terminal")?, taken })
    }

    /// Draws what has changed.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Result<()> {
        self.terminal.draw(draw).context("drawing on the terminal")?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back(&self.taken);
    }
}

/// Whether there is a terminal to draw on.
///
/// # Errors
/// There is none, or it is too small.
pub fn check() -> Result<()> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        bail!(
            "`stallprof top` needs a terminal, and this is none. For a file or a program: \
             `stallprof record -d 10` tells who stalled what, `stallprof daemon` serves /live and \
             /metrics"
        );
    }
    let (columns, lines) = size().context("asking the terminal for its size")?;
    if columns < LEAST.0 || lines < LEAST.1 {
        let (least_columns, least_lines) = LEAST;
        bail!(
            "this terminal has {columns} columns and {lines} lines: `stallprof top` takes \
             {least_columns} and {least_lines} at least"
        );
    }
    Ok(())
}

/// Once: to leave the screen again would move the cursor back, and what a panic said away.
fn give_back(taken: &AtomicBool) {
    if !taken.swap(false, Ordering::Relaxed) {
        return;
    }
    // There is nothing else to be done where one fails.
    let _ = disable_raw_mode();
    let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
}

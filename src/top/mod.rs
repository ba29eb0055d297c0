//! `stallprof top`: what is going on now, in a terminal. It shows a [`Live`], of this host or of a
//! daemon, and concludes nothing.

mod app;
mod attached;
mod cpus;
mod culprits;
mod detail;
mod draw;
mod screen;
mod trust;
mod words;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use ratatui::crossterm::event::{self, Event};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

pub use app::App;
pub use attached::Attached;
pub use draw::draw;

use crate::model::live::Live;
use crate::units::Nanos;
use screen::Screen;
pub use screen::check;
pub use trust::Trust;

/// How often it is looked at what goes on.
const LOOK: Duration = Duration::from_millis(500);
/// How long to wait for a key at a time: a signal is noticed so late.
const KEY: Duration = Duration::from_millis(100);

/// What a source has to tell.
#[derive(Debug)]
pub enum Told {
    /// What is going on.
    Now(Box<Live>),
    /// It does not answer; it may later.
    Silent(String),
    /// It never will.
    Ended(String),
}

/// Where it is known what goes on.
pub trait Source {
    /// What goes on now; latencies of the last so long.
    fn read(&mut self, interval: Nanos) -> Told;
}

/// Shows `source` until a key or a signal ends it.
///
/// # Errors
/// There is no terminal, it is too small, or the source ended.
pub fn run(source: &mut dyn Source, colors: bool) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let mut screen = Screen::open()?;
    let mut app = App::new(colors);
    let mut looked: Option<Instant> = None;
    while !stop.load(Ordering::Relaxed) {
        if looked.is_none_or(|at| at.elapsed() >= LOOK) {
            looked = Some(Instant::now());
            match source.read(app.interval()) {
                Told::Now(live) => app.take(*live),
                Told::Silent(why) => app.problem = Some(why),
                Told::Ended(why) => {
                    drop(screen);
                    bail!(why);
                }
            }
        }
        screen.draw(|frame| draw(frame, &mut app))?;
        if event::poll(KEY)?
            && let Event::Key(key) = event::read()?
            && !app.key(key)
        {
            break;
        }
    }
    Ok(())
}

//! Measuring for somebody who watches: the daemon's session and board without metrics, store and
//! HTTP. Nothing is written to disk.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use super::board::Board;
use super::flight::{Flight, Limits};
use super::incident::ended;
use crate::host::HostFacts;
use crate::host::threads::refused;
use crate::model::live::Live;
use crate::model::{Event, Lost, Meta};
use crate::probe::{Config, PROBES, Wanted};
use crate::session::{self, Namer, Pace, Session, Watch};
use crate::units::{Ktime, Nanos};

/// Somebody waits for what is shown.
const PACE: Pace = Pace { flush: Duration::from_secs(1), ..Pace::DAEMON };
/// What the analysis looks at: parts of two seconds, and what came before them.
const LIMITS: Limits = Limits { time: Nanos(8_000_000_000), bytes: 8 << 20 };
/// Evidence of a stall is there by so much after its end.
const SLACK: Nanos = Nanos(1_500_000_000);

/// This host, while it is measured.
pub struct Alone {
    board: Arc<Board>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Alone {
    /// Starts to measure.
    ///
    /// # Errors
    /// Nothing can be measured, or the host cannot be read.
    pub fn start(config: Config) -> Result<Alone> {
        let (board, stop) = (Arc::new(Board::default()), Arc::new(AtomicBool::new(false)));
        let (tell, told) = sync_channel(1);
        let (shown, ends) = (Arc::clone(&board), Arc::clone(&stop));
        let measure = move || match Watcher::start(&config, shown, ends) {
            Ok((session, mut watcher, mut out)) => {
                let _ = tell.send(Ok(()));
                session.run(&mut out, &mut watcher);
            }
            Err(error) => drop(tell.send(Err(error))),
        };
        let thread =
            Builder::new().name("stallprof-probes".into()).spawn(measure).map_err(refused)?;
        told.recv().map_err(|_| anyhow!("the thread that owns the probes panicked"))??;
        Ok(Alone { board, stop, thread: Some(thread) })
    }

    /// What is going on now; latencies of the last `interval`. None once the probes have ended.
    #[must_use]
    pub fn read(&self, interval: Nanos) -> Option<Live> {
        let lives = self.thread.as_ref().is_some_and(|thread| !thread.is_finished());
        lives.then(|| self.board.read(interval))
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Watcher {
    board: Arc<Board>,
    stop: Arc<AtomicBool>,
    flight: Flight,
    meta: Meta,
    counted: Ktime,
}

impl Watcher {
    fn start(
        config: &Config,
        board: Arc<Board>,
        stop: Arc<AtomicBool>,
    ) -> Result<(Session, Watcher, Namer<Vec<u8>>)> {
        let facts = HostFacts::read(&config.root)?;
        let session = Session::start(config, PACE)?;
        let meta = session.meta(config, &facts);
        let off = |name| config.methods.contains(&(name, Wanted::Off));
        let wanted: Vec<String> =
            PROBES.iter().filter(|p| !off(p.name)).map(|p| p.name.to_owned()).collect();
        board.measures(&meta, &wanted, &config.root);
        let (flight, writer) = Flight::new(LIMITS, &meta).context("the flight recorder")?;
        let watcher = Watcher { board, stop, flight, counted: meta.start, meta };
        Ok((session, watcher, Namer::without_user_symbols(writer, config.root.clone())))
    }
}

impl Watch<Vec<u8>> for Watcher {
    fn event(&mut self, event: &Event) {
        self.flight.see(event.late().is_some(), false);
        self.board.event(event);
    }

    fn lost(&mut self, _: &'static str, lost: &Lost) {
        self.board.lost(lost);
    }

    fn turn(&mut self, out: &mut Namer<Vec<u8>>) -> ControlFlow<()> {
        if self.stop.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        self.board.turn();
        // A part that cannot be packed is one whose stalls are not told.
        if self.flight.is_due(&out.writer) && self.flight.turn(out, &self.meta).is_ok() {
            let until = session::now().before(SLACK);
            let after = std::mem::replace(&mut self.counted, until);
            let parts = self.flight.since(after.before(SLACK));
            self.board.stalls(&ended(&parts, after, until), until);
        }
        ControlFlow::Continue(())
    }
}

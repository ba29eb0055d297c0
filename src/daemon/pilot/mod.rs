//! The thread that owns the probes: feeds the flight recorder and the metrics, notices triggers,
//! and does what signals ask for.

mod changes;
mod pending;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use super::board::Board;
use super::condition::Conditions;
use super::config::Config;
use super::control::Control;
use super::flight::{self, Flight};
use super::incident::Job;
use super::log::say;
use super::metrics::incidents::Fate;
use super::metrics::{self, Metrics};
use super::pulse::Pulse;
use super::room::Room;
use super::rounds::Rounds;
use super::trigger::Trigger;
use crate::host::{HostFacts, HostRoot};
use crate::model::{Event, Lost, Meta, measured};
use crate::session::{self, Namer, Pace, Session, Watch};
use crate::units::{Ktime, Nanos};
use pending::Pending;

/// How often the host is looked at, at least; where the look takes long, less often.
const LOOK: Duration = Duration::from_secs(10);
/// The look takes one part in this many of the time at most.
const LOOK_SHARE: u32 = 5_000;
/// Evidence of a stall is there by so much after its end.
const SLACK: Nanos = Nanos(2_000_000_000);

/// Where the configuration comes from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The file.
    pub file: Option<PathBuf>,
    /// What is put over it.
    pub set: Vec<String>,
}

impl Origin {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn read(&self) -> Result<Config, super::config::ConfigError> {
        Config::read(self.file.as_deref(), &self.set)
    }
}

/// What the thread shares with others.
#[derive(Clone)]
pub struct Links {
    /// Signals and requests.
    pub control: Arc<Control>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// What is going on now.
    pub board: Arc<Board>,
    /// To the thread that makes incidents.
    pub jobs: SyncSender<Job>,
    /// Where the host's files are read.
    pub root: HostRoot,
}

struct Pilot {
    config: Config,
    origin: Origin,
    links: Links,
    flight: Flight,
    meta: Meta,
    pending: Option<Pending>,
    /// A trigger that went off while it was quiet.
    held: Option<Trigger>,
    conditions: Conditions,
    quiet: Option<Instant>,
    counted: Ktime,
    look: Instant,
    room: Room,
    rounds: Rounds,
    pulse: Pulse,
    next: Option<Session>,
}

/// Runs until told to stop; once the probes run it says `started`.
///
/// # Errors
/// Nothing can be measured, or the host cannot be read.
pub fn fly(config: Config, origin: Origin, links: Links, started: &str) -> Result<()> {
    let (mut session, meta) = start(&config, &links.root)?;
    let (flight, writer) = Flight::new(limits(&config), &meta).context("the flight recorder")?;
    let mut out = Namer::without_user_symbols(writer, links.root.clone());
    links.metrics.probes.set(&session.probes);
    links.board.measures(&meta, &config.probes.on, &links.root);
    say(&started);
    links.control.ready();
    let mut pilot = Pilot {
        conditions: Conditions::new(&config.triggers, &links.root),
        room: Room::begin(),
        rounds: Rounds::begin(&links.root),
        pulse: Pulse::begin(),
        config,
        origin,
        links,
        flight,
        meta,
        pending: None,
        held: None,
        quiet: None,
        counted: session::now(),
        look: Instant::now(),
        next: None,
    };
    loop {
        session.run(&mut out, &mut pilot);
        match pilot.next.take() {
            Some(next) => session = next,
            None => break,
        }
    }
    pilot.land(&mut out);
    Ok(())
}

fn start(config: &Config, root: &HostRoot) -> Result<(Session, Meta)> {
    let facts = HostFacts::read(root)?;
    let probes = config.for_probes(&facts.cpus_online, root).map_err(|why| anyhow!(why))?;
    let session = Session::start(&probes, Pace::DAEMON)?;
    for (names, reason) in measured::missing(&session.probes) {
        let wanted = names.iter().filter(|p| config.probes.on.contains(&p.name));
        let names: Vec<&str> = wanted.map(|p| p.name.as_str()).collect();
        if !names.is_empty() {
            say(&format_args!("not measured: {} ({reason})", names.join(", ")));
        }
    }
    let meta = session.meta(&probes, &facts);
    Ok((session, meta))
}

fn limits(config: &Config) -> flight::Limits {
    let flight = &config.flight;
    flight::Limits { time: flight.before.0 + flight.after.0 + SLACK, bytes: flight.memory.0 }
}

impl Watch<Vec<u8>> for Pilot {
    fn event(&mut self, event: &Event) {
        let late = event.late();
        self.flight.see(late.is_some(), metrics::named(event));
        self.links.metrics.event(event);
        self.conditions.event(event);
        self.pulse.event(event);
        self.links.board.event(event);
        if let Some(trigger) = late.and_then(|late| self.config.triggers.by_lateness(late)) {
            self.trigger(trigger);
        }
    }

    fn lost(&mut self, probe: &'static str, lost: &Lost) {
        self.links.metrics.lost(probe, lost);
        self.links.board.lost(lost);
    }

    fn turn(&mut self, out: &mut Namer<Vec<u8>>) -> ControlFlow<()> {
        self.links.control.beat();
        if self.links.control.stop() {
            return ControlFlow::Break(());
        }
        if let Some(how) = self.links.control.take_cut() {
            self.trigger(Trigger::Asked(how));
        }
        if self.look <= Instant::now() {
            self.look_at_host();
        }
        if self.room.is_due() {
            self.bound_flight();
        }
        self.look_round();
        let repeated = self.conditions.turn(out);
        (0..repeated).for_each(|_| self.links.metrics.incidents.count(Fate::Repeated));
        if self.flight.is_due(&out.writer) {
            self.count(out);
        }
        if self.quiet.is_some_and(|until| until <= Instant::now()) {
            self.quiet = None;
            if let Some(trigger) = self.held.take() {
                self.trigger(trigger);
            }
        }
        self.next_condition();
        self.links.metrics.flight.set(&self.flight);
        self.links.board.turn();
        if self.pending.as_ref().is_some_and(|p| p.counted) {
            self.cut(out);
        }
        if self.links.control.take_reload() {
            self.reload();
        }
        if self.next.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// What is counted belongs to the incident too.
    fn wants_counters(&mut self) -> bool {
        let due = |p: &&mut Pending| p.due <= session::now();
        match self.pending.as_mut().filter(due) {
            Some(pending) => !std::mem::replace(&mut pending.counted, true),
            None => false,
        }
    }
}

impl Pilot {
    fn send(&self, job: Job) {
        if self.links.jobs.try_send(job).is_err() {
            self.links.metrics.incidents.count(Fate::Failed);
            say(
                &"the disk or the analysis is behind: an incident or a count of stalls was left out",
            );
        }
    }

    /// Ends a part of the flight recorder.
    fn part(&mut self, out: &mut Namer<Vec<u8>>) {
        if let Err(error) = self.flight.turn(out, &self.meta) {
            say(&format_args!("the flight recorder lost a part: {error}"));
        }
    }

    /// Ends a part, and has the stalls counted that have ended since the last time.
    fn count(&mut self, out: &mut Namer<Vec<u8>>) {
        self.part(out);
        let until = session::now().before(SLACK);
        let window = (std::mem::replace(&mut self.counted, until), until);
        let parts = self.flight.since(window.0.before(SLACK));
        if parts.iter().any(|part| part.late || part.named) {
            self.send(Job::Count { parts, window });
        } else {
            self.links.board.stalls(&[], until);
        }
    }

    /// What no probe tells: pressure.
    fn look_at_host(&mut self) {
        let began = Instant::now();
        self.conditions.look();
        self.look = Instant::now() + LOOK.max(began.elapsed() * LOOK_SHARE);
    }

    /// The flight recorder holds what is asked for, if there is memory for it.
    fn bound_flight(&mut self) {
        let limits = limits(&self.config);
        let (left, bytes) = self.room.look(limits.bytes, self.flight.bytes());
        self.links.metrics.memory.set(left);
        self.flight.set(flight::Limits { bytes, ..limits });
    }

    /// What is under way is brought to its end.
    fn land(&mut self, out: &mut Namer<Vec<u8>>) {
        self.quiet = None;
        if let Some(trigger) = self.held.take() {
            self.trigger(trigger);
        }
        self.next_condition();
        if self.pending.is_some() {
            self.cut(out);
        }
        self.part(out);
        let window = (self.counted, session::now());
        let parts = self.flight.since(window.0.before(SLACK));
        self.send(Job::Count { parts, window });
    }
}

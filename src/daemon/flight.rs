//! The flight recorder: the last minute at full detail, in bounded memory.
//!
//! It is a row of short recordings, one after the other, packed as those in files are: some ten
//! bytes an event. Names are looked up while their owners live and stand in the recording that
//! uses them, so that memory cannot grow with the names of a month.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::model::Meta;
use crate::recording::Writer;
use crate::session::{self, Namer};
use crate::units::{Ktime, Nanos};

/// Names in one part, past which the next one begins: each takes some hundred bytes.
const MAX_NAMES: usize = 50_000;
/// A part ends once it takes this share of all memory.
const PARTS: u64 = 8;

/// A short recording in memory, whole.
#[derive(Clone, Debug)]
pub struct Part {
    /// When it begins.
    pub from: Ktime,
    /// When it ends.
    pub to: Ktime,
    /// The recording.
    pub bytes: Arc<[u8]>,
    /// How many events are in it.
    pub events: u64,
    /// Whether anything was past its threshold.
    pub late: bool,
    /// Whether anything is counted under a name.
    pub named: bool,
}

/// The parts that are whole; the one in the making is with the [`Namer`].
#[derive(Debug)]
pub struct Flight {
    parts: VecDeque<Part>,
    /// How much is kept.
    pub limits: Limits,
    from: Ktime,
    events: u64,
    late: bool,
    named: bool,
    /// Events that memory had no room for before their time was up.
    pub dropped: u64,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How far back at least, if memory allows.
    pub time: Nanos,
    /// At most so many bytes.
    pub bytes: u64,
}

impl Limits {
    /// How long a part is: what goes at once when the oldest goes.
    fn part(&self) -> Nanos {
        Nanos((self.time.0 / 4).clamp(500_000_000, 15_000_000_000))
    }
}

impl Flight {
    /// An empty one, and the writer of its first part.
    ///
    /// # Errors
    /// `meta` is too long to be stored.
    pub fn new(limits: Limits, meta: &Meta) -> std::io::Result<(Flight, Writer<Vec<u8>>)> {
        let from = session::now();
        let flight = Flight {
            parts: VecDeque::new(),
            limits,
            from,
            events: 0,
            late: false,
            named: false,
            dropped: 0,
        };
        Ok((flight, begin(meta, from)?))
    }

    /// Other limits from now on.
    pub fn set(&mut self, limits: Limits) {
        self.limits = limits;
        self.trim();
    }

    /// Counts an event that is being written.
    pub fn see(&mut self, late: bool, named: bool) {
        self.events += 1;
        self.late |= late;
        self.named |= named;
    }

    /// Whether the part in the making is long enough.
    pub fn is_due(&self, writer: &Writer<Vec<u8>>) -> bool {
        session::now().since(self.from) >= self.limits.part()
            || writer.written() > self.limits.bytes / PARTS
            || writer.names() > MAX_NAMES
    }

    /// Ends the part in the making and begins the next one.
    ///
    /// # Errors
    /// It cannot be packed: `meta` is too long.
    pub fn turn(&mut self, out: &mut Namer<Vec<u8>>, meta: &Meta) -> std::io::Result<()> {
        let now = session::now();
        let written = out.turn_to(begin(meta, now)?).finish(now)?;
        let from = std::mem::replace(&mut self.from, now);
        self.parts.push_back(Part {
            from,
            to: now,
            bytes: written.into(),
            events: std::mem::take(&mut self.events),
            late: std::mem::take(&mut self.late),
            named: std::mem::take(&mut self.named),
        });
        self.trim();
        Ok(())
    }

    fn trim(&mut self) {
        let now = session::now();
        while let Some(oldest) = self.parts.front() {
            let old = oldest.to < now.before(self.limits.time);
            if !old && self.bytes() <= self.limits.bytes {
                break;
            }
            self.dropped += if old { 0 } else { oldest.events };
            self.parts.pop_front();
        }
    }

    /// The whole parts that reach beyond a moment, oldest first.
    #[must_use]
    pub fn since(&self, from: Ktime) -> Vec<Part> {
        self.parts.iter().filter(|part| part.to > from).cloned().collect()
    }

    /// Bytes of the whole parts.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes.len() as u64).sum()
    }

    /// How far back it reaches.
    #[must_use]
    pub fn reach(&self) -> Duration {
        let first = self.parts.front().map_or(self.from, |part| part.from);
        Duration::from_nanos(session::now().since(first).0)
    }
}

fn begin(meta: &Meta, start: Ktime) -> std::io::Result<Writer<Vec<u8>>> {
    let start_realtime = session::realtime();
    Writer::new(Vec::new(), &Meta { start, start_realtime, ..meta.clone() })
}

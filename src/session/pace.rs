//! How much of the host's time a session may take.

use std::time::Duration;

/// How often to do what costs the host something.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How long samples may lie in the ring.
    pub poll: Duration,
    /// How long to wait for records at a time.
    pub pause: Duration,
    /// How often counters are read and a block is written.
    pub flush: Duration,
    /// Steal time is read so often that the reading takes one part in this many of the time at
    /// most, between the bounds `steal`: the closer it is read around an interrupt gap, the surer
    /// it tells one cause from the other.
    pub steal_share: u32,
    /// See there.
    pub steal: (Duration, Duration),
}

impl Pace {
    /// For minutes, with somebody waiting.
    pub const RECORD: Pace = Pace {
        poll: Duration::from_millis(50),
        pause: Duration::from_millis(20),
        flush: Duration::from_secs(1),
        steal_share: 1_000,
        steal: (Duration::from_millis(20), Duration::from_secs(1)),
    };
    /// For months.
    pub const DAEMON: Pace = Pace {
        poll: Duration::from_millis(250),
        pause: Duration::from_millis(250),
        flush: Duration::from_secs(2),
        steal_share: 10_000,
        steal: (Duration::from_millis(200), Duration::from_secs(1)),
    };
}

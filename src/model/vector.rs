//! The ten softirq vectors.

use std::fmt;

use serde::Serialize;

/// A softirq vector, numbered as in `include/linux/interrupt.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vector(pub u8);

impl Vector {
    /// How many vectors the kernel has (`NR_SOFTIRQS`).
    pub const COUNT: usize = 10;
    /// Tasklets of high priority.
    pub const HI: Vector = Vector(0);
    /// Tasklets.
    pub const TASKLET: Vector = Vector(6);
    /// Packets received: NAPI polls run here.
    pub const NET_RX: Vector = Vector(3);

    const NAMES: [&'static str; Self::COUNT] = [
        "HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER",
        "RCU",
    ];

    /// The kernel's name, as `/proc/softirqs` prints it; `?` past the last vector.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.get(usize::from(self.0)).copied().unwrap_or("?")
    }

    /// The vectors of a pending mask, lowest first.
    pub fn of_mask(mask: u16) -> impl Iterator<Item = Vector> {
        (0..Self::COUNT as u8).filter(move |v| mask & (1 << v) != 0).map(Vector)
    }
}

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Vector {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}

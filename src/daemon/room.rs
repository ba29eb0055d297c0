//! Memory that runs out: whoever takes more than its cgroup or the host has is killed, without a
//! word. So the flight recorder holds no more than there is memory to make an incident of.

use std::time::{Duration, Instant};

use super::config::Bytes;
use super::log::say;
use crate::host::memory::OwnMemory;

/// How often it is looked at: some files of a line or a page.
const EVERY: Duration = Duration::from_secs(2);
/// Memory that an incident takes for each byte of the flight recorder, measured: 9 to 13.
const PER_BYTE: u64 = 14;
/// Kept free: page tables, buffers of sockets, what threads begin with.
const SPARE: u64 = 8 << 20;
/// The flight recorder holds at least so much, whatever there is.
const LEAST: u64 = 256 << 10;

/// What is left, as last looked at.
#[derive(Debug)]
pub struct Room {
    memory: OwnMemory,
    due: Instant,
    /// What was left at the last look but one: an incident in the making takes some for a moment.
    before: u64,
    /// What the flight recorder may take, as last told.
    told: Option<u64>,
}

impl Room {
    /// Nothing is looked at yet.
    #[must_use]
    pub fn begin() -> Room {
        Room { memory: OwnMemory::open(), due: Instant::now(), before: 0, told: None }
    }

    /// Whether it is time to look again.
    pub fn is_due(&self) -> bool {
        self.due <= Instant::now()
    }

    /// Bytes that are left, and how many of the `wanted` ones the flight recorder may take, which
    /// holds `held` now. Says so where it is less, and where that is over.
    pub fn look(&mut self, wanted: u64, held: u64) -> (u64, u64) {
        self.due = Instant::now() + EVERY;
        let left = self.memory.left().unwrap_or(u64::MAX).saturating_sub(SPARE);
        let most = left.max(std::mem::replace(&mut self.before, left));
        let flight = share(most, held).min(wanted);
        match self.told {
            None if flight < wanted => self.tell(flight, wanted, left),
            // Not each time that it changes a little.
            Some(told) if flight < wanted && flight <= told / 2 => self.tell(flight, wanted, left),
            Some(_) if flight >= wanted => {
                self.told = None;
                say(&format_args!(
                    "there is memory again: the flight recorder may take {}",
                    Bytes(wanted)
                ));
            }
            _ => {}
        }
        (left, flight)
    }

    fn tell(&mut self, flight: u64, wanted: u64, left: u64) {
        self.told = Some(flight);
        say(&format_args!(
            "short of memory, {} KiB are left: the flight recorder may take {} KiB, not {}",
            left >> 10,
            flight >> 10,
            Bytes(wanted)
        ));
    }
}

/// What the flight recorder may take where so much is left, besides what it holds.
fn share(left: u64, held: u64) -> u64 {
    (left.saturating_add(held) / (PER_BYTE + 1)).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_holds_and_an_incident_of_it_fit() {
        for (left, held) in [(0, 0), (1 << 20, 0), (30 << 20, 2 << 20), (u64::MAX, 8 << 20)] {
            let flight = share(left, held);
            assert!(flight >= LEAST);
            let more = flight.saturating_sub(held) + flight.saturating_mul(PER_BYTE);
            assert!(flight == LEAST || more <= left, "{left} {held}: {flight}");
        }
    }
}

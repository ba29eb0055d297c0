//! When stalls start: every so often, but never in step with the tick.

/// Start times, spread by a deterministic generator.
#[derive(Debug)]
pub struct Pace {
    start_ns: u64,
    every_ns: u64,
    jitter_ns: u64,
    state: u64,
    n: u64,
}

impl Pace {
    /// Stalls of `length_ns`, one in each `every_ns` from `start_ns` on, each
    /// moved by up to half of the room that is left.
    pub fn new(start_ns: u64, every_ns: u64, length_ns: u64, seed: u64) -> Self {
        let jitter_ns = every_ns.saturating_sub(length_ns) / 2 + 1;
        Self { start_ns, every_ns, jitter_ns, state: seed, n: 0 }
    }

    /// The start of the next stall.
    pub fn next_ns(&mut self) -> u64 {
        let base = self.start_ns + self.n * self.every_ns;
        self.n += 1;
        base + self.random() % self.jitter_ns
    }

    /// splitmix64
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn stalls_never_overlap_and_are_spread_over_the_tick() {
        let mut pace = Pace::new(1_000 * MS, 100 * MS, 20 * MS, 1);
        let starts: Vec<u64> = (0..200).map(|_| pace.next_ns()).collect();
        assert!(starts.windows(2).all(|w| w[1] - w[0] >= 60 * MS));
        // Each quarter of a 4 ms tick sees its share of starts.
        for quarter in 0..4 {
            let hits = starts.iter().filter(|&s| s % (4 * MS) / MS == quarter).count();
            assert!((30..=70).contains(&hits), "quarter {quarter}: {hits} of 200");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_starts() {
        let starts = |seed| {
            let mut pace = Pace::new(0, 10 * MS, MS, seed);
            [pace.next_ns(), pace.next_ns(), pace.next_ns()]
        };
        assert_eq!(starts(7), starts(7));
        assert_ne!(starts(7), starts(8));
    }
}

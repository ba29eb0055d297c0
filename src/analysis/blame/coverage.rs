//! How much of a stall the samples that speak for a verdict stand for.

use crate::analysis::index::Index;
use crate::units::Nanos;

/// The part of a time that ticks of the sampler stand for: one period each.
#[derive(Clone, Copy, Debug)]
pub struct Coverage {
    seen: Nanos,
    whole: Nanos,
}

impl Coverage {
    /// Of so many ticks in a time of this length.
    pub fn new(index: &Index<'_>, ticks: usize, whole: Nanos) -> Coverage {
        let period = index.recording.meta.sample_period;
        let seen = Nanos(period.0.saturating_mul(ticks as u64));
        Coverage { seen: seen.min(whole), whole }
    }

    /// Less than a quarter: what went on in the rest is anybody's guess.
    pub fn too_thin(self) -> bool {
        self.seen.0 < self.whole.0.div_ceil(4)
    }

    /// What a reader must know of it, to follow the evidence; nothing where it is nearly all.
    pub fn words(self) -> String {
        if self.seen.0 >= self.whole.0 - self.whole.0 / 4 {
            return String::new();
        }
        match self.seen {
            Nanos(0) => "; no sample fell into it".to_owned(),
            seen => format!("; samples cover {seen} of its {}", self.whole),
        }
    }
}

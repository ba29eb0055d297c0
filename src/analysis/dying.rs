//! How the number of dying memory cgroups went.

use super::groups::median;
use crate::model::Recording;
use crate::model::findings::DyingTrend;
use crate::units::{Ktime, Nanos};

/// As many counts make a third of a trend at least.
const THIRD: usize = 3;
/// Less than such a part of what there is, is no trend.
const PART: u64 = 50;

/// Each count of them, in order of time.
#[must_use]
pub fn counts(r: &Recording) -> Vec<(Ktime, u64)> {
    let begin = r.meta.dying_memcgs.map(|count| (r.meta.start, count));
    begin.into_iter().chain(r.dying_memcgs.iter().map(|d| (d.time, d.count))).collect()
}

/// None if they were not counted.
pub fn trend(r: &Recording) -> Option<DyingTrend> {
    let counts = counts(r);
    let (first, last) = (counts.first()?.1, counts.last()?.1);
    let max = counts.iter().map(|c| c.1).max()?;
    Some(DyingTrend { counts: counts.len(), first, last, max, growth_per_minute: growth(&counts) })
}

/// Growth a minute if there is one beyond doubt: every count of the last third is above every one
/// of the first third, or below, by a part that matters.
fn growth(counts: &[(Ktime, u64)]) -> Option<i64> {
    let third = counts.len() / 3;
    if third < THIRD {
        return None;
    }
    let (early, late) = (&counts[..third], &counts[counts.len() - third..]);
    let range = |part: &[(Ktime, u64)]| {
        let all = || part.iter().map(|c| c.1);
        Some((all().min()?, all().max()?))
    };
    let ((early_least, early_most), (late_least, late_most)) = (range(early)?, range(late)?);
    let apart = if late_least > early_most {
        late_least - early_most
    } else if late_most < early_least {
        early_least - late_most
    } else {
        return None;
    };
    if apart.saturating_mul(PART) < early_most.max(late_most) {
        return None;
    }
    let middle = |part: &[(Ktime, u64)], of: fn(&(Ktime, u64)) -> u64| {
        i128::from(median(part.iter().map(|c| Nanos(of(c))).collect()).0)
    };
    let time = middle(late, |c| c.0.0) - middle(early, |c| c.0.0);
    let grown = middle(late, |c| c.1) - middle(early, |c| c.1);
    if time <= 0 {
        return None;
    }
    i64::try_from(grown * 60_000_000_000 / time).ok().filter(|growth| *growth != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(counts: &[u64]) -> Option<i64> {
        let at = |n: usize| Ktime(1_000_000_000 * (n as u64 + 1));
        growth(&counts.iter().enumerate().map(|(n, c)| (at(n), *c)).collect::<Vec<_>>())
    }

    #[test]
    fn a_trend_is_told_only_beyond_doubt() {
        let rising: Vec<u64> = (0..30).map(|n| 1_000 + 10 * n).collect();
        assert_eq!(of(&rising), Some(600), "10 a second");
        let falling: Vec<u64> = rising.iter().rev().copied().collect();
        assert_eq!(of(&falling), Some(-600));
        let mut noisy = rising.clone();
        noisy[29] = 1_000;
        assert_eq!(of(&noisy), None, "one late count is as low as the early ones");
        assert_eq!(of(&rising[..8]), None, "too few");
        assert_eq!(of(&[500; 30]), None, "nothing changes");
        let slow: Vec<u64> = (0..30).map(|n| 20_000 + n).collect();
        assert_eq!(of(&slow), None, "next to nothing");
        assert_eq!(of(&[]), None);
        let huge: Vec<u64> = (0..9).map(|n| if n < 5 { 0 } else { u64::MAX }).collect();
        assert_eq!(of(&huge), None, "no number for it");
    }
}

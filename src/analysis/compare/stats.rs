//! What counts carry. Plain tests that need no assumption but the ones said here.

/// By what chance two equal rates would give counts that differ so much or more: the exact
/// conditional test of two Poisson counts. Of all events each falls before or after with the share
/// of that side's time, so the count before is binomial; the smaller tail is doubled.
pub fn rates_differ_by_chance(before: u64, after: u64, before_time: f64, after_time: f64) -> f64 {
    let n = before.saturating_add(after);
    let whole = before_time + after_time;
    if n == 0 || before_time <= 0.0 || after_time <= 0.0 || !whole.is_finite() {
        return 1.0;
    }
    let share = before_time / whole;
    let (low, high) = (tail(n, before, share), tail(n, after, 1.0 - share));
    (2.0 * low.min(high)).min(1.0)
}

/// P(X <= k) of a binomial X of n and p. Summed from k downwards, where the terms only get smaller
/// if k is below the mean; else the answer is at least about a half, and no small chance.
fn tail(n: u64, k: u64, p: f64) -> f64 {
    if k as f64 >= n as f64 * p {
        return 1.0;
    }
    let (nf, kf) = (n as f64, k as f64);
    let log_choose = ln_gamma(nf + 1.0) - ln_gamma(kf + 1.0) - ln_gamma(nf - kf + 1.0);
    let mut term = (log_choose + kf * p.ln() + (nf - kf) * (1.0 - p).ln()).exp();
    let mut sum = term;
    for i in (1..=k).rev() {
        let i = i as f64;
        term *= i * (1.0 - p) / ((nf - i + 1.0) * p);
        sum += term;
        if term < sum * 1e-12 {
            break;
        }
    }
    sum.min(1.0)
}

/// Logarithm of the gamma function, by Stirling's series; x is at least 1.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 0.0);
    while x < 10.0 {
        shift += x.ln();
        x += 1.0;
    }
    let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1260.0 * x.powi(5));
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series - shift
}

/// How much more events crowd together than independent ones: variance by mean of their counts in
/// equal parts of the time; 1 at least. Events that come in bursts carry less than their number.
pub fn dispersion(counts: &[u64]) -> f64 {
    let n = counts.len() as f64;
    let mean = counts.iter().sum::<u64>() as f64 / n;
    if n < 2.0 || mean <= 0.0 {
        return 1.0;
    }
    let squares: f64 = counts.iter().map(|c| (*c as f64 - mean).powi(2)).sum();
    (squares / (n - 1.0) / mean).max(1.0)
}

/// Ranks (from 1) between which the given share of n sorted values lies, as surely as 999 of 1000:
/// the number of values below a percentile is binomial, here by its normal approximation. None
/// where there are too few values beyond it for that.
pub fn percentile_ranks(n: u64, share: f64) -> Option<(u64, u64)> {
    /// 99.9 % of a normal distribution, both sides.
    const Z: f64 = 3.29;
    let n = n as f64;
    let (mean, deviation) = (n * share, (n * share * (1.0 - share)).sqrt());
    let (low, high) = (mean - Z * deviation, mean + Z * deviation + 1.0);
    let enough = n * (1.0 - share) >= 10.0 && n * share >= 10.0;
    (enough && low >= 1.0 && high <= n).then_some((low.floor() as u64, high.ceil() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= b.abs() * 1e-6
    }

    #[test]
    fn the_gamma_function() {
        assert!(near(ln_gamma(5.0), 24f64.ln()) && near(ln_gamma(11.0), 3_628_800f64.ln()));
        assert!(ln_gamma(1.0).abs() < 1e-9);
    }

    /// Against sums that can be done by hand.
    #[test]
    fn chances_of_rates() {
        // 14 heads of 14 throws, twice.
        assert!(near(rates_differ_by_chance(14, 0, 60.0, 60.0), 2.0 / 16384.0));
        // 0 or 1 of 6 with p = 1/3: (64 + 6 * 32) / 729, twice.
        assert!(near(rates_differ_by_chance(1, 5, 1.0, 2.0), 1.0f64.min(2.0 * 256.0 / 729.0)));
        assert_eq!(rates_differ_by_chance(0, 0, 1.0, 1.0), 1.0);
        assert_eq!(rates_differ_by_chance(5, 5, 1.0, 1.0), 1.0);
        assert_eq!(rates_differ_by_chance(5, 0, 0.0, 1.0), 1.0);
        assert!(rates_differ_by_chance(1_000_000, 990_000, 1.0, 1.0) < 1e-6);
        assert!(rates_differ_by_chance(100, 10, 100.0, 10.0) > 0.5, "the same rate");
    }

    #[test]
    fn bursts_are_seen() {
        assert_eq!(dispersion(&[5, 5, 5, 5]), 1.0);
        assert_eq!(dispersion(&[]), 1.0);
        assert!(dispersion(&[30, 0, 0, 0, 0, 0]) > 25.0);
    }

    #[test]
    fn a_percentile_needs_values_beyond_it() {
        assert_eq!(percentile_ranks(500, 0.999), None);
        assert_eq!(percentile_ranks(0, 0.5), None);
        let (low, high) = percentile_ranks(1_000_000, 0.99).unwrap_or_default();
        assert!(low > 989_600 && low < 990_000 && high > 990_000 && high < 990_400);
    }
}

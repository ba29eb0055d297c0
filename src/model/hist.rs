//! The log-linear histogram that BPF programs fill: 16 linear buckets to each power of two, so a
//! bucket is at most 6.25 % wide. `hist_bucket()` of
//! `bpf/state.bpf.h` computes the same index; a test runs both.

use crate::units::Nanos;

/// Linear buckets per power of two, as a power of two.
pub const SUB_BITS: u32 = 4;
/// How many buckets there are: up to 2^36 ns (69 s); the last one takes all that is longer.
pub const BUCKETS: usize = ((36 - SUB_BITS as usize + 1) << SUB_BITS) + 1;

/// The bucket that holds `value`.
#[must_use]
pub fn bucket(value: Nanos) -> usize {
    let v = value.0;
    if v < 1 << SUB_BITS {
        return v as usize;
    }
    let log2 = 63 - v.leading_zeros();
    let sub = (v >> (log2 - SUB_BITS)) as usize & ((1 << SUB_BITS) - 1);
    (((log2 - SUB_BITS + 1) as usize) << SUB_BITS | sub).min(BUCKETS - 1)
}

/// The smallest value of a bucket.
#[must_use]
pub fn lower(bucket: usize) -> Nanos {
    let bucket = bucket.min(BUCKETS - 1) as u64;
    let (row, sub) = (bucket >> SUB_BITS, bucket & ((1 << SUB_BITS) - 1));
    Nanos(if row == 0 { sub } else { ((1 << SUB_BITS) + sub) << (row - 1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bucket_begins_where_the_last_one_ends() {
        for b in 0..BUCKETS {
            let low = lower(b);
            assert_eq!(bucket(low), b);
            if b > 0 {
                assert_eq!(bucket(Nanos(low.0 - 1)), b - 1);
            }
        }
    }

    #[test]
    fn buckets_are_at_most_a_sixteenth_wide() {
        for b in 16..BUCKETS - 1 {
            let (low, high) = (lower(b).0, lower(b + 1).0);
            assert!((high - low) * 16 <= low, "bucket {b}: {low}..{high}");
        }
        assert_eq!(bucket(Nanos(u64::MAX)), BUCKETS - 1);
    }
}

//! The hash of receive side scaling and the table it looks up.

use super::key::HashKey;

/// The Toeplitz hash of `input`: for each bit that is set in it, the 32 bits of the key that begin
/// at that bit's place are added without carry (Microsoft, "RSS hashing functions"; the same in
/// the virtio specification, 5.1.6.4.3).
///
/// Bits past the end of the key count as zero; [`HashKey`] is long enough for every flow.
#[must_use]
pub fn toeplitz(key: &HashKey, input: &[u8]) -> u32 {
    let mut bytes = key.bytes().iter().copied();
    let mut byte = || u64::from(bytes.next().unwrap_or(0));
    // The 32 bits under the current input bit are the upper half; the next byte waits below them.
    let mut window = (0..4).fold(0, |w, _| w << 8 | byte()) << 8;
    let mut hash = 0;
    for octet in input {
        window |= byte();
        for bit in (0..8).rev() {
            if octet >> bit & 1 == 1 {
                hash ^= (window >> 8) as u32;
            }
            window = window << 1 & 0xff_ffff_ffff;
        }
    }
    hash
}

/// The entry of an indirection table that a hash looks up: its low bits.
///
/// None if the size is not a power of two: how a device reduces the hash then is its own affair.
#[must_use]
pub fn table_entry(hash: u32, entries: usize) -> Option<usize> {
    entries.is_power_of_two().then(|| hash as usize & (entries - 1))
}

/// The table that drivers begin with: the queues in turn (`ethtool_rxfh_indir_default` of
/// include/linux/ethtool.h).
#[must_use]
pub fn default_table(queues: u32, entries: usize) -> Vec<u32> {
    (0..queues.max(1)).cycle().take(entries).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_moves_over_the_key() {
        let bytes: Vec<u8> = (1..=40).collect();
        let key = HashKey::new(bytes).expect("a key");
        assert_eq!(toeplitz(&key, &[]), 0);
        assert_eq!(toeplitz(&key, &[0x80]), 0x0102_0304);
        assert_eq!(toeplitz(&key, &[0, 0x80]), 0x0203_0405);
        assert_eq!(toeplitz(&key, &[1]), (0x01_0203_0405_u64 >> 1) as u32);
        assert_eq!(toeplitz(&key, &[0x81]), 0x0102_0304 ^ (0x01_0203_0405_u64 >> 1) as u32);
    }

    #[test]
    fn low_bits_choose_the_entry() {
        assert_eq!(table_entry(0x51cc_c178, 128), Some(0x78));
        assert_eq!(table_entry(7, 1), Some(0));
        assert_eq!((table_entry(7, 0), table_entry(7, 96)), (None, None));
        assert_eq!(default_table(3, 8), [0, 1, 2, 0, 1, 2, 0, 1]);
    }
}

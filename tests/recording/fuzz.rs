//! Random damage, the same in each run: no bytes may make the reader panic or spend without
//! bound, and what it gives can be written and read again.

use std::time::{Duration, Instant};

use stallprof::recording::{read_bytes, write};

use crate::examples::{assert_same, flushes};
use crate::forge::{Random, block, blocks, header, unpack};

/// Reads, and where there is something to read, writes it and reads it again.
fn survives(bytes: &[u8], seed: u64) {
    let Ok(read) = read_bytes(bytes) else { return };
    let again = read_bytes(&write(Vec::new(), &read).unwrap()).unwrap();
    assert_same(&again, &read, &format!("seed {seed}"));
}

#[test]
fn garbage() {
    for seed in 1..4000 {
        let mut random = Random(seed);
        let len = random.below(600);
        let mut bytes = random.bytes(len);
        survives(&bytes, seed);
        bytes.splice(0..0, header(1, 0));
        survives(&bytes, seed);
        // Garbage inside a block whose checksum is right.
        let inside = [header(1, 0), block(&bytes)].concat();
        survives(&inside, seed);
    }
}

/// Changes what is inside the blocks and makes their checksums right again: this is what reaches
/// the tables and columns.
#[test]
fn changed_blocks_with_right_checksums() {
    let (file, _) = flushes();
    let whole: Vec<Vec<u8>> =
        blocks(&file).iter().map(|&(at, len)| unpack(&file[at..at + len])).collect();
    let start = Instant::now();
    for seed in 1..20_000 {
        let mut random = Random(seed);
        let mut raws = whole.clone();
        for _ in 0..=random.below(4) {
            let which = random.below(raws.len());
            change(&mut raws[which], &mut random);
        }
        let mut bytes = header(1, 0);
        raws.iter().for_each(|raw| bytes.extend(block(raw)));
        survives(&bytes, seed);
        if seed > 200 && start.elapsed() > Duration::from_secs(8) {
            break;
        }
    }
}

pub fn change(bytes: &mut Vec<u8>, random: &mut Random) {
    const ODD: [u8; 8] = [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff, 0x81];
    let at = random.below(bytes.len() + 1);
    let len = random.below(12).min(bytes.len() - at);
    match random.below(6) {
        0 => drop(bytes.drain(at..at + len)),
        1 => drop(bytes.splice(at..at, random.bytes(len))),
        2 => bytes.truncate(at.max(1)),
        3 => {
            let copy = bytes[at..at + len].to_vec();
            let to = random.below(bytes.len() + 1);
            bytes.splice(to..to, copy);
        }
        _ => {
            for byte in &mut bytes[at..at + len] {
                *byte = ODD[random.below(ODD.len())];
            }
        }
    }
    if bytes.is_empty() {
        bytes.push(0);
    }
}

/// Whole files cut, turned over and put together again from their own pieces.
#[test]
fn mixed_up_files() {
    let (file, _) = flushes();
    for seed in 1..3000 {
        let mut random = Random(seed);
        let mut bytes = file.clone();
        for _ in 0..=random.below(5) {
            change(&mut bytes, &mut random);
        }
        let (a, b) = (random.below(bytes.len()), random.below(bytes.len()));
        let piece = bytes[a.min(b)..a.max(b)].to_vec();
        bytes.splice(a..a, piece);
        survives(&bytes, seed);
    }
}

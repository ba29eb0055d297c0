//! A file that was cut, flipped, mixed up: all that is whole is read, and the rest is told.

use stallprof::model::{FrameId, Recording, StackId, StrId};
use stallprof::recording::{Writer, read_bytes};
use stallprof::units::Ktime;

use crate::examples::{assert_same, empty, flushes, meta, without_damage};
use crate::forge::{Random, blocks, header};

#[test]
fn a_file_cut_at_any_byte_gives_all_whole_blocks_and_a_note() {
    let (bytes, expected) = flushes();
    let blocks = blocks(&bytes);
    assert_eq!(blocks.len(), 6, "meta, four flushes, the end");
    for cut in 0..bytes.len() {
        let read = read_bytes(&bytes[..cut]);
        if cut < 16 {
            assert!(read.is_err(), "a header of {cut} bytes was taken");
            continue;
        }
        let read = read.unwrap();
        let whole = blocks.iter().filter(|(at, len)| at + len <= cut).count();
        let expected = match whole {
            0 => Recording { meta: Default::default(), ..empty() },
            _ => expected[whole - 1].clone(),
        };
        assert_same(&without_damage(&read), &expected, &format!("cut at {cut}"));
        let note = read.damage.join(" ");
        assert!(note.contains("cut short"), "cut at {cut}: {note:?}");
        // The torn bytes are counted; a cut between two blocks leaves none.
        let torn = cut - blocks[..whole].last().map_or(16, |(at, len)| at + len);
        assert_eq!(note.contains(&format!("The last {torn} bytes")), torn > 0, "cut at {cut}");
    }
}

#[test]
fn no_flipped_byte_passes_for_what_was_recorded() {
    let (bytes, expected) = flushes();
    let whole = expected.last().unwrap();
    for at in 0..bytes.len() {
        for bits in [1 << (at % 8), 0xff] {
            let mut flipped = bytes.clone();
            flipped[at] ^= bits;
            match read_bytes(&flipped) {
                Err(_) => assert!(at < 16, "byte {at}: one flipped byte took the whole file"),
                Ok(read) => assert!(
                    &read == whole || !read.damage.is_empty(),
                    "byte {at} ^ {bits}: other data and no word"
                ),
            }
        }
    }
}

/// Each block in turn loses a byte in its header, in its middle, at its end; or goes missing.
#[test]
fn damage_in_one_block_costs_that_block_alone() {
    let (bytes, expected) = flushes();
    let blocks = blocks(&bytes);
    for (lost, &(at, len)) in blocks.iter().enumerate() {
        let mut files = Vec::new();
        for spot in [at, at + 5, at + 9, at + 13, at + 16, at + len / 2, at + len - 1] {
            let mut flipped = bytes.clone();
            flipped[spot] ^= 0x55;
            files.push(flipped);
            let mut shorter = bytes.clone();
            shorter.remove(spot);
            files.push(shorter);
            let mut longer = bytes.clone();
            longer.insert(spot.max(at + 1), 0x3c);
            files.push(longer);
        }
        for (case, file) in files.iter().enumerate() {
            let read = read_bytes(file).unwrap();
            assert!(!read.damage.is_empty());
            let when = format!("block {lost}, change {case}, {:?}", read.damage);
            assert_same(&without_damage(&read), &without(&expected, lost), &when);
        }
    }
}

/// What is left of the recording of [`flushes`] without one of its blocks.
fn without(expected: &[Recording], lost: usize) -> Recording {
    let mut left = expected[5].clone();
    match lost {
        0 => left.meta = Default::default(),
        5 => left.end = None,
        flush => {
            let (from, to) = ((flush - 1) * 2, flush * 2);
            left.samples.drain(from..to);
            left.delays.drain(from..to);
            left.runs.drain(from..to);
            left.handoffs.drain(from..to);
            left.runners.drain(from..to);
            left.hardirqs.drain(from..to);
            left.syscalls.drain(from..to);
            left.steal.drain(from..to);
            left.file_calls.drain(from..to);
            left.file_reads.drain(from..to);
            left.dying_memcgs.drain(from..to);
            left.snapshots.drain(from..to);
            left.hists.drain(from..to);
            left.lost.drain(from..to);
            left.rx_cpus.drain(from..to);
            left.rx_rows.drain(from..to);
            left.rx_flows.drain(from..to);
            left.ct_drops.drain(from..to);
            left.syn_retransmits.drain(from..to);
            left.ct_readings.drain(from..to);
            left.ct_grown.drain(from..to);
            left.ct_left_out.drain(from..to);
            left.nat_rules.drain(from..to);
            left.health.drain(from..to);
            left.health_numbers.drain(from..to);
            // Names keep their numbers: those of the lost block are empty, or, at the end, gone.
            left.strings[flush] = String::new();
            left.tasks[flush] = Default::default();
            left.frames[flush] = Default::default();
            left.stacks[flush] = Default::default();
            if flush == 4 {
                left.strings.pop();
                left.tasks.pop();
                left.frames.pop();
                left.stacks.pop();
            }
        }
    }
    left
}

#[test]
fn names_of_a_lost_block_are_unknown_and_later_ones_stay() {
    let (mut bytes, _) = flushes();
    let (at, len) = blocks(&bytes)[2];
    bytes.drain(at..at + len);
    let read = read_bytes(&bytes).unwrap();
    let texts = [1, 2, 3, 4, 5, u32::MAX].map(|id| read.str(StrId(id)).to_owned());
    assert_eq!(texts, ["name 0", "", "name 2", "name 3", "", ""]);
    assert_eq!(read.stack(StackId(3)), [FrameId(3), FrameId(1)]);
    assert_eq!(read.functions(StackId(2)).count(), 0);
}

#[test]
fn bytes_after_the_end_are_told_and_left_out() {
    let (bytes, expected) = flushes();
    let whole = expected.last().unwrap();
    let read = read_bytes(&[&bytes[..], b"more"].concat()).unwrap();
    assert_same(&without_damage(&read), whole, "more after the end");
    assert_eq!(read.damage, ["4 bytes after its end were left out."]);
    // Two recordings joined: the numbers of the second one mean other names.
    let read = read_bytes(&[&bytes[..], &bytes[..]].concat()).unwrap();
    assert_same(&without_damage(&read), whole, "more after the end");
    assert_eq!(read.damage.len(), 1);
    // The same where the first one has no end.
    let cut = bytes.len() - blocks(&bytes)[5].1;
    let read = read_bytes(&[&bytes[..cut], &bytes[..]].concat()).unwrap();
    assert_same(&without_damage(&read), &expected[4], "joined");
    assert!(read.damage.join(" ").contains("nother recording"), "{:?}", read.damage);
}

/// Large files are read by two threads; what they find is the same.
#[test]
fn a_large_file_is_recovered_as_a_small_one_is() {
    let mut random = Random(5);
    let mut writer = Writer::new(Vec::new(), &meta()).unwrap();
    let texts: Vec<String> =
        (0..40).map(|_| (0..4000).map(|_| format!("{:016x}", random.next())).collect()).collect();
    for text in &texts {
        writer.string(text);
        writer.flush().unwrap();
    }
    let whole = writer.finish(Ktime(1)).unwrap();
    assert!(whole.len() > 1 << 20, "not large");
    assert_eq!(read_bytes(&whole).unwrap().strings[1..], texts);

    let (at, len) = blocks(&whole)[7];
    let mut bytes = [&whole[..], &whole[..]].concat();
    bytes[at + len / 2] ^= 1;
    let read = read_bytes(&bytes).unwrap();
    assert_eq!((read.strings[7].as_str(), read.strings.len()), ("", 41));
    assert_eq!((&read.strings[1..7], &read.strings[8..]), (&texts[..6], &texts[7..]));
    let told = [
        format!("{len} bytes from byte {at} on are damaged and were skipped."),
        format!("{} bytes after its end were left out.", whole.len()),
    ];
    assert_eq!(read.damage, told);

    let read = read_bytes(&whole[..at + 9]).unwrap();
    assert_eq!(read.strings[1..], texts[..6]);
    assert!(read.damage.len() == 1 && read.damage[0].starts_with("The last 9 bytes"));
}

#[test]
fn a_header_alone_is_a_recording_of_which_nothing_is_left() {
    let read = read_bytes(&header(1, 0)).unwrap();
    let nothing = Recording { meta: Default::default(), ..empty() };
    assert_same(&without_damage(&read), &nothing, "header alone");
    assert!(read.damage.len() == 2, "{:?}", read.damage);
}

#[test]
fn a_recording_that_is_still_being_written_is_readable() {
    let mut shared = Vec::new();
    let mut writer = Writer::new(&mut shared, &meta()).unwrap();
    writer.string("so far");
    writer.flush().unwrap();
    writer.string("not yet");
    drop(writer);
    let read = read_bytes(&shared).unwrap();
    assert_eq!(read.strings, ["", "so far"]);
    assert!(read.damage[0].contains("still being written"), "{:?}", read.damage);
    assert_eq!(read.end, None::<Ktime>);
}

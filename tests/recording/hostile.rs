//! Files made to harm their reader.

use std::time::{Duration, Instant};

use stallprof::model::Recording;
use stallprof::recording::{ReadProblem, read_bytes};

use crate::forge::{Chunk, block, block_of, end, file, header, meta, varint};

/// Memory that the rows and names of a recording take, as far as the file decides it.
fn memory(read: &Recording) -> usize {
    fn of<T>(rows: &[T]) -> usize {
        size_of_val(rows)
    }
    of(&read.strings)
        + of(&read.tasks)
        + of(&read.frames)
        + of(&read.stacks)
        + of(&read.samples)
        + of(&read.steal)
        + read.strings.iter().map(String::len).sum::<usize>()
        + read.stacks.iter().map(|stack| of(&stack.0)).sum::<usize>()
}

#[test]
fn other_files_are_told_apart() {
    let of = |bytes: &[u8]| read_bytes(bytes).unwrap_err().problem;
    assert!(matches!(of(b""), ReadProblem::Empty));
    assert!(matches!(of(b"\x7fELF"), ReadProblem::NotARecording));
    assert!(matches!(of(b"PERFILE2 and much more than a header"), ReadProblem::NotARecording));
    assert!(matches!(of(b"\x89STALL\r\n\x01\x00"), ReadProblem::Short));
    assert_eq!(of(b"PERFILE2").to_string(), "not a stallprof recording");
    // What a transfer as text makes of it.
    assert!(matches!(of(b"\x89STALL\n\x01\x00\x00\x00abcdefghi"), ReadProblem::NotARecording));
}

/// A gigabyte of zeros in a few kilobytes: refused by its header, and where the header lies,
/// stopped while it is decompressed.
#[test]
fn a_block_that_blows_up_is_refused() {
    let bomb = zstd::bulk::compress(&vec![0; 256 << 20], 1).unwrap();
    for claimed in [256 << 20, u32::MAX as usize, 64 << 20, 1000, 0] {
        let before = [header(1, 0), block(&[meta()].concat())].concat();
        let read = read_bytes(&[before, block_of(&bomb, claimed), block(&end(7))].concat());
        let read = read.unwrap();
        assert_eq!(read.damage.len(), 1, "{claimed}: {:?}", read.damage);
        assert_eq!(read.end.map(|end| end.0), Some(7), "the block after it was lost");
    }
}

/// A block that is shorter than it says, and one that is no zstd at all.
#[test]
fn a_block_of_another_length_than_it_says_is_told() {
    let short = zstd::bulk::compress(&end(3), 1).unwrap();
    for block_that_lies in [block_of(&short, 500), block_of(b"nothing of that kind", 20)] {
        let bytes = [header(1, 0), block(&meta()), block_that_lies, block(&end(7))].concat();
        let read = read_bytes(&bytes).unwrap();
        assert!(read.damage[0].contains("cannot be decompressed"), "{:?}", read.damage);
        assert_eq!(read.end.map(|end| end.0), Some(7));
    }
}

/// Many blocks, each as large as allowed: the sum is bounded too.
#[test]
fn many_blocks_that_blow_up_are_refused_together() {
    let zeros = vec![0; 32 << 20];
    let one = block_of(&zstd::bulk::compress(&zeros, 1).unwrap(), zeros.len());
    let all = [[header(1, 0), block(&meta())].concat(), one.repeat(1000)].concat();
    let start = Instant::now();
    let read = read_bytes(&all).unwrap();
    assert!(read.damage.join(" ").contains("far larger"), "{:?}", read.damage);
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn a_row_count_that_lies_is_refused() {
    for rows in [4, 1 << 20, 1 << 40, u64::MAX] {
        let long = Chunk::new("steal", rows).plain("time", &[1, 2, 3]).end();
        let none = Chunk::new("sample", rows).end();
        let other = Chunk::new("softirq_run", rows).plain("cpu", &[1, 2, 3]).end();
        let text = Chunk::new("string", rows).plain("id", &[1]).texts("text", &[b"x"]).end();
        let good = Chunk::new("lost", 1).plain("time", &[1]).end();
        let read = read_bytes(&file(&[long, none, other, text, good])).unwrap();
        assert_eq!(read.damage.len(), 4, "{rows}: {:?}", read.damage);
        assert_eq!((read.steal.len(), read.samples.len(), read.runs.len()), (0, 0, 0));
        assert_eq!((read.strings.len(), read.lost.len()), (1, 1), "the good table was lost");
    }
}

#[test]
fn columns_that_are_not_what_they_should_be_cost_their_table_alone() {
    let two = |chunk: Chunk| chunk.plain("cpu", &[1, 2]);
    let steal = || Chunk::new("steal", 2);
    let bad = [
        steal().plain("time", &[1, 2, 3]).end(),
        steal().column("time", 0, &[0x80, 0x80]).end(),
        steal().column("time", 2, &[[0xff; 10], [0x01; 10]].concat()).end(),
        steal().column("time", 2, &[[0x80; 11].to_vec(), vec![1, 1]].concat()).end(),
        steal().column("time", 2, &[[0xff; 9].to_vec(), vec![2, 1]].concat()).end(),
        two(steal().plain("time", &[1, 2]).plain("time", &[1, 2])).end(),
        Chunk::new("string", 2).plain("id", &[1, 2]).column("text", 1, &[200, 1, 2]).end(),
        Chunk::new("stack", 1).plain("id", &[1]).column("frames", 1, &[1, 0x80]).end(),
    ];
    for (case, chunk) in bad.into_iter().enumerate() {
        let good = Chunk::new("lost", 1).plain("time", &[1]).end();
        let read = read_bytes(&file(&[chunk, good])).unwrap();
        assert_eq!(read.damage.len(), 1, "case {case}: {:?}", read.damage);
        assert_eq!((read.steal.len(), read.strings.len(), read.lost.len()), (0, 1, 1));
    }
}

#[test]
fn a_block_whose_parts_reach_beyond_it_is_told() {
    for raw in [varint(1 << 40), b"\x04end".to_vec(), vec![0xff; 20], vec![1, 0xff, 0, 0]] {
        let bytes = [header(1, 0), block(&meta()), block(&raw), block(&end(1))].concat();
        let read = read_bytes(&bytes).unwrap();
        assert!(read.damage[0].contains("not built"), "{:?}", read.damage);
        assert!(read.end.is_some());
    }
}

#[test]
fn huge_numbers_of_names_take_no_memory() {
    for id in [1_000_000, 100_000_000, u64::from(u32::MAX), 1 << 32, u64::MAX] {
        let mut chunks = Vec::new();
        for table in ["string", "task", "frame", "stack"] {
            chunks.push(Chunk::new(table, 2).plain("id", &[1, id]).end());
        }
        let bytes = file(&chunks);
        let read = read_bytes(&bytes).unwrap();
        assert!(memory(&read) <= (128 << 20) + 200 * bytes.len(), "{id}: {}", memory(&read));
        // Millions cannot be had; numbers beyond 32 bits are no numbers of names.
        assert_eq!(read.damage.is_empty(), id == 1_000_000, "{id}: {:?}", read.damage);
    }
}

/// Each row is one byte in the file before compression, next to nothing after it, and a hundred in
/// memory.
#[test]
fn rows_take_no_more_memory_than_a_file_of_that_length_may() {
    let rows = 1_500_000;
    let one = Chunk::new("sample", rows as u64).column("time", 2, &vec![7; rows]).end();
    let bytes = [header(1, 0), block(&meta()), block(&one).repeat(20), block(&end(1))].concat();
    let read = read_bytes(&bytes).unwrap();
    assert!(read.damage.join(" ").contains("too large"), "{:?}", read.damage);
    assert!(memory(&read) <= (256 << 20) + 128 * bytes.len(), "{}", memory(&read));
    assert!(read.samples.len() >= rows && read.end.is_some());
}

#[test]
fn two_names_of_one_number_and_a_name_of_number_none_are_told() {
    let names = Chunk::new("string", 4)
        .plain("id", &[1, 1, 0, 1])
        .texts("text", &[b"first", b"second", b"none", b"first"]);
    let read = read_bytes(&file(&[names.end()])).unwrap();
    assert_eq!((read.strings[0].as_str(), read.strings[1].as_str()), ("", "first"));
    let told = read.damage.join(" ");
    assert!(told.contains("1 strings have impossible") && told.contains("1 strings have the"));
}

#[test]
fn text_that_is_not_text_is_made_readable() {
    let names = Chunk::new("string", 1).plain("id", &[1]).texts("text", &[b"a\xffb\xc3"]);
    assert_eq!(read_bytes(&file(&[names.end()])).unwrap().strings[1], "a\u{fffd}b\u{fffd}");
}

/// Longer than any writer makes them.
#[test]
fn names_that_are_too_long_are_left_out_and_counted() {
    let (fits, long) = (vec![b'x'; 65_536], vec![b'x'; 65_537]);
    let texts =
        Chunk::new("string", 3).plain("id", &[1, 2, 3]).texts("text", &[&fits, &long, b"y"]);
    let (fits, long) = (vec![2; 8192], vec![2; 8193]);
    let stacks = Chunk::new("stack", 2).plain("id", &[1, 2]).texts("frames", &[&fits, &long]);
    let read = read_bytes(&file(&[texts.end(), stacks.end()])).unwrap();
    let lengths: Vec<usize> = read.strings.iter().map(String::len).collect();
    assert_eq!(lengths, [0, 65_536, 0, 1]);
    assert_eq!((read.stacks[1].0.len(), read.stacks.len()), (8192, 2));
    assert_eq!(read.damage.len(), 2, "{:?}", read.damage);
}

/// Sentences that a file brings along go to a terminal: no control characters, no novels.
#[test]
fn sentences_from_the_file_are_harmless() {
    let long = "x".repeat(50_000);
    let evil = Chunk::new("damage", 2).texts("text", &[b"\x1b[2J\x07", long.as_bytes()]).end();
    let odd = Chunk::new("\u{1b}[31m", 0).plain("\n", &[]).end();
    let unknown = (0..500).map(|n| Chunk::new(&format!("table {n}"), 0).end());
    let unknown: Vec<Vec<u8>> = unknown.collect();
    let read = read_bytes(&file(&[evil, odd, unknown.concat()])).unwrap();
    let told = read.damage.join("");
    assert!(!told.chars().any(char::is_control) && told.len() < 10_000, "{told}");
}

#[test]
fn facts_about_the_host_that_are_not_json_cost_themselves_alone() {
    let bad = Chunk::new("meta", 1).texts("json", &[b"{\"cpus\": 7"]).end();
    let bytes = [header(1, 0), block(&[bad, end(1)].concat())].concat();
    let read = read_bytes(&bytes).unwrap();
    assert_eq!((read.damage.len(), read.end.is_some()), (1, true));
    let unknown = Chunk::new("meta", 1).texts("json", &[b"{\"mood\":3,\"host\":\"n\"}"]).end();
    let bytes = [header(1, 0), block(&[unknown, end(1)].concat())].concat();
    let read = read_bytes(&bytes).unwrap();
    assert_eq!((read.damage.len(), read.meta.host.as_str()), (0, "n"));
}

/// 16 MiB of headers, each with a payload that reaches to the end of the file and a wrong
/// checksum: looked at one by one, they would take hours.
#[test]
fn false_blocks_do_not_keep_the_reader_busy() {
    let mut bytes = [header(1, 0), block(&meta())].concat();
    let count = 1 << 20;
    for n in 0..count {
        bytes.extend(b"\xd7SPB");
        bytes.extend((((count - n) * 16 - 16) as u32).to_le_bytes());
        bytes.extend([0; 8]);
    }
    let start = Instant::now();
    let read = read_bytes(&bytes).unwrap();
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(read.damage[0].contains("false blocks"), "{:?}", read.damage);
    assert!(read.damage.len() < 30);
}

#[test]
fn thousands_of_damaged_places_are_told_in_a_few_sentences() {
    let good = block(&Chunk::new("lost", 1).plain("time", &[1]).end());
    let torn = &good[..good.len() - 1];
    let bytes = [header(1, 0), block(&meta()), [torn, &good].concat().repeat(2000), block(&end(1))];
    let read = read_bytes(&bytes.concat()).unwrap();
    assert_eq!((read.lost.len(), read.end.is_some()), (2000, true));
    assert!(read.damage.len() < 30 && read.damage.concat().contains("And 1980 more"));
}

/// Blocks that are whole and hold nothing of use, and as many tables as fit.
#[test]
fn a_crowd_of_tiny_tables_does_not_keep_the_reader_busy() {
    let one = Chunk::new("end?", 0).plain("a", &[]).plain("b", &[]).end();
    let crowd = block(&one.repeat(1_000_000));
    let bytes = [header(1, 0), block(&meta()), crowd.repeat(20)].concat();
    let start = Instant::now();
    let read = read_bytes(&bytes).unwrap();
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(!read.damage.is_empty() && read.damage.len() < 30);
}

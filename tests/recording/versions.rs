//! Files of other versions.

use stallprof::model::IrqKind;
use stallprof::recording::{ReadProblem, read_bytes};
use stallprof::units::{Cpu, Ktime, Nanos};

use crate::forge::{Chunk, block, end, file, header, meta};

#[test]
fn a_newer_major_version_is_refused_with_what_to_do() {
    for major in [2, 3, u16::MAX] {
        let error = read_bytes(&header(major, 0)).unwrap_err();
        assert!(matches!(error.problem, ReadProblem::Newer(m, 0) if m == major));
        let told = error.to_string();
        assert!(told.contains("made by a newer stallprof"), "{told}");
        assert!(told.contains("update"), "{told}");
    }
    // A version that is only a damaged one is not told to be newer.
    let mut flipped = header(1, 0);
    flipped[8] = 2;
    assert!(matches!(read_bytes(&flipped).unwrap_err().problem, ReadProblem::DamagedHeader));
    assert!(matches!(read_bytes(&header(0, 9)).unwrap_err().problem, ReadProblem::Unheard(0, 9)));
}

#[test]
fn a_newer_minor_version_is_read_and_what_it_added_is_named() {
    let run = Chunk::new("softirq_run", 2)
        .delta("time", &[10, 20])
        .plain("colour", &[1, 2])
        .plain("cpu", &[3, 4])
        .column("vector", 77, b"in an encoding yet to be thought of")
        .delta("run", &[5, 6])
        .end();
    let added = Chunk::new("weather", 3).texts("sky", &[b"a", b"b", b"c"]).end();
    let raw = [meta(), added.clone(), run, added, end(30)].concat();
    let newer = [header(1, 9), block(&raw)].concat();
    let read = read_bytes(&newer).unwrap();
    let runs: Vec<_> = read.runs.iter().map(|run| (run.time, run.cpu, run.run)).collect();
    assert_eq!(runs, [(Ktime(10), Cpu(3), Nanos(5)), (Ktime(20), Cpu(4), Nanos(6))]);
    assert_eq!(read.damage.len(), 1, "{:?}", read.damage);
    let note = &read.damage[0];
    for part in ["newer stallprof", "1.9", "\"weather\"", "\"colour\"", "\"vector\""] {
        assert!(note.contains(part), "{part} is not in {note:?}");
    }
    assert_eq!(note.matches("weather").count(), 1, "told twice: {note}");
}

#[test]
fn a_newer_minor_version_without_anything_unknown_is_read_without_a_word() {
    let newer = [header(1, 9), block(&[meta(), end(1)].concat())].concat();
    let read = read_bytes(&newer).unwrap();
    assert_eq!((read.damage.len(), read.end), (0, Some(Ktime(1))));
}

/// Columns that are not there read as 0, and may come in any order.
#[test]
fn an_older_file_without_some_columns_is_read() {
    let delay = Chunk::new("softirq_delay", 1).plain("delay", &[7]).plain("time", &[5]).end();
    let names = Chunk::new("task", 1).plain("id", &[1]).end();
    let read = read_bytes(&file(&[delay, names])).unwrap();
    assert_eq!(read.damage, [""; 0]);
    assert_eq!((read.delays[0].time, read.delays[0].delay), (Ktime(5), Nanos(7)));
    assert_eq!((read.delays[0].cpu, read.tasks.len()), (Cpu(0), 2));
}

/// A new kind of interrupt must not pass for an old one.
#[test]
fn rows_with_a_kind_that_is_not_known_are_left_out_and_counted() {
    let rows =
        Chunk::new("hardirq", 4).delta("time", &[1, 2, 3, 4]).plain("kind", &[1, 5, 3, 900]).end();
    let read = read_bytes(&file(&[rows])).unwrap();
    let kinds: Vec<_> = read.hardirqs.iter().map(|row| (row.time, row.kind)).collect();
    assert_eq!(kinds, [(Ktime(1), IrqKind::Timer), (Ktime(3), IrqKind::IrqWork)]);
    assert!(read.damage[0].starts_with("2 rows of table \"hardirq\""), "{:?}", read.damage);
}

#[test]
fn numbers_too_large_for_their_field_are_left_out_and_counted() {
    let rows = Chunk::new("sample", 3)
        .delta("time", &[1, 2, 3])
        .plain("cpu", &[0, 1 << 32, 2])
        .plain("user_mode", &[2, 1, 0])
        .end();
    let read = read_bytes(&file(&[rows])).unwrap();
    assert_eq!(read.samples.iter().map(|row| row.cpu).collect::<Vec<_>>(), [Cpu(2)]);
    assert!(read.damage[0].starts_with("2 rows of table \"sample\""), "{:?}", read.damage);
}

//! `docs/recording.md` says what the code does.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use stallprof::model::Recording;
use stallprof::recording::{MAJOR, MINOR, tables};

use crate::examples::flushes;
use crate::forge::TempDir;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recording.md");
    fs::read_to_string(path).unwrap()
}

/// The name between the first two backquotes of a line, after what it begins with.
fn quoted<'a>(line: &'a str, begin: &str) -> Option<&'a str> {
    line.strip_prefix(begin)?.strip_prefix('`')?.split('`').next()
}

#[test]
fn the_page_lists_every_table_and_column_and_no_other() {
    let page = page();
    let mut listed: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in page.lines().skip_while(|line| *line != "## Tables") {
        if let Some(table) = quoted(line, "### ") {
            listed.push((table, Vec::new()));
        } else if let Some(column) = quoted(line, "| ") {
            listed.last_mut().unwrap().1.push(column);
            let meaning = line.trim_end_matches('|').rsplit('|').next().unwrap().trim();
            assert!(!meaning.is_empty(), "no meaning: {line}");
        }
    }
    // The order counts as well: the first column of a table is the one that is always there.
    assert_eq!(listed, tables());
}

#[test]
fn the_page_tells_the_version() {
    let page = page();
    assert!(page.contains(&format!("| 8 | 2 | major version: {MAJOR} |")));
    assert!(page.contains(&format!("| 10 | 2 | minor version: {MINOR} |")));
}

/// The page's own reader reads what the writer writes: so the page is right, and the writer does
/// what it says.
#[test]
fn the_reader_in_the_page_works() {
    let page = page();
    let script = page.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let dir = TempDir::new("python");
    let (bytes, expected) = flushes();
    fs::write(dir.join("reader.py"), script).unwrap();
    fs::write(dir.join("a.stall"), bytes).unwrap();
    let run = Command::new("python3").arg(dir.join("reader.py")).arg(dir.join("a.stall")).output();
    let run = run.expect("this test needs python3, and the command zstd or the package zstandard");
    let words = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "needs the command zstd or the package zstandard: {words}");
    let read: Value = serde_json::from_slice(&run.stdout).unwrap();
    compare(&read, expected.last().unwrap());
}

fn compare(read: &Value, expected: &Recording) {
    for (table, columns) in tables() {
        if table == "damage" {
            continue; // there is none
        }
        // Every column holds something other than zero somewhere, so all of them are there.
        let rows = read[table].as_array().unwrap_or_else(|| panic!("no table {table}"));
        let seen: BTreeSet<&str> = rows
            .iter()
            .flat_map(|row| row.as_object().unwrap().keys().map(String::as_str))
            .collect();
        let may_be_zero = ["process", "cgroup", "pod", "kthread", "start", "module", "kernel"];
        for column in columns.iter().filter(|c| !may_be_zero.contains(c)) {
            assert!(seen.contains(column), "no column {column} in {table}");
        }
    }
    let numbers = |table: &str, column: &str| -> Vec<i128> {
        let cell = |row: &Value| match &row[column] {
            Value::Null => 0,
            number => number.to_string().parse().unwrap(),
        };
        read[table].as_array().unwrap().iter().map(cell).collect()
    };
    macro_rules! same {
        ($table:literal, $column:literal, $rows:expr, |$row:ident| $field:expr) => {
            let expected: Vec<i128> = $rows.iter().map(|$row| i128::from($field)).collect();
            assert_eq!(numbers($table, $column), expected, "{} of {}", $column, $table);
        };
    }
    same!("sample", "time", expected.samples, |row| row.time.0);
    same!("sample", "cpu", expected.samples, |row| row.cpu.0);
    same!("sample", "arg1", expected.samples, |row| row.syscall.args[1]);
    same!("sample", "arg2", expected.samples, |row| row.syscall.args[2]);
    same!("sample", "pending", expected.samples, |row| row.pending);
    same!("sample", "user_stack", expected.samples, |row| row.user_stack.0);
    same!("softirq_delay", "delay", expected.delays, |row| row.delay.0);
    same!("softirq_run", "run", expected.runs, |row| row.run.0);
    same!("handoff", "other_runners", expected.handoffs, |row| row.other_runners);
    same!("runner", "turns", expected.runners, |row| row.turns);
    same!("runner", "longest", expected.runners, |row| row.longest.0);
    same!("hardirq", "handler", expected.hardirqs, |row| row.handler.0);
    same!("syscall", "ret", expected.syscalls, |row| row.ret);
    same!("file_call", "rstat_held", expected.file_calls, |row| row.rstat_held.0);
    same!("file_reads", "reads", expected.file_reads, |row| row.reads);
    same!("steal", "total", expected.steal, |row| row.total.0);
    same!("dying_memcgs", "count", expected.dying_memcgs, |row| row.count);
    same!("hist", "count", expected.hists, |row| row.count);
    same!("lost", "unseen", expected.lost, |row| row.unseen);
    same!("rx_cpu", "unplaced", expected.rx_cpus, |row| row.unplaced);
    same!("rx", "not_ip", expected.rx_rows, |row| row.protocols[8]);
    same!("rx_flow", "destination_lower", expected.rx_flows, |row| row.destination[1]);
    same!("ct_drop", "held_back", expected.ct_drops, |row| row.held_back);
    same!("ct_reading", "max", expected.ct_readings, |row| row.max);
    same!("ct_grown", "count", expected.ct_grown, |row| row.count);
    same!("health", "window_ns", expected.health, |row| row.window_ns.0);
    same!("health_number", "value", expected.health_numbers, |row| row.value);
    same!("task", "tid", expected.tasks[1..], |row| row.tid.0);
    same!("end", "time", expected.end, |time| time.0);
    for (row, text) in read["string"].as_array().unwrap().iter().zip(&expected.strings[1..]) {
        assert_eq!(row["text"], text.as_str());
    }
    for (row, stack) in read["stack"].as_array().unwrap().iter().zip(&expected.stacks[1..]) {
        let frames: Vec<u32> = stack.0.iter().map(|frame| frame.0).collect();
        assert_eq!(row["frames"], serde_json::json!(frames));
    }
    let meta: Value = serde_json::from_str(read["meta"][0]["json"].as_str().unwrap()).unwrap();
    assert_eq!(meta["host"], expected.meta.host.as_str());
}

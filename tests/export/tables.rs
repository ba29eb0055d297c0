//! Parquet tables, read back by the library's reader.

use std::collections::BTreeSet;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use super::load;
use stallprof::export::parquet::TABLES;

type Row = std::collections::BTreeMap<String, Field>;

fn rows(name: &str, recording: &str) -> Vec<Row> {
    let (r, f) = load(recording);
    let table = TABLES.iter().find(|t| t.name == name).unwrap();
    let path = std::env::temp_dir().join(format!("stallprof-{name}-{}", std::process::id()));
    table.write(&mut std::fs::File::create(&path).unwrap(), &r, &f).unwrap();
    let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
    std::fs::remove_file(&path).unwrap();
    let row = |row: parquet::record::Row| {
        row.get_column_iter().map(|(name, field)| (name.clone(), field.clone())).collect()
    };
    reader.get_row_iter(None).unwrap().map(|r| row(r.unwrap())).collect()
}

#[test]
fn tables_hold_what_was_recorded() {
    let (r, f) = load("memcg.stall");
    let count = |name| rows(name, "memcg.stall").len();
    assert_eq!(count("recording"), 1);
    assert_eq!(count("samples"), r.samples.len());
    assert_eq!(count("stalls"), f.stalls.len());
    assert_eq!(count("runners"), r.runners.len());
    let stalls = rows("stalls", "memcg.stall");
    let comms: BTreeSet<_> = stalls.iter().map(|s| s["comm"].to_string()).collect();
    assert!(comms.contains("\"sg-memcg\""), "{comms:?}");
    let counted = rows("histograms", "memcg.stall").into_iter().map(|h| match h["count"] {
        Field::Long(n) => n as u64,
        _ => 0,
    });
    assert_eq!(counted.sum::<u64>(), f.latencies.iter().map(|l| l.count).sum::<u64>());
}

#[test]
fn the_page_tells_each_column() {
    let page = include_str!("../../docs/export.md");
    for table in TABLES {
        let heading = format!("### `{}`\n", table.name);
        let section = page.split_once(&heading).unwrap_or_else(|| panic!("no {heading}")).1;
        let section = section.split("\n## ").next().unwrap().split("\n### ").next().unwrap();
        let told: Vec<&str> = section
            .lines()
            .filter(|l| l.starts_with("| `"))
            .flat_map(|l| l.split('|').nth(1).unwrap().split(','))
            .map(|name| name.trim().trim_matches('`'))
            .collect();
        assert_eq!(told, table.columns().collect::<Vec<_>>(), "{}", table.name);
    }
}

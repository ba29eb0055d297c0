//! The queries of the docs, by DuckDB over a bucket with two nodes.

use std::process::Command;
use std::time::Duration;

use crate::bucket::count;
use crate::host::{Daemon, Folder, machine, stalls, wait};
use crate::s3::python;
use crate::{QUICK, incident, on_node};

/// The queries that docs/daemon.md shows, in order.
fn queries() -> Vec<String> {
    let docs = std::fs::read_to_string("docs/daemon.md").unwrap();
    let blocks = docs.split("```sql\n").skip(1);
    let blocks: String = blocks.map(|block| block.split("```").next().unwrap()).collect();
    blocks.split(';').map(|query| query.trim().to_owned()).filter(|q| !q.is_empty()).collect()
}

#[test]
fn the_queries_of_the_docs_work() {
    let Some(_machine) = machine() else { return };
    let Some(python) = python("the_queries_of_the_docs_work") else { return };
    let folder = Folder::new("tables");
    let bucket = folder.path("bucket");
    let url = format!("upload.url=file://{}", bucket.display());
    for node in ["node-a", "node-b"] {
        let arguments = [&QUICK[..], &["-s", &url, "-s", "flight.before=20s"]].concat();
        let daemon = Daemon::start_as(&folder, on_node(node), &arguments);
        stalls("irqsoff", 2, "60ms");
        incident(&daemon);
        let copied = || count(&daemon, "copied") >= 1.0;
        wait("the copy", Duration::from_secs(20), copied);
        daemon.stop();
        std::fs::remove_dir_all(folder.path("store")).unwrap();
    }
    let run = "import sys, duckdb\nfor query in sys.argv[1:]:\n  \
               print(duckdb.sql(query).fetchall())";
    let queries = queries();
    assert!(queries.len() >= 2, "{queries:?}");
    let there = |q: &String| q.replace("s3://BUCKET/PREFIX", bucket.to_str().unwrap());
    let output = Command::new(python).args(["-c", run]).args(queries.iter().map(there)).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (query, rows) in queries.iter().zip(said.lines()) {
        assert!(rows.contains("node-a") && rows.contains("node-b"), "{query}: {rows}");
    }
    assert!(said.contains("stallgen"), "{said}");
}

//! `docs/findings.md` and the JSON agree: every key and every word of an enumeration is told, and
//! nothing is told that does not occur.

use super::{as_json, incident, names::DECENT};
use serde_json::Value;
use stallprof::analysis::compare::Gather;
use stallprof::model::findings::{Cause, StallKind};
use std::collections::BTreeSet;
use std::path::Path;

fn keys(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            into.insert(key.clone());
            // Those are told with each check.
            if key != "numbers" {
                keys(value, into);
            }
        }),
        Value::Array(list) => list.iter().for_each(|value| keys(value, into)),
        _ => {}
    }
}

fn words(value: &Value, key: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(k, v)| match v {
            Value::String(word) if k == key => drop(into.insert(word.clone())),
            v => words(v, key, into),
        }),
        Value::Array(list) => list.iter().for_each(|value| words(value, key, into)),
        _ => {}
    }
}

/// What the document tells of one recording, and of several, which is another JSON.
fn docs() -> (String, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/findings.md");
    let doc = std::fs::read_to_string(path).unwrap();
    let (one, several) = doc.split_once("\n## Several recordings").unwrap();
    (one.to_owned(), several.to_owned())
}

fn doc() -> String {
    docs().0
}

/// The first cells of the document's tables, without their backticks.
fn told(doc: &str) -> BTreeSet<String> {
    doc.lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

#[test]
fn the_document_tells_every_field() {
    let json: Value = serde_json::from_str(&as_json(&incident(&DECENT).f)).unwrap();
    let mut found = BTreeSet::new();
    keys(&json, &mut found);
    for key in ["type", "kind", "cause", "context", "what", "verdict", "translation", "hook"] {
        words(&json, key, &mut found);
    }
    let told = told(&doc());
    let missing: Vec<_> = found.difference(&told).collect();
    assert!(missing.is_empty(), "docs/findings.md lacks {missing:?}");
    let stale: Vec<_> = told.difference(&found).filter(|w| !RARE.contains(&w.as_str())).collect();
    assert!(stale.is_empty(), "docs/findings.md tells of {stale:?}, which do not occur");
}

#[test]
fn the_document_names_each_cause_as_programs_and_as_people_read_it() {
    let (doc, mut names) = (doc(), BTreeSet::new());
    for cause in Cause::ALL {
        let (name, words) = (cause.name(), cause.words());
        assert!(doc.contains(&format!("\n| `{name}` | {words} | ")), "no row for {name}: {words}");
        // Whoever met either name finds the other: the sentence holds the words.
        assert!(cause.how().contains(words), "{}", cause.how());
        assert_eq!(serde_json::to_value(cause).unwrap(), name);
        assert_eq!(Cause::named(name), Some(cause));
        assert!(
            names.insert(name) && names.insert(words) || name == words,
            "{words} is two things"
        );
        assert!(words.len() < 20, "{words}: a column of `stallprof top` has no room for it");
    }
    assert_eq!(Cause::named("asked"), None);
    for kind in StallKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
    }
}

/// Each object of the JSON, but culprits and findings' numbers, which differ by their type and check.
fn objects(value: &Value, into: &mut Vec<BTreeSet<String>>) {
    match value {
        Value::Object(map) => {
            if !map.contains_key("type") {
                into.push(map.keys().cloned().collect());
            }
            let inner = map.iter().filter(|(key, _)| *key != "numbers");
            inner.for_each(|(_, value)| objects(value, into));
        }
        Value::Array(list) => list.iter().for_each(|value| objects(value, into)),
        _ => {}
    }
}

/// The fields of each table of an object in the document.
fn tables(doc: &str) -> Vec<BTreeSet<String>> {
    let heads = doc.split("\n| field").skip(1);
    heads.map(|table| told(table.split("\n\n").next().unwrap())).collect()
}

#[test]
fn each_object_has_one_table_with_all_its_fields() {
    let json: Value = serde_json::from_str(&as_json(&incident(&DECENT).f)).unwrap();
    let (mut found, doc) = (Vec::new(), doc());
    objects(&json, &mut found);
    let tables = tables(&doc);
    for mut object in found {
        // The parts of a counter are told in its table; methods are refused now and then.
        if object == BTreeSet::from(["count".to_owned(), "cpu".to_owned()]) {
            continue;
        }
        if object.contains("measures") && object.contains("method") {
            object.insert("refused".to_owned());
        }
        assert!(tables.contains(&object), "no table of docs/findings.md tells just {object:?}");
    }
}

#[test]
fn objects_of_several_recordings_have_their_tables_too() {
    let mut gather = Gather::default();
    // Only real recordings have histograms.
    let real = super::page::read("tests/replay/memcg.stall");
    for i in [incident(&DECENT), super::node::recording(&DECENT), real] {
        gather.add(None, &i.r, &i.f);
    }
    let nodes = gather.finish();
    let json = super::text(|out| super::json::write(out, &nodes).unwrap());
    let json: Value = serde_json::from_str(&json).unwrap();
    let (one, several) = docs();
    let (mut found, shared, own) = (Vec::new(), tables(&one), tables(&several));
    objects(&json, &mut found);
    for object in &found {
        let told = own.contains(object) || shared.contains(object);
        assert!(told, "no table of docs/findings.md tells just {object:?}");
    }
    for table in &own {
        assert!(found.contains(table), "docs/findings.md tells of {table:?}, which do not occur");
    }
    assert!(several.contains(&format!("schema {}", stallprof::model::nodes::SCHEMA)));
}

/// Told, and true, but not in the made-up incident.
const RARE: [&str; 16] = [
    "bh_off",
    "task",
    "napi",
    "idle",
    "timer",
    "call_function",
    "irq_work",
    "system",
    "input",
    "forward",
    "output",
    "asked",
    "dying_memcgs_growth",
    "cpu_pressure",
    "memory_pressure",
    "io_pressure",
];

#[test]
fn the_json() {
    let i = incident(&DECENT);
    let shown = as_json(&i.f);
    super::check("findings.json", &shown);
    assert!(shown.ends_with("}\n"));
    assert!(shown == as_json(&incident(&DECENT).f), "equal findings, other bytes");
    assert!(doc().contains(&format!("schema {}", stallprof::model::findings::SCHEMA)));
}

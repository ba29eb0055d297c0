//! Lists the BPF programs that are loaded, with the instructions the verifier looked at: one line
//! of JSON. Which program belongs to whom is not told: meant for guests, where nothing else runs.

use libbpf_rs::query::ProgInfoIter;
use serde_json::json;

fn main() {
    let programs: Vec<_> = ProgInfoIter::default()
        .map(|p| json!({ "name": p.name.to_string_lossy(), "verified_insns": p.verified_insns }))
        .collect();
    println!("{}", json!(programs));
}

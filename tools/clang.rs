//! Which clang compiles BPF programs: for the build scripts.

use std::env;
use std::process::Command;

/// What Debian 12 has; older ones are not tried.
const OLDEST: u32 = 14;

/// What `CLANG` says; else `clang`, or the newest `clang-N`: Debian's packages install only the
/// latter. None if there is none that is new enough.
pub fn find() -> Option<String> {
    println!("cargo:rerun-if-env-changed=CLANG");
    if let Ok(clang) = env::var("CLANG") {
        return Some(clang);
    }
    let is_new = |name: &String| {
        let output = Command::new(name).arg("-dumpversion").output().ok();
        let told = output.filter(|o| o.status.success()).map(|o| o.stdout);
        let told = told.and_then(|told| String::from_utf8(told).ok()).unwrap_or_default();
        told.split('.').next().and_then(|n| n.trim().parse().ok()).is_some_and(|n: u32| n >= OLDEST)
    };
    std::iter::once("clang".to_owned())
        .chain((OLDEST..=30).rev().map(|n| format!("clang-{n}")))
        .find(is_new)
}

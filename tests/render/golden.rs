//! Goldens: outputs kept beside the tests, compared byte for byte.
//!
//! After a wanted change: `STALLPROF_BLESS=1 cargo test --no-default-features --test render`, then
//! look at the difference in git. Without it a missing golden fails.

use std::path::Path;

use super::difference::difference;

pub fn check(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/render").join(name);
    let kept = std::fs::read_to_string(&path);
    if std::env::var_os("STALLPROF_BLESS").is_some_and(|v| v == "1") {
        if kept.as_deref().ok() != Some(actual) {
            std::fs::write(&path, actual).unwrap();
            eprintln!("blessed {}", path.display());
        }
        return;
    }
    let kept = kept.unwrap_or_else(|e| {
        panic!("{}: {e}; bless it with STALLPROF_BLESS=1 if it is new", path.display())
    });
    if let Some(difference) = difference(&kept, actual) {
        panic!("{name} differs {difference}");
    }
}

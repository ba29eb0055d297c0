//! Goldens: outputs kept beside the tests, compared byte for byte.
//!
//! After a wanted change: `STALLPROF_BLESS=1 cargo test --no-default-features --test render`, then
//! look at the difference in git. Without it a missing golden fails.

use std::path::Path;

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
    if kept != actual {
        let differs = kept.lines().zip(actual.lines()).position(|(a, b)| a != b);
        let at = differs.unwrap_or_else(|| kept.lines().count().min(actual.lines().count()));
        let line = |text: &str| text.lines().nth(at).unwrap_or("(no such line)").to_owned();
        panic!(
            "{name} differs at line {}\n  kept:   {}\n  actual: {}\n\n{actual}",
            at + 1,
            line(&kept),
            line(actual)
        );
    }
}

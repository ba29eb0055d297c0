//! Where two texts begin to differ: pages of both would hide it.

/// Lines shown of each, and columns of a line.
const LINES: usize = 3;
const COLUMNS: usize = 200;

/// The first lines that differ, with their number; nothing if none do.
pub fn difference(kept: &str, actual: &str) -> Option<String> {
    if kept == actual {
        return None;
    }
    let same = kept.lines().zip(actual.lines()).take_while(|(a, b)| a == b).count();
    let part = |text: &str| {
        let lines = text.lines().skip(same).take(LINES);
        let shown: Vec<String> = lines.map(|line| format!("    {line:.COLUMNS$}\n")).collect();
        if shown.is_empty() { "    (ends here)\n".to_owned() } else { shown.concat() }
    };
    Some(format!("from line {} on\n  kept:\n{}  now:\n{}", same + 1, part(kept), part(actual)))
}

#[test]
fn a_difference_is_short_whatever_differs() {
    assert_eq!(difference("a\nb\n", "a\nb\n"), None);
    let told = difference("a\nb\nc\n", "a\nx\nc\n").unwrap();
    assert_eq!(told, "from line 2 on\n  kept:\n    b\n    c\n  now:\n    x\n    c\n");
    assert!(difference("a\n", "a\nb\n").unwrap().contains("kept:\n    (ends here)\n"));
    let long = "y".repeat(1 << 20);
    assert!(difference(&long, &format!("{long}x\n").repeat(99)).unwrap().len() < 1000);
    assert!(difference("a", "a\n").is_some());
}

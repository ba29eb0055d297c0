//! Untrusted names made harmless. A process chooses its name, its files and its symbols: with
//! control characters it could move the cursor or clear the screen, with newlines forge a line
//! of a report, with bidi overrides show another text than it holds.

use std::borrow::Cow;
use std::fmt::Write;

/// Columns that one name may take in the terminal.
pub const LIMIT: usize = 160;

/// A name for the terminal: [`visible`] and at most [`LIMIT`] columns, cut in the middle.
#[must_use]
pub fn terminal(text: &str) -> Cow<'_, str> {
    bounded(text, LIMIT)
}

/// [`visible`], cut to `max` columns.
#[must_use]
pub fn bounded(text: &str, max: usize) -> Cow<'_, str> {
    // Cut long names before escaping them: a name may be megabytes.
    let most = max.saturating_add(64);
    if text.len() > most.saturating_mul(8) {
        let head: String = text.chars().take(most).collect();
        let tail: Vec<char> = text.chars().rev().take(most).collect();
        let short = head + "…" + &tail.into_iter().rev().collect::<String>();
        return Cow::Owned(middle(&visible(&short), max).into_owned());
    }
    match visible(text) {
        Cow::Borrowed(same) => middle(same, max),
        Cow::Owned(made) => Cow::Owned(middle(&made, max).into_owned()),
    }
}

/// Characters that act on a terminal or hide in it, written out: `\n`, `\x1b`, `\u{202e}`.
/// Backslashes stay as they are (systemd's cgroups are full of them), so this is not reversible.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    replace(text, |c| acts(c) || invisible(c))
}

/// The lines of a text, each [`visible`] but for tabs, which become blanks.
pub fn lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(|line| visible(&line.replace('\t', "    ")).into_owned())
}

/// A name as a frame of a folded stack: also without the separator `;`. Not valid in XML, and
/// thus removed too: control characters and noncharacters.
#[must_use]
pub fn frame(text: &str) -> Cow<'_, str> {
    replace(text, |c| c == ';' || acts(c) || invisible(c))
}

fn replace(text: &str, bad: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&bad) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            c if !bad(c) => shown.push(c),
            // Writing to a String cannot fail.
            c if (c as u32) < 0x80 => drop(write!(shown, "\\x{:02x}", c as u32)),
            c => drop(write!(shown, "\\u{{{:x}}}", c as u32)),
        }
    }
    Cow::Owned(shown)
}

/// It moves the cursor, ends the line or turns the direction of text.
#[must_use]
pub fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{200e}' | '\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}')
}

/// It takes no place or looks like a space, so that two different names would look the same.
fn invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200d}'
        | '\u{2060}'..='\u{2065}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
        || (c as u32) & 0xfffe == 0xfffe
        || matches!(c, '\u{fdd0}'..='\u{fdef}')
}

/// Text of at most `max` columns. What is too long loses its middle: a path tells most at its
/// end, and something at its beginning.
#[must_use]
pub fn middle(text: &str, max: usize) -> Cow<'_, str> {
    if columns(text) <= max {
        return Cow::Borrowed(text);
    }
    if max == 0 {
        return Cow::Borrowed("");
    }
    let keep = max - 1;
    let head = take(text.chars(), keep / 3);
    let tail: String = take(text.chars().rev(), keep - keep / 3).chars().rev().collect();
    Cow::Owned(head + "…" + &tail)
}

/// Text of at most `max` columns. What is too long loses its end.
#[must_use]
pub fn end(text: &str, max: usize) -> Cow<'_, str> {
    if columns(text) <= max {
        return Cow::Borrowed(text);
    }
    match max {
        0 => Cow::Borrowed(""),
        max => Cow::Owned(take(text.chars(), max - 1) + "…"),
    }
}

fn take(chars: impl Iterator<Item = char>, max: usize) -> String {
    let mut used = 0;
    chars
        .take_while(|&c| {
            used += width(c);
            used <= max
        })
        .collect()
}

/// How many columns a terminal gives to a text.
#[must_use]
pub fn columns(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().map(width).sum() }
}

/// Columns of a character, near enough for names: East Asian scripts and emoji take two.
fn width(c: char) -> usize {
    match c as u32 {
        0x300..=0x36f | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20ff | 0xfe20..=0xfe2f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_on_a_terminal_comes_through() {
        for bad in
            ["\x1b[2J", "a\nb", "a\r", "\u{9b}31m", "\u{7f}", "x\u{202e}txt", "\u{2066}", "\0"]
        {
            let shown = terminal(bad);
            assert!(!shown.chars().any(acts), "{bad:?} came through as {shown:?}");
            assert!(shown.contains('\\'), "{bad:?} vanished: {shown:?}");
        }
        assert_eq!(terminal("a\x1b[31mb\n\u{202e}c"), "a\\x1b[31mb\\n\\u{202e}c");
        assert_eq!(terminal("caf\u{e9} \u{1f600} C:\\x"), "caf\u{e9} \u{1f600} C:\\x");
        assert_eq!(terminal("a\u{200b}b\u{ffff}"), "a\\u{200b}b\\u{ffff}");
    }

    #[test]
    fn long_names_lose_their_middle_and_say_so() {
        assert_eq!(middle("/sys/fs/cgroup/memory.stat", 16), "/sys/…emory.stat");
        assert_eq!(columns(&middle("/sys/fs/cgroup/memory.stat", 16)), 16);
        assert_eq!(columns(&terminal(&"x".repeat(5_000_000))), LIMIT);
        assert_eq!(columns(&terminal(&"\u{1f600}".repeat(9999))), LIMIT - 1);
        assert_eq!(end("memory", 4), "mem…");
        for max in 0..4 {
            assert_eq!(columns(&middle("abcdef", max)), max);
            assert_eq!(columns(&end("abcdef", max)), max);
        }
    }

    #[test]
    fn a_frame_cannot_end_another() {
        assert_eq!(frame("a;b\nc"), "a\\x3bb\\nc");
    }
}

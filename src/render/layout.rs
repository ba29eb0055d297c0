//! Lays out text to the width of a terminal.

use std::borrow::Cow;
use std::io::{self, Write};

use super::ink::{Ink, Text};
use super::{Style, escape};

/// Narrower terminals are left to break lines themselves: names would be nothing but ellipses.
pub(super) const NARROWEST: usize = 30;

/// Where lines go.
pub(super) struct Layout<'a> {
    out: &'a mut dyn Write,
    color: bool,
    width: usize,
}

impl<'a> Layout<'a> {
    /// A layout of a readable width: lines of more than 140 columns are hard to read.
    pub(super) fn new(out: &'a mut dyn Write, style: Style) -> Layout<'a> {
        Layout { out, color: style.color, width: style.width.clamp(NARROWEST, 140) }
    }

    /// A layout as wide as the terminal is.
    pub(super) fn wide(out: &'a mut dyn Write, style: Style) -> Layout<'a> {
        Layout { out, color: style.color, width: style.width.max(NARROWEST) }
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// How far text may hang: of a narrow layout half is for the text.
    pub(super) fn hang(&self, wanted: usize) -> usize {
        wanted.min(self.width / 2)
    }

    /// Whether a text fits on one line.
    pub(super) fn fits(&self, text: &Text) -> bool {
        text.columns() <= self.width
    }

    pub(super) fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// A section's heading, with a blank line before it.
    pub(super) fn section(&mut self, title: &str) -> io::Result<()> {
        self.blank()?;
        self.put(2, &Text::new().bold(title))
    }

    /// A text, continued on further lines that begin in column `hang`.
    pub(super) fn put(&mut self, hang: usize, text: &Text) -> io::Result<()> {
        let hang = self.hang(hang);
        let mut line = Text::new();
        let mut column = 0;
        for mut word in text.words() {
            let mut gap = word.gap;
            // A word that has as much room here as on a line of its own stays here and is cut.
            if column + gap > hang && column + gap + word.columns() > self.width && column > 0 {
                self.finish(&line)?;
                (line, column, gap) = (Text::new(), 0, hang);
            }
            word.cut_to(self.width.saturating_sub(column + gap).max(8));
            column += gap + word.columns();
            // Blanks between words of one ink take it too: fewer escape sequences.
            let before = line.0.last().map(|(ink, _)| *ink);
            let after = word.parts.first().map(|(ink, _)| *ink);
            let ink = before.filter(|_| before == after).unwrap_or(Ink::Plain);
            line.join(ink, &" ".repeat(gap));
            for (ink, part) in &word.parts {
                line.join(*ink, part);
            }
        }
        self.finish(&line)
    }

    fn finish(&mut self, line: &Text) -> io::Result<()> {
        for (ink, part) in &line.0 {
            self.paint(*ink, part)?;
        }
        writeln!(self.out)
    }

    /// A text on one line; what does not fit is cut off at its end.
    pub(super) fn line(&mut self, text: &Text) -> io::Result<()> {
        let mut left = self.width;
        let mut shown: Vec<(Ink, Cow<'_, str>)> = Vec::new();
        for (ink, part) in &text.0 {
            let fitting = escape::end(part, left);
            let whole = fitting == *part;
            left -= escape::columns(&fitting).min(left);
            shown.push((*ink, fitting));
            if !whole {
                break;
            }
        }
        // No blanks at the end of a line, whatever was cut off there.
        while shown.last().is_some_and(|(_, s)| s.trim().is_empty()) {
            shown.pop();
        }
        let last = shown.len().saturating_sub(1);
        for (i, (ink, part)) in shown.iter().enumerate() {
            self.paint(*ink, if i == last { part.trim_end() } else { part })?;
        }
        writeln!(self.out)
    }

    fn paint(&mut self, ink: Ink, text: &str) -> io::Result<()> {
        let text = text.replace('\u{a0}', " ");
        if self.color && ink != Ink::Plain {
            write!(self.out, "{}{text}\x1b[0m", ink.start())
        } else {
            self.out.write_all(text.as_bytes())
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn shown(style: Style, hang: usize, text: &Text) -> String {
        let mut out = Vec::new();
        Layout::new(&mut out, style).put(hang, text).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn long_text_hangs_and_long_words_lose_their_middle() {
        let style = Style { color: false, width: 60 };
        let text = Text::new().plain("  1 of 2  ").accent(&"word ".repeat(14)).dim(&"x".repeat(99));
        let lines = shown(style, 10, &text);
        for line in lines.lines() {
            assert!(escape::columns(line) <= 60, "{line}");
        }
        assert!(lines.lines().skip(1).all(|l| l.starts_with("          ")), "{lines}");
        assert!(lines.starts_with("  1 of 2  word word"), "{lines}");
        assert!(lines.contains('…'));
    }

    #[test]
    fn colour_is_used_only_when_asked_and_names_bring_none() {
        let text = Text::new().bold("CPU 1").accent(" a\x1b[2Jb\n");
        assert_eq!(shown(Style { color: false, width: 80 }, 0, &text), "CPU 1 a\\x1b[2Jb\\n\n");
        let painted = shown(Style { color: true, width: 80 }, 0, &text);
        assert_eq!(painted, "\x1b[1mCPU 1\x1b[0m \x1b[31ma\\x1b[2Jb\\n\x1b[0m\n");
    }
}

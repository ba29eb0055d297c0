//! Text as the terminal shows it. All that comes from elsewhere passes here.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use crate::render::escape;
use crate::units::Nanos;

/// From where on a lateness is bad, and worse.
pub const BAD: Nanos = Nanos::from_millis(50);
pub const WORSE: Nanos = Nanos::from_millis(200);

/// How things look, with or without colours.
#[derive(Clone, Copy, Debug)]
pub struct Ink(pub bool);

impl Ink {
    /// Read last.
    pub fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// Headings.
    pub fn bold(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What needs attention.
    pub fn alarm(self) -> Style {
        if self.0 { self.bold().fg(Color::LightRed) } else { self.bold() }
    }

    /// A lateness, by its length.
    pub fn late(self, late: Nanos) -> Style {
        let color = match late {
            Nanos(0) => return Style::new(),
            late if late >= WORSE => Color::LightMagenta,
            late if late >= BAD => Color::LightRed,
            _ => Color::Yellow,
        };
        if self.0 { Style::new().fg(color) } else { Style::new() }
    }
}

/// Text in so many columns, cut at its end or filled up.
pub fn left(text: &str, columns: usize) -> String {
    let shown = escape::visible(text);
    let cut = escape::end(&shown, columns);
    format!("{cut}{}", " ".repeat(columns.saturating_sub(escape::columns(&cut))))
}

/// The same, at the right.
pub fn right(text: &str, columns: usize) -> String {
    let shown = escape::visible(text);
    let cut = escape::end(&shown, columns);
    format!("{}{cut}", " ".repeat(columns.saturating_sub(escape::columns(&cut))))
}

/// A length of time; none is a dash.
pub fn time(length: Option<Nanos>) -> String {
    length.map_or_else(|| "–".to_owned(), |length| length.to_string())
}

/// How long ago: whole seconds and minutes.
pub fn ago(length: Nanos) -> String {
    match length.0 / 1_000_000_000 {
        seconds @ 0..100 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

/// `3` or `0-3,7`: without blanks, as columns are few.
pub fn cpus(list: &[u32]) -> String {
    let mut parts: Vec<(u32, u32)> = Vec::new();
    for cpu in list {
        match parts.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*cpu) => *last = *cpu,
            _ => parts.push((*cpu, *cpu)),
        }
    }
    let part = |(from, to): &(u32, u32)| match from == to {
        true => from.to_string(),
        false => format!("{from}-{to}"),
    };
    parts.iter().map(part).collect::<Vec<_>>().join(",")
}

/// A line of plain text.
pub fn plain(text: &str) -> Line<'static> {
    Line::from(escape::visible(text).into_owned())
}

/// A piece of text with a style.
pub fn span(text: &str, style: Style) -> Span<'static> {
    Span::styled(escape::visible(text).into_owned(), style)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_to_their_columns() {
        for text in ["", "abc", "\x1b[2J\n", "日本語日本語", &"x".repeat(100_000)] {
            for columns in [0, 1, 5, 20] {
                for shown in [left(text, columns), right(text, columns)] {
                    assert_eq!(escape::columns(&shown), columns, "{text:?} {columns}");
                    assert!(!shown.chars().any(escape::acts));
                }
            }
        }
        assert_eq!(cpus(&[0, 1, 2, 5, 7, 8]), "0-2,5,7-8");
        assert_eq!(cpus(&[u32::MAX]), "4294967295");
        assert_eq!((ago(Nanos(1)), ago(Nanos(125_000_000_000))), ("0 s".into(), "2 min".into()));
    }
}

//! Text as HTML and SVG hold it. All that comes from a recording goes through [`text`].

use std::borrow::Cow;
use std::fmt::Write;

use super::escape;
use super::ink::{Ink, Text};

/// Columns of a name in a tooltip or a cell.
const NAME: usize = 200;

/// Text for an element or a quoted attribute: no control characters, no markup.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    let shown = escape::visible(text);
    if !shown.contains(['&', '<', '>', '"', '\'']) {
        return shown;
    }
    let mut safe = String::with_capacity(shown.len() + 16);
    for c in shown.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// A name that may be kilobytes long.
pub(super) fn name(name: &str) -> String {
    text(&escape::bounded(name, NAME)).into_owned()
}

/// Text with ink as phrases of HTML. Two blanks part its phrases in a terminal; here one does.
pub(super) fn phrases(words: &Text) -> String {
    let mut out = String::new();
    for (ink, piece) in &words.0 {
        let piece = text(piece).replace("  ", " ");
        // Writing to a String cannot fail.
        let _ = match ink {
            Ink::Plain => write!(out, "{piece}"),
            Ink::Bold => write!(out, "<b>{piece}</b>"),
            Ink::Dim => write!(out, "<span class=\"dim\">{piece}</span>"),
            Ink::Accent => write!(out, "<em>{piece}</em>"),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_becomes_markup() {
        assert_eq!(text("<b a='\"'>&\n\u{202e}"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;\\n\\u{202e}");
        assert_eq!(name(&"<".repeat(5_000)).matches("&lt;").count(), NAME - 1);
        let inked = Text::new().accent("a<b").plain("  c");
        assert_eq!(phrases(&inked), "<em>a&lt;b</em> c");
    }
}

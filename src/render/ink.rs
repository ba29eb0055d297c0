//! Text with ink, before it is laid out.

use super::escape;

/// How a piece of text stands out, where colour may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    /// As it is.
    Plain,
    /// The headline.
    Bold,
    /// What is read last: stacks, circumstances.
    Dim,
    /// The culprit, and nothing else.
    Accent,
}

impl Ink {
    pub(super) fn start(self) -> &'static str {
        match self {
            Ink::Plain => "",
            Ink::Bold => "\x1b[1m",
            Ink::Dim => "\x1b[2m",
            // Red is legible on light and dark ground.
            Ink::Accent => "\x1b[31m",
        }
    }
}

/// Pieces of text in their inks. Untrusted names are made harmless here, so that none is missed.
#[derive(Clone, Debug, Default)]
pub(super) struct Text(pub(super) Vec<(Ink, String)>);

impl Text {
    pub(super) fn new() -> Text {
        Text::default()
    }

    pub(super) fn ink(mut self, ink: Ink, text: &str) -> Text {
        self.0.push((ink, escape::visible(text).into_owned()));
        self
    }

    pub(super) fn plain(self, text: &str) -> Text {
        self.ink(Ink::Plain, text)
    }

    pub(super) fn bold(self, text: &str) -> Text {
        self.ink(Ink::Bold, text)
    }

    pub(super) fn dim(self, text: &str) -> Text {
        self.ink(Ink::Dim, text)
    }

    pub(super) fn accent(self, text: &str) -> Text {
        self.ink(Ink::Accent, text)
    }

    pub(super) fn then(mut self, other: Text) -> Text {
        self.0.extend(other.0);
        self
    }

    /// Appends to the last piece where the ink is the same.
    pub(super) fn join(&mut self, ink: Ink, text: &str) {
        match self.0.last_mut() {
            Some((last, piece)) if *last == ink => piece.push_str(text),
            _ if text.is_empty() => {}
            _ => self.0.push((ink, text.to_owned())),
        }
    }

    /// Columns it takes on one line.
    pub(super) fn columns(&self) -> usize {
        self.0.iter().map(|(_, s)| escape::columns(s)).sum()
    }

    /// Words with the blanks before them; an unbreakable space (U+00A0) does not divide.
    pub(super) fn words(&self) -> Vec<Word> {
        let mut words = vec![Word::default()];
        for (ink, text) in &self.0 {
            for (i, piece) in text.split(' ').enumerate() {
                if i > 0 {
                    match words.last_mut() {
                        Some(w) if w.parts.is_empty() => w.gap += 1,
                        _ => words.push(Word { gap: 1, parts: Vec::new() }),
                    }
                }
                if let (Some(w), false) = (words.last_mut(), piece.is_empty()) {
                    w.parts.push((*ink, piece.to_owned()));
                }
            }
        }
        words.retain(|w| !w.parts.is_empty());
        words
    }
}

/// What is not divided at the end of a line.
#[derive(Debug, Default)]
pub(super) struct Word {
    /// Blanks before it.
    pub(super) gap: usize,
    /// Its pieces: one, unless the ink changes inside it.
    pub(super) parts: Vec<(Ink, String)>,
}

impl Word {
    pub(super) fn columns(&self) -> usize {
        self.parts.iter().map(|(_, s)| escape::columns(s)).sum()
    }

    /// Cuts the middle of its longest part.
    pub(super) fn cut_to(&mut self, max: usize) {
        let over = self.columns().saturating_sub(max);
        if let Some((_, s)) = self.parts.iter_mut().max_by_key(|(_, s)| s.len()) {
            *s = escape::middle(s, escape::columns(s).saturating_sub(over)).into_owned();
        }
    }
}

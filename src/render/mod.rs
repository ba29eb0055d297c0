//! What was found, for people and programs: the terminal, JSON, flame graphs and stacks in order
//! of time. Renderers know [`crate::model::findings`] and, where stacks are drawn, the samples of
//! the recording; they conclude nothing themselves.
//!
//! Every form takes a writer and the findings, and stands in a file of its own: a new one is a new
//! file here that may use [`flame`] and [`escape`] and changes nothing else. The page ([`html`]) has
//! a file for each section, and [`figures`] one for each figure.
//! Names in a recording were chosen by whoever ran on the host, so all of them pass [`escape`].

pub mod brief;
mod calls;
mod case;
pub mod check;
pub mod difference;
pub mod escape;
pub mod figures;
pub mod flame;
pub mod html;
mod ink;
pub mod json;
pub(crate) mod label;
mod layout;
mod markup;
pub mod nodes;
pub mod ordered;
pub mod pings;
pub(crate) mod plain;
pub mod rxpath;
pub(crate) mod spans;
pub mod terminal;
pub(crate) mod terms;
mod text;
mod words;

pub use case::Case;

/// How the terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Escape sequences for colour may be used.
    pub color: bool,
    /// Columns: 30 at least. The verdict uses no more than 140, the time-ordered view all.
    pub width: usize,
}

impl Default for Style {
    /// What suits a pipe or a file.
    fn default() -> Style {
        Style { color: false, width: 100 }
    }
}

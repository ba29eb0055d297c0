//! The figures of a report: each one for the page, and as an SVG of its own.
//!
//! A new figure is a file here and a line in [`FIGURES`]. Coordinates are pixels, of [`WIDTH`] in
//! all; colours are classes of the [`palette`], so that the page can change its ground.

pub(super) mod anatomy;
mod axis;
pub(super) mod conntrack;
pub(super) mod curves;
pub(super) mod files;
pub(super) mod flames;
mod grid;
pub(super) mod heat;
pub(super) mod nodes;
pub(super) mod palette;
mod plot;
pub(super) mod received;
pub(super) mod timeline;

use super::case::Case;
use super::markup;
pub use nodes::of_nodes;

/// Width of a figure in pixels.
pub(super) const WIDTH: f64 = 1040.0;

/// What draws figures of a case; none where it holds nothing to draw.
type Draw = fn(&Case<'_>) -> Vec<Figure>;

/// All figures, in the order of the page.
const FIGURES: [Draw; 8] = [
    timeline::figures,
    anatomy::figures,
    heat::figures,
    curves::figures,
    flames::figures,
    files::figures,
    received::figures,
    conntrack::figures,
];

/// A drawing with its text alternative.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Name of its file, without extension: letters, digits and hyphens.
    pub name: String,
    /// What it shows.
    pub(super) title: String,
    /// What it says, for who cannot see it.
    pub(super) desc: String,
    pub(super) height: f64,
    /// SVG elements.
    pub(super) body: String,
}

/// Draws all figures of a case.
#[must_use]
pub fn all(case: &Case<'_>) -> Vec<Figure> {
    FIGURES.iter().flat_map(|draw| draw(case)).collect()
}

impl Figure {
    /// For a page that holds the palette and its rules.
    pub(super) fn inline(&self) -> String {
        let Figure { name, height, body, .. } = self;
        let (title, desc) = (markup::text(&self.title), markup::text(&self.desc));
        format!(
            "<svg class=\"fig\" id=\"fig-{name}\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" \
             aria-labelledby=\"fig-{name}-t fig-{name}-d\"><title id=\"fig-{name}-t\">{title}</title>\
             <desc id=\"fig-{name}-d\">{desc}</desc>\n{body}</svg>\n"
        )
    }

    /// As a file: on white ground, with all that it needs.
    #[must_use]
    pub fn alone(&self) -> String {
        let Figure { height, body, .. } = self;
        let (title, desc) = (markup::text(&self.title), markup::text(&self.desc));
        let bg = palette::light("bg");
        let tall = height + 34.0;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"fig\" width=\"{WIDTH}\" \
             height=\"{tall:.0}\" viewBox=\"0 -34 {WIDTH} {tall:.0}\" role=\"img\">\
             <title>{title}</title><desc>{desc}</desc>\n<style>{}</style>\n\
             <rect y=\"-34\" width=\"100%\" height=\"100%\" fill=\"{bg}\"/>\
             <text class=\"head\" x=\"8\" y=\"-14\">{title}</text>\n{body}</svg>\n",
            palette::rules_on_light()
        )
    }
}

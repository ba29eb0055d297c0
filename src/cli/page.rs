//! `stallprof report -o PAGE.html --svg DIR`: the report as a page, and its figures as files.

use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context, Result, bail};

use super::output::{same_file, tell, write_whole};
use crate::model::Recording;
use crate::model::findings::Findings;
use crate::model::nodes::Nodes;
use crate::render::figures::Figure;
use crate::render::{self, Case};

/// Where a page and its figures go.
#[derive(Clone, Copy)]
pub struct Outputs<'a> {
    pub page: Option<&'a Path>,
    pub figures: Option<&'a Path>,
    pub force: bool,
}

impl Outputs<'_> {
    fn none(&self) -> bool {
        self.page.is_none() && self.figures.is_none()
    }
}

/// Writes the page of a recording, the figures, or both.
pub fn write(source: &Path, r: &Recording, f: &Findings, to: Outputs<'_>) -> Result<()> {
    if to.none() {
        return Ok(());
    }
    not_over(to, source)?;
    let name = source.file_name().unwrap_or(source.as_os_str()).to_string_lossy();
    let case = Case::new(r, f, &name);
    let html = |out: &mut Vec<u8>| render::html::write(out, &case);
    files(to, html, || render::figures::all(&case))
}

/// The same of several recordings.
pub fn write_nodes(sources: &[PathBuf], nodes: &Nodes, to: Outputs<'_>) -> Result<()> {
    if to.none() {
        return Ok(());
    }
    sources.iter().try_for_each(|source| not_over(to, source))?;
    let html = |out: &mut Vec<u8>| render::html::write_nodes(out, nodes);
    files(to, html, || render::figures::of_nodes(nodes))
}

/// Refuses to write over a recording.
fn not_over(to: Outputs<'_>, source: &Path) -> Result<()> {
    match to.page {
        Some(page) if same_file(page, source) => {
            bail!("{} is the recording itself: give the page another name", page.display())
        }
        _ => Ok(()),
    }
}

fn files(
    to: Outputs<'_>,
    page: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
    figures: impl FnOnce() -> Vec<Figure>,
) -> Result<()> {
    if let Some(path) = to.page {
        let mut html = Vec::with_capacity(1 << 20);
        page(&mut html)?;
        write_whole(path, &html, to.force)?;
        tell(&format_args!("wrote {}, the report as a page", path.display()));
    }
    let Some(dir) = to.figures else { return Ok(()) };
    let figures = figures();
    if figures.is_empty() {
        tell(&format_args!("no figures: the recording holds nothing to draw"));
        return Ok(());
    }
    if !dir.is_dir() {
        fs::create_dir(dir).with_context(|| format!("--svg {}", dir.display()))?;
    }
    for figure in &figures {
        let path = dir.join(&figure.name).with_extension("svg");
        write_whole(&path, figure.alone().as_bytes(), to.force)?;
    }
    tell(&format_args!("wrote {} figures into {}", figures.len(), dir.display()));
    Ok(())
}

/// Refuses a page of a name that is not one, so that `-o` cannot be taken for another format.
pub fn check(page: Option<&Path>) -> Result<()> {
    let Some(page) = page else { return Ok(()) };
    if page.extension().is_some_and(|e| e == "html" || e == "htm") {
        return Ok(());
    }
    bail!(
        "--output {}: it is a page of HTML: give it a name that ends in .html (--format prints text \
         or JSON)",
        page.display()
    );
}

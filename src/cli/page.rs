//! `stallprof report -o PAGE.html --svg DIR`: the report as a page, and its figures as files.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::output::{tell, write_whole};
use crate::model::Recording;
use crate::model::findings::Findings;
use crate::render::{self, Case};

/// Writes the page, the figures, or both.
pub fn write(
    source: &Path,
    r: &Recording,
    f: &Findings,
    page: Option<&Path>,
    figures: Option<&Path>,
    force: bool,
) -> Result<()> {
    if page.is_none() && figures.is_none() {
        return Ok(());
    }
    if let Some(page) = page.filter(|page| page.exists()) {
        let same = |a: &Path, b: &Path| a.canonicalize().ok() == b.canonicalize().ok();
        if same(page, source) {
            bail!("{} is the recording itself: give the page another name", page.display());
        }
    }
    let name = source.file_name().unwrap_or(source.as_os_str()).to_string_lossy();
    let case = Case::new(r, f, &name);
    if let Some(path) = page {
        let mut html = Vec::with_capacity(1 << 20);
        render::html::write(&mut html, &case)?;
        write_whole(path, &html, force)?;
        tell(&format_args!("wrote {}, the report as a page", path.display()));
    }
    let Some(dir) = figures else { return Ok(()) };
    let figures = render::figures::all(&case);
    if figures.is_empty() {
        tell(&format_args!("no figures: the recording holds nothing to draw"));
        return Ok(());
    }
    if !dir.is_dir() {
        fs::create_dir(dir).with_context(|| format!("--svg {}", dir.display()))?;
    }
    for figure in &figures {
        let path = dir.join(&figure.name).with_extension("svg");
        write_whole(&path, figure.alone().as_bytes(), force)?;
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

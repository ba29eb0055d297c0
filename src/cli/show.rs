//! What `record` and `report` both print.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::model::Recording;
use crate::model::findings::Findings;
use crate::render::{self, Style};

/// The style that fits standard output: width of the terminal, colours unless told not to
/// (<https://no-color.org>).
pub fn style() -> Style {
    let terminal = std::io::stdout().is_terminal();
    let color = terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    let width = columns.or_else(terminal_width).unwrap_or(100);
    Style { color, width: width.clamp(60, 160) }
}

fn terminal_width() -> Option<usize> {
    // SAFETY: TIOCGWINSZ fills a winsize; all zeroes is a valid one.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: as above; on anything but a terminal it fails and fills nothing.
    let failed = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &mut size) } != 0;
    (!failed && size.ws_col > 0).then_some(usize::from(size.ws_col))
}

pub fn verdict(findings: &Findings) -> Result<()> {
    let mut out = std::io::stdout().lock();
    render::terminal::verdict(&mut out, findings, style())?;
    out.flush()?;
    Ok(())
}

/// Writes the flame graph of what held the CPUs beside the recording.
pub fn flame_graph(
    recording: &Recording,
    findings: &Findings,
    beside: &Path,
) -> Result<Option<PathBuf>> {
    if findings.stalls.is_empty() {
        return Ok(None);
    }
    let path = beside.with_extension("svg");
    let mut svg = Vec::new();
    let caption = render::flame::held_caption(recording, findings);
    render::flame::svg(&mut svg, &render::flame::held(recording, findings), &caption)?;
    std::fs::write(&path, svg).with_context(|| format!("writing {}", path.display()))?;
    Ok(Some(path))
}

/// Where everything is, and how to see it again.
pub fn paths(recording: &Path, svg: Result<Option<PathBuf>>) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let shown = render::escape::visible(&recording.to_string_lossy()).into_owned();
    writeln!(out)?;
    writeln!(out, "Recording    {shown}  (stallprof report {shown})")?;
    match svg {
        Ok(Some(svg)) => writeln!(out, "Flame graph  {}", svg.display())?,
        Ok(None) => {}
        Err(error) => eprintln!("stallprof: no flame graph: {error:#}"),
    }
    Ok(())
}

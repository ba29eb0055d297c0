//! How `record` ends: the verdict, and where everything is.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use super::output::{picture_of, print, tell, write_whole};
use super::style::style;
use crate::analysis;
use crate::model::Recording;
use crate::model::findings::Findings;
use crate::render;
use crate::session::{Counts, End};

/// Reads the recording back, prints the verdict, says where everything is.
pub fn conclude(path: &Path, force: bool, end: &End, counts: &Counts) -> Result<ExitCode> {
    let recording = super::reading::recording(path).with_context(|| {
        format!("{} events were recorded, but the recording cannot be read back", counts.events)
    })?;
    let findings = analysis::analyse(&recording);
    let printed = print(|out| render::terminal::verdict(out, &findings, style()));
    // Wherever the verdict went, the picture is made.
    let svg = flame_graph(&recording, &findings, path, force);
    let code = match printed {
        Ok(code) if code == ExitCode::SUCCESS => paths(path, svg)?,
        other => other.with_context(|| format!("the recording is kept as {}", path.display()))?,
    };
    if let End::Write(error) = end {
        bail!(
            "the recording ended early: {}: {error}. What was written before is in it",
            path.display()
        );
    }
    Ok(code)
}

/// Writes the flame graph of what held the CPUs beside the recording.
fn flame_graph(
    recording: &Recording,
    findings: &Findings,
    beside: &Path,
    force: bool,
) -> Result<Option<PathBuf>> {
    let held = render::flame::held(recording, findings);
    if held.is_empty() {
        return Ok(None);
    }
    let path = picture_of(beside);
    let mut svg = Vec::new();
    let caption = render::flame::held_caption(recording, findings);
    render::flame::svg(&mut svg, &held, &caption)?;
    write_whole(&path, &svg, force)?;
    Ok(Some(path))
}

/// Where everything is, and how to see it again.
fn paths(recording: &Path, svg: Result<Option<PathBuf>>) -> Result<ExitCode> {
    let shown = |path: &Path| render::escape::visible(&path.to_string_lossy()).into_owned();
    // To be pasted.
    let quoted = |path: &Path| {
        let shown = shown(path);
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
        if shown.chars().all(plain) { shown } else { format!("'{}'", shown.replace('\'', "'\\''")) }
    };
    // As it was called: it need not be in the PATH.
    let me = std::env::args_os().next().unwrap_or_else(|| "stallprof".into());
    let report = format!("{} report {}", quoted(Path::new(&me)), quoted(recording));
    let recording = shown(recording);
    print(|out| {
        writeln!(out)?;
        writeln!(out, "Recording    {recording}  ({report})")?;
        writeln!(out, "To share     {report} -o report.html  (a page)")?;
        match svg {
            Ok(Some(svg)) => writeln!(out, "Flame graph  {}", shown(&svg)),
            Ok(None) => Ok(()),
            Err(error) => {
                tell(&format_args!("no flame graph: {error:#}"));
                Ok(())
            }
        }
    })
}

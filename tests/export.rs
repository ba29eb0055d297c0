//! A recording in the formats of other tools: goldens, hostile names, what programs read.
//!
//! `tools/consumers` gives the same files to the programs themselves.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "export/command.rs"]
mod command;
#[path = "export/formats.rs"]
mod formats;
#[path = "export/hostile.rs"]
mod hostile;
#[cfg(feature = "parquet")]
#[path = "export/tables.rs"]
mod tables;
#[path = "export/wire.rs"]
mod wire;

#[path = "render/difference.rs"]
mod difference;

use std::path::{Path, PathBuf};

use stallprof::export::{self, Format};
use stallprof::model::Recording;
use stallprof::model::findings::Findings;
use stallprof::{analysis, recording};

const FORMATS: [Format; 5] =
    [Format::Folded, Format::FoldedOrdered, Format::Pprof, Format::Perfetto, Format::Openmetrics];

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/replay").join(name)
}

fn load(name: &str) -> (Recording, Findings) {
    let recording = recording::read(&path(name)).unwrap();
    let findings = analysis::analyse(&recording);
    (recording, findings)
}

/// An export; of a profile what the gzip holds.
fn exported(format: Format, r: &Recording, f: &Findings, stalls_only: bool) -> Vec<u8> {
    let mut out = Vec::new();
    export::write(&mut out, format, r, f, stalls_only).unwrap();
    if format != Format::Pprof {
        return out;
    }
    let mut raw = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&out[..]), &mut raw).unwrap();
    raw
}

fn text(format: Format, r: &Recording, f: &Findings, stalls_only: bool) -> String {
    String::from_utf8(exported(format, r, f, stalls_only)).unwrap()
}

//! The truth, read back.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::truth::{CLOCK, Header, Stall, VERSION};

/// A run of stallgen, read back.
#[derive(Debug)]
pub struct Truth {
    /// What its stalls have in common.
    pub header: Header,
    /// The stalls, in order.
    pub stalls: Vec<Stall>,
    /// Whether all were made that were asked for.
    pub complete: bool,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum ReadLine {
    Header {
        version: u32,
        #[serde(flatten)]
        header: Header,
        clock: String,
    },
    Stall(Stall),
    End {
        complete: bool,
    },
}

impl Truth {
    /// Reads what [`truth::write`](crate::truth::write) wrote.
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} is no truth", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let (mut head, mut stalls, mut end) = (None, Vec::new(), None);
        for line in text.lines() {
            match serde_json::from_str(line).with_context(|| line.to_owned())? {
                ReadLine::Header { version, header, clock } => {
                    ensure!(version == VERSION && clock == CLOCK, "version or clock: {line}");
                    head = Some(header);
                }
                ReadLine::Stall(stall) => stalls.push(stall),
                ReadLine::End { complete } => end = Some(complete),
            }
        }
        Ok(Self {
            header: head.context("no header")?,
            stalls,
            complete: end.context("no end: stallgen did not finish")?,
        })
    }
}

//! What a guest says while it runs: its console, and what the job reports.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::Child;
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result};

/// Writes the console, which is qemu's output, to `console.log` as it comes, with `echo` to
/// standard error, too; at its end the thread has all of it. None where it is on the terminal.
pub fn console(qemu: &mut Child, folder: &Path, echo: bool) -> Result<Option<JoinHandle<String>>> {
    let Some(stdout) = qemu.stdout.take() else { return Ok(None) };
    let mut log = File::create(folder.join("console.log"))?;
    Ok(Some(thread::spawn(move || {
        let mut all = String::new();
        for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches('\r');
            let _ = writeln!(log, "{line}");
            if echo {
                eprintln!("{line}");
            }
            all += line;
            all.push('\n');
        }
        all
    })))
}

/// A file that grows, by whole lines.
pub struct Lines {
    file: File,
    rest: String,
}

impl Lines {
    /// Starts at its beginning.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { file, rest: String::new() })
    }

    /// The whole lines that have come since.
    pub fn new_ones(&mut self) -> Result<Vec<String>> {
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes)?;
        self.rest += &String::from_utf8_lossy(&bytes);
        let Some((whole, rest)) = self.rest.rsplit_once('\n') else { return Ok(Vec::new()) };
        let lines = whole.lines().map(|line| line.trim_end_matches('\r').to_owned()).collect();
        self.rest = rest.to_owned();
        Ok(lines)
    }
}

//! Programs of the host that do part of the work.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, anyhow, bail};

/// A program with its arguments. It is to succeed.
pub struct Tool {
    name: String,
    command: Command,
}

impl Tool {
    /// The program `name`, found where root would find it.
    pub fn new(name: &str) -> Self {
        let path = find(name).unwrap_or_else(|_| PathBuf::from(name));
        let mut command = Command::new(path);
        command.stdin(Stdio::null());
        Self { name: name.to_owned(), command }
    }

    /// More arguments.
    pub fn args<T: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.command.args(args);
        self
    }

    /// A variable of its environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Where it runs.
    pub fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Runs it; its output as bytes. An error holds what it said.
    pub fn bytes(mut self) -> Result<Vec<u8>> {
        let output = self.command.output().map_err(|error| missing(&self.name, error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{} failed ({}): {}", self.name, output.status, said.trim());
        }
        Ok(output.stdout)
    }

    /// Runs it; its output as text.
    pub fn output(self) -> Result<String> {
        let name = self.name.clone();
        String::from_utf8(self.bytes()?).with_context(|| format!("{name} wrote no text"))
    }
}

/// The error of a program that cannot be started.
pub fn missing(name: &str, error: std::io::Error) -> anyhow::Error {
    if error.kind() == ErrorKind::NotFound {
        return anyhow!("{name} is not installed: run tools/setup vm");
    }
    anyhow::Error::new(error).context(format!("cannot run {name}"))
}

/// Where a program is. Users other than root have no sbin in their PATH.
pub fn find(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sbin = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(sbin)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .with_context(|| format!("{name} is not installed: run tools/setup vm"))
}

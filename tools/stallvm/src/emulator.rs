//! Which qemu guests run under: this machine's, or a newer one where that is old.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::apt;
use crate::tool::{Tool, find};

const PROGRAM: &str = "qemu-system-x86_64";

/// Under an older one, kernels that patch their code, as they do for each program that is attached,
/// hang now and then: a CPU goes on hitting a breakpoint that another one has taken away.
const OLDEST: u32 = 10;

/// What is fetched then: for Debian 12, of whose libraries it makes use.
const SUITE: &str = "bookworm-backports";
const PACKAGES: [&str; 4] =
    ["qemu-system-x86", "qemu-system-common", "qemu-system-data", "seabios"];

/// A qemu, in place or unpacked.
pub struct Emulator {
    program: PathBuf,
    /// Where it is unpacked; none if it is installed.
    root: Option<PathBuf>,
}

impl Emulator {
    /// This machine's own if it is new enough, or nothing newer runs here. Else that in `folder`.
    ///
    /// # Errors
    /// This machine has none. One that cannot be fetched is no error.
    pub fn choose(folder: &Path) -> Result<Self> {
        let own = Self { program: find(PROGRAM)?, root: None };
        let version = own.version()?;
        if version >= OLDEST {
            return Ok(own);
        }
        newer(folder).or_else(|error| {
            eprintln!(
                "stallvm: guests run under qemu {version} and may hang: no newer one is to be had \
                 here: {error:#}"
            );
            Ok(own)
        })
    }

    /// Its command line so far.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(root) = &self.root {
            command.env("QEMU_MODULE_DIR", root.join("usr/lib/x86_64-linux-gnu/qemu"));
            for data in ["usr/share/qemu", "usr/share/seabios"] {
                command.arg("-L").arg(root.join(data));
            }
        }
        command
    }

    fn version(&self) -> Result<u32> {
        let output = self.command().arg("--version").output().context(PROGRAM)?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        major(&said).with_context(|| format!("{PROGRAM} tells no version: {}", said.trim()))
    }
}

/// Downloaded and unpacked if it is not there yet.
fn newer(folder: &Path) -> Result<Emulator> {
    let root = folder.join("root");
    if !root.exists() {
        eprintln!("downloading {} of Debian {SUITE}", PACKAGES[0]);
        let new = folder.join("new");
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for deb in apt::download(SUITE, &PACKAGES, folder)? {
            Tool::new("dpkg-deb").args(["-x".as_ref(), deb.as_os_str()]).args([&new]).bytes()?;
            fs::remove_file(deb)?;
        }
        fs::remove_dir_all(folder.join("apt"))?;
        fs::rename(new, &root)?;
    }
    let emulator = Emulator { program: root.join("usr/bin").join(PROGRAM), root: Some(root) };
    emulator.version()?; // does it run with the libraries that are here?
    Ok(emulator)
}

/// Of "QEMU emulator version 10.0.2 (Debian ...)".
fn major(said: &str) -> Option<u32> {
    let (_, rest) = said.split_once("version ")?;
    rest.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn versions_are_read() {
        let debian_12 = "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\nCopyright";
        assert_eq!(major(debian_12), Some(7));
        assert_eq!(major("QEMU emulator version 10.0.2\n"), Some(10));
        assert_eq!(major("qemu: error while loading shared libraries"), None);
    }
}

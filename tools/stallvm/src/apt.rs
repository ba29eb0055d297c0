//! Debian packages of any suite, by apt with a configuration and state of our own: signatures and
//! checksums are apt's work, and the machine's own sources and lists stay as they are.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::kernels::Kernel;
use crate::tool::Tool;

const MIRROR: &str = "http://deb.debian.org/debian";
/// Of package debian-archive-keyring.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// A kernel package is split into some of these since 7.x.
const PARTS: [&str; 4] = ["linux-image-", "linux-binary-", "linux-modules-", "linux-base-"];

/// Downloads the packages of a kernel into `folder`; their files.
pub fn download_kernel(kernel: Kernel, folder: &Path) -> Result<Vec<PathBuf>> {
    let apt = Apt::new(kernel.suite, folder)?;
    let mut packages = apt.parts_of(kernel.package)?;
    ensure!(!packages.is_empty(), "{} of {} depends on no kernel", kernel.package, kernel.suite);
    // Those of the parts: the list grows while it is read.
    let mut next = 0;
    while let Some(package) = packages.get(next).cloned() {
        let parts = apt.parts_of(&package)?;
        packages.extend(parts.into_iter().filter(|p| !packages.contains(p)).collect::<Vec<_>>());
        next += 1;
    }
    apt.download(&packages.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Downloads these packages of a suite into `folder`, and none that they depend on; their files.
pub fn download(suite: &str, packages: &[&str], folder: &Path) -> Result<Vec<PathBuf>> {
    Apt::new(suite, folder)?.download(packages)
}

struct Apt<'a> {
    folder: &'a Path,
    config: PathBuf,
}

impl<'a> Apt<'a> {
    /// Reads the lists of the suite.
    fn new(suite: &str, folder: &'a Path) -> Result<Self> {
        ensure!(
            Path::new(KEYRING).exists(),
            "{KEYRING} is missing: install debian-archive-keyring (tools/setup vm does)"
        );
        let state = folder.join("apt");
        fs::create_dir_all(state.join("lists/partial"))?;
        let sources = format!("deb [signed-by={KEYRING} target=Packages] {MIRROR} {suite} main\n");
        fs::write(state.join("sources.list"), sources)?;
        let config = state.join("apt.conf");
        let state = state.display();
        // Downloads as this user: "_apt" may not write here.
        let text = format!(
            "Dir::Etc::sourcelist \"{state}/sources.list\";\n\
             Dir::Etc::sourceparts \"/dev/null\";\n\
             Dir::Etc::preferences \"/dev/null\";\n\
             Dir::Etc::preferencesparts \"/dev/null\";\n\
             Dir::State::lists \"{state}/lists\";\n\
             Dir::State::status \"/dev/null\";\n\
             Dir::Cache \"{state}\";\n\
             APT::Architecture \"amd64\";\n\
             APT::Architectures {{ \"amd64\"; }};\n\
             APT::Sandbox::User \"root\";\n\
             Acquire::Languages \"none\";\n\
             Acquire::Retries \"3\";\n"
        );
        fs::write(&config, text)?;
        let apt = Self { folder, config };
        apt.run(&["apt-get", "update", "-qq"])
            .with_context(|| format!("cannot read the packages of Debian {suite} at {MIRROR}"))?;
        Ok(apt)
    }

    fn download(&self, packages: &[&str]) -> Result<Vec<PathBuf>> {
        self.run(&[&["apt-get", "download", "-qq"], packages].concat())
            .with_context(|| format!("cannot download {}", packages.join(" ")))?;
        let files = fs::read_dir(self.folder)?.filter_map(|entry| Some(entry.ok()?.path()));
        Ok(files.filter(|path| path.extension().is_some_and(|e| e == "deb")).collect())
    }

    fn run(&self, command: &[&str]) -> Result<String> {
        Tool::new(command[0])
            .args(&command[1..])
            .env("APT_CONFIG", &self.config)
            .folder(self.folder)
            .output()
    }

    /// The kernel packages that a package depends on.
    fn parts_of(&self, package: &str) -> Result<Vec<String>> {
        let text = self.run(&["apt-cache", "depends", "--important", package])?;
        let depends = text.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
        // linux-base alone is for configuring; a version follows the dash of what we want.
        let is_part = |name: &&str| {
            PARTS.iter().any(|part| {
                name.strip_prefix(part).is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()))
            })
        };
        Ok(depends.filter(is_part).map(str::to_owned).collect())
    }
}

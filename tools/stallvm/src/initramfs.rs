//! The whole file system of a guest: programs of the host with their libraries, the current build,
//! the scripts in tools/guest and the modules of the kernel.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::cpio::Archive;
use crate::tool::{Tool, find};

/// Programs of the host. Not busybox: its shell prefers its own ip and modprobe to the real ones.
const PROGRAMS: &[&str] = &[
    "awk", "bash", "bpftool", "cat", "chmod", "cp", "cut", "date", "dd", "dmesg", "du", "env",
    "ethtool", "find", "free", "grep", "head", "id", "ip", "kill", "ln", "ls", "mkdir", "mknod",
    "modprobe", "mount", "mv", "nproc", "ping", "ps", "rm", "rmdir", "sed", "seq", "setsid",
    "sleep", "sort", "stat", "stty", "sync", "tail", "tar", "taskset", "tee", "timeout", "touch",
    "tr", "umount", "uname", "uniq", "wc", "xargs",
];
/// What of the current build guests get.
const OURS: &[&str] = &["stallprof", "stallgen", "stallscore", "bpfprogs"];

/// What goes into a guest.
pub struct Contents<'a> {
    /// The folder with the current build.
    pub build: &'a Path,
    /// The folder tools/guest.
    pub scripts: &'a Path,
    /// A tree of modules.
    pub modules: &'a Path,
    /// Further files of the host, put into the guest's /with.
    pub with: &'a [PathBuf],
    /// A script: what the guest is to do.
    pub job: &'a str,
}

/// The archive that the kernel unpacks.
pub fn build(contents: &Contents<'_>) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    for folder in ["dev", "out", "proc", "root", "sys", "tmp", "run", "etc"] {
        archive.folder(folder);
    }
    for name in PROGRAMS {
        program(&mut archive, &find(name)?, name, false)?;
    }
    archive.link("/bin/sh", "bash");
    for name in OURS {
        let path = contents.build.join(name);
        ensure!(path.exists(), "{} is missing: run tools/vm, which builds it", path.display());
        program(&mut archive, &path, name, true)?;
    }
    for script in files_below(contents.scripts)? {
        let name = script.file_stem().context("a script without a name")?.to_owned();
        archive.file(Path::new("/guest").join(name), read(&script)?);
    }
    archive.link("/init", "guest/init");
    archive.file("/job", contents.job.into());
    for file in files_below(contents.modules)? {
        archive.file(file.strip_prefix(contents.modules)?, read(&file)?);
    }
    for file in contents.with {
        let name = file.file_name().with_context(|| format!("--with {}", file.display()))?;
        program(&mut archive, file, &Path::new("/with").join(name).to_string_lossy(), false)?;
    }
    Ok(archive.bytes())
}

/// Puts a program into /bin (or where an absolute `name` says) and its libraries where it looks
/// for them.
fn program(archive: &mut Archive, path: &Path, name: &str, strip: bool) -> Result<()> {
    let content = if strip { stripped(path)? } else { read(path)? };
    archive.file(Path::new("/bin").join(name), content);
    // Fails for what is no dynamic program: a script, or one that needs nothing.
    let Ok(libraries) = Tool::new("ldd").args([path]).output() else { return Ok(()) };
    for line in libraries.lines() {
        // "libz.so.1 => /lib/libz.so.1 (0x7f..)" or "/lib64/ld-linux-x86-64.so.2 (0x7f..)"
        ensure!(!line.contains("not found"), "{}: {}", path.display(), line.trim());
        let file = line.split_whitespace().find(|word| word.starts_with('/'));
        if let Some(file) = file.filter(|file| !archive.has(file)) {
            archive.file(file, read(Path::new(file))?);
        }
    }
    Ok(())
}

/// Without debug information, which is most of a debug build and of no use there.
fn stripped(path: &Path) -> Result<Vec<u8>> {
    let temporary = std::env::temp_dir().join(format!("stallvm-strip-{}", std::process::id()));
    let strip = Tool::new("strip").args(["--strip-debug", "-o"]).args([&temporary]).args([path]);
    let content = strip.bytes().and_then(|_| read(&temporary));
    let _ = fs::remove_file(&temporary);
    content
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

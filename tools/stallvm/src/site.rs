//! Where the pieces of guests are, and one boot made of them.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::cache::{Cache, Ready};
use crate::emulator::Emulator;
use crate::initramfs::{self, Contents};
use crate::qemu::{End, Guest, Machine};
use crate::tool::Tool;

/// Boots of one job that may end with a crash of the guest's kernel.
pub const MAX_CRASHES: u32 = 3;

/// This source tree with its build.
pub struct Site {
    /// The kernels, and what guests leave behind.
    pub cache: Cache,
    /// The source tree.
    pub top: PathBuf,
    build: PathBuf,
    emulator: OnceCell<Emulator>,
}

/// What a guest is to do.
pub struct Job<'a> {
    /// A bash script; a shell on this terminal if there is none.
    pub script: Option<&'a str>,
    /// Files of the host for its /with.
    pub with: &'a [PathBuf],
    /// Whether its console goes to standard error.
    pub echo: bool,
}

impl Site {
    /// The tree this was built from, and the programs beside this one if no folder is named.
    pub fn here(build: Option<PathBuf>) -> Result<Self> {
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let top = top.canonicalize().context("the source tree this was built from is gone")?;
        let beside = std::env::current_exe()?.parent().map(Path::to_owned);
        let build = build.or(beside).context("this program has no folder")?;
        Ok(Self { cache: Cache::of(&top), top, build, emulator: OnceCell::new() })
    }

    /// The qemu for guests, downloaded if there is none that will do.
    ///
    /// # Errors
    /// This machine has none at all.
    pub fn emulator(&self) -> Result<&Emulator> {
        if let Some(emulator) = self.emulator.get() {
            return Ok(emulator);
        }
        let emulator = Emulator::choose(&self.cache.emulator())?;
        Ok(self.emulator.get_or_init(|| emulator))
    }

    /// Boots once. The folder keeps `console.log`, and in `files` what the guest left in /out.
    pub fn boot(
        &self,
        kernel: &Ready,
        machine: &Machine,
        folder: &Path,
        job: &Job<'_>,
        on_line: impl FnMut(&str),
    ) -> Result<End> {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let contents = Contents {
            build: &self.build,
            scripts: &self.top.join("tools/guest"),
            modules: &kernel.folder.join("modules"),
            with: job.with,
            job: job.script.unwrap_or_default(),
        };
        let initramfs = initramfs::build(&contents)?;
        let guest = Guest {
            emulator: self.emulator()?,
            machine,
            kernel: &kernel.folder.join("vmlinuz"),
            initramfs: &initramfs,
            folder,
            shell: job.script.is_none(),
            echo: job.echo,
        };
        let end = guest.run(on_line)?;
        if matches!(end, End::Exited(_)) {
            unpack(&folder.join("disk"), &folder.join("files"))?;
        }
        fs::remove_file(folder.join("disk"))?;
        Ok(end)
    }
}

/// Unpacks what the guest wrote to its disk.
fn unpack(disk: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let tar = Tool::new("tar").args(["--no-same-owner", "-xf"]).args([disk]);
    tar.args(["-C".as_ref(), to.as_os_str()])
        .bytes()
        .map(|_| ())
        .context("what the guest brought back cannot be unpacked")
}

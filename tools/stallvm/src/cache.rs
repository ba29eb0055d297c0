//! Kernels on disk: what was downloaded stays, and is made ready for guests once.
//!
//! `.cache/vm/NAME/` has the packages in `debs/` (with a file `complete`), and what guests are
//! booted from in `ready/`: `vmlinuz`, `release`, `config`, `wanted` and `modules/`, a tree with
//! the wanted modules alone, decompressed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::apt;
use crate::kernels::Kernel;
use crate::modules;
use crate::tool::Tool;

/// The folder of everything that stallvm keeps.
pub struct Cache(PathBuf);

/// A kernel that guests can be booted from.
pub struct Ready {
    /// Its folder.
    pub folder: PathBuf,
    /// As `uname -r` will say.
    pub release: String,
}

impl Cache {
    /// The cache of the source tree at `top`.
    pub fn of(top: &Path) -> Self {
        Self(top.join(".cache/vm"))
    }

    /// A folder for a qemu.
    pub fn emulator(&self) -> PathBuf {
        self.0.join("qemu")
    }

    /// A folder for what guests leave behind.
    pub fn runs(&self) -> PathBuf {
        self.0.join("runs")
    }

    fn folder(&self, kernel: Kernel) -> PathBuf {
        self.0.join(kernel.name)
    }

    /// The release of a kernel that is there already.
    pub fn release(&self, kernel: Kernel) -> Option<String> {
        let release = fs::read_to_string(self.folder(kernel).join("ready/release")).ok()?;
        Some(release.trim().to_owned())
    }

    /// The kernel, downloaded and unpacked if it is not there yet.
    pub fn get(&self, kernel: Kernel) -> Result<Ready> {
        let (debs, ready) = (self.folder(kernel).join("debs"), self.folder(kernel).join("ready"));
        if !debs.join("complete").exists() {
            eprintln!("downloading {} of Debian {}", kernel.package, kernel.suite);
            let _ = fs::remove_dir_all(&debs);
            let _ = fs::remove_dir_all(&ready);
            fs::create_dir_all(&debs).with_context(|| format!("cannot make {}", debs.display()))?;
            apt::download_kernel(kernel, &debs)?;
            fs::remove_dir_all(debs.join("apt"))?;
            fs::write(debs.join("complete"), "")?;
        }
        let made_for = fs::read_to_string(ready.join("wanted")).unwrap_or_default();
        if made_for != modules::wanted() {
            self.make_ready(kernel, &debs, &ready)
                .with_context(|| format!("cannot unpack {}", debs.display()))?;
        }
        let release = self.release(kernel).context("a kernel without a release")?;
        Ok(Ready { folder: ready, release })
    }

    fn make_ready(&self, kernel: Kernel, debs: &Path, ready: &Path) -> Result<()> {
        let root = self.folder(kernel).join("unpacked");
        let new = self.folder(kernel).join("ready.new");
        for folder in [&root, &new] {
            let _ = fs::remove_dir_all(folder);
            fs::create_dir(folder)?;
        }
        for entry in fs::read_dir(debs)? {
            let deb = entry?.path();
            if deb.extension().is_some_and(|e| e == "deb") {
                Tool::new("dpkg-deb")
                    .args(["-x".as_ref(), deb.as_os_str()])
                    .args([&root])
                    .bytes()?;
            }
        }
        // depmod and modprobe look in /lib, where Debian had it before 13.
        if !root.join("lib").exists() {
            std::os::unix::fs::symlink("usr/lib", root.join("lib"))?;
        }
        let release = modules::release(&root)?;
        let of_release = root.join("lib/modules").join(&release);
        let first = |places: [PathBuf; 2]| places.into_iter().find(|p| p.exists());
        let boot = root.join("boot");
        let image = first([boot.join(format!("vmlinuz-{release}")), of_release.join("vmlinuz")]);
        fs::copy(image.context("the packages have no vmlinuz")?, new.join("vmlinuz"))?;
        let config = first([boot.join(format!("config-{release}")), of_release.join("config")]);
        fs::copy(config.context("the packages have no config")?, new.join("config"))?;
        modules::extract(&root, &release, &new.join("modules"))?;
        fs::write(new.join("release"), &release)?;
        fs::write(new.join("wanted"), modules::wanted())?;
        let _ = fs::remove_dir_all(ready);
        fs::rename(&new, ready)?;
        Ok(fs::remove_dir_all(&root)?)
    }
}

//! The modules that guests need, out of the thousands a kernel has.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::tool::Tool;

/// Modules with which files come back, packets are made and connections tracked. One that a
/// kernel has built in, or has not at all, is left out.
const WANTED: &[&str] = &[
    "virtio_pci",
    "virtio_blk",
    "virtio_net",
    "veth",
    "dummy",
    "nf_conntrack",
    "nf_conntrack_netlink",
    "nf_tables",
    "nft_chain_nat",
    "nft_ct",
    "nft_masq",
    "nft_nat",
    "nft_redir",
    "cls_bpf",
    "sch_ingress",
];

/// What was extracted, as text: another list makes another extract.
pub fn wanted() -> String {
    WANTED.join("\n")
}

/// The one kernel whose modules are below `root`.
pub fn release(root: &Path) -> Result<String> {
    let folder = root.join("lib/modules");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("no {}", folder.display()))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    match <[String; 1]>::try_from(names) {
        Ok([name]) => Ok(name),
        Err(names) => bail!("{} kernels in one package: {}", names.len(), names.join(", ")),
    }
}

/// Puts the wanted modules below `to`, in a tree that modprobe takes with `-d`.
pub fn extract(root: &Path, release: &str, to: &Path) -> Result<()> {
    let relative = Path::new("lib/modules").join(release);
    let (source, target) = (root.join(&relative), to.join(&relative));
    fs::create_dir_all(&target)?;
    for list in ["modules.builtin", "modules.builtin.modinfo", "modules.order"] {
        if source.join(list).exists() {
            fs::copy(source.join(list), target.join(list))?;
        }
    }
    depmod(root, release)?;
    for name in WANTED {
        let show =
            Tool::new("modprobe").args(["-C", "/dev/null", "-S", release, "--show-depends", name]);
        // Lines such as "insmod /path/veth.ko.xz" and "builtin virtio_pci".
        let Ok(lines) = show.args(["-d".as_ref(), root.as_os_str()]).output() else { continue };
        for file in lines.lines().filter_map(|line| line.strip_prefix("insmod ")) {
            copy_module(Path::new(file.trim()), &target)?;
        }
    }
    depmod(to, release)
}

fn depmod(root: &Path, release: &str) -> Result<()> {
    Tool::new("depmod").args(["-b"]).args([root]).args([release]).bytes().map(|_| ())
}

/// Guests are slow: they get modules decompressed.
fn copy_module(file: &Path, target: &Path) -> Result<()> {
    let name = file.file_name().and_then(|n| n.to_str()).context("a module without a name")?;
    let (plain, unpack) = match name.rsplit_once('.') {
        Some((plain, "xz")) => (plain, Some("xz")),
        Some((plain, "zst")) => (plain, Some("zstd")),
        _ => (name, None),
    };
    let bytes = match unpack {
        Some(tool) => Tool::new(tool).args(["-dc"]).args([file]).bytes()?,
        None => fs::read(file).with_context(|| format!("cannot read {}", file.display()))?,
    };
    Ok(fs::write(target.join(plain), bytes)?)
}

//! Where the cgroup hierarchies are mounted: `/proc/PID/mountinfo`.

use std::path::{Path, PathBuf};

use procfs::process::MountInfo;

use super::Hierarchy;
use crate::host::root::{HostError, HostRoot};
use crate::host::sys;

/// A mounted hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CgroupMount {
    /// Which one.
    pub hierarchy: Hierarchy,
    /// Where, as the mount table says; to be read under the [`HostRoot`].
    pub point: PathBuf,
    /// Which directory of the hierarchy is mounted there, seen from the cgroup namespace of the
    /// process whose table it is. `/` is the root, or a container's own cgroup.
    pub root: String,
}

impl CgroupMount {
    /// Whether the whole hierarchy is below this mount, so that counting there counts all: its
    /// top directory is the root cgroup, which alone has the inode number 1.
    ///
    /// In a tree of copied files the mount table decides.
    #[must_use]
    pub fn is_whole(&self, root: &HostRoot) -> bool {
        use std::os::unix::fs::MetadataExt;
        let Ok(top) = root.place(&self.point) else { return false };
        match sys::fs_magic(&top) {
            Some(sys::CGROUP1_MAGIC | sys::CGROUP2_MAGIC) => {
                top.metadata().is_ok_and(|meta| meta.ino() == 1)
            }
            Some(_) => self.root == "/",
            None => false,
        }
    }
}

/// The cgroup hierarchies of a mount table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CgroupMounts(Vec<CgroupMount>);

impl CgroupMounts {
    /// Reads the mount table: our own, or with a root other than `/` that of the host's init,
    /// whose paths hold below that root.
    ///
    /// # Errors
    /// No mount table can be read.
    pub fn read(root: &HostRoot) -> Result<CgroupMounts, HostError> {
        Ok(CgroupMounts::parse(&table(root)?))
    }

    /// Mount point of the v1 hierarchy that has a controller, such as `cpu`; none if the
    /// controller is on v2 or nowhere.
    ///
    /// # Errors
    /// No mount table can be read.
    pub fn v1_controller(root: &HostRoot, name: &str) -> Result<Option<PathBuf>, HostError> {
        let table = table(root)?;
        let lines = table.lines().filter(|line| line.contains(" - cgroup "));
        let of_it = lines.filter(|line| {
            line.rsplit_once(' ').is_some_and(|(_, options)| options.split(',').any(|o| o == name))
        });
        let infos = of_it.filter_map(|line| MountInfo::from_line(line).ok());
        let whole = infos.filter(|info| info.root == "/");
        Ok(whole.filter_map(|info| Some(unescaped(info.mount_point.to_str()?).into())).next())
    }

    /// Reads a mount table; lines that are no cgroup mount or make no sense are left out.
    #[must_use]
    pub fn parse(mountinfo: &str) -> CgroupMounts {
        // Nodes have thousands of mounts: only the few lines that matter are taken apart.
        let cgroup = mountinfo.lines().filter(|line| line.contains(" - cgroup"));
        CgroupMounts(cgroup.filter_map(parse_line).collect())
    }

    /// The mount of a hierarchy, that of its root where it is mounted more than once.
    #[must_use]
    pub fn get(&self, hierarchy: Hierarchy) -> Option<&CgroupMount> {
        let of_it = || self.0.iter().filter(|mount| mount.hierarchy == hierarchy);
        of_it().find(|mount| mount.root == "/").or_else(|| of_it().next())
    }
}

/// Our own mount table, or with a root other than `/` that of the host's init.
fn table(root: &HostRoot) -> Result<String, HostError> {
    let init = if root.is_slash() { None } else { root.read_to_string("proc/1/mountinfo").ok() };
    init.map_or_else(|| root.read_to_string("proc/self/mountinfo"), Ok)
}

fn parse_line(line: &str) -> Option<CgroupMount> {
    let info = MountInfo::from_line(line).ok()?;
    let hierarchy = match info.fs_type.as_str() {
        "cgroup2" => Hierarchy::V2,
        // Which controllers a v1 hierarchy has is among its options: `rw,memory`.
        "cgroup" => {
            let super_options = line.rsplit_once(' ')?.1;
            Hierarchy::of_v1(super_options.split(','))?
        }
        _ => return None,
    };
    let point = Path::new(&unescaped(info.mount_point.to_str()?)).to_owned();
    Some(CgroupMount { hierarchy, point, root: unescaped(&info.root) })
}

/// Undoes the kernel's `\040` for blanks, tabs, newlines and backslashes (`mangle_path`).
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let code = escape.get(1..4).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code.filter(u8::is_ascii) {
            Some(byte) => {
                out.push(char::from(byte));
                rest = &escape[4..];
            }
            None => {
                out.push('\\');
                rest = &escape[1..];
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
31 23 0:28 / /sys/fs/cgroup ro shared:9 - tmpfs tmpfs ro,mode=755
34 31 0:31 / /sys/fs/cgroup/cpu,cpuacct rw shared:10 - cgroup cgroup rw,cpu,cpuacct
36 31 0:33 /docker/ab /mnt/a\\040b rw - cgroup cgroup rw,memory
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:16 - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate
";

    #[test]
    fn hierarchies_are_found() {
        let mounts = CgroupMounts::parse(HYBRID);
        let point = |h| mounts.get(h).map(|m| m.point.display().to_string());
        assert_eq!(point(Hierarchy::V1Memory).as_deref(), Some("/sys/fs/cgroup/memory"));
        assert_eq!(point(Hierarchy::V1Systemd).as_deref(), Some("/sys/fs/cgroup/systemd"));
        assert_eq!(point(Hierarchy::V2).as_deref(), Some("/sys/fs/cgroup/unified"));
        let line = HYBRID.lines().nth(3).expect("the bind mount");
        let mounts = CgroupMounts::parse(line);
        let bound = mounts.get(Hierarchy::V1Memory).expect("a mount");
        assert_eq!((bound.root.as_str(), bound.point.to_str()), ("/docker/ab", Some("/mnt/a b")));
        assert_eq!(unescaped("\\134\\040\\011x\\9\\777\\é\\"), "\\ \tx\\9\\777\\é\\");
    }

    #[test]
    fn nonsense_is_no_mount() {
        for table in
            ["", " - cgroup", "1 2 3 - cgroup", "a b - cgroup2 x rw\n", " - cgroup\u{fffd}"]
        {
            assert_eq!(CgroupMounts::parse(table), CgroupMounts::default());
        }
        let long = format!("1 1 0:1 / /{} rw - cgroup2 none rw", "x\\040".repeat(200_000));
        assert_eq!(CgroupMounts::parse(&long).0.len(), 1);
        for cut in 0..HYBRID.len() {
            let _ = CgroupMounts::parse(&HYBRID[..cut]);
        }
    }
}

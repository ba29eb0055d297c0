//! Namespaces and cgroups by the names people know them under.

use crate::host::HostRoot;
use crate::host::netns::Netns;
use crate::host::pods::PodNames;
use crate::model::workload::workload;

/// Names of pods by their UID.
#[derive(Debug)]
pub struct Names(PodNames);

impl Names {
    /// Those that the node tells.
    pub fn new(root: &HostRoot) -> Names {
        Names(PodNames::new(root.clone()))
    }

    /// What a cgroup path says whose it is.
    pub fn of_cgroup(&mut self, path: &str) -> Option<String> {
        let told = workload(path)?;
        let short = |id: &str| id.chars().take(12).collect::<String>();
        if let Some(uid) = &told.pod_uid {
            return Some(match self.0.get(uid) {
                Some(name) => format!("pod {name}"),
                None => format!("pod {uid}"),
            });
        }
        told.container.map(|id| format!("container {}", short(&id))).or(told.unit)
    }

    /// `host`, a pod, container or unit, or the namespace's number with a process in it.
    pub fn of_netns(&mut self, netns: &Netns) -> String {
        if netns.own {
            return "host".to_owned();
        }
        let told = netns.cgroup.as_deref().and_then(|path| self.of_cgroup(path));
        told.unwrap_or_else(|| format!("net:[{}] of process {}", netns.inode, netns.pid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_by_their_log_directories() {
        let uid = "6c6ef0a4-8a5d-4f05-b2cd-0d1a6d0c8a11";
        let root = std::env::temp_dir().join(format!("stallprof-names-{}", std::process::id()));
        let logs = root.join(format!("var/log/pods/kube-system_coredns-x7k2p_{uid}"));
        std::fs::create_dir_all(logs).expect("a folder");
        let mut names = Names::new(&HostRoot::new(&root));
        let path = format!("/kubepods/burstable/pod{uid}/{}", "0123456789abcdef".repeat(4));
        assert_eq!(names.of_cgroup(&path).as_deref(), Some("pod kube-system/coredns-x7k2p"));
        let other = path.replace("6c6e", "7c6e");
        assert_eq!(
            names.of_cgroup(&other).as_deref(),
            Some("pod 7c6ef0a4-8a5d-4f05-b2cd-0d1a6d0c8a11")
        );
        assert_eq!(names.of_cgroup("/"), None);
        std::fs::remove_dir_all(root).expect("the test's own folder");
    }
}

//! Namespaces and cgroups by the names people know them under.

use std::collections::HashMap;

use crate::analysis::workload::workload;
use crate::host::HostRoot;
use crate::host::netns::Netns;

/// Pods looked up at most.
const MAX_PODS: usize = 10_000;

/// Names of pods by their UID.
#[derive(Debug, Default)]
pub struct Names(HashMap<String, String>);

impl Names {
    /// Reads them from the directories of the kubelet's logs, `NAMESPACE_NAME_UID`
    /// (pkg/kubelet/kuberuntime/helpers.go, `BuildPodLogsDirectory`): nothing else on a node has
    /// them all in one place.
    pub fn read(root: &HostRoot) -> Names {
        let Ok(entries) = root.list("var/log/pods") else { return Names::default() };
        let names = entries.flatten().take(MAX_PODS);
        Names(names.filter_map(|e| parse(e.file_name().to_str()?)).collect())
    }

    /// What a cgroup path says whose it is.
    pub fn of_cgroup(&self, path: &str) -> Option<String> {
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
    pub fn of_netns(&self, netns: &Netns) -> String {
        if netns.own {
            return "host".to_owned();
        }
        let told = netns.cgroup.as_deref().and_then(|path| self.of_cgroup(path));
        told.unwrap_or_else(|| format!("net:[{}] of process {}", netns.inode, netns.pid))
    }
}

fn parse(directory: &str) -> Option<(String, String)> {
    let mut parts = directory.rsplitn(2, '_');
    let (uid, rest) = (parts.next()?, parts.next()?);
    let (namespace, name) = rest.split_once('_')?;
    Some((uid.to_owned(), format!("{namespace}/{name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_by_their_log_directories() {
        let uid = "6c6ef0a4-8a5d-4f05-b2cd-0d1a6d0c8a11";
        let names = Names(parse(&format!("kube-system_coredns-x7k2p_{uid}")).into_iter().collect());
        let path = format!("/kubepods/burstable/pod{uid}/{}", "0123456789abcdef".repeat(4));
        assert_eq!(names.of_cgroup(&path).as_deref(), Some("pod kube-system/coredns-x7k2p"));
        let other = path.replace("6c6e", "7c6e");
        assert_eq!(
            names.of_cgroup(&other).as_deref(),
            Some("pod 7c6ef0a4-8a5d-4f05-b2cd-0d1a6d0c8a11")
        );
        assert_eq!(names.of_cgroup("/"), None);
        assert!(parse("x").is_none() && parse("a_b").is_none());
    }
}

//! Names of pods by their UID, which is what a cgroup path has.
//!
//! They are read from the folders of the kubelet's logs, `NAMESPACE_NAME_UID`
//! (pkg/kubelet/kuberuntime/helpers.go, `BuildPodLogsDirectory`): nothing else on a node has them all
//! in one place, and each is there before its pod's first container.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::{Duration, Instant};

use super::root::HostRoot;

/// Where the kubelet has the logs of pods.
const LOGS: &str = "var/log/pods";
/// Pods that are known at most.
const MOST: usize = 10_000;
/// The folders are listed this often at most, and so seldom that it takes a thousandth of the time.
const AGAIN: Duration = Duration::from_secs(1);

/// Names of pods, looked up again where a UID is new.
#[derive(Debug)]
pub struct PodNames {
    root: HostRoot,
    names: HashMap<String, String>,
    due: Instant,
}

impl PodNames {
    /// Those under a root; nothing is read yet.
    #[must_use]
    pub fn new(root: HostRoot) -> PodNames {
        PodNames { root, names: HashMap::new(), due: Instant::now() }
    }

    /// Namespace and name of a pod: `kube-system/coredns-x7k2p`. None if the node does not tell.
    pub fn get(&mut self, uid: &str) -> Option<&str> {
        let began = Instant::now();
        if !self.names.contains_key(uid) && self.due <= began {
            self.names = list(&self.root);
            self.due = began + (began.elapsed() * 1000).max(AGAIN);
        }
        self.names.get(uid).map(String::as_str)
    }
}

/// All that there are now, up to 10,000.
fn list(root: &HostRoot) -> HashMap<String, String> {
    let mut names: HashMap<String, Option<String>> = HashMap::new();
    for entry in root.list(LOGS).into_iter().flatten().flatten().take(MOST) {
        let Some((uid, name)) = entry.file_name().to_str().and_then(parse) else { continue };
        match names.entry(uid) {
            Entry::Vacant(free) => drop(free.insert(Some(name))),
            // Two names of one pod: neither can be relied on.
            Entry::Occupied(mut taken) => drop(taken.insert(None)),
        }
    }
    names.into_iter().filter_map(|(uid, name)| Some((uid, name?))).collect()
}

/// UID and name of a folder.
fn parse(folder: &str) -> Option<(String, String)> {
    let mut parts = folder.split('_');
    let (namespace, name, uid) = (parts.next()?, parts.next()?, parts.next()?);
    // Names of Kubernetes' objects (RFC 1123) have no underscore.
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
    let is_name = |text: &str| !text.is_empty() && text.bytes().all(plain);
    let whole = parts.next().is_none() && [namespace, name, uid].into_iter().all(is_name);
    whole.then(|| (uid.to_owned(), format!("{namespace}/{name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "6c6ef0a4-8a5d-4f05-b2cd-0d1a6d0c8a11";

    #[test]
    fn folders_of_logs() {
        let pod = parse(&format!("kube-system_coredns-x7k2p_{UID}"));
        assert_eq!(pod, Some((UID.to_owned(), "kube-system/coredns-x7k2p".to_owned())));
        for odd in ["", "x", "a_b", "a__c", "a_b_c_d", "_b_c", "a_B_c", "a_b/_c", "a_\u{1b}_c"] {
            assert_eq!(parse(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn new_pods_are_found_and_the_list_is_bounded() {
        let top = std::env::temp_dir().join(format!("stallprof-pods-{}", std::process::id()));
        let logs = top.join(LOGS);
        std::fs::create_dir_all(logs.join(format!("shop_cart-0_{UID}"))).expect("a folder");
        for twice in ["a_one_7", "a_two_7"] {
            std::fs::create_dir(logs.join(twice)).expect("a folder");
        }
        let mut names = PodNames::new(HostRoot::new(&top));
        assert_eq!(names.get(UID), Some("shop/cart-0"));
        assert_eq!(names.get("7"), None, "told twice");
        std::fs::create_dir(logs.join("shop_cart-1_8")).expect("a folder");
        assert_eq!(names.get("8"), None, "not looked at again so soon");
        names.due = Instant::now();
        assert_eq!(names.get("8"), Some("shop/cart-1"));
        for n in 0..MOST {
            std::fs::create_dir(logs.join(format!("many_pod_{n:08}"))).expect("a folder");
        }
        assert!(list(&names.root).len() <= MOST);
        std::fs::remove_dir_all(&top).expect("the test's own folder");
        names.due = Instant::now();
        assert_eq!(names.get("gone"), None);
        assert_eq!(names.get(UID), None, "the folder went with its pod");
    }
}

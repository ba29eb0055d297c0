//! Another root than `/`: nothing outside of it is read, whatever links lie in it.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use stallprof::host::kernel::Uname;
use stallprof::host::ksoftirqd::ksoftirqds;
use stallprof::host::{CpuList, HostFacts, HostRoot, in_host_pid_namespace};

use super::{TempDir, tree};

/// A tree with files of its own beside a file that is none of its business.
fn made(name: &str) -> (TempDir, HostRoot) {
    let dir = TempDir::new(name);
    for folder in ["root/proc/sys/kernel", "root/etc/cni", "root/elsewhere"] {
        fs::create_dir_all(dir.0.join(folder)).expect("a folder");
    }
    fs::write(dir.0.join("secret"), "outside\n").expect("a file");
    fs::write(dir.0.join("root/proc/sys/kernel/osrelease"), "6.1.0-made\n").expect("a file");
    let root = HostRoot::new(dir.0.join("root"));
    (dir, root)
}

#[test]
fn links_lead_nowhere_outside() {
    let (dir, root) = made("links");
    let at = |rel: &str| dir.0.join("root").join(rel);
    let secret = dir.0.join("secret");
    for (n, target) in
        [secret.to_str().expect("a path"), "../../secret", "/../../secret", "/etc/passwd"]
            .into_iter()
            .enumerate()
    {
        let rel = format!("etc/link{n}");
        symlink(target, at(&rel)).expect("a link");
        assert_eq!(root.value(&rel), None, "{target} was followed");
        assert!(!root.has(&rel) && root.place(&rel).is_err() && root.open(&rel).is_err());
        assert!(fs::metadata(at(&rel)).is_ok() || n == 2, "the test's link leads nowhere");
    }
    // A folder on the way: the first part of a path is looked up as the last one.
    symlink(&dir.0, at("var")).expect("a link");
    assert!(root.list("var").is_err() && root.value("var/secret").is_none());
    assert_eq!(root.value("/../secret"), None);
    assert_eq!(root.value("etc/../../secret"), None);
}

#[test]
fn absolute_links_are_of_the_root() {
    let (dir, root) = made("absolute");
    let at = |rel: &str| dir.0.join("root").join(rel);
    fs::write(at("elsewhere/name"), "inside\n").expect("a file");
    fs::write(at("elsewhere/9-net.conf"), "{\"name\":\"n\",\"type\":\"t\"}").expect("a file");
    symlink("/elsewhere/name", at("etc/hostname")).expect("a link");
    symlink("/elsewhere", at("etc/cni/net.d")).expect("a link");
    assert_eq!(root.value("etc/hostname").as_deref(), Some("inside"));
    assert_eq!(Uname::read(&root).expect("a name").hostname, "inside");
    let place = root.place("etc/cni/net.d").expect("a place");
    assert_eq!(place, at("elsewhere").canonicalize().expect("a place"));
    let found = stallprof::host::cni::configurations(&root).expect("a listing");
    assert_eq!(found.expect("a directory")[0].name, "9-net.conf");
    // Round and round.
    symlink("/etc/b", at("etc/a")).expect("a link");
    symlink("/etc/a", at("etc/b")).expect("a link");
    let error = root.open("etc/a").expect_err("no end").to_string();
    assert!(error.contains("root/etc/a: ") && error.contains("symbolic links"), "{error}");
}

#[test]
fn a_file_that_makes_others_wait_makes_us_not() {
    let (dir, root) = made("fifo");
    let fifo = dir.0.join("root/etc/hostname");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo");
    assert!(made.success());
    let began = Instant::now();
    assert_eq!(root.value("etc/hostname").as_deref(), Some(""));
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[test]
fn what_is_no_root_is_refused() {
    let (dir, _) = made("refused");
    let error = |path: &str| {
        let path = dir.0.join(path);
        let error = HostRoot::named(&path).expect_err("no root").to_string();
        assert!(error.starts_with(path.to_str().expect("a path")), "{error}");
        error
    };
    assert!(error("none").contains("No such file"));
    assert!(error("secret").contains("Not a directory"));
    assert!(error("root/etc").contains("no directory proc in it"));
    fs::create_dir_all(dir.0.join("bare/proc")).expect("a folder");
    assert!(error("bare").contains("mount --rbind"));
    fs::create_dir_all(dir.0.join("file")).expect("a folder");
    fs::write(dir.0.join("file/proc"), "").expect("a file");
    assert!(error("file").contains("no directory proc in it"));
    HostRoot::named(tree("6.1-v2")).expect("copied files do");
    let error = HostRoot::running(tree("6.1-v2")).expect_err("copied files").to_string();
    assert!(error.contains("only a kernel that runs can be measured"), "{error}");
    HostRoot::running("/").expect("this one runs");
}

/// This host through another path than `/`: what a container sees that has it mounted.
#[test]
fn a_live_root_says_what_slash_says() {
    let (own, other) =
        (HostRoot::default(), HostRoot::running("/proc/self/root").expect("this host's root"));
    assert!(own.is_slash() && !other.is_slash() && other.is_live());
    assert_eq!(other.has_kernel_tids(), in_host_pid_namespace());
    let (facts, same) =
        (HostFacts::read(&own).expect("facts"), HostFacts::read(&other).expect("facts"));
    assert_eq!((&facts.uname, facts.hz), (&same.uname, same.hz));
    assert_eq!(facts.cpus_online, same.cpus_online);
    assert_eq!(facts.dying_memcgs.is_ok(), same.dying_memcgs.is_ok());
    let online = CpuList::online(&other).expect("CPUs");
    assert_eq!(ksoftirqds(&own, &online), ksoftirqds(&other, &online));
    let device = |root: &HostRoot| stallprof::host::rxpath::devices(root).expect("devices");
    assert_eq!(device(&own), device(&other));
    // Links of /proc are read and, for namespaces, opened, but never passed through.
    let link = other.link("proc/self/ns/net").expect("a link");
    assert_eq!(link, own.link("proc/self/ns/net").expect("a link"));
    assert!(other.open_namespace("proc/self/ns/net").is_ok());
    assert!(other.open("proc/self/ns/net").is_err() && !other.has("proc/self/root/etc"));
    assert!(!other.has("proc/self/cwd") && other.link("proc/self/cwd").is_ok());
    // Of a container's host it is the host's network that counts.
    assert!(other.path("proc/net/dev").ends_with("proc/1/net/dev"));
    assert!(own.path("proc/net/dev").ends_with("proc/net/dev"));
}

/// A namespace is opened by what procfs says, not by a link that somebody has made.
#[test]
fn a_made_up_namespace_is_not_opened() {
    let (dir, root) = made("namespace");
    let ns = dir.0.join("root/proc/7/ns");
    fs::create_dir_all(&ns).expect("a folder");
    symlink("/proc/self/ns/net", ns.join("net")).expect("a link");
    symlink("net:[7]", ns.join("uts")).expect("a link");
    assert_eq!(root.link("proc/7/ns/uts").expect("a link").to_str(), Some("net:[7]"));
    let error = root.open_namespace("proc/7/ns/net").expect_err("no procfs").to_string();
    assert!(error.contains("symbolic links"), "{error}");
}

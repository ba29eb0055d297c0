//! What a host does to a daemon: it stays up, within its bounds, says what it could not do, and
//! recovers by itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::host::{Daemon, Folder, findings, machine, stalls, wait};
use crate::skip::skipped;
use crate::soak::{amount, size};

/// For tests that change the whole machine for a moment: in CI, or where it is asked for.
fn may_disturb(test: &str) -> bool {
    let may = ["CI", "STALLPROF_DISTURB"].iter().any(|name| std::env::var_os(name).is_some());
    if !may {
        skipped(test, "changes the whole machine; set STALLPROF_DISTURB=1");
    }
    may
}

/// The last CPU, taken from the machine until this goes.
struct Offline(PathBuf);

impl Offline {
    fn take(file: &Path) -> Offline {
        let offline = Offline(file.to_owned());
        fs::write(file, "0").unwrap();
        offline
    }
}

impl Drop for Offline {
    fn drop(&mut self) {
        fs::write(&self.0, "1").unwrap();
    }
}

#[test]
fn a_cpu_that_goes_and_comes_is_measured_again() {
    const NAME: &str = "a_cpu_that_goes_and_comes_is_measured_again";
    let Some(_machine) = machine() else { return };
    if !may_disturb(NAME) {
        return;
    }
    let file = PathBuf::from(format!("/sys/devices/system/cpu/cpu{}/online", crate::host::cpu()));
    if !file.exists() {
        return skipped(NAME, &format!("{} is missing", file.display()));
    }
    let folder = Folder::new("hotplug");
    let daemon = Daemon::start(&folder, &["-s", "flight.after=1s", "-s", "triggers.quiet=1s"]);
    let offline = Offline::take(&file);
    wait("the loss", Duration::from_secs(5), || daemon.log().contains("went offline"));
    assert_eq!(daemon.get("/readyz").unwrap().status, 200);
    drop(offline);
    let anew = || daemon.log().contains("the probes are started anew");
    wait("the new probes", Duration::from_secs(5), anew);
    assert!(!daemon.log().contains("that failed"), "{}", daemon.log());
    wait("a daemon that is ready", Duration::from_secs(5), || {
        daemon.metric("stallprof_probe_up{probe=\"sampler\",method=\"perf_event\"}").is_some()
    });
    // Gaps of that CPU are seen again.
    stalls("irqsoff", 3, "80ms");
    wait("the incident", Duration::from_secs(10), || !daemon.incidents().is_empty());
    let incident = &daemon.incidents()[0];
    assert_eq!(incident["cpu"].to_string(), crate::host::cpu(), "{incident}");
    assert_eq!(incident["culprit"], "stallgen", "{incident}");
    daemon.stop();
}

/// Sets the wall clock forward or back by whole seconds.
fn step_clock(seconds: i64) {
    // SAFETY: a timex is plain numbers; clock_adjtime reads and fills it.
    let done = unsafe {
        let mut change = std::mem::zeroed::<libc::timex>();
        change.modes = libc::ADJ_SETOFFSET;
        change.time.tv_sec = seconds;
        libc::clock_adjtime(libc::CLOCK_REALTIME, &raw mut change)
    };
    assert!(done >= 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn a_step_of_the_clock_is_told() {
    let Some(_machine) = machine() else { return };
    if !may_disturb("a_step_of_the_clock_is_told") {
        return;
    }
    let folder = Folder::new("clock");
    let daemon = Daemon::start(&folder, &["-s", "flight.after=1ms"]);
    let steps = || daemon.metric("stallprof_clock_steps_total").unwrap();
    assert_eq!(steps(), 0.0);
    step_clock(3);
    let told = || daemon.log().contains("stepped by +3.0");
    let forward = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        wait("the step forward", Duration::from_secs(3), told);
    }));
    step_clock(-3);
    assert!(forward.is_ok(), "{}", daemon.log());
    wait("the step back", Duration::from_secs(3), || daemon.log().contains("stepped by -3.0"));
    assert_eq!(steps(), 2.0);
    daemon.signal(libc::SIGUSR1);
    wait("an incident", Duration::from_secs(5), || daemon.incidents().len() == 1);
    daemon.stop();
}

/// Ten thousand cgroups come and go while everything that knows cgroups is on; a process is in every
/// hundredth of them. Stalls are seen meanwhile.
#[test]
fn a_storm_of_cgroups_leaves_nothing_behind() {
    let Some(_machine) = machine() else { return };
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mounts = mounts.lines().map(|l| l.split(' ').collect::<Vec<_>>());
    let mount = mounts.filter(|f| f[2] == "cgroup2").map(|f| f[1].to_owned()).next();
    let mount = mount.expect("cgroup2 is mounted: mount -t cgroup2 none /sys/fs/cgroup/unified");
    let top = Path::new(&mount).join(format!("stallprof-storm-{}", std::process::id()));
    let folder = Folder::new("storm-cgroups");
    let on = "probes.on=[\"softirq\",\"ksoftirqd\",\"sampler\",\"syscall\",\"memcg\",\"rstat\",\
              \"ct_stats\"]";
    let set = ["-s", on, "-s", "triggers.dying_memcgs=1000000", "-s", "flight.before=5s"];
    let set = [&set[..], &["-s", "flight.after=500ms", "-s", "triggers.quiet=1s"]].concat();
    let daemon = Daemon::start(&folder, &set);
    fs::create_dir(&top).unwrap();
    let storm = |cgroups: u64| {
        for chunk in 0..cgroups / 100 {
            let made: Vec<PathBuf> = (0..100).map(|n| top.join(format!("{chunk}-{n}"))).collect();
            made.iter().for_each(|path| fs::create_dir(path).unwrap());
            let script = "echo 0 > \"$1/cgroup.procs\" && cat \"$1/cgroup.stat\" > /dev/null";
            let ran = std::process::Command::new("sh")
                .args(["-c", script, "sh"])
                .arg(&made[0])
                .status()
                .unwrap();
            assert!(ran.success());
            made.iter().for_each(|path| fs::remove_dir(path).unwrap());
        }
    };
    // What it takes once, such as the kernel's symbols, is there after a first round.
    storm(1_000);
    std::thread::sleep(Duration::from_secs(2));
    let (before, fds) = size(&daemon);
    std::thread::scope(|scope| {
        scope.spawn(|| stalls("irqsoff", 4, "80ms"));
        storm(amount("STALLPROF_CGROUPS", 10_000));
    });
    fs::remove_dir(&top).unwrap();
    let by_stallgen = || daemon.incidents().iter().any(|i| i["culprit"] == "stallgen");
    wait("its incident", Duration::from_secs(10), by_stallgen);
    assert_eq!(daemon.get("/readyz").unwrap().status, 200);
    let (after, fds_after) = size(&daemon);
    eprintln!("RSS {before} -> {after} bytes, descriptors {fds} -> {fds_after}");
    assert!(after < before + before / 10 + (6 << 20), "memory grew: {before} -> {after} bytes");
    assert!(fds_after <= fds + 2, "descriptors: {fds} -> {fds_after}");
    let before = daemon.incidents().len();
    daemon.signal(libc::SIGUSR1);
    wait("an incident", Duration::from_secs(10), || daemon.incidents().len() > before);
    let id = daemon.incidents()[before]["id"].as_str().unwrap().to_owned();
    findings(&folder.path("store").join(format!("{id}.stall")));
    let log = daemon.stop();
    assert!(!log.contains("panicked"), "{log}");
}

/// Network namespaces come and go, each with a process in it and tables of its own, while their
/// connection tracking is watched.
#[test]
fn a_storm_of_namespaces_leaves_nothing_behind() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("storm-netns");
    let on = "probes.on=[\"softirq\",\"ksoftirqd\",\"sampler\",\"ct_stats\"]";
    let daemon = Daemon::start(&folder, &["-s", on, "-s", "flight.before=5s"]);
    let storm = |namespaces: u64| {
        // Eight at a time, so that some are there whenever the daemon looks.
        let script =
            "for n in $(seq \"$1\"); do unshare --net true & [ $((n % 8)) = 0 ] && wait; done
                      wait";
        let mut command = std::process::Command::new("bash");
        let ran = command.args(["-c", script, "bash"]).arg(namespaces.to_string()).status();
        assert!(ran.unwrap().success());
    };
    storm(100);
    std::thread::sleep(Duration::from_secs(2));
    let (before, fds) = size(&daemon);
    storm(amount("STALLPROF_NAMESPACES", 1_000));
    assert_eq!(daemon.get("/readyz").unwrap().status, 200);
    let (after, fds_after) = size(&daemon);
    eprintln!("RSS {before} -> {after} bytes, descriptors {fds} -> {fds_after}");
    assert!(after < before + before / 10 + (6 << 20), "memory grew: {before} -> {after} bytes");
    assert!(fds_after <= fds + 8, "descriptors: {fds} -> {fds_after}");
    // Names have their limit: 50, and the others together.
    let text = daemon.get("/metrics").unwrap().text();
    let rows = text.lines().filter(|line| line.starts_with("stallprof_conntrack_events_total{"));
    assert!(rows.count() <= 51 * 8, "{text}");
    let log = daemon.stop();
    assert!(!log.contains("panicked"), "{log}");
}

/// A thousand clients at the same time, many more than there are places, while an incident is made:
/// each is served, and the incident is stored.
#[test]
fn a_thousand_scrapes_at_once() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("at-once");
    let daemon = Daemon::start(&folder, &["-s", "flight.after=200ms", "-s", "flight.before=2s"]);
    daemon.get("/metrics").unwrap();
    let (before, fds) = size(&daemon);
    daemon.signal(libc::SIGUSR1);
    let served = std::thread::scope(|scope| {
        let client = || {
            let answer = daemon.get("/metrics");
            answer.is_some_and(|a| a.status == 200 && a.text().contains("stallprof_build_info"))
        };
        let spawn = |_| {
            let small = std::thread::Builder::new().stack_size(256 << 10);
            small.spawn_scoped(scope, client).unwrap()
        };
        let clients: Vec<_> = (0..1_000).map(spawn).collect();
        clients.into_iter().map(|client| client.join().unwrap()).filter(|served| *served).count()
    });
    assert_eq!(served, 1_000);
    wait("the incident", Duration::from_secs(5), || daemon.incidents().len() == 1);
    wait("connections to close", Duration::from_secs(5), || size(&daemon).1 <= fds + 2);
    let (after, _) = size(&daemon);
    eprintln!("RSS {before} -> {after} bytes");
    assert!(after < before + (16 << 20), "memory grew: {before} -> {after} bytes");
    daemon.stop();
}

//! Incidents of what is no stall: packets lost to connection tracking, slow reads of cgroup files,
//! dying memory cgroups, pressure. Each is made for real.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::connects::{Listener, race};
use crate::host::{Daemon, Folder, cpu, findings, machine, report, stallgen, wait};
use crate::snat::{CLIENT, ROUTER, SENDERS, SERVER, shown, world};
use crate::world::skipped;

const QUICK: [&str; 6] =
    ["-s", "flight.after=200ms", "-s", "flight.before=20s", "-s", "triggers.quiet=1s"];

/// Waits for an incident of a cause.
fn incident(daemon: &Daemon, cause: &str, most: u64) -> Value {
    let find = || daemon.incidents().into_iter().find(|i| i["cause"] == cause);
    wait(cause, Duration::from_secs(most), || find().is_some());
    find().unwrap()
}

#[test]
fn packets_that_connection_tracking_loses() {
    const NAME: &str = "packets_that_connection_tracking_loses";
    let Some(_machine) = machine() else { return };
    let w = match world() {
        Ok(w) => w,
        Err(why) => return skipped(NAME, &why),
    };
    let to = "10.93.2.2:8080".parse().unwrap();
    let ways = SENDERS.map(|host| (host.parse().unwrap(), to));
    Listener::start(w.name(SERVER), to);
    let folder = Folder::new("insert-failed");
    let set = ["-s", "probes.on=[\"ct_stats\"]", "-s", "triggers.insert_failed=5"];
    let daemon = Daemon::start(&folder, &[QUICK.as_slice(), &set].concat());
    let log = daemon.log();
    assert!(!log.contains("not measured"), "{log}");
    let before = shown(&w, "insert_failed");
    let mut lost = 0;
    for first in (20_000..36_000).step_by(2_000) {
        race(w.name(CLIENT), ways, first..first + 100);
        lost = shown(&w, "insert_failed") - before;
        if lost >= 10 {
            break;
        }
    }
    assert!(lost >= 10, "no race was lost: {lost}");
    let incident = incident(&daemon, "insert_failed", 10);
    assert_eq!(incident["culprit"], w.name(ROUTER), "{incident}");
    let past = &incident["past"];
    assert_eq!((&past["limit"], &past["unit"]), (&5.into(), &"packets".into()), "{incident}");
    let value = past["value"].as_u64().unwrap();
    assert!((5..=lost).contains(&value), "{lost} were lost: {incident}");
    let trigger = incident["trigger"].as_str().unwrap();
    assert!(trigger.contains(&format!("{value} packets")) && trigger.contains(w.name(ROUTER)));
    // The recording tells the same.
    let id = incident["id"].as_str().unwrap();
    let f = findings(&folder.path("store").join(format!("{id}.stall")));
    let all = f["conntrack"]["namespaces"].as_array().unwrap();
    let router = all.iter().find(|n| n["name"] == w.name(ROUTER)).unwrap();
    let counters = router["counters"].as_array().unwrap();
    let counted = counters.iter().find(|c| c["counter"] == "insert_failed").unwrap();
    assert!(counted["count"].as_u64().unwrap() >= value, "{router}");
    assert!(router["entries"].as_u64().unwrap() > 0 && router["max"].is_null(), "{router}");
    // So do words: the numbers once, what was counted with its time, and what is not known as such.
    let words = report(&folder.path("store").join(format!("{id}.stall")), &[]);
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(!words.contains("the limit is"), "{words}");
    for said in
        ["first to last reading", "how many there can be is not known", "if rules translate source"]
    {
        assert!(words.contains(said), "no {said:?}: {words}");
    }
    // And the metrics: all that were lost, and nothing else, under the namespace that lost them.
    let metric = |counter: &str| {
        let labels = format!("netns=\"{}\",counter=\"{counter}\"", w.name(ROUTER));
        daemon.metric(&format!("stallprof_conntrack_events_total{{{labels}}}"))
    };
    let all = shown(&w, "insert_failed") - before;
    let told = || metric("insert_failed").is_some_and(|n| n >= all as f64);
    wait("the metric", Duration::from_secs(25), told);
    assert_eq!(metric("insert_failed"), Some(all as f64));
    assert_eq!(metric("drop"), Some(all as f64), "each was dropped");
    // How full tables are it knows; how many entries there can be only of its own namespace, for it
    // may not enter others.
    let entries =
        |netns: &str| daemon.metric(&format!("stallprof_conntrack_entries{{netns=\"{netns}\"}}"));
    let most = |netns: &str| {
        daemon.metric(&format!("stallprof_conntrack_max_entries{{netns=\"{netns}\"}}"))
    };
    let limit = std::fs::read_to_string("/proc/sys/net/netfilter/nf_conntrack_max").unwrap();
    assert_eq!(most("host"), Some(limit.trim().parse().unwrap()));
    assert!(entries("host").is_some() && entries(w.name(ROUTER)).unwrap() > 0.0);
    assert_eq!(most(w.name(ROUTER)), None);
    daemon.stop();
}

/// A stallgen that goes on until it is ended.
struct Stallgen(Child);

impl Stallgen {
    fn start(arguments: &[&str]) -> Stallgen {
        let mut command = Command::new(stallgen());
        command.args(arguments).args(["--cpu", &cpu(), "--truth", "/dev/null"]);
        Stallgen(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Stallgen {
    fn drop(&mut self) {
        // SAFETY: our own child, not waited for yet. It puts away what it made.
        unsafe { libc::kill(self.0.id() as i32, libc::SIGTERM) };
        let _ = self.0.wait();
    }
}

/// 5,000 cgroups begin to die; a reader of `memory.stat` above them is slow; both go on, and are
/// told once.
#[test]
fn dying_cgroups_and_who_reads_over_them() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("dying");
    let set = [
        "-s",
        "probes.on=[\"syscall\",\"memcg\",\"rstat\"]",
        "-s",
        "probes.syscall_min=2ms",
        "-s",
        "triggers.slow_cgroup_read=2ms",
        "-s",
        "triggers.dying_memcgs=4000",
        "-s",
        "triggers.dying_memcgs_growth=3000",
    ];
    let daemon = Daemon::start(&folder, &[QUICK.as_slice(), &set].concat());
    let count = || daemon.metric("stallprof_dying_memory_cgroups");
    wait("the first count", Duration::from_secs(10), || count().is_some());
    assert!(count() < Some(1_000.0), "cgroups of others are dying: {:?}", count());
    let options = ["memcg", "--dying", "5000", "--every", "250ms", "--count", "400"];
    let stallgen = Stallgen::start(&options);
    wait("all incidents", Duration::from_secs(40), || daemon.incidents().len() >= 3);
    // What goes on is told once.
    std::thread::sleep(Duration::from_secs(2));
    let told = daemon.incidents();
    drop(stallgen);
    let of = |cause: &str| {
        let of: Vec<&Value> = told.iter().filter(|i| i["cause"] == cause).collect();
        assert_eq!(of.len(), 1, "{cause}: {told:?}");
        of[0].clone()
    };
    let value = |i: &Value| i["past"]["value"].as_u64().unwrap();
    let (dying, growth) = (of("dying_memcgs"), of("dying_memcgs_growth"));
    assert!((4_000..20_000).contains(&value(&dying)), "{dying}");
    assert!((3_000..20_000).contains(&value(&growth)), "{growth}");
    let read = of("slow_cgroup_read");
    assert_eq!(read["culprit"], "stallgen memory.stat", "{read}");
    assert!(value(&read) >= 2_000_000 && read["past"]["unit"] == "ns", "{read}");
    let id = read["id"].as_str().unwrap();
    let f = findings(&folder.path("store").join(format!("{id}.stall")));
    let groups = f["slow_files"].as_array().unwrap();
    let file = |g: &Value| g["task"]["file"].as_str().unwrap().ends_with("/memory.stat");
    assert!(groups.iter().any(|g| g["task"]["process"] == "stallgen" && file(g)), "{groups:?}");
    daemon.stop();
}

/// More tasks than CPUs want to run.
#[test]
fn pressure_on_the_cpus() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("pressure");
    let set = ["-s", "probes.on=[\"sampler\"]", "-s", "triggers.cpu_pressure=20"];
    let daemon = Daemon::start(&folder, &[QUICK.as_slice(), &set].concat());
    assert!(daemon.incidents().is_empty());
    let stop = AtomicBool::new(false);
    let cpus = std::thread::available_parallelism().unwrap().get();
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 * cpus {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let find = || daemon.incidents().into_iter().find(|i| i["cause"] == "cpu_pressure");
        while find().is_none() && began.elapsed() < Duration::from_secs(25) {
            std::thread::sleep(Duration::from_millis(100));
        }
        stop.store(true, Ordering::Relaxed);
    });
    let incident = incident(&daemon, "cpu_pressure", 1);
    assert!(incident["past"]["value"].as_u64().unwrap() >= 20, "{incident}");
    assert_eq!((&incident["past"]["limit"], &incident["culprit"]), (&20.into(), &"".into()));
    // Where the kernel watches, it tells before the average of 10 s is read again.
    eprintln!("after {:?}", began.elapsed());
    daemon.stop();
}

//! The verdict read from above, as after an incident: the worst first, and nothing counted twice.

use super::{incident, incident::findings, names::DECENT, plain, verdict};
use stallprof::model::findings::{Culprit, Stall};
use stallprof::units::{Cpu, Nanos};

/// The stall on CPU 5, where several tasks kept ksoftirqd waiting and nobody else.
fn harmless(all: &[Stall]) -> Stall {
    all.iter().find(|s| s.cpu == Cpu(5)).unwrap().clone()
}

#[test]
fn lists_of_several_tasks_add_up() {
    let mut i = incident(&DECENT);
    let one = harmless(&i.f.stalls);
    let lists: [&[&str]; 3] = [
        &["java[312]", "nginx[77]"],
        &["nginx[77]", "java[312]", "cron[9]"],
        &["cron[9]", "sh[8]"],
    ];
    let all = lists.iter().enumerate().map(|(n, tasks)| Stall {
        duration: Nanos::from_millis(20 - n as u64),
        culprit: Culprit::Several { tasks: tasks.iter().map(|&t| t.to_owned()).collect() },
        ..one.clone()
    });
    i.f = findings(&DECENT, &i.r, all.collect());
    let shown = verdict(&i.f, plain(140));
    let words = "3 of 3  several tasks  java[312], nginx[77] and 2 others  shared CPU 5";
    assert!(shown.contains(words), "{shown}");
}

#[test]
fn those_in_which_only_ksoftirqd_waited_stand_last() {
    let mut i = incident(&DECENT);
    let mut long = harmless(&i.f.stalls);
    long.duration = Nanos::from_millis(500);
    for stall in i.f.stalls.iter_mut().filter(|s| s.cpu == Cpu(5)) {
        *stall = long.clone();
    }
    let mut all = i.f.stalls;
    all.push(Stall { cpu: Cpu(11), ..long });
    i.f = findings(&DECENT, &i.r, all);
    let shown = verdict(&i.f, plain(140));
    let head = "CPU 11 stalled 14 times in 30.0 s, worst 187 ms; besides, ksoftirqd alone waited once, \
                up to 500 ms\n";
    assert!(shown.starts_with(head), "{shown}");
    assert!(shown.contains("  1 of 1 harmless  several tasks"), "{shown}");
    assert!(shown.contains(" of 14  ") && !shown.contains(" of 15  "), "{shown}");
    let mut heads = shown.lines().filter(|l| l.starts_with("CPU "));
    let last = heads.next_back().unwrap();
    assert!(last.starts_with("CPU 5: ksoftirqd waited once in 30.0 s, up to 500 ms"), "{last}");
}

#[test]
fn what_counts_as_a_stall_is_told_once() {
    let mut i = incident(&DECENT);
    let told = "5.00 ms or more";
    assert_eq!(verdict(&i.f, plain(140)).matches(told).count(), 1);
    i.f.cpus.retain(|c| c.stalls > 0);
    let shown = verdict(&i.f, plain(140));
    assert!(shown.contains("a stall is 5.00 ms or more") && shown.matches(told).count() == 1);
}

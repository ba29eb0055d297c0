//! Names that attack whoever shows them, and recordings that are damaged.

use super::flames::fetches_nothing;
use super::golden::check;
use super::names::{DECENT, HOSTILE};
use super::scene::incident;
use super::{acting, as_json, folded, order, plain, show, stalls, svg, verdict, xml};
use stallprof::model::TaskId;
use stallprof::render::flame;
use stallprof::units::{Ktime, Nanos};

#[test]
fn hostile_names_do_no_harm() {
    let i = incident(&HOSTILE);
    for shown in [
        verdict(&i.f, plain(100)),
        stalls(&i.f, plain(100)),
        order(&i, None, 100, plain(200)),
        order(&i, Some(2), 100, plain(80)),
        as_json(&i.f),
    ] {
        assert_eq!(acting(&shown), None);
        assert!(!shown.lines().any(|l| l.starts_with("CPU 0 stalled 99 times")), "a forged line");
    }
    check("hostile-100.txt", &verdict(&i.f, plain(100)));
    let read: serde_json::Value = serde_json::from_str(&as_json(&i.f)).unwrap();
    assert_eq!(read["host"]["name"], HOSTILE.host, "JSON is escaped, not changed");
    for lines in [flame::held(&i.r, &i.f), flame::profile(&i.r, &i.f)] {
        assert!(lines.iter().all(|(s, _)| !s.contains('\n')));
        let drawn = svg(&lines, &flame::held_caption(&i.r, &i.f));
        show("hostile.svg", &drawn);
        let (names, _) = xml::read(&drawn);
        assert_eq!(names.iter().filter(|n| *n == "script").count(), 1, "inferno's own only");
        assert_eq!(names.iter().filter(|n| *n == "svg").count(), 2);
        fetches_nothing(&drawn);
    }
    check("hostile-held.folded", &folded(&flame::held(&i.r, &i.f)));
    // Whatever a line ends with, its samples are counted.
    let odd = [
        ("a 12".to_owned(), 3),
        ("a;b 1.5".to_owned(), 4),
        (" ; ".to_owned(), 9),
        ("# c".to_owned(), 2),
    ];
    let drawn = svg(&odd, &flame::Caption::default());
    assert!(drawn.contains("total_samples=\"9\""), "another number of samples");
}

#[test]
fn damaged_recordings_are_shown_too() {
    let mut i = incident(&DECENT);
    i.r.strings.truncate(3);
    i.r.stacks.truncate(4);
    i.r.samples.iter_mut().step_by(3).for_each(|s| {
        s.gap = Nanos(u64::MAX);
        s.task = TaskId(9999);
        s.time = Ktime(u64::MAX - s.time.0);
    });
    i.r.samples.reverse();
    i.f.stalls.iter_mut().step_by(2).for_each(|s| s.measures.clear());
    i.f.culprits.iter_mut().for_each(|g| g.stalls.push(777));
    for culprit in i.f.cpus.iter_mut().flat_map(|c| &mut c.culprits) {
        culprit.stalls.insert(0, 777);
        culprit.groups.extend([0, 777]);
    }
    i.f.window.end = Ktime(0);
    xml::read(&svg(&flame::held(&i.r, &i.f), &flame::held_caption(&i.r, &i.f)));
    xml::read(&svg(&flame::profile(&i.r, &i.f), &flame::profile_caption(&i.r)));
    order(&i, None, 100, plain(100));
    verdict(&i.f, plain(100));
    stalls(&i.f, plain(100));
}

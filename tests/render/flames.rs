//! Flame graphs: what is counted, what is drawn, how fast.

use super::golden::check;
use super::names::DECENT;
use super::page::read;
use super::scene::incident;
use super::{folded, no_stall, show, svg, xml};
use stallprof::model::findings::{Culprit, Stall};
use stallprof::render::flame;

#[test]
fn folded_stacks() {
    let i = incident(&DECENT);
    let held = flame::held(&i.r, &i.f);
    check("held.folded", &folded(&held));
    check("profile.folded", &folded(&flame::profile(&i.r, &i.f)));
    // One sample is one millisecond here: what held CPU 11 adds up to how long it stalled.
    let on_11 = held.iter().filter(|(s, _)| s.starts_with("CPU 11;")).map(|(_, n)| n).sum::<u64>();
    let stalled = i.f.cpus[11].total.0 / 1_000_000;
    assert!(on_11.abs_diff(stalled) < 20, "{on_11} samples of {stalled} ms");
}

#[test]
fn flame_graphs_are_whole_and_the_same_each_time() {
    let i = incident(&DECENT);
    let held = flame::held(&i.r, &i.f);
    let caption = flame::held_caption(&i.r, &i.f);
    let drawn = svg(&held, &caption);
    let (_, texts) = xml::read(&drawn);
    assert!(texts.iter().any(|t| t == "What held CPUs 3, 4, 6, 11 during 18 stalls"));
    assert!(drawn.contains("read(2) /sys/fs/cgroup/memory/memory.stat ("));
    assert!(drawn == svg(&flame::held(&i.r, &i.f), &caption), "another picture");
    fetches_nothing(&drawn);
    show("held.svg", &drawn);
    show("profile.svg", &svg(&flame::profile(&i.r, &i.f), &flame::profile_caption(&i.r)));
}

#[test]
fn an_empty_flame_graph_says_why() {
    let mut i = no_stall();
    let drawn = svg(&flame::held(&i.r, &i.f), &flame::held_caption(&i.r, &i.f));
    let (_, texts) = xml::read(&drawn);
    show("empty.svg", &drawn);
    assert_eq!(texts[0], "No stall");
    assert!(texts.contains(&"There was no stall of 5.00 ms or more.".to_owned()), "{texts:?}");
    i.f = incident(&DECENT).f;
    i.r.samples.clear();
    let drawn = svg(&flame::held(&i.r, &i.f), &flame::held_caption(&i.r, &i.f));
    assert!(drawn.contains("No sample fell into a stall."));
    xml::read(&svg(&flame::profile(&i.r, &i.f), &flame::profile_caption(&i.r)));
    xml::read(&svg(&[], &flame::Caption::default()));
}

/// In the incident of the gallery an interrupt began just before the tick that ended the reader's
/// longest gap: that gap is the reader's all the same.
#[test]
fn a_gap_is_drawn_on_whom_the_analysis_blames_for_it() {
    let i = read("flamegraphs/incident-memcg/6.1-v1.stall");
    let by_irq = |s: &&Stall| matches!(s.culprit, Culprit::HardIrq { .. });
    let of_irqs = i.f.stalls.iter().filter(by_irq);
    let most: u64 = of_irqs.map(|s| s.duration.0 / i.f.options.sample_period.0 + 2).sum();
    let held = flame::held(&i.r, &i.f);
    let drawn: u64 = held
        .iter()
        .filter(|(l, _)| l.contains(" interrupt]") || l.contains(" interrupt "))
        .map(|(_, n)| n)
        .sum();
    assert!(drawn > 0 && drawn <= most, "{drawn} samples of {most} on interrupts");
}

/// Addresses are names of XML namespaces or stand in comments.
pub fn fetches_nothing(svg: &str) {
    for (at, _) in svg.match_indices("http") {
        let before = &svg[..at];
        let namespace =
            before.ends_with("xmlns=\"") || before.rfind(" xmlns:").is_some_and(|x| at - x < 16);
        let comment = before.rfind("<!--") > before.rfind("-->");
        let script = before.rfind("<script") > before.rfind("</script");
        assert!(namespace || comment || script, "{}", &svg[at.saturating_sub(40)..at + 40]);
    }
    for word in ["<image", "@import", "<use", "<link", "fetch(", "XMLHttpRequest", "importScripts"]
    {
        assert!(!svg.contains(word), "{word}");
    }
}

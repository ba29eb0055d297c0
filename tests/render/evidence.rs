//! What the page shows of received packets, connection tracking and slow files, and of several nodes:
//! a made-up recording of each, through the analysis.

use super::golden::check;
use super::incident::Incident;
use super::names::{DECENT, HOSTILE};
use super::node::recording;
use super::page::{attributes, harmless, page, read, without_script};
use super::tape::at;
use super::{acting, show, text};
use stallprof::analysis::compare::Gather;
use stallprof::model::nodes::Nodes;
use stallprof::render::{Case, figures, html};
use stallprof::units::{Ktime, Nanos};

fn drawn(i: &Incident) -> Vec<figures::Figure> {
    let mut drawn = figures::all(&Case::new(&i.r, &i.f, "node7.stall"));
    let wanted = ["received", "conntrack-", "slow-files"];
    drawn.retain(|figure| wanted.iter().any(|name| figure.name.starts_with(name)));
    drawn
}

/// Without the rules, which are the same in all figures.
fn body(svg: &str) -> String {
    let (head, rest) = svg.split_once("<style>").unwrap();
    head.to_owned() + rest.split_once("</style>\n").unwrap().1
}

#[test]
fn figures_of_packets_connections_and_files() {
    for (names, kind) in [(&DECENT, "evidence"), (&HOSTILE, "evidence-hostile")] {
        let i = recording(names);
        show(&format!("{kind}.html"), &page(&i));
        let figures = drawn(&i);
        let all: Vec<_> = figures.iter().map(|figure| figure.name.as_str()).collect();
        let expected = ["slow-files", "received", "conntrack-4026531833", "conntrack-4026532386"];
        assert_eq!(all, expected);
        for figure in figures {
            let svg = figure.alone();
            show(&format!("{kind}-{}.svg", figure.name), &svg);
            harmless(&svg);
            assert_eq!(acting(&svg), None);
            check(&format!("figures/{kind}-{}.svg", figure.name), &body(&svg));
        }
        let page = page(&i);
        harmless(&without_script(&page));
        assert_eq!(acting(&page), None);
    }
}

/// Words of a section, blanks made plain.
fn section(page: &str, id: &str) -> String {
    let from = page.find(&format!("<section id=\"{id}\"")).unwrap();
    let length = page[from..].find("</section>").unwrap();
    page[from..from + length].replace('\u{a0}', " ")
}

#[test]
fn tables_tell_what_figures_show() {
    let page = page(&recording(&DECENT));
    let tracked = section(&page, "conntrack");
    for words in [
        "10.244.1.17:41234 \u{2192} 10.0.1.9:80<br/>as 172.16.47.27:41234 \u{2192} 10.0.1.9:80",
        "cadvisor[911/914]",
        "1.03 s",
        "only TCP sends again by itself",
        "The counters were read 11 times",
        "The counters were read twice",
        "not known",
    ] {
        assert!(tracked.contains(words), "{words}");
    }
    assert_eq!(tracked.matches("class=\"hollow c0\"").count(), 6, "SYNs sent again");
    assert_eq!(tracked.matches("class=\"w0\" cx").count(), 9, "first packets dropped");
    let received = section(&page, "received");
    for words in ["TCP 172.16.47.27:41234 -&gt; 10.125.20.64:443", "763 MB", "CPU 5: 4 stalls"] {
        assert!(received.contains(words), "{words}");
    }
    let files = section(&page, "files");
    assert_eq!(files.matches("<circle class=\"dot").count(), 38, "a dot each call");
    assert_eq!(files.matches("slept\" cx").count(), 9, "pale where it slept");
    for words in ["cadvisor[2840]", "read(2) of /proc/4021/smaps", "19,204", "23,296"] {
        assert!(files.contains(words), "{words}");
    }
}

/// What was not recorded is told so, and is not drawn as nothing.
#[test]
fn what_was_not_measured_is_not_zero() {
    let mut i = recording(&DECENT);
    (i.f.received, i.f.conntrack) = (None, None);
    (i.f.slow_files, i.f.slow_file_calls, i.f.file_reads) = Default::default();
    i.f.probes.iter_mut().filter(|p| p.name == "rxpath").for_each(|p| {
        (p.method, p.reason) = (None, Some("no <BTF>".to_owned()));
    });
    i.f.probes.retain(|p| p.name != "ct_stats" && p.name != "conntrack" && p.name != "memcg");
    let page = page(&i);
    for (id, why) in [
        ("received", "Where packets came in was not measured: no &lt;BTF&gt;."),
        ("conntrack", "Connection tracking was not recorded."),
        ("files", "No call of such a file took 5.00 ms or longer."),
        ("files", "How often such files were read in all was not recorded."),
    ] {
        assert!(section(&page, id).contains(why), "{id}: {}", section(&page, id));
        assert!(!section(&page, id).contains("<svg"), "{id} draws something");
    }
    assert!(drawn(&i).is_empty());
    // Sums without readings have no time line; packets without devices no queues.
    let mut i = recording(&DECENT);
    i.r.ct_readings.clear();
    i.f.received.as_mut().unwrap().devices.clear();
    i.f.received.as_mut().unwrap().examined = None;
    let page = super::page::page(&i);
    let tracked = section(&page, "conntrack");
    assert!(tracked.contains("nothing is known of when they grew"), "{tracked}");
    assert!(!tracked.contains("packets, counted since"), "a line of nothing");
    assert!(section(&page, "received").contains("Devices and their queues are not known"));
}

/// A damaged file may hold any number anywhere.
#[test]
fn numbers_out_of_bounds_are_drawn_too() {
    let mut i = recording(&DECENT);
    let most = Nanos(u64::MAX);
    for (n, row) in i.r.ct_readings.iter_mut().enumerate() {
        (row.time, row.since) = match n % 4 {
            0 => (Ktime(u64::MAX), Ktime(1)),
            1 => (Ktime(0), Ktime(u64::MAX)),
            _ => (row.time, row.since),
        };
    }
    i.r.ct_grown.iter_mut().for_each(|row| (row.time, row.count) = (at(3_000.0), u64::MAX));
    i.r.dying_memcgs.iter_mut().step_by(2).for_each(|d| d.count = u64::MAX);
    i.r.dying_memcgs[1].time = Ktime(u64::MAX);
    let ct = i.f.conntrack.as_mut().unwrap();
    ct.failed.iter_mut().step_by(2).for_each(|f| f.sent_again_after = Some(most));
    (ct.failed[1].time, ct.failed[2].netns) = (Ktime(0), 0);
    let received = i.f.received.as_mut().unwrap();
    for place in received.devices.iter_mut().flat_map(|d| &mut d.places) {
        (place.packets, place.margin, place.flows) = (u64::MAX, u64::MAX, u64::MAX);
    }
    received.devices[0].packets = 0;
    for (n, call) in i.f.slow_file_calls.iter_mut().enumerate() {
        call.group = [0, 999, 1][n % 3];
        call.duration = if n % 2 == 0 { most } else { Nanos(0) };
        call.start = if n % 5 == 0 { Ktime(u64::MAX) } else { call.start };
    }
    for end in [i.f.window.end, Ktime(0), Ktime(u64::MAX)] {
        i.f.window.end = end;
        harmless(&without_script(&page(&i)));
        for figure in drawn(&i) {
            let svg = figure.alone();
            harmless(&svg);
            assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{}", figure.name);
        }
    }
}

fn gathered() -> Nodes {
    let mut gather = Gather::default();
    for i in [recording(&DECENT), recording(&HOSTILE), read("tests/replay/memcg.stall")] {
        gather.add(Some(format!("{}.stall", i.f.host.name)), &i.r, &i.f);
    }
    gather.finish()
}

#[test]
fn several_nodes_on_one_page() {
    let nodes = gathered();
    let page = text(|out| html::write_nodes(out, &nodes).unwrap());
    show("nodes.html", &page);
    let markup = without_script(&page);
    harmless(&markup);
    assert_eq!(acting(&page), None);
    let (_, targets) = attributes(&markup);
    for target in targets {
        assert!(markup.contains(&format!(" id=\"{}\"", &target[1..])), "{target} leads nowhere");
    }
    let main = markup.split_once("<main>").unwrap().1;
    check("nodes.html", main);
    let all = figures::of_nodes(&nodes);
    assert_eq!(all.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["causes", "latencies"]);
    for figure in all {
        let svg = figure.alone();
        harmless(&svg);
        check(&format!("figures/nodes-{}.svg", figure.name), &body(&svg));
    }
    // Nothing stalled, nothing counted: said, not drawn.
    let empty = Gather::default().finish();
    let page = text(|out| html::write_nodes(out, &empty).unwrap());
    assert!(page.contains("There was no stall on any node.") && !page.contains("<svg"));
    assert!(figures::of_nodes(&empty).is_empty());
}

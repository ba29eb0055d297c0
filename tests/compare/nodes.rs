//! Several recordings of one incident.

use super::{load, stallprof, text};
use stallprof::analysis::compare::Gather;
use stallprof::model::findings::Findings;
use stallprof::model::nodes::Nodes;
use stallprof::render::{self, Style, escape};

const NAMES: [&str; 4] = [
    "tests/replay/memcg.stall",
    "tests/replay/quiet.stall",
    "flamegraphs/incident-memcg/6.1-v1.stall",
    "flamegraphs/incident-memcg/6.12-v2.stall",
];

const HEAD: &str = "191 stalls on 3 of 4 nodes, worst 80.7 ms on node 3; besides, ksoftirqd alone \
                    waited 6 times";

fn gathered() -> Nodes {
    let mut gather = Gather::default();
    for name in NAMES {
        let (r, f) = load(name);
        gather.add(Some(name.to_owned()), &r, &f);
    }
    gather.finish()
}

#[test]
fn sums_are_those_of_the_recordings() {
    let n = gathered();
    let all: Vec<_> = NAMES.iter().map(|name| load(name).1).collect();
    for (node, f) in n.nodes.iter().zip(&all) {
        assert_eq!(node.stalls, f.stalls.len());
    }
    let harmed = |f: &Findings| f.stalls.iter().filter(|s| !s.served_meanwhile()).count();
    let stalls: usize = all.iter().map(harmed).sum();
    assert!(stalls > 0 && stalls < all.iter().map(|f| f.stalls.len()).sum());
    assert_eq!(n.causes.iter().flat_map(|row| &row.stalls).sum::<usize>(), stalls);
    assert_eq!(n.culprits.iter().map(|group| group.stalls).sum::<usize>(), stalls);
    let counted: u64 = all.iter().flat_map(|f| &f.latencies).map(|l| l.count).sum();
    assert_eq!(n.latencies.iter().map(|l| l.count).sum::<u64>(), counted);
    for l in &n.latencies {
        let own = all.iter().flat_map(|f| &f.latencies);
        let same = own.filter(|o| (o.what, o.vector) == (l.what, l.vector));
        assert_eq!(l.max, same.map(|o| o.max).max().unwrap());
        assert!(l.p50 <= l.p99 && l.p99 <= l.p999 && l.p999 <= l.max, "{l:?}");
    }
    let longest = all.iter().flat_map(|f| &f.stalls).map(|s| s.rank()).max().unwrap().1;
    assert_eq!((n.worst[0].duration, n.worst[0].node), (longest, 3));
    assert!(n.worst.windows(2).all(|pair| pair[0].duration >= pair[1].duration));
    // One culprit on two hosts with different process numbers.
    let reader = n.culprits.iter().find(|c| c.nodes == [1, 3]).unwrap();
    assert!(reader.who.file.as_deref().unwrap().ends_with("/N/memory.stat"));
}

#[test]
fn it_says_what_its_clocks_and_nodes_cannot_tell() {
    let mut gather = Gather::default();
    let (mut r, f) = load(NAMES[0]);
    gather.add(None, &r, &f);
    r.meta.start_realtime = 0;
    r.meta.stall_threshold.0 *= 2;
    r.end = None;
    r.lost.push(stallprof::model::Lost { ring_full: 3, ..Default::default() });
    r.meta.probes[0].method = None;
    let f = stallprof::analysis::analyse(&r);
    gather.add(None, &r, &f);
    let n = gather.finish();
    let notes = n.notes.join("\n");
    for note in [
        "each host's own clock",
        "different thresholds",
        "Node 2 lost 3 records",
        "The recording of node 2 was cut short.",
        "Not measured on node 2: softirq.",
        "Of node 2 the time of day is not known.",
    ] {
        assert!(notes.contains(note), "no {note} in {notes}");
    }
    assert!(n.worst.iter().all(|w| w.start_realtime.is_some() == (w.node == 1)));
}

#[test]
fn every_line_keeps_to_the_width() {
    let mut n = gathered();
    n.nodes[0].host.name = "node\x1b[2J\n;7".repeat(99);
    // As many nodes as a table has no room for.
    for _ in 0..5 {
        n.nodes.extend(n.nodes.clone());
        n.causes.iter_mut().for_each(|row| row.stalls.extend(row.stalls.clone()));
    }
    for width in [40, 80, 100, 140] {
        let mut out = Vec::new();
        render::nodes::write(&mut out, &n, Style { color: false, width }).unwrap();
        let page = text(&out);
        assert!(page.lines().all(|l| escape::columns(l) <= width && !l.chars().any(escape::acts)));
        assert!(page.contains("node 128"), "{page}");
    }
}

#[test]
fn as_a_command() {
    let mut words = vec!["report"];
    words.extend(NAMES);
    let told = stallprof(&words);
    assert!(told.status.success(), "{}", text(&told.stderr));
    let page = text(&told.stdout);
    let head = format!("{HEAD}\n");
    assert!(page.starts_with(&head), "{page}");
    assert!(page.contains("tests/replay/memcg.stall"));
    let redacted = text(&stallprof(&[&words[..], &["--redact"]].concat()).stdout);
    assert!(!redacted.contains("stallgen") && !redacted.contains("tests/replay"), "{redacted}");
    let json = stallprof(&[&words[..], &["--format", "json"]].concat());
    let value: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(value["nodes"].as_array().unwrap().len(), 4);
    let refused = stallprof(&[&words[..], &["--around"]].concat());
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("is text, JSON or a page: give --stalls, --around"));
}

#[test]
fn as_a_page() {
    let dir = std::env::temp_dir().join(format!("stallprof-nodes-{}", std::process::id()));
    std::fs::create_dir(&dir).unwrap();
    let (page, figures) = (dir.join("nodes.html"), dir.join("figures"));
    let (page_name, figures_name) = (page.to_str().unwrap(), figures.to_str().unwrap());
    let mut words = vec!["report"];
    words.extend(NAMES);
    let without = stallprof(&words);
    words.extend(["-o", page_name, "--svg", figures_name]);
    let told = stallprof(&words);
    assert!(told.status.success(), "{}", text(&told.stderr));
    assert_eq!(told.stdout, without.stdout, "the report as ever");
    let html = std::fs::read_to_string(&page).unwrap().replace('\u{a0}', " ");
    assert!(html.contains(&format!("<h1>{HEAD}</h1>")));
    assert!(html.contains("each host&#39;s own clock") && html.ends_with("</html>\n"));
    assert!(html.contains(&format!("stallprof report {} -o nodes.html", NAMES.join(" "))));
    for name in ["causes.svg", "latencies.svg"] {
        assert!(std::fs::read_to_string(figures.join(name)).unwrap().starts_with("<svg "));
    }
    let again = stallprof(&words);
    assert!(!again.status.success() && text(&again.stderr).contains("--force"));
    let redacted = stallprof(&[&words[..], &["--force", "--redact"]].concat());
    assert!(redacted.status.success(), "{}", text(&redacted.stderr));
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(!html.contains("stallgen") && !html.contains("tests/replay"), "names are told");
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn what_hurts_on_several_nodes_is_told_once() {
    use stallprof::model::health::{HealthRow, Severity};
    use stallprof::model::{Recording, StrId};
    let with = |rows: &[(&str, Severity, &str)]| {
        let (mut r, _) = load(NAMES[1]);
        let name = |r: &mut Recording, text: &str| {
            r.strings.push(text.to_owned());
            StrId(r.strings.len() as u32 - 1)
        };
        for (n, &(check, severity, value)) in (1..).zip(rows) {
            let (check, value) = (name(&mut r, check), name(&mut r, value));
            let help = name(&mut r, "raise \x1b[2J<b>it</b>");
            r.health.push(HealthRow {
                finding: n,
                check,
                severity,
                value,
                help,
                ..HealthRow::default()
            });
        }
        let f = stallprof::analysis::analyse(&r);
        (r, f)
    };
    let mut gather = Gather::default();
    for rows in [
        &[("tcp-backlog", Severity::Warning, "80 % full"), ("mtu", Severity::Ok, "well")][..],
        &[("tcp-backlog", Severity::Critical, "full"), ("neigh-table", Severity::Warning, "90 %")],
        &[("mtu", Severity::Notice, "odd")],
        &[],
    ] {
        let (r, f) = with(rows);
        gather.add(None, &r, &f);
    }
    let n = gather.finish();
    let told: Vec<_> =
        n.health.iter().map(|h| (&*h.check, h.severity, &h.nodes[..], &*h.value)).collect();
    let critical = ("tcp-backlog", Severity::Critical, &[1, 2][..], "full");
    assert_eq!(told, [critical, ("neigh-table", Severity::Warning, &[2], "90 %")]);
    let worst: Vec<_> = n.nodes.iter().map(|node| node.health).collect();
    let known = [Severity::Warning, Severity::Critical, Severity::Notice].map(Some);
    assert_eq!(worst, [&known[..], &[None]].concat());
    assert!(n.notes.contains(&"The health of node 4 was not recorded.".to_owned()));

    let mut out = Vec::new();
    render::nodes::write(&mut out, &n, Style { color: false, width: 100 }).unwrap();
    let page = text(&out);
    assert!(page.contains("  critical  tcp-backlog  nodes 1, 2: full\n"), "{page}");
    assert!(page.contains("raise \\x1b[2J<b>it</b>") && !page.contains('\x1b'), "{page}");
    let mut out = Vec::new();
    render::html::write_nodes(&mut out, &n).unwrap();
    let page = text(&out);
    assert!(page.contains("&lt;b&gt;it&lt;/b&gt;") && !page.contains('\x1b'));
}

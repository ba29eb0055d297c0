//! The page and its figures: goldens from real recordings, and what makes a page whole.

use std::collections::BTreeSet;
use std::path::Path;

use super::golden::check;
use super::names::{DECENT, HOSTILE};
use super::scene::incident;
use super::{flames, no_stall, show, text, xml};
use crate::incident::Incident;
use stallprof::render::{Case, figures, html};
use stallprof::{analysis, recording};

pub fn page(i: &Incident) -> String {
    text(|out| html::write(out, &Case::new(&i.r, &i.f, "node7.stall")).unwrap())
}

/// The page without its script, which is ours and no XML.
pub fn without_script(page: &str) -> String {
    let (head, rest) = page.split_once("<script>").unwrap();
    let (script, tail) = rest.split_once("</script>").unwrap();
    assert!(script.starts_with("\n\"use strict\";") || script.starts_with("\"use strict\";"));
    head.to_owned() + tail
}

/// Names of attributes, and the values that can name something to be loaded or run.
pub fn attributes(markup: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut names, mut targets) = (BTreeSet::new(), BTreeSet::new());
    for tag in markup.split('<').skip(1) {
        let mut parts = tag.split('"');
        while let (Some(before), Some(value)) = (parts.next(), parts.next()) {
            if before.contains('>') {
                break;
            }
            let name = before.trim_end_matches('=').rsplit(char::is_whitespace).next().unwrap();
            names.insert(name.to_owned());
            if ["href", "src", "xlink:href", "action", "data"].contains(&name) {
                targets.insert(value.to_owned());
            }
        }
    }
    (names, targets)
}

/// Every attribute that the page and the figures use. What is not here was brought by a name.
const ATTRIBUTES: [&str; 49] = [
    "aria-label",
    "aria-labelledby",
    "autocomplete",
    "charset",
    "class",
    "clip-path",
    "content",
    "cx",
    "cy",
    "d",
    "data-all",
    "data-d",
    "data-t",
    "data-w",
    "data-x",
    "dx",
    "dy",
    "fill",
    "font-family",
    "font-size",
    "for",
    "height",
    "hidden",
    "href",
    "http-equiv",
    "id",
    "lang",
    "name",
    "opacity",
    "points",
    "r",
    "role",
    "scope",
    "spellcheck",
    "stroke",
    "stroke-width",
    "tabindex",
    "text-anchor",
    "transform",
    "type",
    "viewBox",
    "width",
    "x",
    "x1",
    "x2",
    "xmlns",
    "y",
    "y1",
    "y2",
];

pub fn harmless(markup: &str) {
    let (elements, _) = xml::read(markup);
    for element in elements {
        let bad = ["script", "img", "image", "iframe", "object", "embed", "link", "use", "form"];
        assert!(!bad.contains(&element.as_str()), "<{element}>");
    }
    let (names, targets) = attributes(markup);
    let known: BTreeSet<String> = ATTRIBUTES.iter().map(|&a| a.to_owned()).collect();
    let strange: Vec<_> = names.difference(&known).collect();
    assert!(strange.is_empty(), "attributes of nobody: {strange:?}");
    assert!(targets.iter().all(|t| t.starts_with('#')), "{targets:?}");
}

/// A recording of this repository, and what is found in it.
pub fn read(path: &str) -> Incident {
    let r = recording::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    Incident { f: analysis::analyse(&r), r }
}

/// Each figure of a recording of each kind: a wait of ksoftirqd, and nothing at all.
#[test]
fn figures_of_real_recordings() {
    for (path, at_least) in [("tests/replay/fifo.stall", 10), ("tests/replay/quiet.stall", 3)] {
        let i = read(path);
        let name = Path::new(path).file_stem().unwrap().to_string_lossy().into_owned();
        let figures = figures::all(&Case::new(&i.r, &i.f, "x.stall"));
        assert!(figures.len() >= at_least, "{path}: {} figures", figures.len());
        for figure in figures {
            let svg = figure.alone();
            harmless(&svg);
            flames::fetches_nothing(&svg);
            // The rules are the same in all, and change more often than what is drawn.
            let (head, rest) = svg.split_once("<style>").unwrap();
            let drawn = head.to_owned() + rest.split_once("</style>\n").unwrap().1;
            check(&format!("figures/{name}-{}.svg", figure.name), &drawn);
        }
    }
}

/// The pages of the gallery are what the recordings beside them give.
#[test]
fn pages_of_the_gallery() {
    for name in ["6.1-v1", "6.12-v2"] {
        let i = read(&format!("flamegraphs/incident-memcg/{name}.stall"));
        let source = format!("{name}.stall");
        let page = text(|out| html::write(out, &Case::new(&i.r, &i.f, &source)).unwrap());
        assert!(page.len() <= 1 << 20, "{} bytes", page.len());
        harmless(&without_script(&page));
        check(&format!("../../flamegraphs/incident-memcg/{name}.html"), &page);
    }
}

/// Every link of a page leads somewhere on it, and no two places have one name.
#[test]
fn links_lead_somewhere() {
    for i in [incident(&DECENT), no_stall(), read("tests/replay/memcg.stall")] {
        let page = page(&i);
        show("page.html", &page);
        let mut ids = BTreeSet::new();
        for part in without_script(&page).split(" id=\"").skip(1) {
            let id = part.split('"').next().unwrap().to_owned();
            assert!(ids.insert(id.clone()), "two of #{id}");
        }
        let (_, targets) = attributes(&without_script(&page));
        let broken: Vec<_> = targets.iter().filter(|t| !ids.contains(&t[1..])).collect();
        assert!(broken.is_empty(), "{broken:?}");
        for stall in &i.f.stalls {
            assert!(ids.contains(&format!("stall-{}", stall.id)), "stall {}", stall.id);
        }
    }
}

#[test]
fn a_page_says_what_the_terminal_says() {
    let i = incident(&DECENT);
    let page = page(&i).replace('\u{a0}', " ");
    for words in [
        "<h1>CPU 11 stalled 14 times in 30.0 s, worst 187 ms</h1>",
        "held CPU 11, median 140 ms",
        "of /sys/fs/cgroup/memory/memory.stat",
        "23,411 dying memory cgroups on this node",
        "default-src &#39;none&#39;",
    ] {
        let plain = page.replace("'none'", "&#39;none&#39;");
        assert!(plain.contains(words), "{words}");
    }
}

#[test]
fn empty_sections_say_why() {
    let mut i = no_stall();
    i.r.samples.clear();
    i.r.hists.clear();
    i.f.latencies.clear();
    i.f.slow_calls.clear();
    i.r.syscalls.clear();
    i.f.probes.retain(|p| p.name != "syscall");
    let shown = page(&i).replace('\u{a0}', " ");
    for why in [
        "There was no stall of 5.00 ms or more",
        "The recording holds no samples",
        "No latency was counted",
        "How long system calls took was not recorded",
    ] {
        assert!(shown.contains(why), "{why}");
    }
    i.f.probes.iter_mut().for_each(|p| p.method = None);
    let blind = page(&i);
    assert!(blind.contains("<h1>Nothing was measured: whether CPUs stalled is unknown</h1>"));
    harmless(&without_script(&blind));
}

#[test]
fn hostile_names_stay_text() {
    let i = incident(&HOSTILE);
    harmless(&without_script(&page(&i)));
    for figure in figures::all(&Case::new(&i.r, &i.f, "\"><script>.stall")) {
        harmless(&figure.alone());
        assert!(figure.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
    }
}

#[test]
fn the_same_recording_gives_the_same_page() {
    let i = read("tests/replay/memcg.stall");
    assert!(page(&i) == page(&i));
}

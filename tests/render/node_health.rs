//! Health of the node in the verdict and on the page.

use super::incident::Incident;
use super::names::{DECENT, HOSTILE};
use super::scene::incident;
use super::{acting, as_json, page, plain, show, verdict, xml};
use stallprof::health::checks::by_name;
use stallprof::model::findings::Health;
use stallprof::model::health::Severity;

/// A copy whose health is another.
fn with(change: impl FnOnce(&mut Option<Health>)) -> Incident {
    let mut i = incident(&DECENT);
    change(&mut i.f.health);
    i
}

fn section(page: &str) -> &str {
    page.split("<section id=\"health\"").nth(1).unwrap().split("</section>").next().unwrap()
}

#[test]
fn the_verdict_tells_the_worst_and_counts_the_rest() {
    let shown = verdict(&incident(&DECENT).f, plain(100));
    let text = shown.split("Node health, read after the recording\n").nth(1).unwrap();
    let text = text.split("\n\n").next().unwrap();
    assert!(
        text.starts_with(
            "  critical  dying-memcgs: 23,411 dying memory cgroups (v1) · what helps is told above\n"
        ),
        "{text}"
    );
    assert!(!text.contains("drop_caches"), "the advice against slow files says it: {text}");
    assert!(text.contains("cadvisor: 3 handshakes dropped, in 0.5 s"), "{text}");
    assert_eq!(text.matches("What helps").count(), 1, "said once for two findings: {text}");
    let rest = "  Besides: 1 warning, 1 notice, 1 unknown: --format json";
    assert!(text.ends_with(rest), "{text}");
}

#[test]
fn nothing_is_told_where_nothing_is_worse_than_a_notice() {
    let calm = with(|health| {
        let health = health.as_mut().unwrap();
        health.findings.retain(|f| f.finding.severity < Severity::Warning);
        health.worst = Severity::Unknown;
    });
    assert!(!verdict(&calm.f, plain(100)).contains("Node health"));
    let shown = page::page(&calm);
    assert!(section(&shown).contains("1\u{a0}unknown, 1\u{a0}notice."), "{}", section(&shown));
}

#[test]
fn a_recording_without_it_says_so() {
    let old = with(|health| *health = None);
    assert!(!verdict(&old.f, plain(100)).contains("Node health"));
    assert!(section(&page::page(&old)).contains("Node health was not recorded."));
    assert!(as_json(&old.f).contains("\"health\": null"));
}

#[test]
fn the_page_tells_reason_proof_and_help_once() {
    let shown = page::page(&incident(&DECENT));
    show("health.html", &shown);
    let text = section(&shown);
    for words in [
        "read within 912\u{a0}ms after the recording ended",
        "1\u{a0}critical, 3\u{a0}warnings, 1\u{a0}unknown, 1\u{a0}notice.",
        "since\u{a0}boot 12 dropped, none in 0.5 s",
        "memory: full 18.20 %, in\u{a0}the\u{a0}last\u{a0}10\u{a0}s",
        "see <a href=\"#files\">Cgroup and /proc files</a>",
        "nstat -asz cadvisor<br/>nsenter -t 4711 -n nstat -asz host",
        "As it should be, or not in use here: steal.",
    ] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    let overflows = by_name("listen-overflows").unwrap();
    assert_eq!(text.matches(&*overflows.help.replace('\'', "&#39;")).count(), 1);
    let rules = by_name("rules").unwrap();
    assert!(text.contains("nft: Operation") && !text.contains(rules.help), "nothing is known");
    assert_eq!(text.matches("drop_caches").count(), 0, "told with the slow files");
    xml::read(&page::without_script(&shown));
}

#[test]
fn hostile_subjects_do_no_harm() {
    let i = incident(&HOSTILE);
    for width in [40, 80, 140] {
        assert_eq!(acting(&verdict(&i.f, plain(width))), None);
    }
    let shown = page::page(&i);
    assert!(section(&shown).contains("&quot;&gt;&lt;script&gt;a\\n\\x07: 3 handshakes dropped"));
    let long = with(|health| {
        let first = &mut health.as_mut().unwrap().findings[0].finding;
        first.value = "x".repeat(70_000);
        first.subject = Some("\n".repeat(70_000));
    });
    assert!(verdict(&long.f, plain(80)).len() < 60_000);
    assert!(section(&page::page(&long)).len() < 20_000);
}

//! The page in a real browser, from a file, with the network off.

// A test that cannot go on may panic. Not every part of the made-up incident is used here.
#![allow(clippy::unwrap_used, dead_code)]

#[path = "web/browser.rs"]
mod browser;
#[path = "render/files.rs"]
mod files;
#[path = "render/health.rs"]
mod health;
#[path = "render/incident.rs"]
mod incident;
#[path = "web/labels.rs"]
mod labels;
#[path = "render/names.rs"]
mod names;
#[path = "render/node.rs"]
mod node;
#[path = "web/print.rs"]
mod print;
#[path = "render/scene.rs"]
mod scene;
#[path = "render/tape.rs"]
mod tape;
#[path = "render/tracked.rs"]
mod tracked;

use std::path::{Path, PathBuf};

use browser::Browser;
use names::HOSTILE;
use serde_json::json;
use stallprof::render::{Case, html};
use stallprof::{analysis, recording};

/// A page in a file that goes away, and how many stalls it tells of.
struct Page(PathBuf, usize);

impl Page {
    fn of(recording: &str) -> Page {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(recording);
        let r = recording::read(&path).unwrap();
        let f = analysis::analyse(&r);
        Page::write(&Case::new(&r, &f, "incident.stall"), recording)
    }

    fn write(case: &Case<'_>, name: &str) -> Page {
        let name = name.replace('/', "-");
        let thread = std::thread::current().id();
        let file = format!("stallprof-web-{}-{thread:?}-{name}.html", std::process::id());
        let path = std::env::temp_dir().join(file.replace(['(', ')'], ""));
        let mut bytes = Vec::new();
        html::write(&mut bytes, case).unwrap();
        std::fs::write(&path, bytes).unwrap();
        Page(path, case.f.stalls.len())
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

const INCIDENT: &str = "flamegraphs/incident-memcg/6.1-v1.stall";
const QUIET: &str = "tests/replay/quiet.stall";

#[test]
fn pages_load_without_a_complaint_and_ask_for_nothing() {
    let mut browser = Browser::start("load");
    for recording in [INCIDENT, QUIET, "tests/replay/fifo.stall"] {
        let page = Page::of(recording);
        for (width, theme) in [(390, "light"), (390, "dark"), (1440, "light"), (1440, "dark")] {
            browser.look(width, theme);
            browser.open(&page.0);
            browser.settle();
            assert!(browser.complaints().is_empty(), "{recording}: {:?}", browser.complaints());
            let wide = browser.eval("document.documentElement.scrollWidth").as_u64().unwrap();
            assert!(wide <= u64::from(width), "{recording} is {wide} wide in a window of {width}");
            let ground = browser.eval("getComputedStyle(document.body).backgroundColor");
            let dark = ground == "rgb(20, 23, 27)";
            assert_eq!(dark, theme == "dark", "{ground}");
        }
    }
    // The policy holds for whatever else would try.
    let refused = browser.eval(
        "new Promise((told) => { addEventListener('securitypolicyviolation', \
         (e) => told(e.effectiveDirective)); fetch('http://127.0.0.1:9/').catch(() => {}); })",
    );
    assert_eq!(refused, "connect-src");
}

#[test]
fn the_timeline_zooms_to_a_microsecond_and_back() {
    let page = Page::of(INCIDENT);
    let mut browser = Browser::start("zoom");
    browser.look(1440, "light");
    browser.open(&page.0);
    let ticks = "[...document.querySelectorAll('#fig-timeline .ticks text')].map((t) => \
                 t.textContent).join(' ')";
    let span = "+document.querySelector('.zoomable').dataset.span";
    let first = format!("{ticks}.split(' ')[0]");
    let still = browser.eval(&first);
    browser.eval("document.querySelector('.zoomable').focus()");
    browser.key("+");
    browser.until(&format!("{span} < 10e9"));
    browser.key("ArrowRight");
    browser.until(&format!("{first} !== {still}"));
    browser.key("0");
    browser.until(&format!("{span} > 10e9 && {first} === {still}"));
    let whole = browser.eval(span).as_f64().unwrap();
    assert!((10e9..12e9).contains(&whole), "{whole} ns");

    browser.eval(
        "document.getElementById('fig-timeline').scrollIntoView({block: 'center', behavior: 'instant'})",
    );
    // A wheel is sent to what is on the screen.
    browser.settle();
    let place = browser.eval(
        "(() => { const r = document.getElementById('fig-timeline').getBoundingClientRect(); \
         return [r.left + r.width * 0.6, r.top + 30]; })()",
    );
    let (x, y) = (place[0].as_f64().unwrap(), place[1].as_f64().unwrap());
    browser.mouse("mouseWheel", x, y, json!({"deltaX": 0, "deltaY": -100, "modifiers": 2}));
    browser.until(&format!("{span} < {whole} * 0.9"));
    // A drag moves it and opens no link.
    let before = browser.eval(ticks);
    browser.mouse("mousePressed", x, y, json!({}));
    browser.mouse("mouseMoved", x - 200.0, y, json!({"buttons": 1}));
    browser.mouse("mouseReleased", x - 200.0, y, json!({}));
    browser.until(&format!("{ticks} !== {before}"));
    assert_eq!(browser.eval("location.hash"), "");
    for _ in 0..40 {
        browser.key("+");
    }
    browser.until(&format!("{span} === 1000"));
    browser.until(
        "document.querySelector('.tools output').textContent.startsWith('1.00\u{a0}us from +')",
    );
    browser.key("0");
    browser.until(&format!("{span} === {whole}"));
    assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
}

#[test]
fn frames_are_found_and_fill_the_width() {
    let page = Page::of(INCIDENT);
    let mut browser = Browser::start("find");
    browser.look(1440, "dark");
    browser.open(&page.0);
    browser.eval("document.getElementById('find').focus()");
    browser.call("Input.insertText", json!({"text": "memcg_stat_SHOW"}));
    let marked =
        browser.eval("document.querySelectorAll('.frames .found').length").as_u64().unwrap();
    assert!(marked >= 3, "{marked} frames");
    assert_eq!(
        browser.eval("document.getElementById('found').textContent"),
        format!("{marked} frames")
    );
    let width = "document.querySelector('#fig-held .found rect').getAttribute('width')";
    let before = browser.eval(width);
    browser
        .eval("document.querySelector('#fig-held .found').dispatchEvent(new MouseEvent('click'))");
    assert_ne!(before, "100%");
    assert_eq!(browser.eval(width), "100%");
    browser.eval(
        "[...document.querySelectorAll('#fig-held .frames g')].find((g) => \
         g.querySelector('title').textContent.startsWith('all (')).dispatchEvent(new MouseEvent('click'))",
    );
    let now = browser.eval(width).as_str().unwrap().trim_end_matches('%').parse::<f64>().unwrap();
    let was = before.as_str().unwrap().trim_end_matches('%').parse::<f64>().unwrap();
    assert!((now - was).abs() < 0.01, "{now} was {was}");
    browser.eval("document.getElementById('theme').click()");
    let ground = browser.eval("getComputedStyle(document.body).backgroundColor");
    assert_eq!(ground, "rgb(255, 255, 255)", "the other theme");
    assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
}

#[test]
fn it_is_whole_without_script_and_reached_by_key() {
    let page = Page::of(INCIDENT);
    let mut browser = Browser::start("plain");
    browser.call("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    browser.look(1440, "light");
    browser.open(&page.0);
    let shown =
        "[...document.querySelectorAll('.js, button')].filter((e) => e.offsetHeight).length";
    assert_eq!(browser.eval(shown), json!(0), "what needs the script is hidden without it");
    let figures = browser.eval("[...document.querySelectorAll('figure svg.fig')].every((f) => f.getBoundingClientRect().height > 40)");
    assert_eq!(figures, json!(true));
    let unnamed = browser.eval(
        "[...document.querySelectorAll('svg.fig')].filter((f) => f.getAttribute('aria-labelledby')\
         .split(' ').some((id) => !document.getElementById(id).textContent)).length",
    );
    assert_eq!(unnamed, json!(0), "figures without a text alternative");
    browser.call(
        "Input.dispatchKeyEvent",
        json!({"type": "keyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}),
    );
    assert_eq!(browser.eval("document.activeElement.className"), "skip");
    assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
}

/// Whatever a process calls itself, the browser sees text.
#[test]
fn hostile_names_are_text_to_a_browser() {
    let long = "<b onmouseover='x'>".repeat(230);
    let mut i = scene::incident(&HOSTILE);
    i.f.host.name = long.clone();
    i.r.meta.host = long;
    let page =
        Page::write(&Case::new(&i.r, &i.f, "\"><img src=x onerror=alert(1)>.stall"), "hostile");
    let mut browser = Browser::start("hostile");
    browser.look(390, "light");
    browser.open(&page.0);
    browser.settle();
    assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
    let odd = browser.eval(
        "[...document.querySelectorAll('*')].filter((e) => ['img', 'iframe', 'b1', 'object'].includes(e.localName) \
         || e.getAttributeNames().some((a) => a.startsWith('on') || a === 'style' && !e.closest('svg'))).length",
    );
    assert_eq!(odd, json!(0));
    assert_eq!(browser.eval("document.scripts.length"), json!(1));
    let text = browser.eval("document.body.innerText");
    assert!(text.as_str().unwrap().contains("\"><script>a\\n\\x07"), "shown as it is, escaped");
    let wide = browser.eval("document.documentElement.scrollWidth").as_u64().unwrap();
    assert!(wide <= 390, "{wide}");
}

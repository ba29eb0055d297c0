//! Figures of packets, connections, files and nodes in a browser: every label is whole and legible.

use super::browser::Browser;
use super::names::{DECENT, HOSTILE, Names};
use super::{Page, node};
use serde_json::json;
use stallprof::analysis::compare::Gather;
use stallprof::model::findings::{Place, ReceivedCpu};
use stallprof::render::{Case, html};
use stallprof::units::Cpu;

/// Labels of the figures that are cut off at an edge, or lie on another label.
const BAD_LABELS: &str = "(() => {
  const bad = [];
  for (const svg of document.querySelectorAll('svg.fig')) {
    if (!/fig-(received|conntrack|slow-files)/.test(svg.id)) continue;
    const box = svg.viewBox.baseVal;
    const texts = [...svg.querySelectorAll('text')].filter((t) => t.firstChild?.nodeValue?.trim());
    const boxes = texts.map((t) => [t.firstChild.nodeValue, t.getBBox()]);
    boxes.forEach(([words, a], n) => {
      if (a.x < -1 || a.x + a.width > box.width + 1 || a.y < -1 || a.y + a.height > box.height + 1)
        bad.push(svg.id + ': ' + words + ' is cut off');
      for (const [other, b] of boxes.slice(n + 1))
        if (a.x + 1 < b.x + b.width && b.x + 1 < a.x + a.width
            && a.y + 4 < b.y + b.height && b.y + 4 < a.y + a.height)
          bad.push(svg.id + ': ' + words + ' lies on ' + other);
    });
  }
  return bad;
})()";

fn check(browser: &mut Browser, page: &Page, what: &str) {
    for (width, theme) in [(390, "dark"), (1440, "light")] {
        browser.look(width, theme);
        browser.open(&page.0);
        browser.settle();
        assert!(browser.complaints().is_empty(), "{what}: {:?}", browser.complaints());
        let wide = browser.eval("document.documentElement.scrollWidth").as_u64().unwrap();
        assert!(wide <= u64::from(width), "{what} is {wide} wide in a window of {width}");
        assert_eq!(browser.eval(BAD_LABELS), json!([]), "{what}");
    }
}

fn page(names: &Names, name: &str) -> Page {
    let i = node::recording(names);
    Page::write(&Case::new(&i.r, &i.f, "node7.stall"), name)
}

#[test]
fn labels_are_whole_and_apart() {
    let mut browser = Browser::start("labels");
    for (names, name) in [(&DECENT, "decent"), (&HOSTILE, "hostile")] {
        check(&mut browser, &page(names, name), name);
    }
    // A label that is cut off or in the way would be found.
    browser.eval("document.querySelectorAll('#fig-received text.end').forEach((t, n) => n < 2 && t.setAttribute('x', 4))");
    browser.eval("document.querySelector('#fig-slow-files text.end').setAttribute('x', -9)");
    let bad = browser.eval(BAD_LABELS);
    assert!(bad.as_array().is_some_and(|bad| bad.len() >= 3), "{bad}");
    // A dot leads to its row of the table.
    let rows = browser.eval(
        "[...document.querySelectorAll('[id^=fig-conntrack] a')].filter((a) => \
         document.querySelector('#conntrack tr' + a.getAttribute('href'))).length",
    );
    assert_eq!(rows, json!(9));

    // More queues and CPUs than there is room for.
    let mut i = node::recording(&DECENT);
    let received = i.f.received.as_mut().unwrap();
    let (cpu, place) = (received.cpus[5].clone(), received.devices[0].places[0].clone());
    let many = 0..64u32;
    received.cpus = many.clone().map(|n| ReceivedCpu { cpu: Cpu(n), ..cpu.clone() }).collect();
    let one = |n: u32| Place { queue: Some(n), cpu: Cpu(n), packets: 900_000, ..place.clone() };
    received.devices[0].places = many.map(one).collect();
    let wide = Page::write(&Case::new(&i.r, &i.f, "node7.stall"), "wide");
    check(&mut browser, &wide, "wide");
    let told = browser.eval("document.querySelector('#received figcaption').textContent");
    assert!(told.as_str().unwrap().contains("33\u{a0}more queues"), "{told}");

    let mut gather = Gather::default();
    for names in [&DECENT, &HOSTILE] {
        let i = node::recording(names);
        gather.add(None, &i.r, &i.f);
    }
    let mut bytes = Vec::new();
    html::write_nodes(&mut bytes, &gather.finish()).unwrap();
    let page = page(&DECENT, "nodes");
    std::fs::write(&page.0, bytes).unwrap();
    check(&mut browser, &page, "nodes");
    assert!(browser.eval("document.querySelectorAll('#causes .heat').length").as_u64() >= Some(2));
}

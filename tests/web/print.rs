//! What comes out of the printer: all of it, light, and nothing that only a screen can do.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::browser::Browser;
use super::{INCIDENT, Page};

fn bytes_of_base64(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for four in text.trim_end_matches('=').as_bytes().chunks(4) {
        let bits = four.iter().fold(0u32, |bits, &c| bits << 6 | u32::from(digit(c)));
        let bits = bits << (6 * (4 - four.len()));
        bytes.extend(bits.to_be_bytes()[1..four.len()].iter());
    }
    bytes
}

#[test]
fn a_printed_page_is_complete() {
    let page = Page::of(INCIDENT);
    let mut browser = Browser::start("print");
    browser.look(1440, "dark");
    browser.open(&page.0);
    let titles = browser.eval("[...document.querySelectorAll('h2')].map((h) => h.textContent)");
    let stalls = browser.eval("document.querySelectorAll('#stalls tbody tr').length");
    let times = "[...document.querySelectorAll('#stalls tbody td:nth-child(2)')].map((at) => \
                 at.textContent)";
    let times = browser.eval(times);
    let printed = browser.call(
        "Page.printToPDF",
        json!({"printBackground": true, "paperWidth": 8.27, "paperHeight": 11.7}),
    );
    let pdf = page.0.with_extension("pdf");
    std::fs::write(&pdf, bytes_of_base64(printed["data"].as_str().unwrap())).unwrap();
    let text =
        Command::new("pdftotext").arg("-layout").arg(&pdf).arg("-").stderr(Stdio::null()).output();
    let _ = std::fs::remove_file(&pdf);
    let text = text.expect("pdftotext, which tools/setup test installs");
    let text = String::from_utf8(text.stdout).unwrap();
    for title in titles.as_array().unwrap().iter().filter_map(Value::as_str) {
        assert!(text.contains(title), "no section {title}");
    }
    // The table, which scrolls on a screen, is there to its last row.
    assert_eq!(stalls, json!(page.1));
    for at in times.as_array().unwrap().iter().filter_map(Value::as_str) {
        let number = at.split_whitespace().next().unwrap(); // its unit may stand in the next line
        assert!(text.contains(number), "no stall at {at}");
    }
    assert!(text.contains("stallprof report incident.stall -o report.html"));
    for word in ["Find a function", "Skip to the verdict", "Click a frame"] {
        assert!(!text.contains(word), "{word} cannot be done on paper");
    }
}

//! Names that attack the formats, and numbers that no kernel gives.

use super::wire::Message;
use super::{FORMATS, exported, load, text};
use stallprof::analysis::analyse;
use stallprof::export::Format;
use stallprof::model::Recording;
use stallprof::recording::read_bytes;
use stallprof::render::escape;

const NAMES: [&str; 9] = [
    "a;b 12",
    "\n# EOF\nforged{} 1",
    "\"} 1\nforged{x=\"",
    "\u{1b}[2J\u{9b}31m\u{7}\0",
    "<script>alert(1)</script>",
    "\\",
    "# ",
    "x\u{202e}txt\u{200b}\u{ffff}",
    "   ",
];

/// A real recording with other names.
fn renamed() -> Recording {
    let (mut r, _) = load("fifo.stall");
    let long = "\u{1f600};".repeat(1024);
    for (n, text) in r.strings.iter_mut().enumerate().skip(1) {
        *text = match n % (NAMES.len() + 1) {
            at if at < NAMES.len() => format!("{}{n}", NAMES[at]),
            _ => long.clone(),
        };
    }
    r.meta.host = NAMES.concat();
    r
}

fn acts(text: &str) -> Option<char> {
    text.chars().find(|c| escape::acts(*c))
}

#[test]
fn a_name_stays_a_name() {
    let r = renamed();
    let f = analyse(&r);
    for format in [Format::Folded, Format::FoldedOrdered] {
        let folded = text(format, &r, &f, false);
        let mut whole = 0;
        for line in folded.lines() {
            assert_eq!(acts(line), None, "{line:?}");
            assert!(line.starts_with("CPU 1;"), "{line:?}");
            let (stack, count) = line.rsplit_once(' ').unwrap();
            whole += count.parse::<u64>().unwrap();
            let last = stack.rsplit(' ').next().unwrap();
            assert!(last.parse::<f64>().is_err(), "a second count: {line:?}");
        }
        assert!(whole >= r.samples.len() as u64);
    }
    let raw = exported(Format::Pprof, &r, &f, false);
    let strings = Message::read(&raw);
    assert!(strings.texts(6).iter().all(|s| acts(s).is_none() && s.len() < 5000));

    let raw = exported(Format::Perfetto, &r, &f, false);
    for packet in Message::read(&raw).messages(1) {
        for event in packet.messages(11) {
            let args = event.messages(4);
            let texts = args.iter().map(|a| a.text(6)).chain([event.text(23)]);
            texts.for_each(|t| assert_eq!(acts(t), None, "{t:?}"));
        }
    }

    let metrics = text(Format::Openmetrics, &r, &f, false);
    for line in metrics.lines() {
        assert_eq!(acts(line), None, "{line:?}");
        assert!(line.starts_with("# ") || line.starts_with("stallprof_"), "{line:?}");
        assert!(quotes_are_closed(line), "{line:?}");
    }
    assert_eq!(metrics.matches("\n# EOF").count(), 1);
}

/// A label's value ends where a quote that no backslash precedes is.
fn quotes_are_closed(line: &str) -> bool {
    let (mut inside, mut escaped) = (false, false);
    for c in line.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '"' => inside = !inside,
            '\n' => return false,
            _ => {}
        }
    }
    !inside && !escaped
}

/// Invalid UTF-8 in the file, which the reader replaces, and a file cut anywhere.
#[test]
fn damaged_files_are_exported_as_far_as_they_can_be_read() {
    let bytes = std::fs::read(super::path("irqsoff.stall")).unwrap();
    for len in (64..bytes.len()).step_by(bytes.len() / 12) {
        let r = read_bytes(&bytes[..len]).unwrap();
        let f = analyse(&r);
        for format in FORMATS {
            exported(format, &r, &f, false);
        }
    }
}

#[test]
fn numbers_that_cannot_be_make_no_panic() {
    let (mut r, _) = load("hardirq.stall");
    for s in r.samples.iter_mut().step_by(3) {
        (s.gap.0, s.pending) = (u64::MAX, u16::MAX);
        (s.kernel_stack.0, s.task.0, s.syscall.file.0) = (u32::MAX, u32::MAX, u32::MAX);
    }
    for h in &mut r.hists {
        (h.count, h.bucket) = (u64::MAX, h.bucket.wrapping_mul(977));
    }
    for irq in &mut r.hardirqs {
        (irq.time.0, irq.run.0) = (u64::MAX, u64::MAX);
    }
    for steal in &mut r.steal {
        steal.total.0 = steal.time.0.wrapping_mul(steal.time.0);
    }
    let f = analyse(&r);
    for format in FORMATS {
        exported(format, &r, &f, false);
        exported(format, &r, &f, true);
    }
    r.meta.start_realtime = u64::MAX;
    r.meta.sample_period.0 = u64::MAX;
    let f = analyse(&r);
    for format in FORMATS {
        exported(format, &r, &f, false);
    }
}

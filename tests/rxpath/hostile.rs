//! Damaged files and damaged answers of drivers: no panic, no wrong answer made of noise.

use std::fs;

use stallprof::host::ethtool::Ask;
use stallprof::host::{HostRoot, rxpath};
use stallprof::render::Style;
use stallprof::rxpath::{RxHost, predict};

use super::frames;
use super::made::{Driver, Host};
use super::vectors::key;

/// Reads, predicts and shows all there is, whatever comes of it.
fn use_all(host: &Host) {
    let (root, ask): (_, &dyn Ask) = (HostRoot::new(&host.root), &host.driver);
    for device in [None, Some("eth0")] {
        for ask in [None, Some(ask)] {
            let Ok(read) = rxpath::read(&root, ask, device) else { continue };
            follow(&read);
        }
    }
}

fn follow(host: &RxHost) {
    for nic in &host.nics {
        for flow in frames::flows(12) {
            let way = predict(host, nic, &flow);
            assert!(way.queue.values().iter().all(|queue| (*queue as usize) < nic.rx.len()));
        }
    }
    let mut out = Vec::new();
    stallprof::render::rxpath::host(&mut out, host, Style::default()).expect("shown");
    stallprof::render::json::write(&mut out, host).expect("written");
}

#[test]
fn damaged_files() {
    let host = Host::new("damaged", 2, 2, Driver::new(2, 128, key().bytes()));
    for file in host.files() {
        let good = fs::read(&file).expect("the file");
        let digits: Vec<u8> =
            good.iter().map(|b| if b.is_ascii_digit() { b'9' } else { *b }).collect();
        let flipped: Vec<u8> = good.iter().map(|b| b ^ 0x80).collect();
        let forms = [
            Vec::new(),
            b"\n".to_vec(),
            good[..good.len() / 2].to_vec(),
            flipped,
            digits.repeat(20),
            b"-1\n".to_vec(),
            b"18446744073709551616\n".to_vec(),
            vec![b'f'; 1 << 16],
            b"0,".repeat(1 << 14),
            b"\x1b[2J\xff\xfe".to_vec(),
        ];
        for form in forms {
            fs::write(&file, form).expect("a damaged file");
            use_all(&host);
        }
        fs::remove_file(&file).expect("no file");
        use_all(&host);
        fs::write(&file, good).expect("the good file");
    }
}

#[test]
fn damaged_answers() {
    let host = Host::new("answers", 4, 4, Driver::new(4, 128, key().bytes()));
    for byte in [0x00, 0x01, 0x7f, 0x80, 0xff] {
        *host.driver.damage.borrow_mut() = Some(byte);
        use_all(&host);
        let nic = &host.read().nics[0];
        assert!(nic.rss.table.len() <= 1 << 16, "a table of {}", nic.rss.table.len());
    }
}

//! Logs of probes as others may have made them, and their join with recordings.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use stallprof::analysis::analyse;
use stallprof::analysis::pings::{JoinOptions, join};
use stallprof::model::Recording;
use stallprof::ping::log::{LogError, parse};
use stallprof::ping::summary::summary;
use stallprof::ping::{Answer, Header, PingLog, Probe};
use stallprof::recording;
use stallprof::render::Style;
use stallprof::units::{Ktime, Nanos};

fn incident(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("flamegraphs/incident-memcg").join(name)
}

fn log() -> String {
    let header = Header {
        stallprof_ping: 1,
        host: "client".into(),
        destination: Some([10, 0, 0, 2].into()),
        late: Nanos::from_millis(5),
        ..Header::default()
    };
    let mut text = serde_json::to_string(&header).unwrap();
    for seq in 0..40_u64 {
        let probe = Probe {
            seq,
            sent: Some(Ktime(1_000_000_000 + seq * 10_000_000)),
            sent_realtime: 1_795_251_403_000_000_000 + seq * 10_000_000,
            rtt: (seq % 9 != 0).then_some(Nanos(seq * 1_000_000)),
            answer: if seq % 9 == 0 { Answer::Lost } else { Answer::Echo },
            ..Probe::default()
        };
        text += "\n";
        text += &serde_json::to_string(&probe).unwrap();
    }
    text + "\n"
}

/// All that is done with a log, on a real recording.
fn through(log: &PingLog, r: &Recording) -> (usize, usize) {
    let f = analyse(r);
    let options = JoinOptions { offset: Nanos::from_millis(2), late: None };
    let joined = join(r, &f, log, options);
    let style = Style { color: false, width: 80 };
    let mut text = Vec::new();
    stallprof::render::pings::joined(&mut text, &joined, style).unwrap();
    let sum = summary(&log.header, &log.probes);
    stallprof::render::pings::summary(&mut text, &sum, style).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(!text.contains('\x1b'), "{text}");
    assert!(joined.in_stalls <= joined.late && joined.late <= joined.probes);
    (joined.late, joined.in_stalls)
}

#[test]
fn what_was_written_is_read() {
    let read = parse(log().as_bytes()).unwrap();
    assert_eq!(read.probes.len(), 40);
    assert_eq!((read.header.host.as_str(), read.missing), ("client", 0));
    assert!(read.damage.is_empty());
    assert_eq!(read.probes[10].rtt, Some(Nanos(10_000_000)));
    assert_eq!(read.probes[9].answer, Answer::Lost);
}

#[test]
fn a_log_cut_anywhere_gives_its_whole_lines() {
    let text = log();
    let r = recording::read(&incident("6.1-v1.stall")).unwrap();
    for cut in (0..text.len()).step_by(7) {
        let whole = text[..cut].matches("\"seq\"").count();
        match parse(&text.as_bytes()[..cut]) {
            Ok(read) => {
                assert!(read.probes.len() <= whole && read.probes.len() + 1 >= whole, "{cut}");
                if cut % 35 == 0 {
                    through(&read, &r);
                }
            }
            Err(LogError::Empty) => assert!(whole <= 1, "{cut}"),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn lines_that_lie_are_counted_and_do_no_harm() {
    let r = recording::read(&incident("6.1-v1.stall")).unwrap();
    let max = u64::MAX;
    let hostile = [
        format!("{{\"seq\":{max},\"sent\":{max},\"sent_realtime\":{max},\"rtt\":{max}}}"),
        "{\"seq\":0,\"sent\":0,\"sent_realtime\":0,\"rtt\":0,\"send_late\":0}".to_owned(),
        format!("{{\"seq\":7,\"sent_realtime\":{max},\"rtt\":1,\"answer\":\"lost\"}}"),
    ];
    let bad = [
        "{\"seq\":-1}",
        "{\"seq\":NaN}",
        "{\"seq\":1e999}",
        "{\"seq\":1,\"rtt\":1.5}",
        "{\"seq\":1,\"answer\":\"\\u001b[2J\"}",
        "{\"seq\":1,",
        "{",
        "{\"seq\":18446744073709551616}",
        "[1.5] 64 bytes from a: icmp_seq=1 time=NaN ms",
        "[1.5] 64 bytes from a: icmp_seq=1 time=inf ms",
    ];
    let mut text = hostile.join("\n") + "\n" + &bad.join("\n") + "\n";
    text += &"x".repeat(100_000);
    text += "\n{\"seq\":1,\"rtt\":\"";
    text += &"9".repeat(100_000);
    let mut bytes = text.into_bytes();
    bytes.extend(b"\n\xff\xfe\x00{\"seq\":3}\n");
    let read = parse(&bytes).unwrap();
    assert_eq!(read.probes.len(), 3, "{:?}", read.probes);
    assert_eq!(read.damage.len(), 1, "{:?}", read.damage);
    assert!(read.damage[0].starts_with("13 lines"), "{:?}", read.damage);
    through(&read, &r);
    // The same against a recording without anything in it.
    through(&read, &Recording::default());
}

#[test]
fn what_is_no_log_is_told() {
    for none in [&b""[..], b"\n\n", b"hello\n", b"PING a (1.2.3.4) 56 bytes\n", &[0; 64]] {
        assert!(matches!(parse(none), Err(LogError::Empty)), "{none:?}");
    }
    let newer = "{\"stallprof_ping\":9}\n{\"seq\":1}\n";
    assert!(matches!(parse(newer.as_bytes()), Err(LogError::Newer(9))));
}

#[test]
fn a_host_named_to_deceive_is_shown_escaped() {
    let text = log().replace("client", "a\\u001b[2Jb");
    let r = recording::read(&incident("6.1-v1.stall")).unwrap();
    through(&parse(text.as_bytes()).unwrap(), &r);
}

/// Random damage to both kinds of logs: never a panic.
#[test]
fn damaged_logs_are_read_or_refused() {
    let ping = std::fs::read(incident("6.1-v1.ping")).unwrap();
    let ours = log().into_bytes();
    let mut random = 7_u64;
    let mut next = |below: usize| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    for original in [&ping[..4000], &ours] {
        for _ in 0..2000 {
            let mut bytes = original.to_vec();
            for _ in 0..=next(8) {
                let at = next(bytes.len());
                bytes[at] = b"0123456789-.eE[]{}\":,=\n\xff "[next(25)];
            }
            if let Ok(read) = parse(&bytes) {
                let _ = summary(&read.header, &read.probes);
            }
        }
    }
}

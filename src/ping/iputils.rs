//! What `ping -D` of iputils prints.

use super::log::{Answer, Header, Probe, Proto};
use crate::units::Nanos;

/// No round trip is believed to be longer.
const LONGEST: f64 = 86_400e9;

/// A line.
pub enum Line {
    /// An echo, or the lack of one.
    Probe(Probe),
    /// Something else that ping says.
    Words,
    /// An echo that makes no sense.
    Bad,
}

/// Reads line by line: the numbers wrap at 65536.
#[derive(Default)]
pub struct Reader {
    last: u64,
}

impl Reader {
    /// Reads a line; the first one tells the target.
    pub fn line(&mut self, line: &str, header: &mut Header) -> Line {
        if let Some(rest) = line.strip_prefix("PING ") {
            header.proto = Proto::Icmp;
            let inside = rest.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
            header.destination = inside.and_then(|(address, _)| address.parse().ok());
            return Line::Words;
        }
        let Some((stamp, rest)) = line.strip_prefix('[').and_then(|l| l.split_once(']')) else {
            // Without -D there is no time to join by.
            return if line.contains("icmp_seq=") && line.contains("time=") {
                Line::Bad
            } else {
                Line::Words
            };
        };
        let word = |name: &str| {
            let value = rest.split_once(name)?.1;
            value.split([' ', ':']).next()
        };
        let Some(seq) = word("icmp_seq=") else { return Line::Words };
        let (Some(realtime), Ok(seq)) = (nanos(stamp), seq.parse::<u16>()) else {
            return Line::Bad;
        };
        let seq = self.unwrapped(seq);
        if rest.contains("no answer yet") {
            // Printed when the next one is sent; an answer may still come, and then counts.
            return Line::Words;
        }
        let Some(time) = word("time=") else {
            // An error that came back instead, such as Destination Host Unreachable.
            let answer = Answer::Unreachable;
            return Line::Probe(Probe { seq, sent_realtime: realtime, answer, ..Probe::default() });
        };
        let rtt = time.parse::<f64>().map(|ms| ms * 1e6);
        match rtt {
            Ok(rtt) if (0.0..=LONGEST).contains(&rtt) => Line::Probe(Probe {
                seq,
                sent_realtime: realtime.saturating_sub(rtt as u64),
                rtt: Some(Nanos(rtt as u64)),
                answer: Answer::Echo,
                ..Probe::default()
            }),
            _ => Line::Bad,
        }
    }

    fn unwrapped(&mut self, seq: u16) -> u64 {
        let turn = self.last & !0xffff;
        let candidates = [turn.checked_sub(0x10000), Some(turn), turn.checked_add(0x10000)];
        let all = candidates.into_iter().flatten().map(|turn| turn + u64::from(seq));
        let nearest = all.min_by_key(|seq| seq.abs_diff(self.last)).unwrap_or_default();
        self.last = self.last.max(nearest);
        nearest
    }
}

/// `1795251403.437596` in nanoseconds; as a float it would lose the last digits.
fn nanos(stamp: &str) -> Option<u64> {
    let (seconds, micros) = stamp.split_once('.')?;
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok());
    let (seconds, micros): (u64, u64) = (digits(seconds)??, digits(micros)??);
    if micros >= 1_000_000 || stamp.len() > 24 {
        return None;
    }
    seconds.checked_mul(1_000_000_000)?.checked_add(micros * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_as_ping_prints_them() {
        let mut reader = Reader::default();
        let mut header = Header::default();
        reader.line("PING node7 (10.0.0.2) 56(84) bytes of data.", &mut header);
        assert_eq!(header.destination, Some([10, 0, 0, 2].into()));
        let line = "[1795251403.437596] 64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=8.31 ms";
        let Line::Probe(probe) = reader.line(line, &mut header) else { panic!("no probe") };
        assert_eq!((probe.seq, probe.rtt), (1, Some(Nanos(8_310_000))));
        assert_eq!(probe.sent_realtime, 1_795_251_403_437_596_000 - 8_310_000);
        for bad in [
            "[x.1] 64 bytes from a: icmp_seq=1 time=1 ms",
            "[1.5] 64 bytes from a: icmp_seq=1 time=NaN ms",
            "[1.5] 64 bytes from a: icmp_seq=1 time=-1 ms",
            "[1.5] 64 bytes from a: icmp_seq=1 time=1e300 ms",
            "[1.5] 64 bytes from a: icmp_seq=70000 time=1 ms",
            "[99999999999999999999.5] 64 bytes from a: icmp_seq=1 time=1 ms",
            "64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=8.31 ms",
        ] {
            assert!(matches!(reader.line(bad, &mut header), Line::Bad), "{bad}");
        }
    }

    #[test]
    fn numbers_go_on_where_they_wrap() {
        let mut reader = Reader::default();
        let all = [1, 65_000, 65_535, 0, 65_534, 3].map(|seq| reader.unwrapped(seq));
        assert_eq!(all[2..], [65_535, 65_536, 65_534, 65_539]);
    }
}

//! What a stall did to others, from what the observer saw.

use crate::truth::Span;

/// One timed packet.
#[derive(Debug, Clone, Copy)]
pub struct Packet {
    /// When it was sent.
    pub sent_ns: u64,
    /// When it reached its socket.
    pub received_ns: u64,
}

/// Everything seen in a run, each list in the order of time.
#[derive(Debug, Default)]
pub struct Seen {
    /// The victims.
    pub packets: Vec<Packet>,
    /// When ksoftirqd was woken.
    pub woken: Vec<u64>,
    /// When ksoftirqd got the CPU.
    pub switched_in: Vec<u64>,
    /// Packets that were handled on another CPU than the held one.
    pub strayed: usize,
    /// What the ring buffer had no room for.
    pub lost: u64,
}

/// What one stall did.
#[derive(Debug, PartialEq, Eq)]
pub struct Effects {
    /// Longest wait of a packet under way during the stall.
    pub victim_wait_ns: u64,
    /// Packets that waited for more than a quarter of the stall.
    pub victims: u32,
    /// When ksoftirqd was woken, in the stall or before it, to wait through it.
    pub woken_ns: Option<u64>,
    /// When it then got the CPU.
    pub in_ns: Option<u64>,
}

impl Seen {
    /// The effects of the stall `span`.
    pub fn effects_of(&self, span: Span) -> Effects {
        let first = self.packets.partition_point(|p| p.received_ns < span.start_ns);
        let waits = self.packets[first..]
            .iter()
            .take_while(|p| p.sent_ns < span.end_ns)
            .map(|p| p.received_ns.saturating_sub(p.sent_ns));
        let long_ns = span.duration_ns() / 4;
        // The first wake that was not answered before the stall.
        let answered_ns = last_before(&self.switched_in, span.start_ns).unwrap_or(0);
        let woken_ns = first_from(&self.woken, answered_ns).filter(|&ns| ns < span.end_ns);
        Effects {
            victim_wait_ns: waits.clone().max().unwrap_or(0),
            victims: waits.filter(|&wait| wait > long_ns).count() as u32,
            woken_ns,
            in_ns: woken_ns.and_then(|ns| first_from(&self.switched_in, ns)),
        }
    }
}

fn last_before(times: &[u64], before: u64) -> Option<u64> {
    times.get(times.partition_point(|&ns| ns < before).checked_sub(1)?).copied()
}

fn first_from(times: &[u64], from: u64) -> Option<u64> {
    times.get(times.partition_point(|&ns| ns < from)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_gets_the_packets_and_the_wake_that_fall_into_it() {
        let packet = |sent_ns, received_ns| Packet { sent_ns, received_ns };
        let span = |start_ns, end_ns| Span { start_ns, end_ns, paused_ns: 0 };
        let seen = Seen {
            packets: vec![packet(10, 11), packet(90, 205), packet(150, 206), packet(210, 211)],
            woken: vec![20, 120, 300],
            switched_in: vec![30, 207, 310],
            ..Seen::default()
        };
        let effects = seen.effects_of(span(100, 200));
        let expected =
            Effects { victim_wait_ns: 115, victims: 2, woken_ns: Some(120), in_ns: Some(207) };
        assert_eq!(effects, expected);

        let waits_already = seen.effects_of(span(302, 309));
        assert_eq!((waits_already.woken_ns, waits_already.in_ns), (Some(300), Some(310)));

        let quiet = seen.effects_of(span(208, 209));
        let expected = Effects { victim_wait_ns: 0, victims: 0, woken_ns: None, in_ns: None };
        assert_eq!(quiet, expected);
    }
}

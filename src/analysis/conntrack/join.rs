//! The SYN that TCP sent again for one that was dropped.

use std::collections::HashMap;

use crate::model::Recording;
use crate::model::conntrack::{CtDrop, Flow, SynRetransmit};
use crate::units::{Ktime, Nanos};

/// TCP sends a SYN again 1 s after the first and 2 s after the second (`TCP_TIMEOUT_INIT`, RFC
/// 6298), each up to some ticks late.
const SOONEST: Nanos = Nanos::from_millis(500);
const LATEST: Nanos = Nanos::from_millis(3_500);

/// Lost records are counted so much later at most, or at the end.
const COUNTED: Nanos = Nanos::from_millis(2_500);

const TCP: u8 = 6;
const UDP: u8 = 17;
const DNS: u16 = 53;

/// SYNs sent again, by connection. The client's own namespace has the addresses that the packet
/// came with, whichever namespace dropped it.
pub struct Again<'r> {
    by: HashMap<Flow, Vec<&'r SynRetransmit>>,
    /// When records of the probe were found to be lost, in order.
    lost: Vec<Ktime>,
}

impl<'r> Again<'r> {
    pub fn of(r: &'r Recording) -> Again<'r> {
        let mut by: HashMap<Flow, Vec<&SynRetransmit>> = HashMap::new();
        for syn in &r.syn_retransmits {
            by.entry(syn.flow).or_default().push(syn);
        }
        let lost = r.lost.iter().filter(|lost| r.str(lost.probe) == "conntrack");
        Again { by, lost: lost.map(|lost| lost.time).collect() }
    }

    fn lost_between(&self, from: u64, to: u64) -> bool {
        let next = self.lost.get(self.lost.partition_point(|time| time.0 < from));
        next.is_some_and(|time| time.0 <= to)
    }

    /// The first one after a drop.
    ///
    /// # Errors
    /// Why there is none.
    pub fn after(&self, r: &Recording, drop: &CtDrop) -> Result<&'r SynRetransmit, &'static str> {
        let ports = [drop.sent.target_port, drop.translated.target_port];
        match drop.protocol {
            TCP => {}
            UDP if ports.contains(&DNS) => {
                return Err("the resolver asks again after its own timeout (glibc: 5 s, unless \
                            resolv.conf says otherwise)");
            }
            _ => return Err("only TCP sends again by itself"),
        }
        let [from, until] = [SOONEST, LATEST].map(|wait| drop.time.0.saturating_add(wait.0));
        let all = self.by.get(&drop.sent).map(Vec::as_slice).unwrap_or_default();
        let begin = all.partition_point(|syn| syn.time.0 < from);
        let end = all.partition_point(|syn| syn.time.0 <= until);
        match all.get(begin..end).unwrap_or_default() {
            [] if self.lost_between(from, until.saturating_add(COUNTED.0)) => {
                Err("no SYN was seen to be sent again, but records were lost")
            }
            [] if r.last_time().0 < until => {
                Err("no SYN was seen to be sent again before the recording ended")
            }
            [] => Err("no SYN was seen to be sent again on this host"),
            [first, rest @ ..] if rest.iter().all(|syn| syn.netns == first.netns) => Ok(first),
            _ => Err("two network namespaces sent a SYN of these addresses again"),
        }
    }
}

//! The payload of our packets: `struct packet` of observe.bpf.c.

use crate::clock::now_ns;
use crate::skel::observe::types;

/// A packet sent now, as bytes. `bell` wakes the receiver of a burst.
pub fn packet(bell: bool) -> [u8; size_of::<types::packet>()] {
    let packet = types::packet { sent_ns: now_ns(), bell: bell.into() };
    let mut bytes = [0; size_of::<types::packet>()];
    let (sent_ns, rest) = bytes.split_at_mut(size_of_val(&packet.sent_ns));
    sent_ns.copy_from_slice(&packet.sent_ns.to_ne_bytes());
    rest.copy_from_slice(&packet.bell.to_ne_bytes());
    bytes
}

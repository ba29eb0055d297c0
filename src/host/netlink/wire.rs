//! The bytes of netlink: messages, and attributes inside them.

/// Length of `struct nlmsghdr`.
const HEADER: usize = 16;
/// The bits of `nla_type` that tell the type, without `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`.
const TYPE_MASK: u16 = 0x3fff;

/// The answer is not netlink: what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed netlink: {0}")]
pub struct Malformed(pub &'static str);

/// One message of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// `nlmsg_type`.
    pub kind: u16,
    /// `nlmsg_flags`.
    pub flags: u16,
    /// `nlmsg_seq`: that of the question.
    pub seq: u32,
    /// What follows the header.
    pub payload: &'a [u8],
}

/// A request: header and body, padded.
pub(super) fn request(kind: u16, flags: u16, seq: u32, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER + body.len() + 3);
    out.extend(((HEADER + body.len()) as u32).to_ne_bytes());
    out.extend(kind.to_ne_bytes());
    out.extend(flags.to_ne_bytes());
    out.extend(seq.to_ne_bytes());
    out.extend(0u32.to_ne_bytes()); // The kernel fills in our port.
    out.extend(body);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// The messages of a datagram; after the first malformed one nothing more.
pub fn messages(datagram: &[u8]) -> impl Iterator<Item = Result<Message<'_>, Malformed>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let message = message(rest);
        rest = match &message {
            Ok(m) => rest.get((HEADER + m.payload.len()).next_multiple_of(4)..).unwrap_or(&[]),
            Err(_) => &[],
        };
        Some(message)
    })
}

fn message(bytes: &[u8]) -> Result<Message<'_>, Malformed> {
    let length = native32(bytes).ok_or(Malformed("a message without a whole header"))? as usize;
    if length < HEADER {
        return Err(Malformed("a message shorter than its header"));
    }
    let message = bytes.get(..length).ok_or(Malformed("a message longer than the datagram"))?;
    let half = |at: usize| u16::from_ne_bytes([message[at], message[at + 1]]);
    Ok(Message {
        kind: half(4),
        flags: half(6),
        seq: native32(&message[8..]).unwrap_or(0),
        payload: &message[HEADER..],
    })
}

/// Whether a message ends the answer, and with which error: 0 is success.
///
/// # Errors
/// It ends the answer, but is too short to say how.
pub(super) fn end(message: &Message<'_>) -> Result<Option<i32>, Malformed> {
    let code = || native32(message.payload).map(|code| (code as i32).saturating_neg());
    match i32::from(message.kind) {
        libc::NLMSG_ERROR => code().map(Some).ok_or(Malformed("an error without its number")),
        // Dumps of kernels before 4.4 end without a number.
        libc::NLMSG_DONE => Ok(Some(code().unwrap_or(0))),
        libc::NLMSG_OVERRUN => Err(Malformed("the kernel says that data were lost")),
        _ => Ok(None),
    }
}

/// The attributes of a message or of a nested attribute: type and value.
#[must_use]
pub fn attributes(bytes: &[u8]) -> Attributes<'_> {
    Attributes { rest: bytes }
}

/// See [`attributes`]; after the first malformed one nothing more.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(u16, &'a [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = std::mem::take(&mut self.rest);
        // What pads the last attribute is shorter than a header.
        if bytes.is_empty() || (bytes.len() < 4 && bytes.iter().all(|b| *b == 0)) {
            return None;
        }
        let [l0, l1, t0, t1, ..] = *bytes else {
            return Some(Err(Malformed("an attribute without a whole header")));
        };
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        if length < 4 {
            return Some(Err(Malformed("an attribute shorter than its header")));
        }
        let Some(value) = bytes.get(4..length) else {
            return Some(Err(Malformed("an attribute longer than what holds it")));
        };
        self.rest = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some(Ok((u16::from_ne_bytes([t0, t1]) & TYPE_MASK, value)))
    }
}

/// A number in the byte order of this machine, as rtnetlink has them.
#[must_use]
pub fn native32(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|four| u32::from_ne_bytes(*four))
}

/// A number in network byte order, as netfilter has them.
#[must_use]
pub fn be32(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|four| u32::from_be_bytes(*four))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Vec<u8> {
        let mut bytes = request(20, 2, 7, &[1, 2, 3, 4, 5]);
        bytes.extend(request(3, 2, 7, &0u32.to_ne_bytes()));
        bytes
    }

    #[test]
    fn messages_follow_each_other_padded() {
        let all: Result<Vec<_>, _> =
            messages(&two()).map(|m| m.map(|m| (m.kind, m.payload.len()))).collect();
        assert_eq!(all, Ok(vec![(20, 5), (3, 4)]));
        let bytes = two();
        let done = messages(&bytes).nth(1).expect("the second").expect("whole");
        assert_eq!((end(&done), done.seq), (Ok(Some(0)), 7));
    }

    #[test]
    fn errors_are_positive_numbers() {
        let with = |kind: i32, payload: &[u8]| {
            let bytes = request(kind as u16, 0, 1, payload);
            let message = messages(&bytes).next().expect("one").expect("whole");
            end(&message)
        };
        assert_eq!(with(libc::NLMSG_ERROR, &(-libc::EPERM).to_ne_bytes()), Ok(Some(libc::EPERM)));
        assert_eq!(with(libc::NLMSG_ERROR, &i32::MIN.to_ne_bytes()), Ok(Some(i32::MAX)));
        assert!(with(libc::NLMSG_ERROR, &[1]).is_err(), "no number is not success");
        assert_eq!(with(libc::NLMSG_DONE, &[]), Ok(Some(0)));
        assert_eq!(with(20, &[]), Ok(None));
    }

    #[test]
    fn whatever_is_cut_is_an_error_or_ends() {
        let bytes = two();
        for cut in 1..bytes.len() {
            let whole = messages(&bytes[..cut]).filter(Result::is_ok).count();
            let broken = messages(&bytes[..cut]).filter(Result::is_err).count();
            assert!(whole + broken <= 2 && (broken == 1 || (21..=24).contains(&cut)), "{cut}");
        }
        for length in [0u32, 1, 15, u32::MAX, u32::MAX - 2] {
            let mut odd = two();
            odd[..4].copy_from_slice(&length.to_ne_bytes());
            assert!(messages(&odd).next().is_some_and(|m| m.is_err()), "{length}");
            assert_eq!(messages(&odd).count(), 1, "nothing is read after it");
        }
    }

    #[test]
    fn attributes_within_their_bounds() {
        let good = [5, 0, 1, 0, 9, 0, 0, 0, 8, 0, 2, 0x80, 1, 2, 3, 4];
        let all: Result<Vec<_>, _> = attributes(&good).collect();
        assert_eq!(all, Ok(vec![(1, &[9][..]), (2, &[1, 2, 3, 4][..])]));
        for odd in [&[4, 0, 1][..], &[3, 0, 1, 0], &[9, 0, 1, 0, 0], &[255, 255, 1, 0], &[0; 8]] {
            assert!(attributes(odd).any(|a| a.is_err()), "{odd:?}");
            assert!(attributes(odd).count() < 3, "{odd:?}");
        }
        assert_eq!(attributes(&[0, 0]).count(), 0, "padding");
    }
}

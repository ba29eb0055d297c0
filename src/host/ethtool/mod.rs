//! What devices tell by ethtool's ioctl (include/uapi/linux/ethtool.h): RSS table and key, hash
//! fields, number of queues. Reading needs no privileges.
//!
//! The structures are read from plain bytes, apart from asking for them: [`Ask`] is the kernel, or
//! a test's answers.

mod ask;
mod decode;

use std::io;

pub use ask::{Ask, Socket};

use crate::rxpath::{Channels, Fields, FlowKind, HashFields, HashKey, Rss};
use decode::{Rxfh, channels, data, driver, value};

/// ETHTOOL_GDRVINFO
const GDRVINFO: u32 = 0x03;
/// ETHTOOL_GFLAGS
const GFLAGS: u32 = 0x25;
/// ETHTOOL_GRXFH
const GRXFH: u32 = 0x29;
/// ETHTOOL_GRXCLSRLCNT
const GRXCLSRLCNT: u32 = 0x2e;
/// ETHTOOL_GCHANNELS
const GCHANNELS: u32 = 0x3c;
/// ETHTOOL_GRSSH
const GRSSH: u32 = 0x46;
/// ETH_FLAG_RXHASH of ETHTOOL_GFLAGS
const FLAG_RXHASH: u32 = 1 << 28;

/// Flow types that ETHTOOL_GRXFH is asked for.
const FLOW_TYPES: [(FlowKind, u32); 6] = [
    (FlowKind::Tcp4, 0x01),
    (FlowKind::Udp4, 0x02),
    (FlowKind::Ip4, 0x10),
    (FlowKind::Tcp6, 0x05),
    (FlowKind::Udp6, 0x06),
    (FlowKind::Ip6, 0x11),
];

/// All that a device tells.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Its driver.
    pub driver: Option<String>,
    /// Its RSS configuration.
    pub rss: Rss,
    /// How many queues it has and could have.
    pub channels: Option<Channels>,
    /// Whether it hands its hash to the kernel.
    pub rx_hash: Option<bool>,
    /// How many steering rules it has.
    pub steering_rules: Option<u32>,
}

/// Asks a device for all of it. What it does not support is left out; why there is no RSS table
/// is in [`Rss::missing`].
#[must_use]
pub fn read(ask: &dyn Ask, device: &str) -> Told {
    let asked = |command: u32, bytes: usize| -> io::Result<Vec<u8>> {
        let mut request = vec![0; bytes];
        request[..4].copy_from_slice(&command.to_ne_bytes());
        ask.ask(device, &mut request)?;
        Ok(request)
    };
    let flags = asked(GFLAGS, decode::VALUE).ok().and_then(|b| value(&b));
    let rules = asked(GRXCLSRLCNT, decode::RXNFC).ok().and_then(|b| decode::rule_count(&b));
    Told {
        driver: asked(GDRVINFO, decode::DRVINFO).ok().and_then(|b| driver(&b)),
        rss: rss(ask, device),
        channels: asked(GCHANNELS, decode::CHANNELS).ok().and_then(|b| channels(&b)),
        rx_hash: flags.map(|flags| flags & FLAG_RXHASH != 0),
        steering_rules: rules,
    }
}

fn rss(ask: &dyn Ask, device: &str) -> Rss {
    let fields = FLOW_TYPES.iter().filter_map(|(kind, flow_type)| {
        let mut request = vec![0; decode::RXNFC];
        request[..4].copy_from_slice(&GRXFH.to_ne_bytes());
        request[4..8].copy_from_slice(&flow_type.to_ne_bytes());
        ask.ask(device, &mut request).ok()?;
        Some((*kind, HashFields::from_bits(data(&request)?)))
    });
    let fields = Fields(fields.collect());
    match table_and_key(ask, device) {
        Ok(told) => Rss {
            missing: (told.table.is_empty() || told.key.len() < 40)
                .then(|| "the device has none".to_owned()),
            key: HashKey::new(told.key).ok(),
            table: told.table,
            key_may_be_shifted: false,
            doubt: None,
            function: told.function,
            transform: told.transform,
            fields,
        },
        Err(why) => Rss { missing: Some(why), fields, ..Rss::default() },
    }
}

/// Sizes first, then the contents; they may change between the two.
fn table_and_key(ask: &dyn Ask, device: &str) -> Result<Rxfh, String> {
    let why = |e: io::Error| match e.raw_os_error() {
        Some(libc::EOPNOTSUPP) => "its driver does not support it".to_owned(),
        _ => e.to_string(),
    };
    for _ in 0..3 {
        let mut request = Rxfh::request(GRSSH, 0, 0);
        ask.ask(device, &mut request).map_err(why)?;
        let (entries, key) = Rxfh::sizes(&request).ok_or("an answer that is no answer")?;
        let mut request = Rxfh::request(GRSSH, entries, key);
        match ask.ask(device, &mut request) {
            Ok(()) => return Rxfh::parse(&request).ok_or("an answer too short".to_owned()),
            Err(e) if e.raw_os_error() == Some(libc::EINVAL) => {}
            Err(e) => return Err(why(e)),
        }
    }
    Err("its size keeps changing".to_owned())
}

//! A device, or parts of one, as given on the command line.

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::rxpath::{
    Flow, FlowKind, HashFields, HashFunction, HashKey, Nic, Proto, RxQueue, Transform,
    default_table,
};

/// Entries of the table that is made where only a number of queues is given: what most devices
/// have. Any power of two that is a multiple of the queues gives the same.
const ENTRIES: usize = 128;
/// No device has more queues.
const MAX_QUEUES: u32 = 4096;

/// What overrides a device, or makes one up.
#[derive(clap::Args)]
#[command(next_help_heading = "Without a device, or instead of what it says")]
pub struct ByHand {
    /// Hash key, as ethtool -x shows it
    #[arg(long, value_name = "HEX:HEX:...")]
    key: Option<HashKey>,

    /// Indirection table: a queue for each entry
    #[arg(long, value_name = "Q,Q,...", value_delimiter = ',')]
    table: Vec<u32>,

    /// Number of receive queues; the table goes through them in turn, unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MAX_QUEUES as i64))]
    queues: Option<u32>,

    /// What is hashed of the flow: addresses, or ports for addresses and ports
    #[arg(long, value_name = "FIELDS")]
    fields: Option<HashFields>,

    /// What is done to the input before it is hashed
    #[arg(long, value_enum)]
    transform: Option<Kind>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// Nothing
    None,
    /// Source ^ destination in both places
    SymmetricXor,
    /// Source | destination, then source ^ destination
    SymmetricOrXor,
}

impl ByHand {
    /// A device of which only this is known.
    pub fn nic(&self, flow: &Flow) -> Result<Nic> {
        if self.key.is_none() {
            bail!(
                "give a device of this host (--dev), or a hash key (--key) with --queues or --table"
            );
        }
        if self.queues.is_none() && self.table.is_empty() {
            bail!("--key needs --queues or --table: the hash alone leads to no queue");
        }
        let mut nic = Nic { name: "the device".to_owned(), ..Nic::default() };
        nic.rss.function = HashFunction::Toeplitz;
        let fields = match flow.proto {
            Proto::Icmp => HashFields::Addresses,
            Proto::Tcp(_) => HashFields::Ports,
            Proto::Udp(_) if self.fields.is_some() => HashFields::Ports,
            Proto::Udp(_) => bail!(
                "devices differ in what they hash of UDP: say --fields ports or --fields addresses \
                 (ethtool -n DEV rx-flow-hash udp4 tells)"
            ),
        };
        nic.rss.fields.0.insert(FlowKind::of(flow), fields);
        self.change(&mut nic, flow)?;
        Ok(nic)
    }

    /// Puts what is given in place of what the device says.
    pub fn change(&self, nic: &mut Nic, flow: &Flow) -> Result<()> {
        let largest = self.table.iter().max().map_or(0, |q| q.saturating_add(1));
        if let Some(queues) = self.queues.or((nic.rx.is_empty()).then_some(largest)) {
            if queues > MAX_QUEUES {
                bail!("--table names queue {}: no device has that many", largest - 1);
            }
            nic.rx.resize(queues as usize, RxQueue::default());
            if self.table.is_empty() {
                nic.rss.table = default_table(queues, entries(queues));
            }
        }
        if !self.table.is_empty() {
            let beyond = self.table.iter().position(|q| *q as usize >= nic.rx.len());
            if let Some(at) = beyond {
                bail!(
                    "entry {at} of --table is queue {}, but there are {} queues (0 to {})",
                    self.table[at],
                    nic.rx.len(),
                    nic.rx.len() - 1
                );
            }
            if !self.table.len().is_power_of_two() {
                bail!("--table has {} entries: devices have a power of two", self.table.len());
            }
            nic.rss.table.clone_from(&self.table);
        }
        if self.key.is_some() || !self.table.is_empty() {
            // Who says so knows.
            nic.rss.doubt = None;
        }
        if let Some(key) = &self.key {
            nic.rss.key = Some(key.clone());
            nic.rss.key_may_be_shifted = false;
            nic.rss.function = HashFunction::Toeplitz;
        }
        if let Some(fields) = self.fields {
            if fields == HashFields::Ports && flow.proto == Proto::Icmp {
                bail!("ICMP has no ports to hash: --fields addresses");
            }
            nic.rss.fields.0.insert(FlowKind::of(flow), fields);
        }
        match self.transform {
            Some(Kind::None) => nic.rss.transform = Transform::None,
            Some(Kind::SymmetricXor) => nic.rss.transform = Transform::SymmetricXor,
            Some(Kind::SymmetricOrXor) => nic.rss.transform = Transform::SymmetricOrXor,
            None => {}
        }
        Ok(())
    }
}

/// A table that has room for all queues.
fn entries(queues: u32) -> usize {
    ENTRIES.max((queues as usize).next_power_of_two())
}

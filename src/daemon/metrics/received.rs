//! Packets by the CPU that received them, read from the kernel when asked for: no probe is needed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use prometheus_client::encoding::DescriptorEncoder;

use super::{Family, lock, series};
use crate::host::softnet::SoftnetReader;
use crate::host::{CpuList, HostRoot, monotonic};
use crate::units::Cpu;

/// The kernel's counters have 32 bits and wrap: what came between two readings is added up.
#[derive(Default)]
struct Sums {
    root: HostRoot,
    reader: Option<SoftnetReader>,
    packets: BTreeMap<Cpu, u64>,
    dropped: u64,
    squeezed: u64,
}

struct Received(Mutex<Sums>);

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Received")
    }
}

pub fn new(root: &HostRoot) -> Arc<dyn Family> {
    let received = Received(Mutex::new(Sums { root: root.clone(), ..Sums::default() }));
    lock(&received.0).read();
    Arc::new(received)
}

impl Sums {
    fn read(&mut self) {
        let Some(reader) = &mut self.reader else {
            let online = || CpuList::online(&self.root).ok();
            let open = |cpus: CpuList| SoftnetReader::open(self.root.clone(), cpus.cpus().to_vec());
            self.reader = online().and_then(|cpus| open(cpus).ok());
            let cpus = self.reader.iter().flat_map(|_| online());
            for cpu in cpus.flat_map(|list| list.cpus().to_vec()) {
                self.packets.entry(cpu).or_default();
            }
            return;
        };
        for row in reader.since_last(monotonic()) {
            *self.packets.entry(row.cpu).or_default() += row.processed;
            self.dropped += row.dropped;
            self.squeezed += row.squeezed;
        }
    }
}

impl Family for Received {
    /// Where it cannot be read there are no series: none is not zero.
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let sums = &mut *lock(&self.0);
        sums.read();
        let packets = sums.packets.iter().map(|(cpu, n)| ([("cpu", cpu.to_string())], *n));
        let help = "Packets received since the start, by CPU";
        series!(to, "rx_packets", help, None, counter, packets);
        if sums.reader.is_some() {
            let help = "Received packets that were dropped, the backlog being full";
            series!(to, "rx_dropped", help, None, one counter, sums.dropped);
            let help = "Polls for packets that ended with work left";
            series!(to, "rx_squeezed", help, None, one counter, sums.squeezed);
        }
        Ok(())
    }
}

//! `stallprof rxpath show --measure`: what comes in, for a while, where.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::host::{CpuList, HostFacts, HostRoot, netns};
use crate::model::Meta;
use crate::model::findings::Findings;
use crate::probe::{Config, PROBES, Tracking, Wanted};
use crate::session::{self, End, Pace, Session};
use crate::units::Nanos;
use crate::{analysis, recording};

/// The one probe that it takes.
const PROBE: &str = "rxpath";

/// A recording that is kept in memory.
#[derive(Clone, Default)]
struct Memory(Rc<RefCell<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Measures for so long, then concludes as from any recording.
pub fn measure(length: Nanos, root: &HostRoot) -> Result<Findings> {
    let others = PROBES.iter().filter(|probe| probe.name != PROBE);
    let config = Config {
        cpus: CpuList::online(root)?.cpus().to_vec(),
        stall: Nanos::from_millis(5),
        gap: Nanos::from_millis(5),
        freq: 99,
        syscall_min: Nanos::from_millis(5),
        sleeping_calls: false,
        pid: None,
        softirq_runs: false,
        methods: others.map(|probe| (probe.name, Wanted::Off)).collect(),
        tracking: Tracking::default(),
        root: root.clone(),
    };
    let session = Session::start(&config, Pace::RECORD).context("measuring what comes in")?;
    if !session.probes.iter().any(|probe| probe.name == PROBE && probe.method.is_some()) {
        bail!("what comes in cannot be measured; `stallprof doctor` tells why");
    }
    let mut meta = Meta {
        start: session::now(),
        start_realtime: session::realtime(),
        rx_path: session::rx_path(root),
        netns: netns::own(),
        probes: session.probes.iter().filter(|probe| probe.name == PROBE).cloned().collect(),
        ..Meta::default()
    };
    HostFacts::read(root)?.fill(&mut meta);
    let memory = Memory::default();
    let writer = recording::Writer::new(memory.clone(), &meta)?;
    let (began, length) = (Instant::now(), Duration::from_nanos(length.0));
    if let (End::Write(error), _) =
        session.record(writer, &meta, || began.elapsed() >= length, |_| {}, |_| {})
    {
        return Err(error.into());
    }
    let recording = recording::read_bytes(&memory.0.borrow())?;
    Ok(analysis::analyse(&recording))
}

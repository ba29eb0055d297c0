//! No injection: a read of memory.stat above dying memory cgroups.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::sync::atomic::Ordering;

use anyhow::{Context as _, Result};

use super::{Hog, Workshop};
use crate::clock::now_ns;
use crate::dying::DyingMemcgs;
use crate::touch::{Touchers, touch};
use crate::truth::{Header, Span};

/// Enough for memory.stat in one read(2).
const BUFFER: usize = 1 << 16;

/// A reader of memory.stat. The kernel may do the flush in a kworker instead,
/// just before: then the read is as short as the truth says.
pub struct Memcg<'a> {
    workshop: Workshop<'a>,
    path: String,
    file: File,
    buffer: Vec<u8>,
    touchers: Touchers,
    dying: u64,
    /// They go with this value.
    _memcgs: DyingMemcgs,
}

impl<'a> Memcg<'a> {
    /// The calling thread becomes the reader.
    pub fn prepare(workshop: Workshop<'a>) -> Result<Self> {
        let memcgs = DyingMemcgs::create(workshop.args.dying, workshop.stop)?;
        let path = memcgs.path().join("memory.stat");
        let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
        let touchers = memcgs.touchers(&workshop.args.other_cpus()?)?;
        workshop.become_hog()?;
        Ok(Self {
            workshop,
            path: path.to_string_lossy().into_owned(),
            file,
            buffer: vec![0; BUFFER],
            touchers,
            dying: memcgs.count()?,
            _memcgs: memcgs,
        })
    }
}

impl Hog for Memcg<'_> {
    fn header(&self) -> Header {
        Header {
            // It takes what it takes.
            length_ns: 0,
            file: Some(self.path.clone()),
            syscall: Some("read".into()),
            dying: Some(self.dying),
            ..self.workshop.header()
        }
    }

    fn get_ready(&mut self) -> Result<()> {
        touch(&self.touchers)
    }

    fn stall(&mut self) -> Result<Option<Span>> {
        self.file.rewind()?;
        let since_ns = self.workshop.since_ns;
        let start_ns = now_ns();
        since_ns.store(start_ns, Ordering::Relaxed);
        let result = self.file.read(&mut self.buffer);
        let end_ns = now_ns();
        since_ns.store(0, Ordering::Relaxed);
        result.with_context(|| format!("cannot read {}", self.path))?;
        Ok(Some(Span { start_ns, end_ns, paused_ns: 0 }))
    }
}

//! A task that has interrupts off.

use std::fs::File;
use std::hint;
use std::io::{Read as _, Seek as _};

use anyhow::{Context as _, Result, ensure};

use super::{Hog, Workshop};
use crate::cgroup::{OwnGroup, unified_mount};
use crate::spin::Spin;
use crate::truth::{Header, Span};

/// A read(2) of a cgroup's cpu.stat, held under the rstat lock.
pub struct Irqsoff<'a> {
    workshop: Workshop<'a>,
    spin: &'a Spin<'a>,
    path: String,
    file: File,
    // The file is closed before its group goes.
    _group: OwnGroup,
}

impl<'a> Irqsoff<'a> {
    /// The calling thread becomes the hog.
    pub fn prepare(workshop: Workshop<'a>) -> Result<Self> {
        // The root's cpu.stat takes no lock: a group of our own.
        let group = OwnGroup::create(&unified_mount()?)?;
        let path = group.path().join("cpu.stat");
        let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
        workshop.become_hog()?;
        let path = path.to_string_lossy().into_owned();
        Ok(Self { workshop, spin: workshop.spin()?, path, file, _group: group })
    }
}

impl Hog for Irqsoff<'_> {
    fn header(&self) -> Header {
        Header { file: Some(self.path.clone()), syscall: Some("read"), ..self.workshop.header() }
    }

    fn stall(&mut self) -> Result<Option<Span>> {
        self.file.rewind()?;
        let read = || {
            ensure!((&self.file).read(&mut [0; 4096])? > 0, "{} is empty", self.path);
            Ok(())
        };
        self.spin.make(read, hint::spin_loop)
    }
}

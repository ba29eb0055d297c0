//! A system call that keeps the CPU: preemption off, interrupts on.

use std::env;
use std::fs::File;
use std::hint;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::{Hog, Workshop};
use crate::spin::Spin;
use crate::truth::{Header, Span};

/// A pread64(2) of a real file: a profiler can tell the file from the
/// descriptor.
pub struct Syscall<'a> {
    workshop: Workshop<'a>,
    spin: &'a Spin<'a>,
    path: PathBuf,
    file: File,
}

impl<'a> Syscall<'a> {
    /// The calling thread becomes the hog.
    pub fn prepare(workshop: Workshop<'a>) -> Result<Self> {
        let path = match &workshop.args.file {
            Some(path) => path.clone(),
            // It is there, and nothing has to be removed.
            None => env::current_exe().context("cannot find this program: give --file")?,
        };
        let path = path.canonicalize().with_context(|| format!("--file {}", path.display()))?;
        let file = File::open(&path).with_context(|| format!("--file {}", path.display()))?;
        // A pipe or a terminal would block; so would a directory fail.
        file.read_at(&mut [0], 0).with_context(|| format!("cannot read {}", path.display()))?;
        workshop.become_hog()?;
        Ok(Self { workshop, spin: workshop.spin()?, path, file })
    }
}

impl Hog for Syscall<'_> {
    fn header(&self) -> Header {
        Header {
            file: Some(self.path.to_string_lossy().into_owned()),
            syscall: Some("pread64".into()),
            ..self.workshop.header()
        }
    }

    fn stall(&mut self) -> Result<Option<Span>> {
        let read = || {
            self.file.read_at(&mut [0; 64], 0)?;
            Ok(())
        };
        self.spin.make(read, hint::spin_loop)
    }
}

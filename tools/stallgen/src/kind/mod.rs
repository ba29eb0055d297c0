//! The kinds of stall, one file each.

mod bh;
mod fifo;
mod hardirq;
mod irqsoff;
mod memcg;
mod softirq;
mod syscall;

use std::net::UdpSocket;
use std::sync::atomic::AtomicU64;

use anyhow::{Context as _, Result};

use crate::cli::{Args, Kind};
use crate::net::{BURST_PORT, Net};
use crate::spin::Spin;
use crate::stop::Stop;
use crate::task::{gettid, pin_to, set_comm};
use crate::truth::{Header, Span};

/// What a kind of stall is made from.
#[derive(Clone, Copy)]
pub struct Workshop<'a> {
    /// The command line.
    pub args: &'a Args,
    /// The BPF program of the kind, if it has one.
    pub spin: Option<&'a Spin<'a>>,
    /// The namespaces, if the kind or its victims need them.
    pub net: Option<&'a Net>,
    /// Whether to go on.
    pub stop: &'a Stop,
    /// Start of the stall under way, for kinds that know it in user space only.
    pub since_ns: &'a AtomicU64,
}

impl<'a> Workshop<'a> {
    fn spin(&self) -> Result<&'a Spin<'a>> {
        self.spin.context("this kind has no BPF program")
    }

    /// A socket whose packets go to the held CPU and no further.
    fn packets_to_cpu(&self) -> Result<UdpSocket> {
        self.net.context("this kind needs namespaces")?.sender(BURST_PORT)
    }

    /// Makes the calling thread the one that is held, and to blame.
    fn become_hog(&self) -> Result<()> {
        set_comm(&format!("sg-{}", self.args.kind.name()));
        pin_to(&[self.args.cpu])?;
        if let Some(spin) = self.spin {
            spin.set_hog(gettid());
        }
        Ok(())
    }

    /// A header that blames the calling thread.
    fn header(&self) -> Header {
        Header {
            tgid: Some(std::process::id()),
            tid: Some(gettid()),
            comm: Some(format!("sg-{}", self.args.kind.name())),
            ..self.header_without_task()
        }
    }

    /// A header that blames no task.
    fn header_without_task(&self) -> Header {
        Header {
            kind: self.args.kind.name().to_owned(),
            cpu: self.args.cpu,
            tgid: None,
            tid: None,
            comm: None,
            length_ns: self.args.length.as_nanos() as u64,
            count: self.args.count,
            file: None,
            syscall: None,
            vector: None,
            dying: None,
        }
    }
}

/// A way to hold the CPU. It lives in the one thread that made it.
pub trait Hog {
    /// What the stalls have in common.
    fn header(&self) -> Header;

    /// Gets ready for the next stall, before it is time for it.
    fn get_ready(&mut self) -> Result<()> {
        Ok(())
    }

    /// Makes one stall. `None` if it did not come about.
    fn stall(&mut self) -> Result<Option<Span>>;
}

/// Makes the calling thread ready to make stalls.
pub fn prepare<'a>(workshop: Workshop<'a>) -> Result<Box<dyn Hog + 'a>> {
    Ok(match workshop.args.kind {
        Kind::Syscall => Box::new(syscall::Syscall::prepare(workshop)?),
        Kind::Bh => Box::new(bh::Bh::prepare(workshop)?),
        Kind::Irqsoff => Box::new(irqsoff::Irqsoff::prepare(workshop)?),
        Kind::Softirq => Box::new(softirq::Softirq::prepare(workshop)?),
        Kind::Hardirq => Box::new(hardirq::Hardirq::prepare(workshop)?),
        Kind::Fifo => Box::new(fifo::Fifo::prepare(workshop)?),
        Kind::Memcg => Box::new(memcg::Memcg::prepare(workshop)?),
    })
}

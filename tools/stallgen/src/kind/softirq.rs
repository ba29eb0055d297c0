//! A softirq handler that runs long.

use std::net::UdpSocket;

use anyhow::Result;

use super::{Hog, Workshop};
use crate::packet::packet;
use crate::spin::{Spin, nap};
use crate::task::set_comm;
use crate::truth::{Header, Span};

/// A packet held in the NET_RX handler of the CPU. No task is to blame.
pub struct Softirq<'a> {
    workshop: Workshop<'a>,
    spin: &'a Spin<'a>,
    socket: UdpSocket,
}

impl<'a> Softirq<'a> {
    /// The calling thread stays where it is: on another CPU.
    pub fn prepare(workshop: Workshop<'a>) -> Result<Self> {
        set_comm("sg-trigger");
        Ok(Self { workshop, spin: workshop.spin()?, socket: workshop.packets_to_cpu()? })
    }
}

impl Hog for Softirq<'_> {
    fn header(&self) -> Header {
        Header { vector: Some("NET_RX".into()), ..self.workshop.header_without_task() }
    }

    fn stall(&mut self) -> Result<Option<Span>> {
        // A victim's packet may be quicker than this one: as good.
        let send = || {
            self.socket.send(&packet(false))?;
            Ok(())
        };
        self.spin.make(send, nap)
    }
}

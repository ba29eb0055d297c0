//! A task that has bottom halves off.

use std::hint;
use std::net::UdpSocket;

use anyhow::Result;

use super::{Hog, Workshop};
use crate::packet::packet;
use crate::spin::Spin;
use crate::truth::{Header, Span};

/// A sendto(2), held in `__dev_queue_xmit()`.
pub struct Bh<'a> {
    workshop: Workshop<'a>,
    spin: &'a Spin<'a>,
    socket: UdpSocket,
}

impl<'a> Bh<'a> {
    /// The calling thread becomes the hog.
    pub fn prepare(workshop: Workshop<'a>) -> Result<Self> {
        let socket = workshop.packets_to_cpu()?;
        workshop.become_hog()?;
        Ok(Self { workshop, spin: workshop.spin()?, socket })
    }
}

impl Hog for Bh<'_> {
    fn header(&self) -> Header {
        // send(3) is sendto(2) without an address.
        Header { syscall: Some("sendto".into()), ..self.workshop.header() }
    }

    fn stall(&mut self) -> Result<Option<Span>> {
        let send = || {
            self.socket.send(&packet(false))?;
            Ok(())
        };
        self.spin.make(send, hint::spin_loop)
    }
}

//! Slow system calls and the files behind their descriptors.

use std::mem::MaybeUninit;

use anyhow::Result;
use libbpf_rs::skel::{OpenSkel, Skel, SkelBuilder};

use super::shared::share;
use super::skel::syscall::SyscallSkelBuilder;
use super::wire::types::sp_syscall;
use super::wire::{Tail, read, syscall};
use super::{Attached, Config, Names, Shared};
use crate::model::{Event, SyscallSlow};
use crate::units::{Cpu, Ktime, Nanos};

pub fn attach(config: &Config, shared: &Shared) -> Result<Attached> {
    let mut storage = MaybeUninit::uninit();
    let mut open = SyscallSkelBuilder::default().open(&mut storage)?;
    share!(open, shared, ring, cpus, losses);
    if let Some(rodata) = open.maps.rodata_data.as_deref_mut() {
        rodata.min_ns = config.syscall_min.0;
        rodata.only_tgid = config.pid.map_or(0, |p| p.0);
        rodata.sleeping_too = u32::from(config.sleeping_calls);
        rodata.takes_fd = super::fd_calls();
    }
    let mut skel = open.load()?;
    skel.attach()?;
    Ok(Attached { keep: Box::new(skel.links), method: "tp_btf", note: None })
}

pub fn decode(record: &[u8], names: &mut dyn Names) -> Option<Event> {
    let e = read::<sp_syscall>(record)?;
    let path = Tail::after::<sp_syscall>(record).bytes(e.call.path_len);
    Some(Event::SyscallSlow(SyscallSlow {
        time: Ktime(e.head.time),
        cpu: Cpu(e.head.cpu),
        task: names.task(&e.task),
        syscall: syscall(&e.call, path, names),
        duration: Nanos(e.duration),
        on_cpu: Nanos(e.on_cpu),
        slept: e.slept != 0,
        ret: e.ret,
    }))
}

//! Slow system calls and the files behind their descriptors.

use std::mem::MaybeUninit;

use anyhow::Result;
use libbpf_rs::skel::{OpenSkel, Skel, SkelBuilder};

use super::ladder::{Needs, climb};
use super::skel::syscall::SyscallSkelBuilder;
use super::wire::types::sp_syscall;
use super::wire::{Tail, read, syscall, wire};
use super::{Attached, Config, Method, Names, Shared};
use crate::model::{Event, SyscallSlow, syscalls};
use crate::units::{Cpu, Ktime, Nanos};

wire!(sp_syscall);

/// What the rungs with a table in place of task storage miss.
pub const BY_TID: &str = "with more than 16,384 tasks in system calls some ends are not seen";

/// What the function rungs miss.
pub const BY_FUNCTION: &str = "only read, pread64, write, pwrite64, sendto, getdents64, ioctl, \
                               munmap and madvise";

pub fn attach(config: &Config, shared: &Shared, method: Method) -> Result<Attached> {
    let mut storage = MaybeUninit::uninit();
    let mut open = SyscallSkelBuilder::default().open(&mut storage)?;
    if let Some(rodata) = open.maps.rodata_data.as_deref_mut() {
        rodata.min_ns = config.syscall_min.0;
        rodata.only_tgid = config.pid.map_or(0, |p| p.0);
        rodata.sleeping_too = u32::from(config.sleeping_calls);
        rodata.fd_calls = super::call_mask(syscalls::takes_fd);
        rodata.read_calls = super::call_mask(syscalls::reads);
    }
    let storage_works = method == Method::TpBtf;
    open.maps.starts.set_autocreate(storage_works)?;
    open.maps.starts_by_tid.set_autocreate(!storage_works)?;
    let needs = if method.is_tracepoint() { Needs::All } else { Needs::Any };
    let attached = climb!(open, shared, method, needs);
    shared.see_calls();
    Ok(attached)
}

pub fn decode(record: &[u8], names: &mut dyn Names) -> Option<Event> {
    let e = read::<sp_syscall>(record)?;
    let path = Tail::after::<sp_syscall>(record).bytes(u32::from(e.call.path_len));
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

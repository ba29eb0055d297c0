//! The locks of the cgroup statistics: how long readers of cgroup files wait for them and hold
//! them. The sums of a slow read come with the syscall probe's record of it.

use std::mem::MaybeUninit;

use anyhow::{Result, ensure};
use libbpf_rs::btf::Btf;
use libbpf_rs::btf::types::Struct;
use libbpf_rs::skel::{OpenSkel, Skel, SkelBuilder};

use super::ladder::{Needs, climb};
use super::skel::rstat::RstatSkelBuilder;
use super::wire::types::{sp_file_call, sp_filesystem};
use super::wire::{read, wire};
use super::{Attached, Config, Method, Shared};
use crate::model::{Event, FileCall, Filesystem};
use crate::units::{Cpu, Ktime, Nanos};

wire!(sp_file_call);

pub fn attach(_: &Config, shared: &Shared, method: Method) -> Result<Attached> {
    ensure!(
        counts_reads(),
        "this kernel does not number the reads of a task (CONFIG_TASK_XACCT is off)"
    );
    let mut storage = MaybeUninit::uninit();
    let open = RstatSkelBuilder::default().open(&mut storage)?;
    Ok(climb!(open, shared, method, Needs::All))
}

/// Whether the kernel has what tells one read of a thread from the next.
fn counts_reads() -> bool {
    let Ok(btf) = Btf::from_vmlinux() else { return false };
    let accounting = btf.type_by_name::<Struct<'_>>("task_io_accounting");
    accounting.is_some_and(|s| s.iter().any(|m| m.name.is_some_and(|name| name == "syscr")))
}

pub fn decode(record: &[u8]) -> Option<Event> {
    let e = read::<sp_file_call>(record)?;
    Some(Event::FileCall(FileCall {
        time: Ktime(e.head.time),
        cpu: Cpu(e.head.cpu),
        filesystem: filesystem(e.filesystem),
        rstat_waited: Nanos(e.rstat_waited),
        rstat_held: Nanos(e.rstat_held),
        rstat_locks: e.rstat_locks,
    }))
}

/// A file system by the kernel side's number.
pub fn filesystem(number: u32) -> Filesystem {
    match sp_filesystem(number) {
        sp_filesystem::SP_FS_CGROUP1 => Filesystem::CgroupV1,
        sp_filesystem::SP_FS_CGROUP2 => Filesystem::CgroupV2,
        sp_filesystem::SP_FS_PROC => Filesystem::Proc,
        _ => Filesystem::Other,
    }
}

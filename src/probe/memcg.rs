//! Reads of cgroup files, short ones too: what they cost the node.

use std::mem::MaybeUninit;

use anyhow::{Result, ensure};
use libbpf_rs::skel::{OpenSkel, Skel, SkelBuilder};

use super::ladder::{Needs, climb};
use super::skel::memcg::MemcgSkelBuilder;
use super::{Attached, Config, Method, Shared};
use crate::units::Nanos;

/// Reads that the syscall probe counts are this long or longer: COUNTED_NS of `bpf/filecall.bpf.h`.
pub const COUNTED: Nanos = Nanos(100_000);

/// What is missed where the syscall probe does it.
pub const BY_CALL: &str = "reads of 100 us or longer only";

/// At the function that reads files of cgroupfs and sysfs.
pub fn attach(config: &Config, shared: &Shared, method: Method) -> Result<Attached> {
    let mut storage = MaybeUninit::uninit();
    let mut open = MemcgSkelBuilder::default().open(&mut storage)?;
    if let Some(rodata) = open.maps.rodata_data.as_deref_mut() {
        rodata.only_tgid = config.pid.map_or(0, |p| p.0);
    }
    Ok(climb!(open, shared, method, Needs::All))
}

/// Leaves it to the programs of the syscall probe, which look at all long calls anyway.
pub fn attach_to_calls(_: &Config, shared: &Shared, _: Method) -> Result<Attached> {
    ensure!(shared.calls_are_seen(), "system calls are not measured");
    Ok(Attached::programs(Vec::new(), ""))
}

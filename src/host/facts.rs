//! The facts that every recording begins with.

use std::cell::OnceCell;

use super::cpulist::CpuList;
use super::kconfig::KernelConfig;
use super::kernel::{KernelVersion, Uname, is_virtual};
use super::memcg::{DyingMemcgs, DyingUnknown};
use super::napi;
use super::preempt::Preemption;
use super::root::{HostError, HostRoot};
use super::sys;
use crate::model::Meta;

/// What is known about a host before anything is measured.
#[derive(Debug)]
pub struct HostFacts {
    /// Names and versions.
    pub uname: Uname,
    /// The release as numbers, where it has the usual form.
    pub version: Option<KernelVersion>,
    /// CPUs online.
    pub cpus_online: CpuList,
    /// Dying memory cgroups, or why they could not be counted.
    pub dying_memcgs: Result<DyingMemcgs, DyingUnknown>,
    /// HZ of the kernel, where known.
    pub hz: Option<u32>,
    /// The preemption model, where known.
    pub preemption: Option<Preemption>,
    /// Whether it is a virtual machine, where known.
    pub virtual_machine: Option<bool>,
    /// Network devices that poll in threads of their own.
    pub threaded_napi: Vec<String>,
}

impl HostFacts {
    /// Reads them all.
    ///
    /// # Errors
    /// The release of the kernel or the CPUs online cannot be read: /proc or /sys is missing.
    pub fn read(root: &HostRoot) -> Result<HostFacts, HostError> {
        let uname = Uname::read(root)?;
        let version = KernelVersion::parse(&uname.release);
        let cpus_online = CpuList::online(root)?;
        let once = OnceCell::new();
        let config = || once.get_or_init(|| KernelConfig::read(root, &uname.release)).as_ref();
        let running = if root.is_live() { sys::kernel_hz() } else { None };
        let hz = running.or_else(|| config()?.hz());
        let preemption = Preemption::read(root, &uname.version, version, config);
        let dying_memcgs = DyingMemcgs::read(root);
        let virtual_machine = is_virtual(root);
        let threaded_napi = napi::threaded(root);
        Ok(HostFacts {
            uname,
            version,
            cpus_online,
            dying_memcgs,
            hz,
            preemption,
            virtual_machine,
            threaded_napi,
        })
    }

    /// Puts them into the facts of a recording.
    pub fn fill(&self, meta: &mut Meta) {
        meta.host.clone_from(&self.uname.hostname);
        meta.kernel.clone_from(&self.uname.release);
        meta.kernel_version.clone_from(&self.uname.version);
        meta.arch.clone_from(&self.uname.arch);
        meta.cpus_online = self.cpus_online.numbers();
        meta.dying_memcgs = self.dying_memcgs.as_ref().ok().map(|dying| dying.count);
        meta.hz = self.hz;
        meta.virtual_machine = self.virtual_machine;
        meta.threaded_napi.clone_from(&self.threaded_napi);
        meta.preemption = self.preemption.map(|model| model.name().to_owned());
    }
}

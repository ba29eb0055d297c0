//! The maps that all probes share: the ring, the state of each CPU, histograms, losses, reads.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::AsFd;

use anyhow::{Result, anyhow};
use libbpf_rs::skel::{OpenSkel, SkelBuilder};
use libbpf_rs::{ErrorKind, MapCore, MapFlags, MapHandle, OpenObject};

use super::skel::wire::WireSkelBuilder;
use super::wire::types::{sp_cpu, sp_loss};
use super::wire::{read, wire};
use super::{Config, Method, PROBES, reads};
use crate::host::caps::{Cap, Caps};
use crate::host::kernel::Uname;
use crate::host::{HostRoot, in_host_user_namespace};
use crate::model::{KernelVersion, ProbeStatus};
use crate::units::{Cpu, Ktime, Nanos, Tid};

wire!(sp_cpu, sp_loss);

/// Kernels before this one have no BPF ring buffer.
const RING_BUFFER: KernelVersion = KernelVersion { major: 5, minor: 8 };

/// The shared maps.
pub struct Shared {
    /// Records.
    pub ring: MapHandle,
    pub(super) cpus: MapHandle,
    losses: MapHandle,
    pub(super) hists: MapHandle,
    /// Counts of file reads, and by whom.
    pub(super) reads: MapHandle,
    pub(super) readers: MapHandle,
    flushes: MapHandle,
    possible: usize,
    calls_seen: OnceCell<()>,
}

/// What a probe missed on a CPU, since boot of the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// The ring was full.
    pub ring_full: u64,
    /// Held back by the rate limit.
    pub rate_limited: u64,
    /// Another task had been preempted while it made one.
    pub preempted: u64,
    /// Softirqs that the kernel entered without running our program for it.
    pub unseen: u64,
}

impl Shared {
    /// Creates the maps.
    ///
    /// # Errors
    /// The kernel refuses a map: no BPF ring buffer (before 5.8), no permission, no memory.
    pub fn new(config: &Config) -> Result<Shared> {
        let mut storage = MaybeUninit::uninit();
        let mut open = WireSkelBuilder::default().open(&mut storage)?;
        // Room for some 100 ms of samples of every CPU, within bounds.
        let ring = (config.cpus.len().next_power_of_two() << 20).clamp(4 << 20, 64 << 20);
        open.maps.ring.set_max_entries(ring as u32)?;
        let skel = open.load().map_err(|error| refusal(&error))?;
        Ok(Shared {
            ring: MapHandle::try_from(&skel.maps.ring)?,
            cpus: MapHandle::try_from(&skel.maps.cpus)?,
            losses: MapHandle::try_from(&skel.maps.losses)?,
            hists: MapHandle::try_from(&skel.maps.hists)?,
            reads: MapHandle::try_from(&skel.maps.reads)?,
            readers: MapHandle::try_from(&skel.maps.readers)?,
            flushes: MapHandle::try_from(&skel.maps.flushes)?,
            possible: libbpf_rs::num_possible_cpus()?,
            calls_seen: OnceCell::new(),
        })
    }

    /// Makes an object use these maps in place of its own of the same names; before it is loaded.
    pub(super) fn lend(&self, object: &mut OpenObject) -> Result<()> {
        let ours = [
            &self.ring,
            &self.cpus,
            &self.losses,
            &self.hists,
            &self.reads,
            &self.readers,
            &self.flushes,
        ];
        for mut map in object.maps_mut() {
            if let Some(ours) = ours.iter().find(|ours| ours.name() == map.name()) {
                map.reuse_fd(ours.as_fd())?;
            }
        }
        Ok(())
    }

    /// CPUs that a per-CPU map has values of.
    pub(super) fn possible(&self) -> usize {
        self.possible
    }

    /// The syscall probe is attached.
    pub(super) fn see_calls(&self) {
        let _ = self.calls_seen.set(());
    }

    pub(super) fn calls_are_seen(&self) -> bool {
        self.calls_seen.get().is_some()
    }

    /// Switches the recorded CPUs on: from here on programs count. Done once, after all probes
    /// are attached, so that no probe sees half of a pair of events.
    ///
    /// # Errors
    /// The kernel refuses the update.
    pub fn enable(
        &self,
        config: &Config,
        ksoftirqds: &BTreeMap<Cpu, Tid>,
        probes: &[ProbeStatus],
    ) -> Result<()> {
        let in_bpf = |name: &str| {
            let method = probes.iter().find(|p| p.name == name)?.method.as_deref()?;
            Some(method.parse::<Method>().is_ok_and(Method::is_bpf))
        };
        let runs = |name: &str| in_bpf(name).unwrap_or(false);
        let (softirq_on, sched_on) = (runs("softirq"), runs("ksoftirqd"));
        let ticks_on = runs("sampler") && config.period().0 <= config.stall.0 / 2;
        let reads_by_call = reads::by_call(probes);
        let by_batch = softirqs_run_by_batch(&config.root);
        let states: Vec<Vec<u8>> = (0..self.possible)
            .map(|n| {
                let cpu = Cpu(n as u32);
                let mut state = sp_cpu {
                    enabled: u32::from(config.cpus.contains(&cpu)),
                    softirq_on: u32::from(softirq_on),
                    sched_on: u32::from(sched_on),
                    ticks_on: u32::from(ticks_on),
                    reads_by_call: u32::from(reads_by_call),
                    by_batch: u32::from(by_batch),
                    ..sp_cpu::default()
                };
                // SP_UNKNOWN where /proc does not show it: the ksoftirqd probe finds it then.
                state.ksoftirqd = ksoftirqds.get(&cpu).map_or(u32::MAX, |tid| tid.0);
                as_bytes(&state).to_vec()
            })
            .collect();
        self.cpus.update_percpu(&0u32.to_ne_bytes(), &states, MapFlags::ANY)?;
        Ok(())
    }

    /// Whether a recorded CPU that is not idle has had no tick of the sampler for `time` at `now`:
    /// none of those that ticked before.
    #[must_use]
    pub fn is_late(&self, now: Ktime, time: Nanos) -> bool {
        let states = self.cpus.lookup_percpu(&0u32.to_ne_bytes(), MapFlags::ANY);
        let states = states.ok().flatten().unwrap_or_default();
        states.iter().filter_map(|bytes| read::<sp_cpu>(bytes)).any(|c| {
            let last = Ktime(c.last_tick.max(c.busy_since));
            c.enabled != 0 && c.busy_since != 0 && c.last_tick != 0 && now.since(last) >= time
        })
    }

    /// Losses so far of every probe on every CPU, as `[probe][cpu]`, in the order of [`PROBES`].
    #[must_use]
    pub fn losses_so_far(&self) -> Vec<Vec<Losses>> {
        PROBES
            .iter()
            .map(|probe| {
                let rows = self.losses.lookup_percpu(&probe.row.0.to_ne_bytes(), MapFlags::ANY);
                let rows = rows.ok().flatten().unwrap_or_default();
                rows.iter()
                    .map(|bytes| read::<sp_loss>(bytes).unwrap_or_default())
                    .map(|l| Losses {
                        ring_full: l.ring_full,
                        rate_limited: l.rate_limited,
                        preempted: l.preempted,
                        unseen: l.unseen,
                    })
                    .collect()
            })
            .collect()
    }
}

/// Whether whoever runs softirqs runs all that are pending, in the order of their vectors. With
/// `PREEMPT_RT` one thread may come in between another's, and there as with `threadirqs` timers wait
/// for a thread of their own (`raise_ktimers_thread()` of kernel/softirq.c).
fn softirqs_run_by_batch(root: &HostRoot) -> bool {
    let is = |text: &str, word: &str| text.split_ascii_whitespace().any(|w| w == word);
    let version = Uname::read(root).map(|name| name.version).unwrap_or_default();
    let cmdline = root.value("proc/cmdline").unwrap_or_default();
    !is(&version, "PREEMPT_RT") && !is(&cmdline, "threadirqs")
}

/// Why there can be no BPF, in words that a person can act on.
fn refusal(error: &libbpf_rs::Error) -> anyhow::Error {
    let caps = Caps::own();
    let may = caps.has(Cap::Bpf) || caps.has(Cap::SysAdmin);
    let version =
        Uname::read(&HostRoot::default()).ok().and_then(|name| KernelVersion::parse(&name.release));
    let why = match error.kind() {
        ErrorKind::PermissionDenied if !may => "it takes root, or CAP_BPF and CAP_PERFMON",
        ErrorKind::PermissionDenied if !in_host_user_namespace() => {
            "capabilities of a user namespace do not count for it"
        }
        ErrorKind::PermissionDenied => {
            "something forbids it in spite of CAP_BPF (a security module, seccomp, lockdown, \
             RLIMIT_MEMLOCK)"
        }
        _ if version.is_some_and(|v| v < RING_BUFFER) => {
            "this kernel has no BPF ring buffer, which came with 5.8"
        }
        _ => "the kernel refused the BPF maps",
    };
    anyhow!("{why}: {error:#}")
}

fn as_bytes(state: &sp_cpu) -> &[u8] {
    // SAFETY: plain integers without padding that matters; the kernel copies the bytes.
    unsafe { std::slice::from_raw_parts(std::ptr::from_ref(state).cast(), size_of::<sp_cpu>()) }
}

//! Connections whose first packet netfilter dropped, and SYNs that were sent again.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use libbpf_rs::btf::Btf;
use libbpf_rs::btf::types::Enum;
use libbpf_rs::skel::{OpenSkel, Skel, SkelBuilder};
use libbpf_rs::{MapCore, MapFlags, MapHandle};

use super::ladder::{Needs, choose};
use super::skel::conntrack::ConntrackSkelBuilder;
use super::windows::Windows;
use super::wire::types::{sp_ct_drop, sp_flow, sp_syn_again};
use super::wire::{read, wire};
use super::{Attached, Config, Method, Names, Shared, Source, Tracking};
use crate::host::taskstat::PF_KTHREAD;
use crate::host::{HostRoot, monotonic};
use crate::model::{CtDrop, CtLeftOut, Event, Flow, StackId, SynRetransmit, TaskId};
use crate::units::{Cpu, Ktime};

wire!(sp_ct_drop, sp_syn_again);

/// Functions that drop what a hook refuses: packets on their way (net/netfilter/core.c), and those
/// that a program let go on (`nf_reinject`, before 41f2c7c342d3, 6.10; else `nfqnl_reinject`).
const DROPPERS: [&str; 3] = ["nf_hook_slow", "nf_reinject", "nfqnl_reinject"];

const PAUSED: &str =
    "some dropped packets: there were many, and no connection was tracked anywhere";

/// Passed by every packet that is dropped, for whatever reason.
const DROPS: &str = "kfree_skb";

pub fn attach(config: &Config, shared: &Shared, method: Method) -> Result<Attached> {
    let ranges = droppers(&HostRoot::default())?;
    let mut storage = MaybeUninit::uninit();
    let mut open = ConntrackSkelBuilder::default().open(&mut storage)?;
    if let Some(rodata) = open.maps.rodata_data.as_deref_mut() {
        for (at, (start, len)) in ranges.into_iter().take(rodata.dropper.len()).enumerate() {
            (rodata.dropper[at], rodata.dropper_len[at]) = (start, len);
        }
    }
    let mut chosen = choose(open.open_object_mut(), shared, method, Needs::Any, None)?;
    let skel = open.load()?;
    let hook = chosen.hook(skel.object(), DROPS)?;
    let links = chosen.attach(skel.object())?;
    let windows = Windows::begin(hook).with_context(|| format!("attaching to {DROPS} by {method}"));
    let drops = Drops {
        windows: windows?,
        passed: MapHandle::try_from(&skel.maps.passed)?,
        before: 0,
        tracking: config.tracking.clone(),
        told: false,
    };
    Ok(Attached { source: Some(Box::new(drops)), ..Attached::programs(links, &chosen.missing()) })
}

/// Looks at dropped packets. Where they come fast and no connections are tracked, so that none of
/// them can be a connection's, for a part of the time only.
struct Drops {
    windows: Windows,
    /// Packets that passed on each CPU so far.
    passed: MapHandle,
    /// The same on the CPU with most, when the period began.
    before: u64,
    tracking: Tracking,
    told: bool,
}

impl Drops {
    fn left_out(&mut self, what: &str, names: &mut dyn Names, push: &mut dyn FnMut(Event)) {
        if !std::mem::replace(&mut self.told, true) {
            let (time, what) = (monotonic(), names.string(what));
            push(Event::CtLeftOut(CtLeftOut { time, what }));
        }
    }
}

impl Source for Drops {
    fn drain(&mut self, names: &mut dyn Names, push: &mut dyn FnMut(Event)) {
        let (passed, before) = (&self.passed, self.before);
        let nowhere = self.tracking.is_nowhere();
        let (ended, attached) = self.windows.turn(nowhere, || most(passed).saturating_sub(before));
        if ended.is_some() {
            self.before = most(&self.passed);
        }
        if let Err(error) = attached {
            let what = format!("dropped packets: attaching to {DROPS} again: {error}");
            self.left_out(&what, names, push);
        } else if self.windows.is_resting() {
            self.left_out(PAUSED, names, push);
        }
    }
}

/// The count of the CPU with most.
fn most(passed: &MapHandle) -> u64 {
    let cpus = passed.lookup_percpu(&0u32.to_ne_bytes(), MapFlags::ANY).ok().flatten();
    let count = |bytes: &Vec<u8>| bytes.first_chunk().map(|n| u64::from_ne_bytes(*n));
    cpus.unwrap_or_default().iter().filter_map(count).max().unwrap_or(0)
}

/// Where the functions that drop lie: each address, and the distance to the next function.
fn droppers(root: &HostRoot) -> Result<Vec<(u64, u64)>> {
    let file = root.open("proc/kallsyms")?;
    let (mut found, mut open) = (Vec::new(), None);
    for line in BufReader::new(file).lines() {
        let line = line.context("reading /proc/kallsyms")?;
        let mut words = line.split_ascii_whitespace();
        let (Some(address), Some(_), Some(name)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        // The list is in order of addresses.
        let address = u64::from_str_radix(address, 16).unwrap_or(0);
        if let Some(start) = open.filter(|start| address > *start) {
            found.push((start, address - start));
            open = None;
            if found.len() == 2 {
                break;
            }
        }
        if DROPPERS.contains(&name) {
            if address == 0 {
                bail!("the addresses of the kernel's functions are hidden (kptr_restrict)");
            }
            open = Some(address);
        }
    }
    if found.is_empty() {
        bail!("this kernel has no netfilter: no function nf_hook_slow");
    }
    Ok(found)
}

pub fn decode_drop(record: &[u8], names: &mut dyn Names) -> Option<Event> {
    let e = read::<sp_ct_drop>(record)?;
    let stack = e.stack.get(..e.kernel_len as usize / size_of::<u64>()).unwrap_or_default();
    // Timers and the network run in softirqs, be it in ksoftirqd or on top of anybody.
    let in_softirq = names.interrupted(stack) || e.task.flags & PF_KTHREAD != 0;
    let senders_own = e.own_socket != 0 && !in_softirq;
    let reply = flow(&e.reply, names);
    Some(Event::CtDrop(CtDrop {
        time: Ktime(e.head.time),
        cpu: Cpu(e.head.cpu),
        netns: e.netns.into(),
        protocol: e.sent.protocol,
        sent: flow(&e.sent, names),
        // The answer comes from where the packet goes to.
        translated: Flow {
            source: reply.target,
            source_port: reply.target_port,
            target: reply.source,
            target_port: reply.source_port,
        },
        tracked: e.tracked != 0,
        status: e.status,
        reason: names.string(reasons().get(&e.reason).map_or("", String::as_str)),
        location: names.kernel_symbol(e.location),
        task: if senders_own { names.task(&e.task) } else { TaskId::NONE },
        in_softirq,
        stack: if stack.is_empty() { StackId::NONE } else { names.kernel_stack(stack) },
        held_back: e.held_back,
    }))
}

pub fn decode_syn(record: &[u8], names: &mut dyn Names) -> Option<Event> {
    let e = read::<sp_syn_again>(record)?;
    Some(Event::SynRetransmit(SynRetransmit {
        time: Ktime(e.head.time),
        cpu: Cpu(e.head.cpu),
        netns: e.netns.into(),
        flow: flow(&e.sent, names),
        task: if e.task.tid == 0 { TaskId::NONE } else { names.task(&e.task) },
    }))
}

fn flow(flow: &sp_flow, names: &mut dyn Names) -> Flow {
    let mut address = |bytes: &[u8; 16]| {
        let address = match i32::from(flow.family) {
            libc::AF_INET => IpAddr::V4(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3])),
            libc::AF_INET6 => Ipv6Addr::from(*bytes).to_canonical(),
            _ => return crate::model::StrId::NONE,
        };
        names.string(&address.to_string())
    };
    Flow {
        source: address(&flow.source),
        source_port: flow.source_port,
        target: address(&flow.target),
        target_port: flow.target_port,
    }
}

/// Names of the reasons for which this kernel drops packets.
fn reasons() -> &'static HashMap<u32, String> {
    static REASONS: OnceLock<HashMap<u32, String>> = OnceLock::new();
    REASONS.get_or_init(|| {
        let mut names = HashMap::new();
        let Ok(btf) = Btf::from_vmlinux() else { return names };
        let Some(all) = btf.type_by_name::<Enum<'_>>("skb_drop_reason") else { return names };
        for reason in all.iter() {
            let name = reason.name.map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            if let Some(name) = name.strip_prefix("SKB_DROP_REASON_") {
                names.entry(reason.value as u32).or_insert_with(|| name.to_owned());
            }
        }
        names
    })
}

//! Tables of reads of cgroup and /proc files, of packets dropped, and of SYNs sent again.

use super::Table;
use super::events::Who;
use super::findings::realtime;
use super::sheet::Kind;
use crate::model::Filesystem;
use Kind::{Bool, Int, Text, Time};

pub const READS: Table = Table {
    name: "reads",
    columns: &[
        ("counted_ns", Int),
        ("counted", Time),
        ("cpu", Int),
        ("pid", Int),
        ("tid", Int),
        ("comm", Text),
        ("process", Text),
        ("cgroup", Text),
        ("filesystem", Text),
        ("file", Text),
        ("reads", Int),
        ("total_ns", Int),
        ("on_cpu_ns", Int),
        ("slept", Int),
        ("bytes", Int),
        ("at_least_ns", Int),
    ],
    fill: |sheet, r, f| {
        for reads in &r.file_reads {
            let task = Who::of(r, reads.task);
            let filesystem = match reads.filesystem {
                Filesystem::Other => "",
                Filesystem::CgroupV1 => "cgroup_v1",
                Filesystem::CgroupV2 => "cgroup_v2",
                Filesystem::Proc => "proc",
            };
            sheet.row([
                reads.time.0.into(),
                realtime(f, reads.time),
                reads.cpu.0.into(),
                task.pid.into(),
                task.tid.into(),
                task.comm.into(),
                task.process.into(),
                task.cgroup.into(),
                filesystem.into(),
                r.str(reads.file).into(),
                reads.reads.into(),
                reads.total.0.into(),
                reads.on_cpu.0.into(),
                reads.slept.into(),
                reads.bytes.into(),
                reads.at_least.0.into(),
            ])?;
        }
        Ok(())
    },
};

pub const DROPS: Table = Table {
    name: "drops",
    columns: &[
        ("time_ns", Int),
        ("time", Time),
        ("cpu", Int),
        ("netns", Int),
        ("protocol", Int),
        ("source", Text),
        ("source_port", Int),
        ("target", Text),
        ("target_port", Int),
        ("to_source", Text),
        ("to_source_port", Int),
        ("to_target", Text),
        ("to_target_port", Int),
        ("tracked", Bool),
        ("reason", Text),
        ("function", Text),
        ("pid", Int),
        ("tid", Int),
        ("comm", Text),
        ("process", Text),
        ("cgroup", Text),
        ("in_softirq", Bool),
        ("held_back", Int),
    ],
    fill: |sheet, r, f| {
        for drop in &r.ct_drops {
            let (task, sent, to) = (Who::of(r, drop.task), &drop.sent, &drop.translated);
            sheet.row([
                drop.time.0.into(),
                realtime(f, drop.time),
                drop.cpu.0.into(),
                Some(drop.netns).filter(|netns| *netns != 0).into(),
                u32::from(drop.protocol).into(),
                r.str(sent.source).into(),
                u32::from(sent.source_port).into(),
                r.str(sent.target).into(),
                u32::from(sent.target_port).into(),
                r.str(to.source).into(),
                u32::from(to.source_port).into(),
                r.str(to.target).into(),
                u32::from(to.target_port).into(),
                drop.tracked.into(),
                r.str(drop.reason).into(),
                r.str(r.frame(drop.location).function).into(),
                task.pid.into(),
                task.tid.into(),
                task.comm.into(),
                task.process.into(),
                task.cgroup.into(),
                drop.in_softirq.into(),
                drop.held_back.into(),
            ])?;
        }
        Ok(())
    },
};

pub const RETRANSMITS: Table = Table {
    name: "retransmits",
    columns: &[
        ("time_ns", Int),
        ("time", Time),
        ("cpu", Int),
        ("netns", Int),
        ("source", Text),
        ("source_port", Int),
        ("target", Text),
        ("target_port", Int),
        ("pid", Int),
        ("tid", Int),
        ("comm", Text),
        ("process", Text),
        ("cgroup", Text),
    ],
    fill: |sheet, r, f| {
        for syn in &r.syn_retransmits {
            let (task, flow) = (Who::of(r, syn.task), &syn.flow);
            sheet.row([
                syn.time.0.into(),
                realtime(f, syn.time),
                syn.cpu.0.into(),
                syn.netns.into(),
                r.str(flow.source).into(),
                u32::from(flow.source_port).into(),
                r.str(flow.target).into(),
                u32::from(flow.target_port).into(),
                task.pid.into(),
                task.tid.into(),
                task.comm.into(),
                task.process.into(),
                task.cgroup.into(),
            ])?;
        }
        Ok(())
    },
};

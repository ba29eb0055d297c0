//! Tables of reads of cgroup and /proc files, of packets dropped, and of SYNs sent again.

use super::events::Who;
use super::findings::realtime;
use super::table::table;
use crate::model::Filesystem;

table! {
    READS = "reads", |r, f|
    for reads in &r.file_reads;
    let task = Who::of(r, reads.task);
    let filesystem = match reads.filesystem {
        Filesystem::Other => "",
        Filesystem::CgroupV1 => "cgroup_v1",
        Filesystem::CgroupV2 => "cgroup_v2",
        Filesystem::Proc => "proc",
    };
    "counted_ns": Int = reads.time.0,
    "counted": Time = realtime(f, reads.time),
    "cpu": Int = reads.cpu.0,
    "pid": Int = task.pid,
    "tid": Int = task.tid,
    "comm": Text = task.comm,
    "process": Text = task.process,
    "cgroup": Text = task.cgroup,
    "filesystem": Text = filesystem,
    "file": Text = r.str(reads.file),
    "reads": Int = reads.reads,
    "total_ns": Int = reads.total.0,
    "on_cpu_ns": Int = reads.on_cpu.0,
    "slept": Int = reads.slept,
    "bytes": Int = reads.bytes,
    "at_least_ns": Int = reads.at_least.0,
}

table! {
    DROPS = "drops", |r, f|
    for drop in &r.ct_drops;
    let (task, sent, to) = (Who::of(r, drop.task), &drop.sent, &drop.translated);
    "time_ns": Int = drop.time.0,
    "time": Time = realtime(f, drop.time),
    "cpu": Int = drop.cpu.0,
    "netns": Int = Some(drop.netns).filter(|netns| *netns != 0),
    "protocol": Int = u32::from(drop.protocol),
    "source": Text = r.str(sent.source),
    "source_port": Int = u32::from(sent.source_port),
    "target": Text = r.str(sent.target),
    "target_port": Int = u32::from(sent.target_port),
    "to_source": Text = r.str(to.source),
    "to_source_port": Int = u32::from(to.source_port),
    "to_target": Text = r.str(to.target),
    "to_target_port": Int = u32::from(to.target_port),
    "tracked": Bool = drop.tracked,
    "reason": Text = r.str(drop.reason),
    "function": Text = r.str(r.frame(drop.location).function),
    "pid": Int = task.pid,
    "tid": Int = task.tid,
    "comm": Text = task.comm,
    "process": Text = task.process,
    "cgroup": Text = task.cgroup,
    "in_softirq": Bool = drop.in_softirq,
    "held_back": Int = drop.held_back,
}

table! {
    RETRANSMITS = "retransmits", |r, f|
    for syn in &r.syn_retransmits;
    let (task, flow) = (Who::of(r, syn.task), &syn.flow);
    "time_ns": Int = syn.time.0,
    "time": Time = realtime(f, syn.time),
    "cpu": Int = syn.cpu.0,
    "netns": Int = syn.netns,
    "source": Text = r.str(flow.source),
    "source_port": Int = u32::from(flow.source_port),
    "target": Text = r.str(flow.target),
    "target_port": Int = u32::from(flow.target_port),
    "pid": Int = task.pid,
    "tid": Int = task.tid,
    "comm": Text = task.comm,
    "process": Text = task.process,
    "cgroup": Text = task.cgroup,
}

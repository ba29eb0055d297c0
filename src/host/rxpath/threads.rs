//! Threads of threaded NAPI (`napi_threaded_poll` of net/core/dev.c).

use crate::host::HostRoot;
use crate::host::cpulist::CpuList;
use crate::host::taskstat::TaskStat;
use crate::rxpath::NapiThread;
use crate::units::Tid;

/// The threads `napi/DEVICE-ID`, in order of their ids. Only kernel threads count: a process can
/// call itself so. Looks at all processes, 7 us each.
pub(super) fn of_device(root: &HostRoot, device: &str) -> Vec<NapiThread> {
    let prefix = format!("napi/{device}-");
    let entries = root.list("proc").into_iter().flatten().flatten();
    let thread = |tid: u32| {
        let name = root.value(format!("proc/{tid}/comm"))?;
        let id = name.strip_prefix(&prefix)?;
        let stat = TaskStat::read(root, &format!("proc/{tid}/stat"))?;
        let ours = !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()) && stat.kthread;
        let status = root.read_to_string(format!("proc/{tid}/status")).ok()?;
        let allowed = status.lines().find_map(|l| l.strip_prefix("Cpus_allowed_list:"))?;
        let cpus = CpuList::from_kernel(allowed.trim()).ok()?.cpus().to_vec();
        ours.then_some(NapiThread { tid: Tid(tid), name, cpus })
    };
    let mut threads: Vec<NapiThread> =
        entries.filter_map(|e| e.file_name().to_str()?.parse().ok()).filter_map(thread).collect();
    threads.sort_by_key(|t| t.tid);
    threads
}

//! Names as processes choose them: decent ones, and some that attack whoever shows them.

use super::incident::task;
use stallprof::model::findings::{TaskCulprit, Workload};

pub struct Names {
    pub host: &'static str,
    pub comm: &'static str,
    pub file: &'static str,
    pub function: &'static str,
    pub user: &'static str,
    pub pod_cgroup: &'static str,
    pub irq: &'static str,
}

pub const DECENT: Names = Names {
    host: "node7",
    comm: "cadvisor",
    file: "/sys/fs/cgroup/memory/memory.stat",
    function: "memcg_stat_show",
    user: "runtime.goexit.abi0",
    pod_cgroup: "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod4f1c2d3e_5a6b_4c7d_8e9f_0a1b2c3d4e5f.slice",
    irq: "ixgbe-TxRx-6",
};

pub const HOSTILE: Names = Names {
    host: "node\x1b[2J\x1b[H7",
    comm: "\"><script>a\n\x07",
    file: "/tmp/\u{202e}txt.elif\r\nCPU 0 stalled 99 times;forged 7\u{9b}31m\0]]>&lt;<!--",
    function: "f<T>(&'a str, \"x\"); rm -rf 12",
    user: "--><svg onload=\"alert(1)\"> 34_[k]",
    pod_cgroup: "a\u{2028}b\u{feff}/'\"&",
    irq: "\u{1b}]0;owned\u{7}\u{fffe}",
};

impl Names {
    /// The culprit of most stalls.
    pub fn reader(&self) -> TaskCulprit {
        TaskCulprit {
            process: None,
            cgroup: Some(format!("/{}/cri-containerd-8fd1c07be2a94ab0.scope", self.pod_cgroup)),
            workload: Some(Box::new(Workload {
                runtime: Some("containerd".into()),
                container: Some("8fd1c07be2a94ab0cc1de2f3a4b5c6d7e8f9".into()),
                pod: None,
                pod_uid: Some("4f1c2d3e-5a6b-4c7d-8e9f-0a1b2c3d4e5f".into()),
                unit: None,
            })),
            syscall: Some("read".into()),
            file: Some(self.file.into()),
            ..task(self.comm, 10137, 10137)
        }
    }
}

//! What measuring depends on, apart from the probes themselves.

use serde::Serialize;

use crate::host::HostRoot;
use crate::host::caps::{Cap, Caps};
use crate::host::in_host_user_namespace;
use crate::host::kernel::{Lockdown, Sysctls, has_btf};

/// Something that measuring depends on.
#[derive(Serialize)]
pub struct Check {
    pub name: &'static str,
    pub ok: bool,
    pub found: String,
    /// What a person can do about it, where it is not as needed.
    pub advice: Option<String>,
}

/// All of them. `no_bpf` says why no BPF program can run, where that is so.
pub fn checks(root: &HostRoot, no_bpf: Option<&str>) -> Vec<Check> {
    let sysctls = Sysctls::read(root);
    vec![
        check_bpf(no_bpf),
        check_btf(),
        check_lockdown(root),
        check_capabilities(),
        check_symbols(&sysctls),
        check_sampling(&sysctls),
    ]
}

fn check_bpf(no_bpf: Option<&str>) -> Check {
    Check {
        name: "BPF",
        ok: no_bpf.is_none(),
        found: no_bpf.unwrap_or("maps and ring buffer").to_owned(),
        advice: no_bpf
            .map(|_| "without it most cannot be measured, and the rest only in part".to_owned()),
    }
}

/// By our own /sys: that is where libbpf looks for it.
fn check_btf() -> Check {
    let ok = has_btf(&HostRoot::default());
    Check {
        name: "kernel types (BTF)",
        ok,
        found: if ok { "/sys/kernel/btf/vmlinux" } else { "none" }.to_owned(),
        advice: (!ok).then(|| {
            "the probes need a kernel built with CONFIG_DEBUG_INFO_BTF=y, as distributions have \
             since about 5.8"
                .to_owned()
        }),
    }
}

fn check_lockdown(root: &HostRoot) -> Check {
    let mode = Lockdown::read(root);
    let strict = mode == Some(Lockdown::Confidentiality);
    Check {
        name: "lockdown",
        ok: !strict,
        found: mode.map_or("not in this kernel".to_owned(), |m| format!("{m:?}").to_lowercase()),
        advice: strict.then(|| {
            "confidentiality keeps BPF from reading kernel memory: boot with lockdown=integrity"
                .to_owned()
        }),
    }
}

fn check_capabilities() -> Check {
    let needed = [Cap::Bpf, Cap::Perfmon, Cap::Syslog, Cap::SysPtrace, Cap::DacReadSearch];
    let caps = Caps::own();
    let missing: Vec<_> = needed.into_iter().filter(|c| !caps.has(*c)).map(Cap::name).collect();
    let ours = in_host_user_namespace();
    let (found, advice) = match (ours, missing.is_empty()) {
        (false, _) => (
            "those of a user namespace, which count for nothing here".to_owned(),
            Some("run it as root of the host, or in a container with its user namespace"),
        ),
        (true, false) => {
            (format!("no {}", missing.join(", ")), Some("run it as root, with sudo for instance"))
        }
        (true, true) => ("all it needs".to_owned(), None),
    };
    let ok = advice.is_none();
    Check { name: "capabilities", ok, found, advice: advice.map(str::to_owned) }
}

fn check_symbols(sysctls: &Sysctls) -> Check {
    let caps = Caps::own();
    let hidden = sysctls.kptr_restrict == Some(2);
    let ok = !hidden && caps.has(Cap::Syslog) && in_host_user_namespace();
    let advice = if hidden {
        Some("stacks will have no function names: sysctl kernel.kptr_restrict=1".to_owned())
    } else {
        (!ok).then(|| "stacks will have no function names without CAP_SYSLOG".to_owned())
    };
    let found = match sysctls.kptr_restrict {
        Some(n) => format!("/proc/kallsyms, kptr_restrict {n}"),
        None => "/proc/kallsyms".to_owned(),
    };
    Check { name: "kernel symbols", ok, found, advice }
}

fn check_sampling(sysctls: &Sysctls) -> Check {
    let most = sysctls.perf_event_max_sample_rate;
    let ok = most.is_none_or(|m| m >= 999);
    Check {
        name: "sampling",
        ok,
        found: most.map_or("unknown".to_owned(), |m| format!("up to {m} Hz on each CPU")),
        advice: (!ok).then(|| {
            "record samples at 999 Hz: sysctl kernel.perf_event_max_sample_rate=100000, or \
             record -F with less"
                .to_owned()
        }),
    }
}

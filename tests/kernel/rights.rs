//! Users with fewer rights than root: what can be measured is, the rest is told with the reason.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::host::{Folder, findings, machine, stderr, succeeded};

/// Runs stallprof in another set of rights: arguments of setpriv(1).
pub fn with_rights(rights: &[&str], program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(rights).arg(program);
    command
}

/// A user without any rights, and one who may use perf events.
const NOBODY: [&str; 4] =
    ["--reuid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"];
const PERFMON: [&str; 5] = [
    "--reuid=65534",
    "--clear-groups",
    "--inh-caps=-all,+perfmon",
    "--ambient-caps=-all,+perfmon",
    "--bounding-set=-all,+perfmon",
];

/// Runs a copy that everybody can run, in a folder that everybody can write to.
fn as_user(folder: &Folder, rights: &[&str], args: &[&str]) -> Output {
    let copy = folder.path("stallprof");
    std::fs::copy(env!("CARGO_BIN_EXE_stallprof"), &copy).unwrap();
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(folder.path("."), open).unwrap();
    with_rights(rights, &copy).args(args).current_dir(folder.path(".")).output().unwrap()
}

fn probe<'a>(findings: &'a Value, name: &str) -> &'a Value {
    findings["probes"].as_array().unwrap().iter().find(|p| p["name"] == name).unwrap()
}

/// Without any rights only what /proc shows to all is left; each reason is told once.
#[test]
fn without_rights() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("no-rights");
    let output = as_user(&folder, &NOBODY, &["record", "-d", "300ms", "-o", "r.stall"]);
    succeeded(&output);
    let (said, verdict) = (stderr(&output), String::from_utf8_lossy(&output.stdout));
    // That of BPF, and that of entering network namespaces.
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(said.contains("takes CAP_SYS_ADMIN"), "{said}");
    assert!(said.contains("not measured: softirq, sampler, hardirq, syscall"), "{said}");
    assert!(said.contains("it takes root, or CAP_BPF and CAP_PERFMON"), "{said}");
    assert_eq!(verdict.matches("it takes root").count(), 1, "{verdict}");
    let f = findings(&folder.path("r.stall"));
    assert_eq!(probe(&f, "ksoftirqd")["method"], "procfs");
    let refused = probe(&f, "sampler")["refused"].to_string();
    assert!(refused.contains("CAP_PERFMON"), "{refused}");
    let doctor = as_user(&folder, &NOBODY, &["doctor"]);
    let told = String::from_utf8_lossy(&doctor.stdout);
    assert!(doctor.status.success() && told.contains(" measures work"), "{told}");
    assert_eq!(told.matches("it takes root").count(), 1, "{told}");
}

/// Where nothing is left, there is no recording, and the exit code says so.
#[test]
fn without_rights_and_without_counters() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("nothing");
    let by_bpf = ["--method", "ksoftirqd=tp_btf", "--method", "rxpath=tp_btf"];
    let args = [&["record", "-d", "300ms", "-o", "r.stall"][..], &by_bpf[..]].concat();
    let output = as_user(&folder, &NOBODY, &args);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("root") && said.contains("sudo"), "{said}");
    assert_eq!(said.matches("no BPF").count(), 1, "{said}");
    assert!(!folder.path("r.stall").exists());
}

/// CAP_PERFMON alone: samples and gaps, but no names of kernel functions, so no culprit either.
#[test]
fn with_perf_events_only() {
    let Some(_machine) = machine() else { return };
    let folder = Folder::new("perfmon");
    let busy = [
        "--",
        "sh",
        "-c",
        "i=0; while [ $i -lt 40 ]; do i=$((i+1)); cat /proc/stat >/dev/null; done",
    ];
    let args = [&["record", "-o", "r.stall"], &busy[..]].concat();
    succeeded(&as_user(&folder, &PERFMON, &args));
    let f = findings(&folder.path("r.stall"));
    assert_eq!(probe(&f, "sampler")["method"], "perf");
    let samples = |cpu: &Value| cpu["samples"].as_u64().unwrap();
    assert!(f["cpus"].as_array().unwrap().iter().map(samples).sum::<u64>() > 0);
    let notes = f["notes"].to_string();
    assert!(notes.contains("Kernel symbols could not be read"), "{notes}");
    assert!(notes.contains("sampler by perf"), "{notes}");
}

//! Loads and attaches those programs of an object that make up one rung of the ladder
//! (`bpf/rungs.bpf.h`), as far as this kernel has what they attach to.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader};

use anyhow::{Context, Result, bail};
use libbpf_rs::btf::types::Func;
use libbpf_rs::btf::{Btf, BtfType};
use libbpf_rs::{Link, Object, OpenObject};

use super::hook::Hook;
use super::{Method, Shared};
use crate::host::HostRoot;

/// Programs by the kind of their section.
fn kinds(method: Method) -> &'static [&'static str] {
    match method {
        Method::TpBtf => &["tp_btf"],
        Method::RawTp => &["raw_tp"],
        Method::Tracepoint => &["tp"],
        Method::Fentry => &["fentry", "fexit"],
        Method::Kprobe => &["kprobe", "kretprobe"],
        Method::PerfEvent => &["perf_event"],
        Method::Syscall | Method::Perf | Method::Procfs | Method::Netlink => &[],
    }
}

/// Targets that are not missed where another is, their stand-in: the two names of a function, locks of
/// single CPUs that came beside the one that all share and went again, vectors that not every machine
/// has.
const OPTIONAL: [(&str, &str); 12] = [
    ("run_rebalance_domains", "sched_balance_softirq"),
    ("sched_balance_softirq", "run_rebalance_domains"),
    ("cgroup_rstat_cpu_lock_contended", "cgroup_rstat_locked"),
    ("cgroup_rstat_cpu_locked", "cgroup_rstat_locked"),
    ("x86_platform_ipi_entry", "local_timer_entry"),
    ("x86_platform_ipi_exit", "local_timer_entry"),
    ("thermal_apic_entry", "local_timer_entry"),
    ("thermal_apic_exit", "local_timer_entry"),
    ("threshold_apic_entry", "local_timer_entry"),
    ("threshold_apic_exit", "local_timer_entry"),
    ("deferred_error_apic_entry", "local_timer_entry"),
    ("deferred_error_apic_exit", "local_timer_entry"),
];

/// Where tracefs is mounted: on its own, or within debugfs.
const TRACEFS: [&str; 2] = ["sys/kernel/tracing", "sys/kernel/debug/tracing"];

/// What a probe cannot do without.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// All targets: half of them would measure wrongly.
    All,
    /// Any: each target stands for itself.
    Any,
}

/// The programs of a rung, and where they attach here.
pub struct Chosen {
    method: Method,
    needs: Needs,
    /// Programs by target, as this kernel names it: the entry and the return of a function belong
    /// together.
    programs: BTreeMap<String, Vec<String>>,
    /// Targets that this kernel does not have, or does not let us attach to.
    missing: BTreeSet<String>,
}

/// Chooses the programs of a rung for loading, but for one tracepoint that is not wanted, and gives
/// them the shared maps.
///
/// # Errors
/// This kernel lacks what the probe needs.
pub fn choose(
    object: &mut OpenObject,
    shared: &Shared,
    method: Method,
    needs: Needs,
    unwanted: Option<&str>,
) -> Result<Chosen> {
    shared.lend(object)?;
    let mut found = Vec::new();
    for program in object.progs() {
        let section = program.section().to_string_lossy().into_owned();
        let Some((kind, target)) = section.split_once('/') else { continue };
        let event = target.rsplit('/').next();
        if kinds(method).contains(&kind.trim_start_matches('?')) && event != unwanted {
            found.push((program.name().to_string_lossy().into_owned(), target.to_owned()));
        }
    }
    let targets = Targets::read(method, found.iter().map(|(_, target)| target.as_str()))?;
    let (mut programs, mut missing) = (BTreeMap::<_, Vec<_>>::new(), BTreeSet::new());
    for (program, target) in found {
        match targets.find(&target) {
            Some(here) => programs.entry(here).or_default().push(program),
            None => {
                missing.insert(target);
            }
        }
    }
    let is = |path: &str, name: &str| path.rsplit('/').next() == Some(name);
    for (target, stand_in) in OPTIONAL {
        if programs.keys().any(|here| is(here, stand_in)) {
            missing.retain(|path| !is(path, target));
        }
    }
    let chosen = Chosen { method, needs, programs, missing };
    if chosen.programs.is_empty() || (needs == Needs::All && !chosen.missing.is_empty()) {
        bail!("this kernel has no {}", chosen.missing());
    }
    for mut program in object.progs_mut() {
        let name = program.name().to_string_lossy().into_owned();
        program.set_autoload(chosen.programs.values().flatten().any(|p| *p == name));
    }
    Ok(chosen)
}

impl Chosen {
    /// Attaches the programs, which have been loaded.
    ///
    /// # Errors
    /// The kernel refuses what the probe needs.
    pub fn attach(&mut self, object: &Object) -> Result<Vec<Link>> {
        let mut links = Vec::new();
        let mut refusal = None;
        // Links detach in the order of this list, slowly: ends before beginnings, lest an end is
        // paired with a beginning that is long past.
        let ends = |target: &str| target.ends_with("_exit");
        let mut targets: Vec<_> = self.programs.iter().collect();
        targets.sort_by_key(|(target, _)| !ends(target));
        for (target, programs) in targets {
            let returns = |name: &&String| name.ends_with("_fexit") || name.ends_with("_kretprobe");
            let (last, first): (Vec<_>, Vec<_>) = programs.iter().partition(returns);
            let both: Result<Vec<Link>> = last
                .into_iter()
                .chain(first)
                .map(|name| self.attach_one(object, name, target))
                .collect();
            match both {
                Ok(both) => links.extend(both),
                // The kernel forbids single functions, such as those declared inline, which are
                // not to be traced (include/linux/compiler_types.h).
                Err(error) if self.needs == Needs::Any => {
                    self.missing.insert(target.clone());
                    refusal.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        match refusal {
            Some(refusal) if links.is_empty() => Err(refusal),
            _ => Ok(links),
        }
    }

    /// Takes the only program of a target out of those that [`Chosen::attach`] attaches; none where
    /// it cannot be put on and off by this method.
    ///
    /// # Errors
    /// No more file descriptors.
    pub fn hook(&mut self, object: &Object, target: &str) -> Result<Option<Hook>> {
        let name = match (self.method, self.programs.get(target).map(Vec::as_slice)) {
            (Method::TpBtf, Some([name])) => (name, None),
            (Method::RawTp, Some([name])) => (name, Some(target)),
            _ => return Ok(None),
        };
        let program = object.progs().find(|p| p.name() == name.0.as_str());
        let hook = Hook::new(&program.context("no such program")?, name.1)?;
        self.programs.remove(target);
        Ok(Some(hook))
    }

    fn attach_one(&self, object: &Object, name: &str, target: &str) -> Result<Link> {
        let program = object.progs_mut().find(|p| p.name() == name).context("no such program")?;
        let section = program.section().to_string_lossy().into_owned();
        let link = match section.trim_start_matches('?').split('/').next() {
            Some("kprobe") => program.attach_kprobe(false, target),
            Some("kretprobe") => program.attach_kprobe(true, target),
            _ => program.attach(),
        };
        link.with_context(|| format!("attaching to {target} by {}", self.method))
    }

    /// What is not seen, one after the other.
    pub fn missing(&self) -> String {
        self.missing.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// Which of the wanted targets exist.
enum Targets {
    /// Tracepoints by their BTF type; all are taken to exist where there is no BTF to ask.
    Raw(Option<Btf<'static>>),
    /// Tracepoints by their folder.
    Folder(HostRoot),
    /// Functions with their types, in BTF.
    Typed(Btf<'static>),
    /// Functions, by the names that compilers gave them.
    Functions(BTreeSet<String>),
}

impl Targets {
    fn read<'a>(method: Method, wanted: impl Iterator<Item = &'a str>) -> Result<Targets> {
        match method {
            Method::Kprobe => {
                let wanted: BTreeSet<&str> = wanted.collect();
                functions(&HostRoot::default(), &wanted).map(Targets::Functions)
            }
            Method::Fentry => Btf::from_vmlinux().map(Targets::Typed).context("no BTF"),
            Method::Tracepoint => {
                // libbpf attaches by the files in our own /sys.
                let root = HostRoot::default();
                let mut folders = TRACEFS.iter().map(|fs| root.list(fs));
                let forbidden = |e: &io::Error| e.kind() == io::ErrorKind::PermissionDenied;
                if folders.all(|folder| folder.as_ref().is_err_and(forbidden)) {
                    bail!("the tracepoints in /{} are only for root to see", TRACEFS[0]);
                }
                Ok(Targets::Folder(root))
            }
            _ => Ok(Targets::Raw(Btf::from_vmlinux().ok())),
        }
    }

    fn find(&self, target: &str) -> Option<String> {
        let exists = match self {
            Targets::Raw(None) => true,
            Targets::Raw(Some(btf)) => {
                btf.type_by_name::<BtfType<'_>>(&format!("btf_trace_{target}")).is_some()
            }
            Targets::Folder(root) => {
                TRACEFS.iter().any(|fs| root.has(format!("{fs}/events/{target}/id")))
            }
            Targets::Typed(btf) => btf.type_by_name::<Func<'_>>(target).is_some(),
            Targets::Functions(names) => {
                return names.iter().find(|n| base(n) == target).cloned();
            }
        };
        exists.then(|| target.to_owned())
    }
}

/// A function's name without what the compiler put behind it when it changed the signature.
fn base(symbol: &str) -> &str {
    symbol.split_once(".isra.").map_or(symbol, |(name, _)| name)
}

/// Those of the `wanted` functions that /proc/kallsyms lists.
fn functions(root: &HostRoot, wanted: &BTreeSet<&str>) -> Result<BTreeSet<String>> {
    let file = root.open("proc/kallsyms")?;
    let mut names = BTreeSet::new();
    for line in BufReader::new(file).lines() {
        let line = line.context("reading /proc/kallsyms")?;
        let mut words = line.split_ascii_whitespace();
        if let (Some(_), Some("t" | "T"), Some(name)) = (words.next(), words.next(), words.next())
            && wanted.contains(base(name))
        {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

/// Loads and attaches the programs of one rung of an opened skeleton. A macro, because each
/// skeleton is a type of its own.
macro_rules! climb {
    ($open:expr, $shared:expr, $method:expr, $needs:expr) => {
        $crate::probe::ladder::climb!($open, $shared, $method, $needs, None)
    };
    ($open:expr, $shared:expr, $method:expr, $needs:expr, $unwanted:expr) => {{
        let (mut open, unwanted) = ($open, $unwanted);
        let object = open.open_object_mut();
        let mut chosen = $crate::probe::ladder::choose(object, $shared, $method, $needs, unwanted)?;
        let skel = open.load()?;
        let links = chosen.attach(skel.object())?;
        Attached::programs(links, &chosen.missing())
    }};
}
pub(super) use climb;

//! Loads and attaches those programs of an object that make up one rung of the ladder
//! (`bpf/rungs.bpf.h`), as far as this kernel has what they attach to.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};

use anyhow::{Context, Result, bail};
use libbpf_rs::btf::{Btf, BtfType};
use libbpf_rs::{Link, Object, OpenObject};

use super::Method;
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
        Method::Perf | Method::Procfs => &[],
    }
}

/// The programs of a rung, and where they attach here.
pub struct Chosen {
    /// Program and target, as this kernel names it.
    programs: Vec<(String, String)>,
    /// Targets that this kernel does not have.
    pub missing: Vec<String>,
}

/// Chooses the programs of a rung for loading.
///
/// # Errors
/// This kernel has no target for any of them.
pub fn choose(object: &mut OpenObject, method: Method) -> Result<Chosen> {
    let mut chosen = Chosen { programs: Vec::new(), missing: Vec::new() };
    let mut found = Vec::new();
    for program in object.progs() {
        let section = program.section().to_string_lossy().into_owned();
        let Some((kind, target)) = section.split_once('/') else { continue };
        if kinds(method).contains(&kind.trim_start_matches('?')) {
            found.push((program.name().to_string_lossy().into_owned(), target.to_owned()));
        }
    }
    let targets = Targets::read(method, found.iter().map(|(_, target)| target.as_str()))?;
    for (program, target) in found {
        match targets.find(&target) {
            Some(here) => chosen.programs.push((program, here)),
            None => chosen.missing.push(target),
        }
    }
    if chosen.programs.is_empty() {
        bail!("this kernel has none of: {}", chosen.missing.join(", "));
    }
    for mut program in object.progs_mut() {
        let name = program.name().to_string_lossy().into_owned();
        program.set_autoload(chosen.programs.iter().any(|(p, _)| *p == name));
    }
    chosen.missing.sort();
    chosen.missing.dedup();
    Ok(chosen)
}

impl Chosen {
    /// Attaches the programs, which have been loaded.
    ///
    /// # Errors
    /// The kernel refuses one.
    pub fn attach(&self, object: &Object) -> Result<Vec<Link>> {
        let mut links = Vec::new();
        for program in object.progs_mut() {
            let name = program.name().to_string_lossy().into_owned();
            let Some((_, target)) = self.programs.iter().find(|(p, _)| *p == name) else {
                continue;
            };
            let section = program.section().to_string_lossy().into_owned();
            let link = match section.trim_start_matches('?').split('/').next() {
                Some("kprobe") => program.attach_kprobe(false, target),
                Some("kretprobe") => program.attach_kprobe(true, target),
                _ => program.attach(),
            };
            links.push(link.with_context(|| format!("attaching to {target}"))?);
        }
        Ok(links)
    }
}

/// Which of the wanted targets exist.
enum Targets {
    /// Tracepoints by their BTF type; all are taken to exist where there is no BTF to ask.
    Raw(Option<Btf<'static>>),
    /// Tracepoints by their folder.
    Folder(HostRoot),
    /// Functions, by the names that compilers gave them.
    Functions(BTreeSet<String>),
}

impl Targets {
    fn read<'a>(method: Method, wanted: impl Iterator<Item = &'a str>) -> Result<Targets> {
        match method {
            Method::Fentry | Method::Kprobe => {
                let wanted: BTreeSet<&str> = wanted.collect();
                functions(&HostRoot::default(), &wanted).map(Targets::Functions)
            }
            Method::Tracepoint => Ok(Targets::Folder(HostRoot::default())),
            _ => Ok(Targets::Raw(Btf::from_vmlinux().ok())),
        }
    }

    fn find(&self, target: &str) -> Option<String> {
        let exists = match self {
            Targets::Raw(None) => true,
            Targets::Raw(Some(btf)) => {
                btf.type_by_name::<BtfType<'_>>(&format!("btf_trace_{target}")).is_some()
            }
            Targets::Folder(root) => ["tracing", "debug/tracing"]
                .iter()
                .any(|fs| root.has(format!("sys/kernel/{fs}/events/{target}/id"))),
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

/// Loads and attaches the programs of one rung of an opened skeleton; gives what keeps them
/// attached, and a note where this kernel lacks targets. A macro, because each skeleton is a type
/// of its own.
macro_rules! climb {
    ($open:expr, $method:expr) => {{
        let mut open = $open;
        let chosen = $crate::probe::ladder::choose(open.open_object_mut(), $method)?;
        let skel = open.load()?;
        let links = chosen.attach(skel.object())?;
        (links, chosen.missing)
    }};
}
pub(super) use climb;

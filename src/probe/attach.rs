//! Attaches each probe by the best of its rungs that works, and tells how it went.

use super::table::{Attach, Probe, Rung};
use super::{Attached, Attachment, Config, Method, PROBES, Shared, Source, Wanted, log};
use crate::host::HostRoot;
use crate::host::kernel::{Lockdown, has_btf};
use crate::model::{ProbeStatus, Refusal};

/// Probes after an attempt to attach them all.
#[derive(Default)]
pub struct Outcome {
    /// Keeps them attached.
    pub attached: Vec<Attachment>,
    /// Those that have to be asked for their events.
    pub sources: Vec<Box<dyn Source>>,
    /// How it went with each, in the order of [`PROBES`].
    pub statuses: Vec<ProbeStatus>,
    /// What libbpf and the kernel's verifier said of what failed, by probe.
    pub logs: Vec<(&'static str, Vec<String>)>,
}

/// Attaches every probe by the best rung that works; tells of each how it went. `shared` says why
/// if there can be no BPF at all.
#[must_use]
pub fn attach_all(config: &Config, shared: Result<&Shared, &str>) -> Outcome {
    let mut outcome = Outcome::default();
    for probe in PROBES {
        let mut status = ProbeStatus {
            name: probe.name.to_owned(),
            measures: probe.measures.to_owned(),
            ..ProbeStatus::default()
        };
        let mut rungs: Vec<&Rung> = rungs(probe, config).collect();
        // Only ksoftirqd.bpf.c tells sampler.bpf.c since when a CPU is busy.
        let no_gaps = probe.name == "sampler" && shared.is_ok() && !in_bpf(&outcome, "ksoftirqd");
        if no_gaps {
            rungs.reverse();
        }
        for rung in rungs {
            let (result, log) = log::during(|| attach(rung, config, shared));
            match result {
                Ok(attached) => {
                    outcome.attached.push(attached.keep);
                    outcome.sources.extend(attached.source);
                    status.method = Some(rung.method.name().to_owned());
                    let gaps = (no_gaps && rung.method.is_bpf()).then(|| NO_GAPS.to_owned());
                    let less = rung.less.map(str::to_owned);
                    let notes = less.into_iter().chain(attached.note).chain(gaps);
                    status.reason = notes.reduce(|a, b| format!("{a}; {b}"));
                    break;
                }
                Err(error) => {
                    let reason = in_words(rung, &config.root, &error);
                    let method = rung.method.name().to_owned();
                    status.refused.push(Refusal { method, reason });
                    outcome.logs.push((probe.name, log));
                }
            }
        }
        if status.method.is_none() {
            let first = status.refused.first().map(|first| first.reason.clone());
            let unwanted = match wanted(probe, config) {
                Some(Wanted::Off) => "it is switched off",
                _ => "it needs BPF, which was not wanted",
            };
            status.reason = first.or_else(|| Some(unwanted.to_owned()));
        }
        outcome.statuses.push(status);
    }
    outcome
}

/// How the reason begins where no BPF program at all can run.
pub const NO_BPF: &str = "no BPF";

/// What the sampler lacks where no BPF program follows the switches of tasks.
const NO_GAPS: &str = "no interrupt gaps are seen, as ksoftirqd is not measured by BPF";

/// Whether a probe attached by a BPF method.
fn in_bpf(outcome: &Outcome, name: &str) -> bool {
    let method = outcome.statuses.iter().find(|s| s.name == name).and_then(|s| s.method.as_deref());
    method.is_some_and(|m| m.parse::<Method>().is_ok_and(Method::is_bpf))
}

/// What was asked for in place of the best rung that works.
fn wanted(probe: &Probe, config: &Config) -> Option<Wanted> {
    config.methods.iter().rfind(|(name, _)| *name == probe.name).map(|(_, m)| *m)
}

/// The rungs to try.
fn rungs<'a>(probe: &'a Probe, config: &Config) -> impl Iterator<Item = &'a Rung> {
    let forced = wanted(probe, config);
    probe.rungs.iter().filter(move |rung| forced.is_none_or(|wanted| wanted.allows(rung.method)))
}

/// Why a rung was refused, in words a person can act on where the kernel's number is none.
fn in_words(rung: &Rung, root: &HostRoot, error: &anyhow::Error) -> String {
    let (text, bpf) = (format!("{error:#}"), rung.method.is_bpf());
    // libbpf looks for it in our own /sys.
    if bpf && !text.starts_with(NO_BPF) && !has_btf(&HostRoot::default()) {
        return "this kernel has no BTF, the types of its structures".to_owned();
    }
    // What the verifier says of a helper that is forbidden.
    let invalid = text.contains("os error 22");
    if bpf && invalid && Lockdown::read(root) == Some(Lockdown::Confidentiality) {
        return format!("kernel lockdown keeps BPF from reading kernel memory: {text}");
    }
    text
}

fn attach(rung: &Rung, config: &Config, shared: Result<&Shared, &str>) -> anyhow::Result<Attached> {
    match (rung.attach, shared) {
        (Attach::Bpf(attach), Ok(shared)) => attach(config, shared, rung.method),
        (Attach::Plain(attach), Ok(_)) if rung.method == Method::Perf && config.pid.is_some() => {
            // What BPF programs find late is judged by the samples of all tasks, and this method
            // cannot tell which of them will be needed.
            let attached = attach(&Config { pid: None, ..config.clone() })?;
            Ok(Attached { note: Some("the profile is of all processes".to_owned()), ..attached })
        }
        (Attach::Plain(attach), _) => attach(config),
        (Attach::Bpf(_), Err(why)) => anyhow::bail!("{NO_BPF}: {why}"),
    }
}

//! `--method PROBE=METHOD`: measures forced to a method.

use crate::probe::{Method, PROBES, Probe, Wanted};

/// What one `--method` asks for.
pub type Methods = Vec<(&'static str, Wanted)>;

/// `softirq=raw_tp`, `all=raw_tp` or `all=no_bpf`.
pub fn method(text: &str) -> Result<Methods, String> {
    let (name, method) = text.split_once('=').ok_or("give PROBE=METHOD, such as softirq=raw_tp")?;
    if (name, method) == ("all", "no_bpf") {
        return Ok(PROBES.iter().map(|p| (p.name, Wanted::WithoutBpf)).collect());
    }
    let probe = PROBES.iter().find(|p| p.name == name);
    if probe.is_none() && name != "all" {
        let names: Vec<_> = PROBES.iter().map(|p| p.name).collect();
        return Err(format!("no such probe: {name}; there are {}, and all", names.join(", ")));
    }
    let method: Method = method.parse()?;
    let able = |p: &&Probe| p.rungs.iter().any(|r| r.method == method);
    let Some(probe) = probe else {
        let able = PROBES.iter().filter(able);
        return Ok(able.map(|p| (p.name, Wanted::Only(method))).collect());
    };
    if !able(&probe) {
        let names: Vec<_> = probe.rungs.iter().map(|r| r.method.name()).collect();
        return Err(format!("{name} cannot be measured by {method}, but by {}", names.join(", ")));
    }
    Ok(vec![(probe.name, Wanted::Only(method))])
}

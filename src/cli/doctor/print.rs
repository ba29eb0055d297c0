//! The examination as text.

use std::io::{self, Write};

use super::Examination;
use crate::model::{ProbeStatus, measured};
use crate::render::escape;

/// Prints it for a person: what is there, each measure with its method and what was refused, and
/// the sum of it.
pub fn print(out: &mut impl Write, e: &Examination) -> io::Result<()> {
    let model = e.preemption.map_or(String::new(), |p| format!(", preempt {p}"));
    let hz = e.hz.map_or(String::new(), |hz| format!(", HZ {hz}"));
    let (host, kernel) = (escape::visible(&e.host), escape::visible(&e.kernel));
    writeln!(out, "stallprof {} on {host}, kernel {kernel}{model}{hz}\n", e.version)?;
    for check in &e.checks {
        let mark = if check.ok { "ok " } else { "NO " };
        writeln!(out, "  {mark} {:20} {}", check.name, escape::visible(&check.found))?;
        if let Some(advice) = &check.advice {
            writeln!(out, "      {advice}")?;
        }
    }
    writeln!(out, "\nMeasures")?;
    for probe in &e.probes {
        measure(out, probe)?;
        for (_, lines) in e.logs.iter().filter(|(name, _)| *name == probe.name) {
            for line in lines {
                writeln!(out, "        {}", escape::visible(line))?;
            }
        }
    }
    let running = e.probes.iter().filter(|p| p.method.is_some()).count();
    let all = e.probes.len();
    match running {
        0 => writeln!(out, "\nNothing can be measured here; `doctor -v` shows what was refused."),
        n if n < all => writeln!(out, "\n{n} of {all} measures work; reports say which do not."),
        _ if e.checks.iter().any(|c| !c.ok) => {
            writeln!(out, "\nEvery measure attaches; mind the lines marked NO.")
        }
        _ if e.probes.iter().any(|p| p.reason.is_some()) => {
            let partly = e.probes.iter().filter(|p| p.reason.is_some()).map(|p| p.name.as_str());
            let partly = partly.collect::<Vec<_>>().join(", ");
            writeln!(out, "\nEvery measure works, {partly} in part: see there.")
        }
        _ => writeln!(out, "\nEverything can be measured here."),
    }
}

fn measure(out: &mut impl Write, probe: &ProbeStatus) -> io::Result<()> {
    let mark = if probe.method.is_some() { "ok " } else { "NO " };
    let method = probe.method.as_deref().unwrap_or("-");
    writeln!(out, "  {mark} {:10} {method:11} {}", probe.name, probe.measures)?;
    // Of one that does not run this is the reason of its first method, which stands below.
    if probe.method.is_some() || probe.refused.is_empty() {
        for line in probe.reason.iter().flat_map(|reason| reason.split("; ")) {
            writeln!(out, "      {}", escape::visible(line))?;
        }
    }
    for (methods, reason) in measured::refused(&probe.refused) {
        // The whole reason stands among the checks.
        let no_bpf = reason.starts_with(crate::probe::NO_BPF);
        let reason = if no_bpf { crate::probe::NO_BPF } else { reason };
        writeln!(out, "      not by {methods}: {}", escape::visible(reason))?;
    }
    Ok(())
}

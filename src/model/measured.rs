//! Refusals as a person reads them: each reason once, with all that it goes for.

use super::meta::{ProbeStatus, Refusal};

/// Refused methods that have a reason in common, in the order they were tried: names and reason.
#[must_use]
pub fn refused(refusals: &[Refusal]) -> Vec<(String, &str)> {
    let pairs = refusals.iter().map(|r| (r.method.as_str(), r.reason.as_str()));
    by_reason(pairs).into_iter().map(|(methods, why)| (methods.join(", "), why)).collect()
}

/// Probes that do not run, for one reason each time.
#[must_use]
pub fn missing(probes: &[ProbeStatus]) -> Vec<(Vec<&ProbeStatus>, &str)> {
    let missing = probes.iter().filter(|p| p.method.is_none());
    by_reason(missing.map(|p| (p, p.reason.as_deref().unwrap_or("for a reason not recorded"))))
}

fn by_reason<'a, T>(all: impl Iterator<Item = (T, &'a str)>) -> Vec<(Vec<T>, &'a str)> {
    let mut groups: Vec<(Vec<T>, &str)> = Vec::new();
    for (one, reason) in all {
        match groups.iter_mut().find(|(_, other)| *other == reason) {
            Some((group, _)) => group.push(one),
            None => groups.push((vec![one], reason)),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_once() {
        let refusal = |(method, reason): (&str, &str)| Refusal {
            method: method.to_owned(),
            reason: reason.to_owned(),
        };
        let all = [("tp_btf", "no BTF"), ("raw_tp", "no BTF"), ("fentry", "no trampoline")];
        let all = all.map(refusal);
        let folded = refused(&all);
        assert_eq!(folded[0], ("tp_btf, raw_tp".to_owned(), "no BTF"));
        assert_eq!(folded[1], ("fentry".to_owned(), "no trampoline"));
        assert_eq!(folded.len(), 2);
    }

    #[test]
    fn what_runs_is_not_missing() {
        let status = |name: &str, method: Option<&str>, reason: Option<&str>| ProbeStatus {
            name: name.to_owned(),
            method: method.map(str::to_owned),
            reason: reason.map(str::to_owned),
            ..ProbeStatus::default()
        };
        let probes = [
            status("a", None, Some("no BPF")),
            status("b", Some("perf"), Some("no BPF")),
            status("c", None, None),
            status("d", None, Some("no BPF")),
        ];
        let groups = missing(&probes);
        let names = |n: usize| groups[n].0.iter().map(|p| p.name.as_str()).collect::<Vec<_>>();
        assert_eq!((names(0), groups[0].1), (vec!["a", "d"], "no BPF"));
        assert_eq!((names(1), groups[1].1), (vec!["c"], "for a reason not recorded"));
    }
}

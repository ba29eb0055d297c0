//! Why the daemon kept a recording. What it says of that in words may hold names: it is told anew, by
//! what was past its limit, by how much, and when.

use super::kernel::{is_word, thread};
use super::{Key, LEFT_OUT, named};
use crate::model::meta::{Incident, PastLimit};

/// Whom the daemon blames where it is no one's name.
const NOBODY: [&str; 3] = ["hypervisor", "several", "unknown"];
/// Units of what is past a limit.
const UNITS: [&str; 4] = ["packets", "cgroups", "per cent", "ns"];
/// How an incident is asked for.
const ASKED: [&str; 2] = ["SIGUSR1", "POST /incidents"];

pub(super) fn incident(incident: Incident, key: &Key) -> Incident {
    let Incident { id, trigger, time, cause, culprit, cpu, worst, stalls, past } = incident;
    let cause = if is_word(&cause) { cause } else { LEFT_OUT.to_owned() };
    let trigger = match &past {
        _ if is_asked(&trigger) || is_late(&trigger) => trigger,
        Some(_) => format!("past its limit: {cause}"),
        None => LEFT_OUT.to_owned(),
    };
    let culprit = match past {
        // A task and a file, a pod, a namespace.
        Some(_) => named("name", &culprit, key),
        None => blamed(&culprit, key),
    };
    Incident {
        id: if is_time(&id) { id } else { String::new() },
        trigger,
        time,
        cause,
        culprit,
        cpu,
        worst,
        stalls,
        past: past.map(|PastLimit { value, limit, unit }| {
            let known = UNITS.contains(&unit.as_str());
            PastLimit { value, limit, unit: if known { unit } else { String::new() } }
        }),
    }
}

/// Who is blamed for a stall, in the daemon's words: a task has the pseudonym of its name.
fn blamed(culprit: &str, key: &Key) -> String {
    let of = |tail: &str| culprit.strip_suffix(tail).is_some_and(is_word);
    if NOBODY.contains(&culprit) || of(" softirq") {
        return culprit.to_owned();
    }
    let shown = thread(culprit, key);
    if shown.starts_with("kthread-") { named("task", culprit, key) } else { shown }
}

/// `20261121T093012.123Z`, and a number where several have it.
fn is_time(id: &str) -> bool {
    id.bytes().all(|b| b.is_ascii_digit() || b"TZ.-".contains(&b))
}

fn is_asked(trigger: &str) -> bool {
    trigger.strip_prefix("asked for by ").is_some_and(|how| ASKED.contains(&how))
}

/// `softirq_delay of 12.3 ms on CPU 3`.
fn is_late(trigger: &str) -> bool {
    let parts = || {
        let (what, rest) = trigger.split_once(" of ")?;
        let (length, cpu) = rest.split_once(" on CPU ")?;
        let (number, unit) = length.split_once(' ')?;
        Some((what, number, unit, cpu))
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    parts().is_some_and(|(what, number, unit, cpu)| {
        is_word(what) && digits(number) && digits(cpu) && ["ns", "us", "ms", "s"].contains(&unit)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(trigger: &str, culprit: &str, past: Option<PastLimit>) -> Incident {
        let key = Key::from_bytes(&[7; 16]).unwrap();
        let one = Incident {
            id: "20261121T093012.123Z-2".to_owned(),
            trigger: trigger.to_owned(),
            time: 7,
            cause: "irqs_off".to_owned(),
            culprit: culprit.to_owned(),
            cpu: Some(3),
            past,
            ..Incident::default()
        };
        incident(one, &key)
    }

    #[test]
    fn what_names_nothing_stays() {
        for kept in [
            "softirq_delay of 12.3 ms on CPU 3",
            "asked for by SIGUSR1",
            "asked for by POST /incidents",
        ] {
            let is = of(kept, "unknown", None);
            assert_eq!((is.trigger.as_str(), is.culprit.as_str()), (kept, "unknown"));
            assert_eq!((is.id.as_str(), is.time, is.cpu), ("20261121T093012.123Z-2", 7, Some(3)));
            assert_eq!(is.cause, "irqs_off");
        }
        assert_eq!(of("", "NET_RX softirq", None).culprit, "NET_RX softirq");
        assert_eq!(of("", "ksoftirqd/3", None).culprit, "ksoftirqd/3");
    }

    #[test]
    fn names_become_pseudonyms() {
        let key = Key::from_bytes(&[7; 16]).unwrap();
        assert_eq!(of("", "acme", None).culprit, named("task", "acme", &key));
        for culprit in ["work acme", "interrupt acme0", "kworker/acme", "acme b softirq"] {
            assert!(!of("", culprit, None).culprit.contains("acme"), "{culprit}");
        }
        for trigger in ["asked for by acme", "acme of acme on CPU 1", "a of 1 ms on CPU acme"] {
            assert_eq!(of(trigger, "", None).trigger, LEFT_OUT);
        }
        let past = PastLimit { value: 12, limit: 10, unit: "ns".to_owned() };
        let is = of("read of /acme by acme took 12 ns, limit 10 ns", "acme x", Some(past.clone()));
        assert_eq!((is.trigger.as_str(), is.past), ("past its limit: irqs_off", Some(past)));
        assert!(is.culprit.starts_with("name-"));
    }
}

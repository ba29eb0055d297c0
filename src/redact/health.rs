//! Health of the node. Its texts hold names of all kinds: what a check says of all its findings
//! stands for them, and the numbers for what was found.

use std::collections::{BTreeMap, HashMap};

use super::{Key, LEFT_OUT, Names, Role, named, paths};
use crate::health::checks::by_name;
use crate::model::{HealthNumber, HealthRow};
use crate::units::Ktime;

/// Subjects that are the same on all hosts.
const OWN: [&str; 12] = [
    "host",
    "ARP",
    "NDISC",
    "cpu",
    "memory",
    "io",
    "irq",
    "iptables-save",
    "ip6tables-save",
    "nft",
    "network namespaces",
    "cgroups",
];
/// Checks whose subjects are network devices.
const DEVICES: [&str; 3] = ["fdb", "mtu-tunnels", "rx-spread"];

pub(super) fn health(names: &mut Names<'_>, rows: &mut [HealthRow], numbers: &mut [HealthNumber]) {
    let mut values: HashMap<(Ktime, u32), BTreeMap<String, u64>> = HashMap::new();
    for number in numbers {
        number.name = names.of(number.name, Role::Words);
        let name = names.shown(number.name).to_owned();
        values.entry((number.time, number.finding)).or_default().insert(name, number.value);
    }
    for row in rows {
        let check = by_name(names.read(row.check));
        row.subject = match check {
            Some(check) => {
                let shown = subject(names.read(row.subject), check.name, names.key);
                names.put(shown)
            }
            None => names.of(row.subject, Role::Remark),
        };
        let numbers = values.get(&(row.time, row.finding));
        let numbers = numbers.iter().flat_map(|all| all.iter());
        let numbers: Vec<String> = numbers.map(|(name, n)| format!("{name} {n}")).collect();
        row.value = names.put(match numbers.is_empty() {
            true => LEFT_OUT.to_owned(),
            false => numbers.join(", "),
        });
        row.check = match check {
            Some(check) => names.put(check.name.to_owned()),
            None => names.of(row.check, Role::Remark),
        };
        for (text, of_all) in [
            (&mut row.why, check.map(|check| check.why)),
            (&mut row.prove, check.map(|check| check.prove)),
            (&mut row.help, check.map(|check| check.help)),
        ] {
            *text = match of_all {
                Some(words) => names.put(words.to_owned()),
                None => names.of(*text, Role::Remark),
            };
        }
    }
}

/// What a finding is about.
fn subject(text: &str, check: &str, key: &Key) -> String {
    let number = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
    if OWN.contains(&text) || text.strip_prefix("CPU ").is_some_and(number) {
        return text.to_owned();
    }
    if text.starts_with('/') {
        return paths::path(text, key);
    }
    named(if DEVICES.contains(&check) { "dev" } else { "name" }, text, key)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn subjects() {
        let key = Key::from_bytes(&[7; 16]).unwrap();
        for kept in ["host", "CPU 11", "memory", ""] {
            assert_eq!(subject(kept, "pressure", &key), kept);
        }
        assert!(subject("/kubepods/acme", "cpu-throttling", &key).starts_with("/kubepods/"));
        assert!(subject("acme0", "rx-spread", &key).starts_with("dev-"));
        for text in ["pod acme/acme", "CPU acme", "CPU ", "acme0"] {
            assert!(!subject(text, "conntrack-loss", &key).contains("acme"), "{text}");
        }
    }
}

//! Recordings beside each other: what they have in common, whatever numbers their tasks bear.

mod diff;
mod health;
mod merged;
mod nodes;
mod stats;

pub use diff::diff;
pub use nodes::Gather;

use crate::model::difference::Kin;
use crate::model::findings::{Cause, Culprit};

/// Who a culprit is in any recording.
fn kin(culprit: &Culprit, cause: Cause) -> Kin {
    let (name, doing, file) = match culprit {
        Culprit::Task(t) => match &t.work {
            Some(work) => ("kworker".to_owned(), Some(work.clone()), None),
            None => {
                let name = numberless(t.process.as_ref().unwrap_or(&t.comm));
                (name, t.syscall.clone(), t.file.as_deref().map(numberless))
            }
        },
        Culprit::Softirq { vector, .. } => (format!("softirq {vector}"), None, None),
        Culprit::HardIrq { kind, name, .. } => {
            let kind = kind.replace('_', " ");
            let name = name.as_deref().map(numberless);
            (format!("{kind} interrupt"), name, None)
        }
        Culprit::Hypervisor => ("the hypervisor".to_owned(), None, None),
        Culprit::Several { .. } => ("several tasks".to_owned(), None, None),
        Culprit::Unknown { .. } => ("unexplained".to_owned(), None, None),
    };
    Kin { cause, name, doing, file }
}

/// A name with `N` for each number, and for ids of containers (64 hexadecimal digits) and pods.
fn numberless(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let hex = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        let number = match rest.get(..36).is_some_and(is_uid) {
            true => 36,
            false if hex == 64 || hex == 32 => hex,
            false => digits,
        };
        match number {
            0 => shown.push(c),
            _ => shown.push('N'),
        }
        rest = &rest[number.max(if number == 0 { c.len_utf8() } else { 0 })..];
    }
    shown
}

/// A UUID, with dashes or as systemd's slices have it.
fn is_uid(text: &str) -> bool {
    text.bytes().enumerate().all(|(at, b)| match at {
        8 | 13 | 18 | 23 => matches!(b, b'-' | b'_'),
        _ => b.is_ascii_hexdigit(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ids_do_not_tell_recordings_apart() {
        let uid = "pod4f1c2d3e-5a6b-4c7d-8e9f-0a1b2c3d4e5f";
        for (name, shown) in [
            ("cadvisor", "cadvisor"),
            ("worker-12", "worker-N"),
            (
                "/sys/fs/cgroup/memory/stallgen/2840/memory.stat",
                "/sys/fs/cgroup/memory/stallgen/N/memory.stat",
            ),
            (&*format!("cri-containerd-{}.scope", "3f4e8ab1".repeat(8)), "cri-containerd-N.scope"),
            ("sha256sum", "shaNsum"),
            ("feedface", "feedface"),
            ("", ""),
        ] {
            assert_eq!(numberless(name), shown);
        }
        assert_eq!(numberless(uid), numberless(&uid.replace('1', "2")));
        assert_ne!(numberless("nginx"), numberless("nginy"));
    }
}

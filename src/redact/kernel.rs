//! Names that the kernel gives: its own are kept, what others brought into them is not.

use super::{Key, named};

/// Threads that every kernel has, or that a part of the kernel starts under a fixed name. What
/// follows the name is kept only where it is a number: work queues, disks and network interfaces
/// have names that somebody chose.
const THREADS: [&str; 31] = [
    "cpuhp",
    "idle_inject",
    "irq",
    "jbd2",
    "kauditd",
    "kblockd",
    "kcompactd",
    "kdevtmpfs",
    "khugepaged",
    "khungtaskd",
    "kintegrityd",
    "ksmd",
    "ksoftirqd",
    "kswapd",
    "kthreadd",
    "kworker",
    "migration",
    "napi",
    "oom_reaper",
    "rcu_preempt",
    "rcu_sched",
    "rcub",
    "rcuc",
    "rcuog",
    "rcuop",
    "rcuos",
    "swapper",
    "vhost",
    "watchdog",
    "writeback",
    "xfsaild",
];

/// Name of a kernel thread: `ksoftirqd/3`, `kworker/u8:4`, `napi/` and a pseudonym.
pub fn thread(name: &str, key: &Key) -> String {
    let own = |head: &&&str| name.starts_with(**head);
    // The longest: "rcu_preempt" is not "rcu" and something.
    let Some(head) = THREADS.iter().filter(own).max_by_key(|head| head.len()) else {
        return named("kthread", name, key);
    };
    let tail = &name[head.len()..];
    let at = tail.find(['-', '+']).unwrap_or(tail.len());
    let (number, rest) = tail.split_at(at);
    if is_number(number) {
        return match rest {
            "" => name.to_owned(),
            rest => format!("{head}{number}-{}", key.tag(rest)),
        };
    }
    match tail.strip_prefix('/') {
        Some(chosen) => format!("{head}/{}", key.tag(chosen)),
        // Another name that begins alike.
        None => named("kthread", name, key),
    }
}

/// `/3`, `/u8:4H`, `0`: what the kernel counts its threads with.
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('/').unwrap_or(text);
    let text = text.strip_prefix('u').unwrap_or(text);
    let text = text.strip_suffix(['H', 'R', 'F', 'I']).unwrap_or(text);
    text.bytes().all(|b| b.is_ascii_digit() || b == b':')
}

/// Name of a kernel function. Those of BPF programs end with a name that their author chose.
pub fn function(name: &str, key: &Key) -> String {
    let symbol = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$');
    if name.starts_with("bpf_prog_") {
        return format!("bpf_prog_{}", key.tag(name));
    }
    if name.len() <= 256 && name.bytes().all(symbol) {
        name.to_owned()
    } else {
        named("fn", name, key)
    }
}

/// A release or version: its numbers, and a pseudonym for what a builder added.
pub fn release(release: &str, key: &Key) -> String {
    let at = release.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(release.len());
    match release.split_at(at) {
        (numbers, "") => numbers.to_owned(),
        (numbers, rest) => format!("{numbers}-{}", key.tag(rest)),
    }
}

/// A word as source code has them.
pub fn is_word(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_own_names_are_kept_and_no_others() {
        let key = Key::from_bytes(&[7; 16]).unwrap();
        for kept in
            ["ksoftirqd/11", "kworker/u8:4", "kworker/1:0H", "swapper/3", "kswapd0", "kthreadd"]
        {
            assert_eq!(thread(kept, &key), kept);
        }
        for (name, begin, hidden) in [
            ("kworker/u8:4-acme_wq", "kworker/u8:4-", "acme"),
            ("irq/67-acme0-rx", "irq/67-", "acme"),
            ("napi/acme0-123", "napi/", "acme"),
            ("jbd2/acme-8", "jbd2/", "acme"),
            ("kworker/acme", "kworker/", "acme"),
            ("drbd_w_acme", "kthread-", "acme"),
            ("acme", "kthread-", "acme"),
            ("", "", "x"),
        ] {
            let shown = thread(name, &key);
            assert!(shown.starts_with(begin) && !shown.contains(hidden), "{name}: {shown}");
        }
        assert_eq!(function("memcg_stat_show.isra.0", &key), "memcg_stat_show.isra.0");
        assert!(!function("bpf_prog_6deef7357e7b4530_acme_filter", &key).contains("acme"));
        assert!(!function("a b\n", &key).contains('b'));
        assert!(release("6.18.44-acme", &key).starts_with("6.18.44-"));
        assert_eq!(release("6.18.44", &key), "6.18.44");
    }
}

//! How many softirqs each CPU has run: `/proc/softirqs` (fs/proc/softirqs.c).

use super::root::{HostError, HostRoot};

const FILE: &str = "proc/softirqs";

/// Softirqs of all vectors that these CPUs have run since boot.
///
/// # Errors
/// The file cannot be read or understood.
pub fn count(root: &HostRoot, cpus: &[u32]) -> Result<u64, HostError> {
    parse(&root.read_to_string(FILE)?, cpus)
        .ok_or_else(|| HostError::Content { path: root.path(FILE), what: "no counts".to_owned() })
}

/// Its head names the columns, which are those of the possible CPUs.
fn parse(text: &str, cpus: &[u32]) -> Option<u64> {
    let mut lines = text.lines();
    let ours = |name: &str| Some(cpus.contains(&name.strip_prefix("CPU")?.parse().ok()?));
    let head = lines.next()?.split_ascii_whitespace();
    let columns: Vec<bool> = head.map(ours).collect::<Option<_>>()?;
    let mut sum = 0_u64;
    for line in lines {
        let counts = line.split_ascii_whitespace().skip(1);
        for (count, _) in counts.zip(&columns).filter(|(_, ours)| **ours) {
            sum = sum.wrapping_add(count.parse().ok()?);
        }
    }
    Some(sum)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn columns_go_by_their_names() {
        let text = "        CPU0       CPU2       CPU3\n    HI:   12   0  1\n TIMER: 100 7 9\n";
        let sum = |cpus: &[u32]| parse(text, cpus);
        assert_eq!((sum(&[0]), sum(&[2, 3]), sum(&[1])), (Some(112), Some(17), Some(0)));
        for bad in ["", "CPUx\n", "CPU0\n HI: many\n", "CPU0\n HI: 99999999999999999999\n"] {
            assert_eq!(parse(bad, &[0]), None, "{bad}");
        }
        assert!(count(&HostRoot::default(), &[0]).unwrap() > 0);
    }
}

//! CPU masks as the kernel writes them: `00000000,00000003` (`%*pb`, lib/vsprintf.c).

use super::root::{HostError, HostRoot};
use crate::units::Cpu;

/// Longer than the mask of 65,536 CPUs.
const MAX_LEN: usize = 20_000;

/// The CPUs of a mask in ascending order; None if it is none.
#[must_use]
pub fn parse(text: &str) -> Option<Vec<Cpu>> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_LEN {
        return None;
    }
    let mut cpus = Vec::new();
    let mut first = 0;
    // Words of 32 bits, the last is that of CPU 0; the first may be shorter.
    for word in text.rsplit(',') {
        if word.is_empty() || word.len() > 8 || !word.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let bits = u32::from_str_radix(word, 16).ok()?;
        cpus.extend((0..32).filter(|bit| bits >> bit & 1 == 1).map(|bit| Cpu(first + bit)));
        first += 32;
    }
    Some(cpus)
}

/// The CPUs of a mask file.
///
/// # Errors
/// It cannot be read, or is no mask.
pub fn read(root: &HostRoot, rel: &str) -> Result<Vec<Cpu>, HostError> {
    let text = root.read_to_string(rel)?;
    parse(&text)
        .ok_or_else(|| HostError::Content { path: root.path(rel), what: "no CPU mask".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks() {
        let cpus =
            |text: &str| parse(text).map(|cpus| cpus.iter().map(|c| c.0).collect::<Vec<_>>());
        assert_eq!(cpus("0\n"), Some(vec![]));
        assert_eq!(cpus("3"), Some(vec![0, 1]));
        assert_eq!(cpus("f00\n"), Some(vec![8, 9, 10, 11]));
        assert_eq!(cpus("00000000,80000001\n"), Some(vec![0, 31]));
        assert_eq!(cpus("1,00000002"), Some(vec![1, 32]));
        for odd in ["", "\n", "x", "1,", ",1", "123456789", "-1", "0x3", "+1"] {
            assert_eq!(cpus(odd), None, "{odd:?}");
        }
        assert_eq!(cpus(&"f,".repeat(1 << 19)), None);
    }
}

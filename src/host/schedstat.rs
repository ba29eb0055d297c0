//! How long a thread has waited for a CPU: `/proc/TID/schedstat` (Documentation/scheduler/
//! sched-stats.rst). The kernel adds a wait when it ends, together with the turn that ended it
//! (`sched_info_arrive` of kernel/sched/stats.h).

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::root::{HostError, HostRoot};
use crate::units::{Nanos, Tid};

/// Totals of a thread since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SchedStat {
    /// Time on a CPU.
    pub ran: Nanos,
    /// Time runnable without running.
    pub waited: Nanos,
    /// How often it was switched in.
    pub turns: u64,
}

impl SchedStat {
    /// Reads the three numbers of the file.
    #[must_use]
    pub fn parse(text: &str) -> Option<SchedStat> {
        let mut numbers = text.split_ascii_whitespace().map(|word| word.parse::<u64>().ok());
        Some(SchedStat {
            ran: Nanos(numbers.next()??),
            waited: Nanos(numbers.next()??),
            turns: numbers.next()??,
        })
    }
}

/// Reads it again and again with one open file, one pread(2) of about 2 us each.
#[derive(Debug)]
pub struct SchedStatReader {
    file: File,
    path: PathBuf,
}

impl SchedStatReader {
    /// Opens the file of a thread.
    ///
    /// # Errors
    /// There is no such thread, or the kernel has no such file (CONFIG_SCHED_INFO).
    pub fn open(root: &HostRoot, tid: Tid) -> Result<SchedStatReader, HostError> {
        let rel = format!("proc/{tid}/schedstat");
        Ok(SchedStatReader { file: root.open(&rel)?, path: root.path(rel) })
    }

    /// The totals now.
    ///
    /// # Errors
    /// The thread is gone, or the file holds something else.
    pub fn read(&self) -> Result<SchedStat, HostError> {
        // Three numbers of at most 20 digits.
        let mut buffer = [0; 64];
        let path = || self.path.clone();
        let len = self
            .file
            .read_at(&mut buffer, 0)
            .map_err(|source| HostError::Io { path: path(), source })?;
        std::str::from_utf8(&buffer[..len]).ok().and_then(SchedStat::parse).ok_or_else(|| {
            HostError::Content { path: path(), what: "not three numbers".to_owned() }
        })
    }
}

/// Whether the kernel keeps these times: where it does not, the file is missing or holds zeros,
/// although whoever reads it has been switched in at least once.
#[must_use]
pub fn keeps_waits(root: &HostRoot) -> bool {
    let own = root.read_to_string("proc/self/schedstat").ok();
    own.and_then(|text| SchedStat::parse(&text)).is_some_and(|stat| stat.turns > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_numbers_and_nothing_else() {
        let stat = SchedStat { ran: Nanos(253), waited: Nanos(2_837_688_188), turns: 4634 };
        assert_eq!(SchedStat::parse("253 2837688188 4634\n"), Some(stat));
        assert_eq!(SchedStat::parse("0 0 0\n"), Some(SchedStat::default()));
        for odd in ["", "1 2", "1 2 x", "-1 2 3", "1 2 99999999999999999999999"] {
            assert_eq!(SchedStat::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_kernel_that_does_not_keep_them_shows_zeros() {
        let root = std::env::temp_dir().join(format!("stallprof-schedstat-{}", std::process::id()));
        let own = root.join("proc/self");
        std::fs::create_dir_all(&own).expect("a folder for the test");
        let keeps = |text: &str| {
            std::fs::write(own.join("schedstat"), text).expect("a file for the test");
            keeps_waits(&HostRoot::new(&root))
        };
        assert!(keeps("0 48432 1\n"));
        assert!(!keeps("0 0 0\n"));
        std::fs::remove_dir_all(&root).expect("the test's own folder");
        assert!(!keeps_waits(&HostRoot::new(&root)));
    }
}

//! The kernels that are known.

use anyhow::{Result, bail};

/// A kernel of Debian's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// What it is called on the command line and in the table.
    pub name: &'static str,
    /// The suite of Debian that has it.
    pub suite: &'static str,
    /// The package that depends on the suite's present version of it.
    pub package: &'static str,
    /// Kinds of stall that stallgen cannot make there; docs/kernels.md says why.
    pub not_possible: &'static [&'static str],
}

const CLOUD: &str = "linux-image-cloud-amd64";
const RT: &str = "linux-image-rt-amd64";

/// All of them, the oldest first. Which version a suite has at present is the suite's matter.
pub const KERNELS: &[Kernel] = &[
    Kernel { name: "5.10", suite: "bullseye", package: CLOUD, not_possible: &["memcg"] },
    Kernel { name: "6.1", suite: "bookworm", package: CLOUD, not_possible: &[] },
    Kernel { name: "6.1-rt", suite: "bookworm", package: RT, not_possible: &[] },
    Kernel { name: "6.12", suite: "trixie", package: CLOUD, not_possible: &[] },
    Kernel { name: "newest", suite: "sid", package: CLOUD, not_possible: &["syscall", "memcg"] },
];

/// The kernel of this name.
pub fn named(name: &str) -> Result<Kernel> {
    match KERNELS.iter().find(|k| k.name == name) {
        Some(kernel) => Ok(*kernel),
        None => {
            let names: Vec<_> = KERNELS.iter().map(|k| k.name).collect();
            bail!("there is no kernel {name}: choose from {}", names.join(", "))
        }
    }
}

/// The kernels of these names; all if there are none.
pub fn chosen(names: &[String]) -> Result<Vec<Kernel>> {
    if names.is_empty() {
        return Ok(KERNELS.to_vec());
    }
    names.iter().map(|name| named(name)).collect()
}

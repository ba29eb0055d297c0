//! What stallgen made against what stallprof found: the format of the truth, the stalls of a
//! report, and the comparison that tests/kernel and the kernel matrix share. Needs no BPF.

pub mod expected;
pub mod found;
mod kinds;
pub mod made;
pub mod precision;
pub mod read;
pub mod row;
pub mod truth;

//! The pieces of stallgen that stand on their own: namespaces without a name, pinned threads, the
//! clock of BPF and what ends a run. stallbench uses them too.

pub mod clock;
pub mod netns;
pub mod stop;
pub mod task;

//! Why a CPU stalled. Here alone each cause gets its names: that for programs (JSON, labels of
//! metrics, exports), that for people (tables, legends, the live view), and the words of a sentence,
//! which hold the latter. `docs/findings.md` lists them.

use serde::{Deserialize, Serialize};

/// The causes: name for programs, and the name for people between what a sentence has around it.
macro_rules! causes {
    ($($(#[$doc:meta])* $cause:ident = $name:literal: $before:literal, $words:literal, $after:literal;)*) => {
        /// Why a CPU stalled.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Cause {
            $($(#[$doc])* #[serde(rename = $name)] $cause,)*
        }

        impl Cause {
            /// All causes, in their order.
            pub const ALL: [Cause; [$($name),*].len()] = [$(Cause::$cause),*];

            /// Its name for programs: in JSON, labels of metrics, exports.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Cause::$cause => $name,)* }
            }

            /// Its name for people: `interrupts off`.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self { $(Cause::$cause => $words,)* }
            }

            /// The same after what somebody did: "... held CPU 11 `with interrupts off`".
            #[must_use]
            pub fn how(self) -> &'static str {
                match self { $(Cause::$cause => concat!($before, $words, $after),)* }
            }
        }
    };
}

causes! {
    /// A section with interrupts off.
    IrqsOff = "irqs_off": "with ", "interrupts off", "";
    /// A section with bottom halves off.
    BhOff = "bh_off": "with ", "bottom halves off", "";
    /// A kernel section that could not be preempted kept ksoftirqd from running.
    NonPreemptible = "non_preemptible": "in kernel code that was ", "not preemptible", "";
    /// A real-time task kept ksoftirqd from running.
    StarvedByRt = "starved_by_rt": "at a ", "real-time priority", " above ksoftirqd";
    /// Ordinary tasks kept ksoftirqd from running.
    StarvedByTasks = "starved_by_tasks": "while ", "ksoftirqd waited", " its turn";
    /// A softirq handler ran long.
    SoftirqHog = "softirq_hog": "in a ", "softirq handler", "";
    /// A hard interrupt handler ran long.
    HardIrq = "hard_irq": "in a ", "hard interrupt", "";
    /// The hypervisor took the CPU away.
    Stolen = "stolen": "", "CPU taken away", "";
    /// Not known.
    Unexplained = "unexplained": "", "unexplained", "";
}

impl Cause {
    /// The cause of a name for programs; none if there is none of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Cause> {
        Cause::ALL.into_iter().find(|cause| cause.name() == name)
    }
}

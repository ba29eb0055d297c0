//! What functions of the kernel do, as far as their names tell. They are those of kernel/softirq.c
//! and of the entry code; each list names the kernels where a name changed.

/// The function that runs pending softirqs: `handle_softirqs` since 6.9 (d14c0c9e), before that
/// `__do_softirq`. Names in the source: see [`source_name`].
pub const SOFTIRQ_LOOP: [&str; 2] = ["handle_softirqs", "__do_softirq"];

/// The name in the source of a function that the compiler made a special copy of, as it does of
/// `handle_softirqs` on PREEMPT_RT.
#[must_use]
pub fn source_name(symbol: &str) -> &str {
    const COPIES: [&str; 4] = [".constprop.", ".isra.", ".part.", ".cold"];
    if !symbol.as_bytes().contains(&b'.') {
        return symbol;
    }
    let cut = COPIES.iter().filter_map(|copy| symbol.find(copy)).min();
    cut.map_or(symbol, |at| &symbol[..at])
}

/// Where an interrupt (not an exception or a system call) is entered, arch/x86/include/asm/idtentry.h,
/// or returns: `common_interrupt_return` of arch/x86/entry/entry_64.S, which exceptions share.
#[must_use]
pub fn is_interrupt_entry(name: &str) -> bool {
    name.starts_with("asm_sysvec_")
        || matches!(name, "asm_common_interrupt" | "common_interrupt_return")
}

/// Whether a function is the one that runs pending softirqs.
#[must_use]
pub fn runs_softirqs(name: &str) -> bool {
    SOFTIRQ_LOOP.contains(&source_name(name))
}

/// Whether a function is only on a stack where an interrupt or a softirq lies on top of what ran.
#[must_use]
pub fn lies_on_top(name: &str) -> bool {
    is_interrupt_entry(name) || runs_softirqs(name)
}

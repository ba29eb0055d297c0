//! What a guest's kernel says when it fails.
//!
//! Under multi-threaded TCG a kernel that patches its own code (BPF programs and tracepoints being
//! attached) crashes now and then. That is neither a pass nor a failure of ours.

/// Each of these in a line of the console means that the kernel cannot be trusted any more.
const SIGNS: &[&str] = &[
    "Kernel panic",
    "Oops",
    "BUG: ",
    "int3: ",
    "general protection fault",
    "soft lockup",
    "hard LOCKUP",
    "detected stalls on CPUs",
    "self-detected stall",
    "blocked for more than",
    "invalid opcode",
    "double fault",
    "Unable to mount root",
];

/// The first line that tells of a crash.
pub fn sign_in(console: &str) -> Option<&str> {
    console.lines().find(|line| is_sign(line)).map(str::trim)
}

/// Whether this line tells of one. Only the kernel's own lines count: they begin with the time.
pub fn is_sign(line: &str) -> bool {
    line.trim_start().starts_with('[') && SIGNS.iter().any(|sign| line.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_kernel_is_believed() {
        let oops = "[   12.345678] int3: 0000 [#1] PREEMPT SMP PTI\r";
        assert!(is_sign(oops));
        assert_eq!(sign_in(&format!("hello\n{oops}\n")), Some(oops.trim()));
        assert!(!is_sign("stallprof: Oops, no such file"));
        assert!(!is_sign("[    1.000000] Freeing SMP alternatives memory: 36K"));
    }
}

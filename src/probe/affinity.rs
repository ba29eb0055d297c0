//! The recorder keeps off the CPUs it records, where there are others: it must not be the
//! neighbour that it reports.

use std::mem::{size_of, zeroed};

use crate::units::Cpu;

/// Moves the calling thread off these CPUs; leaves it where it is if it may run nowhere else.
pub fn keep_off(cpus: &[Cpu]) {
    // SAFETY: a cpu_set_t is a plain bit set; all zeroes is the empty one.
    let mut allowed: libc::cpu_set_t = unsafe { zeroed() };
    // SAFETY: fills `allowed`, of the size given. It fails on hosts with more CPUs than the set
    // holds (1024); then all stays as it is.
    if unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut allowed) } != 0 {
        return;
    }
    for cpu in cpus.iter().filter(|c| c.0 < libc::CPU_SETSIZE as u32) {
        // SAFETY: within the set.
        unsafe { libc::CPU_CLR(cpu.0 as usize, &mut allowed) };
    }
    // SAFETY: counts the bits of a valid set.
    if unsafe { libc::CPU_COUNT(&allowed) } > 0 {
        // SAFETY: a valid set of the size given; a refusal changes nothing.
        unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &allowed) };
    }
}

//! Names of system calls in samples, which hold numbers.

use std::borrow::Cow;

use super::words;
use crate::analysis::syscalls;
use crate::model::Recording;

/// `read(2)` of a number plus one; none outside a system call.
pub(super) fn name(r: &Recording, nr_plus_1: u32) -> Option<Cow<'static, str>> {
    let nr = nr_plus_1.checked_sub(1)?;
    Some(Cow::Owned(words::call(&syscalls::name(&r.meta.arch, nr))))
}

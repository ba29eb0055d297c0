//! Names of what events hold as numbers: system calls, tasks.

use std::borrow::Cow;

use super::words;
use crate::model::syscalls;
use crate::model::{Recording, TaskId};

/// `read(2)` of a number plus one; none outside a system call.
pub(super) fn name(r: &Recording, nr_plus_1: u32) -> Option<Cow<'static, str>> {
    let nr = nr_plus_1.checked_sub(1)?;
    Some(Cow::Owned(words::call(&syscalls::name(&r.meta.arch, nr))))
}

/// `cadvisor[10137]`, `idle`, `unknown task`.
pub(super) fn who(r: &Recording, id: TaskId) -> String {
    let task = r.task(id);
    match (id.is_some(), task.tid.0) {
        (false, _) => "unknown task".to_owned(),
        (_, 0) => "idle".to_owned(),
        _ => words::who(r.str(task.comm), task.tgid, task.tid),
    }
}

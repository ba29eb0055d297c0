//! The records of the ring as the BPF side writes them. Types come from the headers of the wire
//! of a CPU's state from `bpf/percpu.h`, by way of BTF; nothing of it is written here a second
//! time.

use std::mem::size_of;

use super::Names;
use crate::model::{StrId, SyscallId};

pub use super::skel::wire::types;

/// A wire type: plain integers without references, so that any bytes are a value of it.
///
/// # Safety
/// Every bit pattern must be valid for the type.
pub unsafe trait Wire: Copy {}

/// Takes types of these headers for wire types: said where each is read.
macro_rules! wire {
    ($($t:ident),*) => { $(
        // SAFETY: generated from a C struct of plain integers.
        unsafe impl $crate::probe::wire::Wire for $crate::probe::wire::types::$t {}
    )* };
}
pub(super) use wire;
wire!(sp_head, sp_task);

/// The value at the start of `bytes`, or none if they are too few.
pub fn read<T: Wire>(bytes: &[u8]) -> Option<T> {
    // SAFETY: there are enough bytes, and any are valid for a `Wire`.
    (bytes.len() >= size_of::<T>()).then(|| unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}

/// What follows a `T` in a record, to be taken off piece by piece.
pub struct Tail<'a>(&'a [u8]);

impl<'a> Tail<'a> {
    pub fn after<T: Wire>(record: &'a [u8]) -> Tail<'a> {
        Tail(record.get(size_of::<T>()..).unwrap_or_default())
    }

    /// The next `len` bytes; fewer if the record ends before.
    pub fn bytes(&mut self, len: u32) -> &'a [u8] {
        let (now, rest) = self.0.split_at((len as usize).min(self.0.len()));
        self.0 = rest;
        now
    }

    /// The next `len` bytes as addresses.
    pub fn addresses(&mut self, len: u32) -> Vec<u64> {
        let (words, _) = self.bytes(len).as_chunks::<8>();
        words.iter().map(|w| u64::from_ne_bytes(*w)).collect()
    }
}

/// Text up to the first NUL; what is not UTF-8 is replaced.
pub fn text(bytes: &[i8]) -> String {
    let bytes: Vec<u8> = bytes.iter().take_while(|b| **b != 0).map(|b| *b as u8).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A path comes as `name/parent/grandparent/`, as the BPF program walked it; it was cut at the
/// outer end if it does not close with a slash.
fn path(bytes: &[u8], deleted: bool, names: &mut dyn Names) -> StrId {
    let text = String::from_utf8_lossy(bytes);
    // As the kernel marks them in /proc/PID/fd.
    let mark = if deleted { " (deleted)" } else { "" };
    let Some(inner_to_outer) = text.strip_suffix('/') else {
        return match text.rsplit_once('/') {
            Some((whole, _)) => names.string(&format!(".../{}{mark}", reversed(whole))),
            None => StrId::NONE,
        };
    };
    names.string(&format!("/{}{mark}", reversed(inner_to_outer)))
}

fn reversed(path: &str) -> String {
    path.rsplit('/').collect::<Vec<_>>().join("/")
}

/// A system call with the path that follows its record.
pub fn syscall(call: &types::sp_call, path_bytes: &[u8], names: &mut dyn Names) -> SyscallId {
    SyscallId {
        nr_plus_1: u32::try_from(call.nr).map_or(0, |nr| nr + 1),
        args: call.args,
        file: if path_bytes.is_empty() {
            StrId::NONE
        } else {
            path(path_bytes, call.deleted != 0, names)
        },
    }
}

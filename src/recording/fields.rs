//! How the fields of the model become cells of a column.

use super::column::{BLOBS, Cell, Cursor, Number};
use super::join::Numbers;
use super::varint::{Malformed, put_blob, put_varint, take_blob, take_varint, unzigzag, zigzag};
use crate::model::event::HistKind;
use crate::model::health::{Severity, WindowKind};
use crate::model::{Filesystem, FrameId, IrqKind, Meta, Stack, StackId, StrId, TaskId, Vector};
use crate::units::{Cpu, Ktime, Nanos, Tgid, Tid};

/// Longest text, in bytes. No path, name or symbol is longer; a text that is loses its end.
pub const MAX_TEXT: usize = 64 << 10;
/// Most frames of a stack: five bytes each at most, so no blob is much longer than a text.
pub const MAX_FRAMES: usize = 8192;
/// Longest description of the host, in bytes.
pub const MAX_META: usize = 4 << 20;
/// Most objects in it: one of two letters takes hundreds of bytes of memory.
const MAX_OBJECTS: usize = 1 << 16;

/// A field that is a run of bytes.
trait Blob: Default {
    fn is_empty(&self) -> bool;
    fn put(&self, out: &mut Vec<u8>);
    /// `None` if no such field can hold these bytes.
    fn take(bytes: &[u8]) -> Result<Option<Self>, Malformed>;
    /// See [`Cell::renumber`].
    fn renumber(&mut self, _: &mut Numbers<'_>) {}
}

impl Blob for String {
    fn is_empty(&self) -> bool {
        str::is_empty(self)
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }

    fn take(bytes: &[u8]) -> Result<Option<String>, Malformed> {
        Ok((bytes.len() <= MAX_TEXT).then(|| String::from_utf8_lossy(bytes).into_owned()))
    }
}

/// A JSON text: may be longer than others.
#[derive(Default)]
pub struct Json(pub String);

impl Json {
    /// What it says; none if that is not readable.
    pub fn meta(&self) -> Option<Meta> {
        let objects = self.0.bytes().filter(|&b| b == b'{').count();
        (objects <= MAX_OBJECTS).then(|| serde_json::from_str(&self.0).ok())?
    }
}

impl Blob for Json {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn take(bytes: &[u8]) -> Result<Option<Json>, Malformed> {
        let fits = bytes.len() <= MAX_META;
        Ok(fits.then(|| Json(String::from_utf8_lossy(bytes).into_owned())))
    }
}

/// The frames' numbers, each as the difference to the one before: callers are often first seen
/// in one go, one number apart.
impl Blob for Stack {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn put(&self, out: &mut Vec<u8>) {
        let mut before = 0;
        for frame in &self.0 {
            put_varint(zigzag(frame.to_u64(), before), out);
            before = frame.to_u64();
        }
    }

    fn take(mut bytes: &[u8]) -> Result<Option<Stack>, Malformed> {
        // As many as there are bytes that end a number.
        let mut frames = Vec::with_capacity(bytes.iter().filter(|&&byte| byte < 0x80).count());
        let mut last = 0;
        while !bytes.is_empty() {
            last = unzigzag(take_varint(&mut bytes)?, last);
            match FrameId::from_u64(last) {
                Some(frame) if frames.len() < MAX_FRAMES => frames.push(frame),
                _ => return Ok(None),
            }
        }
        Ok(Some(Stack(frames)))
    }

    fn renumber(&mut self, numbers: &mut Numbers<'_>) {
        self.0.iter_mut().for_each(|frame| *frame = frame.renumbered(numbers));
    }
}

macro_rules! blobs {
    ($($blob:ty),*) => { $(
        impl Cell for $blob {
            fn reads(encoding: u8) -> bool {
                encoding == BLOBS
            }

            fn encode<R>(
                rows: &[R],
                field: impl Fn(&R) -> &Self,
                keep: bool,
                out: &mut Vec<u8>,
            ) -> Option<u8> {
                if !keep && rows.iter().all(|row| field(row).is_empty()) {
                    return None;
                }
                let mut blob = Vec::new();
                for row in rows {
                    blob.clear();
                    field(row).put(&mut blob);
                    put_blob(&blob, out);
                }
                Some(BLOBS)
            }

            fn decode<R>(
                at: &mut Cursor<'_>,
                rows: &mut [R],
                field: impl Fn(&mut R) -> &mut Self,
            ) -> Result<(), Malformed> {
                for (i, row) in rows.iter_mut().enumerate() {
                    match Self::take(take_blob(&mut at.bytes)?)? {
                        Some(value) => *field(row) = value,
                        None => at.unfit.push(at.row + i),
                    }
                }
                at.row += rows.len();
                Ok(())
            }

            fn renumber(&mut self, numbers: &mut Numbers<'_>) {
                Blob::renumber(self, numbers);
            }
        }
    )* };
}
blobs!(String, Stack, Json);

macro_rules! numbers {
    ($($name:ident($inner:ty)),* $(,)?) => { $(
        impl Number for $name {
            #[inline]
            fn to_u64(self) -> u64 {
                u64::from(self.0)
            }

            #[inline]
            fn from_u64(value: u64) -> Option<$name> {
                <$inner>::try_from(value).ok().map($name)
            }
        }
    )* };
}
numbers!(Ktime(u64), Nanos(u64), Tid(u32), Tgid(u32), Vector(u8));

/// No kernel numbers so many CPUs.
pub const MAX_CPUS: u32 = 1 << 16;

impl Number for Cpu {
    #[inline]
    fn to_u64(self) -> u64 {
        u64::from(self.0)
    }

    #[inline]
    fn from_u64(value: u64) -> Option<Cpu> {
        let cpu = u32::try_from(value).ok()?;
        (cpu < MAX_CPUS || cpu == u32::MAX).then_some(Cpu(cpu))
    }
}

macro_rules! names {
    ($($name:ident: $table:ident),* $(,)?) => { $(
        impl Number for $name {
            #[inline]
            fn to_u64(self) -> u64 {
                u64::from(self.0)
            }

            #[inline]
            fn from_u64(value: u64) -> Option<$name> {
                u32::try_from(value).ok().map($name)
            }

            fn renumbered(self, numbers: &mut Numbers<'_>) -> $name {
                $name(numbers.$table(self.0))
            }
        }
    )* };
}
names!(StrId: string, TaskId: task, FrameId: frame, StackId: stack);

macro_rules! integers {
    ($($int:ty),*) => { $(
        impl Number for $int {
            #[inline]
            fn to_u64(self) -> u64 {
                u64::from(self)
            }

            #[inline]
            fn from_u64(value: u64) -> Option<$int> {
                value.try_into().ok()
            }
        }
    )* };
}
integers!(u8, u16, u32, u64);

/// Two's complement; small negative numbers stay small through the zig-zag of differences.
impl Number for i64 {
    fn to_u64(self) -> u64 {
        self as u64
    }

    fn from_u64(value: u64) -> Option<i64> {
        Some(value as i64)
    }
}

impl Number for bool {
    #[inline]
    fn to_u64(self) -> u64 {
        u64::from(self)
    }

    #[inline]
    fn from_u64(value: u64) -> Option<bool> {
        (value <= 1).then_some(value == 1)
    }
}

/// Kinds have fixed numbers in the file, whatever their order in the code.
macro_rules! kinds {
    ($($kind:ident { $($variant:ident = $number:literal),* })*) => { $(
        impl Number for $kind {
            fn to_u64(self) -> u64 {
                match self {
                    $($kind::$variant => $number),*
                }
            }

            fn from_u64(value: u64) -> Option<$kind> {
                match value {
                    $($number => Some($kind::$variant),)*
                    _ => None,
                }
            }
        }
    )* };
}
kinds! {
    IrqKind { Device = 0, Timer = 1, CallFunction = 2, IrqWork = 3, System = 4 }
    Filesystem { Other = 0, CgroupV1 = 1, CgroupV2 = 2, Proc = 3 }
    Severity { Unknown = 0, Ok = 1, Notice = 2, Warning = 3, Critical = 4 }
    WindowKind { Now = 0, SinceBoot = 1, Within = 2, TenSeconds = 3 }
    HistKind { SoftirqDelay = 0, SoftirqRun = 1, KsoftirqdWait = 2 }
}

//! Addresses to functions, while the processes that own them live.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::time::{Duration, Instant};

use blazesym::MaybeDefault;
use blazesym::symbolize::source::{Kernel, Source};
use blazesym::symbolize::{Input, Symbolized, Symbolizer};

use super::users::Users;
use crate::host::in_host_pid_namespace;
use crate::model::functions::lies_on_top;
use crate::model::{Frame, FrameId};
use crate::recording::Writer;
use crate::units::Tgid;

/// The symbols of the kernel are read again at most this often.
const RELOAD: Duration = Duration::from_millis(250);
/// And this often at most where it cannot be seen whether BPF programs came: without CAP_SYS_ADMIN.
const RELOAD_BLIND: Duration = Duration::from_secs(30);
/// Share of the recording's time that may go into user symbols, which can take long in large
/// binaries: past it, frames stay without a name.
const USER_SHARE: f64 = 0.2;

/// What a process runs, as far as it shows: exec changes the name, hardly ever not.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Image {
    pub tgid: Tgid,
    pub comm: [i8; 16],
}

/// Symbol tables and what was looked up in them.
pub struct Symbols {
    kernel_table: Symbolizer,
    /// What programs and modules there were when `kernel_table` was read, and when that was.
    loaded: (u64, Instant),
    /// What there was when addresses outside of the core were last forgotten.
    known: u64,
    users: Users,
    kernel: HashMap<u64, FrameId>,
    /// Addresses of `kernel` in functions that interrupts and softirqs begin with.
    on_top: HashSet<u64>,
    user: HashMap<(Image, u64), FrameId>,
    begun: Instant,
    user_time: Duration,
    /// Share of the time since `begun` that may go into user symbols.
    user_share: f64,
}

impl Symbols {
    pub fn new() -> Symbols {
        Symbols {
            kernel_table: table(),
            loaded: (loaded_code(), Instant::now()),
            known: loaded_code(),
            users: Users::default(),
            kernel: HashMap::new(),
            on_top: HashSet::new(),
            user: HashMap::new(),
            begun: Instant::now(),
            user_time: Duration::ZERO,
            user_share: USER_SHARE,
        }
    }

    /// Only those of the kernel: frames of user space stay addresses.
    pub fn of_the_kernel() -> Symbols {
        Symbols { user_share: 0.0, ..Symbols::new() }
    }

    /// Forgets the numbers given so far: another recording begins.
    pub fn forget(&mut self) {
        self.kernel.clear();
        self.on_top.clear();
        self.user.clear();
    }

    /// Forgets the numbers of user addresses.
    pub fn forget_user(&mut self) {
        self.user = HashMap::new();
    }

    /// Forgets what lies outside of the kernel's core if programs or modules came or went since the
    /// last time: others may lie at their addresses. Whether it did.
    pub fn forget_replaced(&mut self) -> bool {
        let now = loaded_code();
        if now == self.known {
            return false;
        }
        self.known = now;
        self.kernel.retain(|address, _| in_core_text(*address));
        self.on_top.retain(|address| in_core_text(*address));
        true
    }

    /// The frame of a kernel address.
    pub fn kernel<W: Write>(&mut self, address: u64, writer: &mut Writer<W>) -> FrameId {
        if let Some(&frame) = self.kernel.get(&address) {
            return frame;
        }
        if !self.is_current_for(address) {
            return writer.frame(Frame { kernel: true, ..Frame::default() });
        }
        let source = Source::Kernel(Kernel {
            kallsyms: MaybeDefault::Default,
            vmlinux: MaybeDefault::None,
            debug_syms: false,
            ..Kernel::default()
        });
        let found = self.kernel_table.symbolize_single(&source, Input::AbsAddr(address)).ok();
        let module;
        let name = match &found {
            // Behind the kernel's last symbol lay a program that was gone when they were read.
            Some(Symbolized::Sym(symbol))
                if in_core_text(address) || !in_core_text(symbol.addr) =>
            {
                if lies_on_top(&symbol.name) {
                    self.on_top.insert(address);
                }
                module = symbol.module.as_ref().map(|m| m.to_string_lossy());
                Some((&*symbol.name, module.as_deref()))
            }
            _ => None,
        };
        let frame = frame(name, true, address, writer);
        let id = writer.frame(frame);
        self.kernel.insert(address, id);
        id
    }

    /// Whether an interrupt or a softirq lies on a kernel stack, over what it interrupted.
    pub fn interrupted<W: Write>(&mut self, addresses: &[u64], writer: &mut Writer<W>) -> bool {
        addresses.iter().any(|address| {
            self.kernel(*address, writer);
            self.on_top.contains(address)
        })
    }

    /// Whether the table can be trusted with an address. A program or module that came after it
    /// was read would be taken for whatever lies below: then it is read again, but as that is
    /// dear, not too often.
    fn is_current_for(&mut self, address: u64) -> bool {
        if in_core_text(address) {
            return true;
        }
        let now = loaded_code();
        let blind = !sees_programs() && !in_module(address);
        if now == self.loaded.0 && !blind {
            return true;
        }
        if self.loaded.1.elapsed() < if blind { RELOAD_BLIND } else { RELOAD } {
            return false;
        }
        self.kernel_table = table();
        self.loaded = (now, Instant::now());
        true
    }

    /// The frames of user addresses of a process.
    pub fn user<W: Write>(
        &mut self,
        image: Image,
        addresses: &[u64],
        writer: &mut Writer<W>,
    ) -> Vec<FrameId> {
        let unseen: Vec<u64> =
            addresses.iter().copied().filter(|a| !self.user.contains_key(&(image, *a))).collect();
        if !unseen.is_empty() {
            let allowed =
                self.begun.elapsed().mul_f64(self.user_share) + Duration::from_millis(200);
            let began = Instant::now();
            let wanted = self.user_share > 0.0 && self.user_time < allowed;
            // In another pid namespace the number is another process's.
            let found = if wanted && in_host_pid_namespace() {
                self.users.look_up(image.tgid, &unseen)
            } else {
                Vec::new()
            };
            for (n, address) in unseen.into_iter().enumerate() {
                let found = found.get(n).and_then(Option::as_ref);
                let name = found.map(|f| (f.function.as_str(), f.module.as_deref()));
                let frame = frame(name, false, address, writer);
                self.user.insert((image, address), writer.frame(frame));
            }
            self.user_time += began.elapsed();
        }
        addresses.iter().filter_map(|a| self.user.get(&(image, *a)).copied()).collect()
    }
}

pub fn table() -> Symbolizer {
    Symbolizer::builder().enable_code_info(false).enable_inlined_fns(false).build()
}

/// A number that changes when BPF programs or kernel modules come or go.
fn loaded_code() -> u64 {
    let mut hasher = DefaultHasher::new();
    std::fs::read("/proc/modules").unwrap_or_default().hash(&mut hasher);
    let mut id = 0;
    // SAFETY: writes the next id to `id`; fails after the last one, and without CAP_SYS_ADMIN.
    while unsafe { libbpf_rs::libbpf_sys::bpf_prog_get_next_id(id, &mut id) } == 0 {
        id.hash(&mut hasher);
    }
    hasher.finish()
}

/// Whether the kernel lists BPF programs for us.
fn sees_programs() -> bool {
    let mut id = 0;
    // SAFETY: as above.
    let refused = unsafe { libbpf_rs::libbpf_sys::bpf_prog_get_next_id(0, &mut id) } != 0;
    // There always is one: our own; no entry is another refusal than EPERM.
    !refused || std::io::Error::last_os_error().raw_os_error() != Some(libc::EPERM)
}

/// Whether an address lies in a module, as far as /proc/modules tells where they are.
fn in_module(address: u64) -> bool {
    let modules = std::fs::read_to_string("/proc/modules").unwrap_or_default();
    modules.lines().any(|line| {
        let mut words = line.split_ascii_whitespace();
        let size = words.nth(1).and_then(|size| size.parse::<u64>().ok());
        let start =
            words.nth(3).and_then(|at| u64::from_str_radix(at.strip_prefix("0x")?, 16).ok());
        let (Some(size), Some(start)) = (size, start) else { return false };
        start > 0 && address.checked_sub(start).is_some_and(|at| at < size)
    })
}

/// The kernel image lies in one place on each architecture, modules and BPF programs elsewhere
/// (Documentation/arch/x86/x86_64/mm.rst). An address that is not known to be core text is only
/// looked up more carefully.
fn in_core_text(address: u64) -> bool {
    (0xffff_ffff_8000_0000..0xffff_ffff_a000_0000).contains(&address)
}

/// The frame of an address by the name of its function and of the file that is in.
fn frame<W: Write>(
    found: Option<(&str, Option<&str>)>,
    kernel: bool,
    address: u64,
    writer: &mut Writer<W>,
) -> Frame {
    let Some((function, module)) = found else {
        // An address of user space means nothing elsewhere; one of the kernel would tell where
        // it was loaded.
        let offset = if kernel { 0 } else { address };
        return Frame { offset, kernel, ..Frame::default() };
    };
    Frame {
        function: writer.string(function),
        // The function is what is read; the place in it would make a thousand stacks of one.
        offset: 0,
        module: writer.string(module.unwrap_or_default()),
        kernel,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Meta;

    /// As of a BPF program that is gone: the symbol below it is the last one of the kernel's core.
    #[test]
    fn what_lies_behind_the_core_has_no_name_of_it() {
        let mut writer = Writer::new(Vec::new(), &Meta::default()).unwrap();
        let mut symbols = Symbols::of_the_kernel();
        let unknown = writer.frame(Frame { kernel: true, ..Frame::default() });
        for address in [0xffff_ffff_a000_0010, 0xffff_ffff_a000_0000] {
            assert_eq!(symbols.kernel(address, &mut writer), unknown, "{address:x}");
        }
    }
}

//! Addresses to functions, while the processes that own them live.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::time::{Duration, Instant};

use blazesym::symbolize::source::{Kernel, Process, Source};
use blazesym::symbolize::{Input, Symbolized, Symbolizer};
use blazesym::{MaybeDefault, Pid};

use crate::analysis::stacks::lies_on_top;
use crate::host::{in_host_pid_namespace, resident_memory};
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

/// Bytes that tables of user symbols may take before they are read anew.
const USER_TABLES: u64 = 64 << 20;
/// A single large program takes more: its tables are not read for each stack.
const TABLES_FOR: Duration = Duration::from_secs(10);

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
    user_tables: Symbolizer,
    /// Resident memory when `user_tables` was empty, and when that was.
    without_tables: (u64, Instant),
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
            user_tables: table(),
            without_tables: (resident_memory().unwrap_or_default(), Instant::now()),
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
        if matches!(&found, Some(Symbolized::Sym(symbol)) if lies_on_top(&symbol.name)) {
            self.on_top.insert(address);
        }
        let frame = frame(found.as_ref(), true, address, writer);
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

    /// The tables of all that has run would take hundreds of MB, and keep each file open.
    fn bound_tables(&mut self) {
        let (before, when) = self.without_tables;
        let most = before.saturating_add(USER_TABLES);
        if when.elapsed() >= TABLES_FOR && resident_memory().is_some_and(|now| now > most) {
            self.user_tables = table();
            self.without_tables = (resident_memory().unwrap_or_default(), Instant::now());
        }
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
                look_up(&self.user_tables, image.tgid, &unseen)
            } else {
                Vec::new()
            };
            for (n, address) in unseen.into_iter().enumerate() {
                let frame = frame(found.get(n), false, address, writer);
                self.user.insert((image, address), writer.frame(frame));
            }
            self.bound_tables();
            self.user_time += began.elapsed();
        }
        addresses.iter().filter_map(|a| self.user.get(&(image, *a)).copied()).collect()
    }
}

/// All of them at once; one by one where that fails, since one bad file fails the whole.
fn look_up<'t>(tables: &'t Symbolizer, tgid: Tgid, addresses: &[u64]) -> Vec<Symbolized<'t>> {
    let mut process = Process::new(Pid::from(tgid.0));
    process.debug_syms = false;
    // /tmp/perf-PID.map belongs to the process that is looked at: a FIFO would hold us for good.
    process.perf_map = false;
    let source = Source::Process(process);
    if let Ok(found) = tables.symbolize(&source, Input::AbsAddr(addresses)) {
        return found;
    }
    let unknown = || Symbolized::Unknown(blazesym::symbolize::Reason::UnknownAddr);
    addresses
        .iter()
        .map(|a| {
            let found = tables.symbolize_single(&source, Input::AbsAddr(*a));
            found.unwrap_or_else(|_| unknown())
        })
        .collect()
}

fn table() -> Symbolizer {
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

fn frame<W: Write>(
    found: Option<&Symbolized<'_>>,
    kernel: bool,
    address: u64,
    writer: &mut Writer<W>,
) -> Frame {
    let Some(Symbolized::Sym(symbol)) = found else {
        // An address of user space means nothing elsewhere; one of the kernel would tell where
        // it was loaded.
        let offset = if kernel { 0 } else { address };
        return Frame { offset, kernel, ..Frame::default() };
    };
    let module = symbol.module.as_ref().map(|m| m.to_string_lossy());
    Frame {
        function: writer.string(&symbol.name),
        // The function is what is read; the place in it would make a thousand stacks of one.
        offset: 0,
        module: writer.string(module.as_deref().unwrap_or_default()),
        kernel,
    }
}

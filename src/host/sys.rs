//! The few system calls that no file answers. All the unsafe code of this module is here.

use std::ffi::{CStr, CString};
use std::fs::{File, OpenOptions};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::units::{Ktime, Nanos};

/// `f_type` of procfs (`PROC_SUPER_MAGIC`).
pub const PROC_MAGIC: i64 = 0x9fa0;
/// `f_type` of a cgroup v1 hierarchy (`CGROUP_SUPER_MAGIC`).
pub const CGROUP1_MAGIC: i64 = 0x0027_e0eb;
/// `f_type` of the cgroup v2 hierarchy (`CGROUP2_SUPER_MAGIC`).
pub const CGROUP2_MAGIC: i64 = 0x6367_7270;

/// So often a path is looked up again that the kernel could not be sure of, something having been
/// renamed or mounted meanwhile.
const RACES: usize = 16;

/// Kind of the file system at `path`: `f_type` of statfs(2). None if it cannot be asked.
#[must_use]
pub fn fs_magic(path: &Path) -> Option<i64> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    let mut out = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: `path` ends in NUL; statfs fills `out` if it returns 0, and only then is it read.
    let out = unsafe {
        if libc::statfs(path.as_ptr(), out.as_mut_ptr()) != 0 {
            return None;
        }
        out.assume_init()
    };
    #[allow(clippy::unnecessary_cast)] // Its type differs between C libraries.
    Some(out.f_type as i64)
}

/// The same of a file that is open.
#[must_use]
pub fn file_magic(file: &File) -> Option<i64> {
    fs_magic(&fd_path(file))
}

/// A path that stands for an open file, for calls that take paths.
#[must_use]
pub fn fd_path(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Opens (with O_PATH) a directory.
///
/// # Errors
/// There is none, or it may not be looked at.
pub fn open_dir(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_DIRECTORY).open(path)
}

/// Opens what lies at `rel` below a directory as if that were the root: neither `..` nor a symbolic
/// link leads out of it (openat2(2), Linux 5.6).
///
/// # Errors
/// As open(2); ELOOP for a link of /proc that is more than a text; ENOSYS on an older kernel.
pub fn open_in_root(dir: &File, rel: &Path, flags: libc::c_int) -> io::Result<File> {
    let rel = if rel.as_os_str().is_empty() { Path::new(".") } else { rel };
    let path = CString::new(rel.as_os_str().as_bytes())?;
    // SAFETY: all zeros are a valid `open_how`, which is plain numbers.
    let mut how: libc::open_how = unsafe { std::mem::zeroed() };
    how.flags = (flags | libc::O_CLOEXEC) as u64;
    how.resolve = libc::RESOLVE_IN_ROOT;
    for _ in 0..RACES {
        // SAFETY: `path` ends in NUL, `how` is of the size told; a descriptor that is returned is
        // new and owned by nobody else.
        unsafe {
            let (how, size) = (&raw const how, size_of::<libc::open_how>());
            let fd = libc::syscall(libc::SYS_openat2, dir.as_raw_fd(), path.as_ptr(), how, size);
            if fd >= 0 {
                return Ok(File::from_raw_fd(fd as libc::c_int));
            }
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::EAGAIN) {
            return Err(error);
        }
    }
    Err(io::Error::from_raw_os_error(libc::EAGAIN))
}

/// CLOCK_MONOTONIC now.
#[must_use]
pub fn monotonic() -> Ktime {
    Ktime(clock(libc::CLOCK_MONOTONIC))
}

/// Nanoseconds since 1970 UTC.
#[must_use]
pub fn realtime() -> u64 {
    clock(libc::CLOCK_REALTIME)
}

/// CPU time of the calling thread so far.
#[must_use]
pub fn thread_cpu_time() -> Nanos {
    Nanos(clock(libc::CLOCK_THREAD_CPUTIME_ID))
}

/// Resident memory of this process in bytes (`/proc/self/statm`); none if it cannot be read.
pub fn resident_memory() -> Option<u64> {
    Some(statm()?.0)
}

/// The part of it that is of no file.
pub fn anonymous_memory() -> Option<u64> {
    let (all, shared) = statm()?;
    Some(all.saturating_sub(shared))
}

/// Resident memory, and the part of it that is of files or shared, bytes.
fn statm() -> Option<(u64, u64)> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let mut pages = statm.split_ascii_whitespace().skip(1);
    // SAFETY: sysconf takes no pointers.
    let page = u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok()?;
    let mut bytes = || pages.next()?.parse::<u64>().ok()?.checked_mul(page);
    Some((bytes()?, bytes()?))
}

fn clock(id: libc::clockid_t) -> u64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: clock_gettime fills `t`; these clocks always exist.
    unsafe { libc::clock_gettime(id, &raw mut t) };
    t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
}

/// USER_HZ, the unit of the times in /proc: `sysconf(_SC_CLK_TCK)`, 100 on x86-64 and arm64.
#[must_use]
pub fn user_hz() -> u64 {
    // SAFETY: sysconf takes no pointers.
    let hz = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    u64::try_from(hz).ok().filter(|hz| *hz > 0).unwrap_or(100)
}

/// HZ of the running kernel: the resolution of CLOCK_MONOTONIC_COARSE is one tick
/// (`KTIME_LOW_RES`). None if that is no sensible HZ.
#[must_use]
pub fn kernel_hz() -> Option<u32> {
    let mut tick = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `tick` is a valid place for the answer.
    let failed = unsafe { libc::clock_getres(libc::CLOCK_MONOTONIC_COARSE, &raw mut tick) } != 0;
    let ns = u32::try_from(tick.tv_nsec).ok().filter(|ns| *ns > 0)?;
    let hz = (1_000_000_000 + ns / 2) / ns;
    (!failed && tick.tv_sec == 0 && (10..=10_000).contains(&hz)).then_some(hz)
}

/// `uname -m`: `x86_64`, `aarch64`. Empty if the kernel does not say.
#[must_use]
pub fn machine() -> String {
    let mut out = MaybeUninit::<libc::utsname>::uninit();
    // SAFETY: uname fills `out` with strings that end in NUL if it returns 0, and only then are
    // they read.
    unsafe {
        if libc::uname(out.as_mut_ptr()) != 0 {
            return String::new();
        }
        CStr::from_ptr(out.assume_init_ref().machine.as_ptr()).to_string_lossy().into_owned()
    }
}

/// A file handle of kernfs: `struct file_handle` with the 64-bit node id behind it.
#[repr(C)]
struct KernfsHandle {
    bytes: libc::c_uint,
    kind: libc::c_int,
    id: [u8; 8],
}

/// `FILEID_KERNFS` of include/linux/exportfs.h.
const FILEID_KERNFS: libc::c_int = 0xfe;

/// Opens (with O_PATH) the kernfs directory that has this id, in the file system of `mount`.
///
/// # Errors
/// ESTALE if no such node lives, EPERM without CAP_DAC_READ_SEARCH.
pub fn open_kernfs_id(mount: &File, id: u64) -> io::Result<File> {
    let mut handle = KernfsHandle { bytes: 8, kind: FILEID_KERNFS, id: id.to_ne_bytes() };
    // SAFETY: KernfsHandle has the layout of `struct file_handle` followed by `handle_bytes` bytes;
    // a descriptor that is returned is new and owned by nobody else.
    unsafe {
        let fd = libc::open_by_handle_at(
            mount.as_raw_fd(),
            (&raw mut handle).cast::<libc::file_handle>(),
            libc::O_PATH | libc::O_CLOEXEC,
        );
        if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(File::from_raw_fd(fd)) }
    }
}

/// How long an answer of the kernel may take on a netlink socket. Its own are there at once.
const NETLINK_TIMEOUT: libc::timeval = libc::timeval { tv_sec: 0, tv_usec: 300_000 };

/// A netlink socket of the calling thread's network namespace, for requests to the kernel:
/// write(2) sends to it, read(2) gives one datagram of answers or fails after 300 ms.
///
/// # Errors
/// EPROTONOSUPPORT if the kernel has no such protocol.
pub fn netlink_socket(protocol: libc::c_int) -> io::Result<File> {
    let timeout = NETLINK_TIMEOUT;
    // SAFETY: a descriptor that is returned is new and owned by nobody else; setsockopt reads a
    // timeval of the size it is told.
    unsafe {
        let fd = libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, protocol);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        let file = File::from_raw_fd(fd);
        let failed = libc::setsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_RCVTIMEO,
            (&raw const timeout).cast(),
            size_of::<libc::timeval>() as libc::socklen_t,
        ) != 0;
        if failed { Err(io::Error::last_os_error()) } else { Ok(file) }
    }
}

/// Moves the calling thread, and no other, into a network namespace.
///
/// # Errors
/// EPERM without CAP_SYS_ADMIN here and in the user namespace that owns it.
pub fn enter_netns(namespace: &File) -> io::Result<()> {
    // SAFETY: setns takes no pointers.
    let failed = unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) } != 0;
    if failed { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Whether task numbers here are those of the kernel: the inode of its own pid namespace is
/// `PROC_PID_INIT_INO` (include/linux/proc_ns.h).
#[must_use]
pub fn in_host_pid_namespace() -> bool {
    namespace_is("pid", "pid:[4026531836]")
}

/// Whether capabilities here are those that the kernel asks for: the inode of its own user
/// namespace is `PROC_USER_INIT_INO`. In another one a process can have all of them and may load
/// no program.
#[must_use]
pub fn in_host_user_namespace() -> bool {
    namespace_is("user", "user:[4026531837]")
}

/// Whether clocks here are those of the kernel: the inode of its own time namespace is
/// `PROC_TIME_INIT_INO`. Kernels before 5.6 have no others.
#[must_use]
pub fn in_host_time_namespace() -> bool {
    !std::path::Path::new("/proc/self/ns/time").exists()
        || namespace_is("time", "time:[4026531834]")
}

fn namespace_is(kind: &str, name: &str) -> bool {
    std::fs::read_link(format!("/proc/self/ns/{kind}")).is_ok_and(|link| link.as_os_str() == name)
}

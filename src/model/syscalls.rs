//! Names of system calls by architecture and number, and which of them work on a descriptor.
//!
//! The tables are those of Linux 6.18 (`arch/x86/entry/syscalls/syscall_64.tbl`,
//! `scripts/syscall.tbl`), made once by a script from the exported headers of 6.17 as crate
//! linux-raw-sys 0.12.1 carries them plus `uprobe` (6.18), and compared with linux-libc-dev 6.1.
//! Numbers are never reused by the kernel, so older kernels need no table of their own.

use std::borrow::Cow;

/// First number that all architectures share.
const COMMON_FROM: u32 = 424;

/// Name of a system call: `read`, or `syscall 499` for a number not in the table.
///
/// `arch` is `uname -m` ([`crate::model::Meta::arch`]), `nr` the number of the 64-bit interface.
/// Calls of the 32-bit table have numbers from 65,536 on (`bpf/task.bpf.h`), and no name here.
#[must_use]
pub fn name(arch: &str, nr: u32) -> Cow<'static, str> {
    match lookup(arch, nr) {
        Some(name) => Cow::Borrowed(name),
        None => Cow::Owned(format!("syscall {nr}")),
    }
}

/// Whether the first argument is the descriptor of the file, socket or other object that the call
/// works on. (Of sendfile(2) it is the second that tells where it reads: bpf/task.bpf.h.)
///
/// Not so for `openat` and its like: there it is a directory from which a path starts. Nor for what
/// closes a file (`close`, `dup2`, `dup3`): its number is free before that takes time, or names
/// another file by the end. False for unknown numbers.
#[must_use]
pub fn takes_fd(arch: &str, nr: u32) -> bool {
    lookup(arch, nr).is_some_and(|name| FIRST_IS_FD.binary_search(&name).is_ok())
}

/// Whether it reads from a descriptor, and is one of those that the kernel counts in
/// `task->ioac.syscr`, one a call.
#[must_use]
pub fn reads(arch: &str, nr: u32) -> bool {
    let name = lookup(arch, nr);
    let all = ["read", "pread64", "readv", "preadv", "preadv2", "sendfile"];
    name.is_some_and(|name| all.contains(&name))
}

fn lookup(arch: &str, nr: u32) -> Option<&'static str> {
    let own: &[&str] = match arch {
        "x86_64" => &X86_64,
        "aarch64" => &AARCH64,
        _ => return None,
    };
    let name = match nr.checked_sub(COMMON_FROM) {
        Some(above) => COMMON.get(usize::try_from(above).ok()?)?,
        None => own.get(usize::try_from(nr).ok()?)?,
    };
    (*name != "-").then_some(*name)
}

/// Splits at single spaces, at compile time; the number of words must be N.
const fn words<const N: usize>(text: &'static str) -> [&'static str; N] {
    let mut out = [""; N];
    let mut rest = text;
    let mut n = 0;
    while n < N {
        let mut end = 0;
        while end < rest.len() && rest.as_bytes()[end] != b' ' {
            end += 1;
        }
        let (word, tail) = rest.split_at(end);
        assert!(!word.is_empty());
        out[n] = word;
        rest = if tail.is_empty() { tail } else { tail.split_at(1).1 };
        n += 1;
    }
    assert!(rest.is_empty());
    out
}

/// From 0; `-` is a number without a call.
static X86_64: [&str; 337] = words(
    "read write open close stat fstat lstat poll lseek mmap mprotect munmap brk rt_sigaction \
    rt_sigprocmask rt_sigreturn ioctl pread64 pwrite64 readv writev access pipe select \
    sched_yield mremap msync mincore madvise shmget shmat shmctl dup dup2 pause nanosleep \
    getitimer alarm setitimer getpid sendfile socket connect accept sendto recvfrom sendmsg \
    recvmsg shutdown bind listen getsockname getpeername socketpair setsockopt getsockopt clone \
    fork vfork execve exit wait4 kill uname semget semop semctl shmdt msgget msgsnd msgrcv \
    msgctl fcntl flock fsync fdatasync truncate ftruncate getdents getcwd chdir fchdir rename \
    mkdir rmdir creat link unlink symlink readlink chmod fchmod chown fchown lchown umask \
    gettimeofday getrlimit getrusage sysinfo times ptrace getuid syslog getgid setuid setgid \
    geteuid getegid setpgid getppid getpgrp setsid setreuid setregid getgroups setgroups \
    setresuid getresuid setresgid getresgid getpgid setfsuid setfsgid getsid capget capset \
    rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend sigaltstack utime mknod uselib \
    personality ustat statfs fstatfs sysfs getpriority setpriority sched_setparam sched_getparam \
    sched_setscheduler sched_getscheduler sched_get_priority_max sched_get_priority_min \
    sched_rr_get_interval mlock munlock mlockall munlockall vhangup modify_ldt pivot_root \
    _sysctl prctl arch_prctl adjtimex setrlimit chroot sync acct settimeofday mount umount2 \
    swapon swapoff reboot sethostname setdomainname iopl ioperm create_module init_module \
    delete_module get_kernel_syms query_module quotactl nfsservctl getpmsg putpmsg afs_syscall \
    tuxcall security gettid readahead setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr \
    listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr tkill time futex \
    sched_setaffinity sched_getaffinity set_thread_area io_setup io_destroy io_getevents \
    io_submit io_cancel get_thread_area lookup_dcookie epoll_create epoll_ctl_old epoll_wait_old \
    remap_file_pages getdents64 set_tid_address restart_syscall semtimedop fadvise64 \
    timer_create timer_settime timer_gettime timer_getoverrun timer_delete clock_settime \
    clock_gettime clock_getres clock_nanosleep exit_group epoll_wait epoll_ctl tgkill utimes \
    vserver mbind set_mempolicy get_mempolicy mq_open mq_unlink mq_timedsend mq_timedreceive \
    mq_notify mq_getsetattr kexec_load waitid add_key request_key keyctl ioprio_set ioprio_get \
    inotify_init inotify_add_watch inotify_rm_watch migrate_pages openat mkdirat mknodat \
    fchownat futimesat newfstatat unlinkat renameat linkat symlinkat readlinkat fchmodat \
    faccessat pselect6 ppoll unshare set_robust_list get_robust_list splice tee sync_file_range \
    vmsplice move_pages utimensat epoll_pwait signalfd timerfd_create eventfd fallocate \
    timerfd_settime timerfd_gettime accept4 signalfd4 eventfd2 epoll_create1 dup3 pipe2 \
    inotify_init1 preadv pwritev rt_tgsigqueueinfo perf_event_open recvmmsg fanotify_init \
    fanotify_mark prlimit64 name_to_handle_at open_by_handle_at clock_adjtime syncfs sendmmsg \
    setns getcpu process_vm_readv process_vm_writev kcmp finit_module sched_setattr \
    sched_getattr renameat2 seccomp getrandom memfd_create kexec_file_load bpf execveat \
    userfaultfd membarrier mlock2 copy_file_range preadv2 pwritev2 pkey_mprotect pkey_alloc \
    pkey_free statx io_pgetevents rseq uretprobe uprobe",
);

/// From 0; `-` is a number without a call.
static AARCH64: [&str; 295] = words(
    "io_setup io_destroy io_submit io_cancel io_getevents setxattr lsetxattr fsetxattr getxattr \
    lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr \
    getcwd lookup_dcookie eventfd2 epoll_create1 epoll_ctl epoll_pwait dup dup3 fcntl \
    inotify_init1 inotify_add_watch inotify_rm_watch ioctl ioprio_set ioprio_get flock mknodat \
    mkdirat unlinkat symlinkat linkat renameat umount2 mount pivot_root nfsservctl statfs \
    fstatfs truncate ftruncate fallocate faccessat chdir fchdir chroot fchmod fchmodat fchownat \
    fchown openat close vhangup pipe2 quotactl getdents64 lseek read write readv writev pread64 \
    pwrite64 preadv pwritev sendfile pselect6 ppoll signalfd4 vmsplice splice tee readlinkat \
    newfstatat fstat sync fsync fdatasync sync_file_range timerfd_create timerfd_settime \
    timerfd_gettime utimensat acct capget capset personality exit exit_group waitid \
    set_tid_address unshare futex set_robust_list get_robust_list nanosleep getitimer setitimer \
    kexec_load init_module delete_module timer_create timer_gettime timer_getoverrun \
    timer_settime timer_delete clock_settime clock_gettime clock_getres clock_nanosleep syslog \
    ptrace sched_setparam sched_setscheduler sched_getscheduler sched_getparam sched_setaffinity \
    sched_getaffinity sched_yield sched_get_priority_max sched_get_priority_min \
    sched_rr_get_interval restart_syscall kill tkill tgkill sigaltstack rt_sigsuspend \
    rt_sigaction rt_sigprocmask rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigreturn \
    setpriority getpriority reboot setregid setgid setreuid setuid setresuid getresuid setresgid \
    getresgid setfsuid setfsgid times setpgid getpgid getsid setsid getgroups setgroups uname \
    sethostname setdomainname getrlimit setrlimit getrusage umask prctl getcpu gettimeofday \
    settimeofday adjtimex getpid getppid getuid geteuid getgid getegid gettid sysinfo mq_open \
    mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr msgget msgctl msgrcv msgsnd \
    semget semctl semtimedop semop shmget shmctl shmat shmdt socket socketpair bind listen \
    accept connect getsockname getpeername sendto recvfrom setsockopt getsockopt shutdown \
    sendmsg recvmsg readahead brk munmap mremap add_key request_key keyctl clone execve mmap \
    fadvise64 swapon swapoff mprotect msync mlock munlock mlockall munlockall mincore madvise \
    remap_file_pages mbind get_mempolicy set_mempolicy migrate_pages move_pages \
    rt_tgsigqueueinfo perf_event_open accept4 recvmmsg - - - - - - - - - - - - - - - - wait4 \
    prlimit64 fanotify_init fanotify_mark name_to_handle_at open_by_handle_at clock_adjtime \
    syncfs setns sendmmsg process_vm_readv process_vm_writev kcmp finit_module sched_setattr \
    sched_getattr renameat2 seccomp getrandom memfd_create bpf execveat userfaultfd membarrier \
    mlock2 copy_file_range preadv2 pwritev2 pkey_mprotect pkey_alloc pkey_free statx \
    io_pgetevents rseq kexec_file_load",
);

/// From [`COMMON_FROM`] on.
static COMMON: [&str; 46] = words(
    "pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount \
    fsopen fsconfig fsmount fspick pidfd_open clone3 close_range openat2 pidfd_getfd faccessat2 \
    process_madvise epoll_pwait2 mount_setattr quotactl_fd landlock_create_ruleset \
    landlock_add_rule landlock_restrict_self memfd_secret process_mrelease futex_waitv \
    set_mempolicy_home_node cachestat fchmodat2 map_shadow_stack futex_wake futex_wait \
    futex_requeue statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal \
    setxattrat getxattrat listxattrat removexattrat open_tree_attr file_getattr file_setattr",
);

/// Sorted.
static FIRST_IS_FD: [&str; 85] = words(
    "accept accept4 bind cachestat connect copy_file_range dup epoll_ctl \
    epoll_pwait epoll_pwait2 epoll_wait fadvise64 fallocate fanotify_mark fchdir fchmod fchown \
    fcntl fdatasync fgetxattr finit_module flistxattr flock fremovexattr fsconfig fsetxattr \
    fsmount fstat fstatfs fsync ftruncate getdents getdents64 getpeername getsockname getsockopt \
    inotify_add_watch inotify_rm_watch io_uring_enter io_uring_register ioctl kexec_file_load \
    landlock_add_rule landlock_restrict_self listen lseek mq_getsetattr mq_notify \
    mq_timedreceive mq_timedsend pidfd_getfd pidfd_send_signal pread64 preadv preadv2 \
    process_madvise process_mrelease pwrite64 pwritev pwritev2 quotactl_fd read readahead readv \
    recvfrom recvmmsg recvmsg sendfile sendmmsg sendmsg sendto setns setsockopt shutdown \
    signalfd signalfd4 splice sync_file_range syncfs tee timerfd_gettime timerfd_settime \
    vmsplice write writev",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_at_their_numbers() {
        for (arch, nr, want) in [
            ("x86_64", 0, "read"),
            ("x86_64", 17, "pread64"),
            ("x86_64", 202, "futex"),
            ("x86_64", 231, "exit_group"),
            ("x86_64", 257, "openat"),
            ("x86_64", 336, "uprobe"),
            ("x86_64", 424, "pidfd_send_signal"),
            ("x86_64", 462, "mseal"),
            ("x86_64", 469, "file_setattr"),
            ("aarch64", 0, "io_setup"),
            ("aarch64", 63, "read"),
            ("aarch64", 67, "pread64"),
            ("aarch64", 260, "wait4"),
            ("aarch64", 294, "kexec_file_load"),
            ("aarch64", 451, "cachestat"),
        ] {
            assert_eq!(name(arch, nr), want, "{arch} {nr}");
        }
    }

    #[test]
    fn unknown_numbers_and_machines_show_the_number() {
        for (arch, nr) in [
            ("x86_64", 337),
            ("x86_64", 423),
            ("x86_64", 499),
            ("x86_64", 0x4000_0000),
            ("x86_64", u32::MAX),
            ("aarch64", 250),
            ("aarch64", 295),
            ("riscv64", 63),
            ("", 0),
        ] {
            assert_eq!(name(arch, nr), format!("syscall {nr}"), "{arch} {nr}");
            assert!(!takes_fd(arch, nr));
        }
    }

    #[test]
    fn descriptors_are_known_by_call_not_by_number() {
        assert!(FIRST_IS_FD.is_sorted());
        for name in FIRST_IS_FD {
            let known = X86_64.iter().chain(&AARCH64).chain(&COMMON).any(|n| *n == name);
            assert!(known, "{name} is in no table");
        }
        assert!(takes_fd("x86_64", 0) && takes_fd("aarch64", 63), "read");
        assert!(takes_fd("x86_64", 451) && takes_fd("aarch64", 451), "cachestat");
        assert!(!takes_fd("aarch64", 0), "io_setup");
        assert!(!takes_fd("x86_64", 257), "openat: a directory to start from");
        assert!(!takes_fd("x86_64", 9), "mmap: the descriptor is its fifth");
        assert!(!takes_fd("x86_64", 3) && !takes_fd("aarch64", 57), "close");
    }

    /// `libc` knows fewer calls, but what it knows must agree.
    #[cfg(target_arch = "x86_64")]
    #[test]
    fn numbers_agree_with_libc() {
        for (nr, want) in [
            (libc::SYS_io_uring_enter, "io_uring_enter"),
            (libc::SYS_fchmodat2, "fchmodat2"),
            (libc::SYS_futex_waitv, "futex_waitv"),
            (libc::SYS_rseq, "rseq"),
            (libc::SYS_getdents64, "getdents64"),
            (libc::SYS_copy_file_range, "copy_file_range"),
        ] {
            assert_eq!(name("x86_64", nr as u32), want);
        }
    }
}

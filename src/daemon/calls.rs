//! Seccomp: system calls that are refused, for good.
//!
//! A list of what is refused, and not of what is allowed: which calls a C library makes for everyday
//! work differs with its version, and a daemon that dies of one that nobody thought of sees no
//! stall. Refused is what would turn a daemon that was taken over against its host, and what nobody
//! needs here. It gets EPERM, as without the right to it.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter, sock_filter,
};

use super::fence::Thread;
use super::log::say;

/// No thread needs these.
const NEVER: &[libc::c_long] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_personality,
    // File systems and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_fanotify_init,
    // The kernel itself.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    // Ways into the kernel that attacks took, io_uring past Landlock and past this list too.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

/// Nor these, but where rules of NAT are listed: by programs, and in other network namespaces.
const PROGRAMS: &[libc::c_long] = &[libc::SYS_execve, libc::SYS_execveat, libc::SYS_setns];

/// Those who talk to clients and who write incidents do not measure.
const MEASURING: &[libc::c_long] =
    &[libc::SYS_bpf, libc::SYS_perf_event_open, libc::SYS_open_by_handle_at];

/// Sockets of other kinds are not made.
const FAMILIES: [libc::c_int; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

/// Numbers from here on are those of the x32 ABI, under which each call would have a second one.
const X32: u32 = 0x4000_0000;

/// For the calling thread, before it starts others, and for all that they start; says so, and gives
/// whether the kernel does it. `programs` may be run where they are needed to measure.
pub fn refuse(programs: bool) -> bool {
    let list = if programs { vec![NEVER] } else { vec![NEVER, PROGRAMS] };
    let runs = if programs { "only iptables-save and nft are run" } else { "no program is run" };
    let what = format!(
        "by seccomp nothing is mounted, loaded into the kernel, traced or set on the host, {runs}"
    );
    enter("all threads", &what, &list.concat())
}

/// The same for one thread that does not measure.
pub fn refuse_more(thread: Thread) -> bool {
    let what = "by seccomp it runs no program and measures nothing";
    enter(thread.name(), what, &[PROGRAMS, MEASURING].concat())
}

fn enter(who: &str, what: &str, refused: &[libc::c_long]) -> bool {
    let filter = filter(refused);
    match filter.and_then(|filter| apply_filter(&filter).map_err(|e| e.to_string())) {
        Ok(()) => {
            say(&format_args!("{who}: {what}"));
            true
        }
        Err(error) => {
            say(&format_args!("{who}: no seccomp: {error}"));
            false
        }
    }
}

/// Refuses these calls, and sockets of kinds that are not needed.
fn filter(refused: &[libc::c_long]) -> Result<BpfProgram, String> {
    let eperm = SeccompAction::Errno(libc::EPERM as u32);
    let other = |family: &libc::c_int| {
        let length = SeccompCmpArgLen::Dword;
        SeccompCondition::new(0, length, SeccompCmpOp::Ne, *family as u64)
    };
    let make = || {
        let other = FAMILIES.iter().map(other).collect::<Result<_, _>>()?;
        let mut rules: std::collections::BTreeMap<i64, Vec<SeccompRule>> =
            refused.iter().map(|call| (*call, Vec::new())).collect();
        rules.insert(libc::SYS_socket, vec![SeccompRule::new(other)?]);
        let arch = std::env::consts::ARCH.try_into()?;
        SeccompFilter::new(rules, SeccompAction::Allow, eperm.clone(), arch)?.try_into()
    };
    let filter: Result<BpfProgram, seccompiler::BackendError> = make();
    let mut whole = no_x32();
    whole.extend(filter.map_err(|e| e.to_string())?);
    Ok(whole)
}

/// Refuses all calls of the x32 ABI: a filter by number would let each of them pass.
fn no_x32() -> BpfProgram {
    let (load, at_least, end) = (0x20, 0x35, 0x06);
    let eperm = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
    let one = |code, jf, k| sock_filter { code, jt: 0, jf, k };
    // The number is the first field of struct seccomp_data.
    vec![one(load, 0, 0), one(at_least, 1, X32), one(end, 0, eperm)]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use std::io::Error;

    use super::*;

    /// The error of a call without arguments that mean anything; 0 for none.
    fn error(call: libc::c_long) -> i32 {
        // SAFETY: all arguments are zero; those that take pointers get none, and nothing of what is
        // called here can end or change the process with them.
        let failed = unsafe { libc::syscall(call, 0, 0, 0, 0, 0, 0) } < 0;
        if failed { Error::last_os_error().raw_os_error().unwrap() } else { 0 }
    }

    /// On a thread of its own, which is refused them for good; no other is.
    fn refused_by(filter: BpfProgram, calls: &'static [libc::c_long]) -> Vec<i32> {
        std::thread::spawn(move || {
            apply_filter(&filter).unwrap();
            assert!(std::fs::read("/proc/self/stat").is_ok());
            assert!(std::thread::spawn(|| 1).join().is_ok(), "threads are started as ever");
            calls.iter().map(|call| error(*call)).collect()
        })
        .join()
        .unwrap()
    }

    #[test]
    fn what_is_listed_is_refused_and_nothing_else() {
        let never = refused_by(filter(NEVER).unwrap(), NEVER);
        assert!(never.iter().all(|error| *error == libc::EPERM), "{never:?}");
        let more = refused_by(filter(PROGRAMS).unwrap(), PROGRAMS);
        assert_eq!(more, [libc::EPERM; 3]);
        assert_eq!(refused_by(filter(MEASURING).unwrap(), MEASURING), [libc::EPERM; 3]);
        // Without it they are refused for other reasons, by root's right to them.
        let bad = refused_by(filter(NEVER).unwrap(), PROGRAMS);
        assert!(bad.iter().all(|error| *error != libc::EPERM && *error != 0), "{bad:?}");
    }

    #[test]
    fn sockets_of_other_kinds_and_calls_of_another_abi() {
        const CALLS: &[libc::c_long] = &[libc::SYS_getpid | X32 as libc::c_long];
        assert_eq!(refused_by(filter(NEVER).unwrap(), CALLS), [libc::EPERM]);
        let made = |family: libc::c_int| {
            std::thread::spawn(move || {
                apply_filter(&filter(NEVER).unwrap()).unwrap();
                // SAFETY: takes no pointers.
                let fd = unsafe { libc::socket(family, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
                if fd < 0 {
                    return Error::last_os_error().raw_os_error();
                }
                // SAFETY: it is ours, and nobody else's.
                unsafe { libc::close(fd) };
                None
            })
        };
        for family in FAMILIES {
            assert_eq!(made(family).join().unwrap(), None, "{family}");
        }
        for family in [libc::AF_PACKET, libc::AF_ALG, libc::AF_VSOCK] {
            assert_eq!(made(family).join().unwrap(), Some(libc::EPERM), "{family}");
        }
    }
}

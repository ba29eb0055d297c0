//! Programs that are made to harm who reads their symbols: whoever may run a program can do this.
//! The recording goes on, and ends when it should.

use std::ffi::CString;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use crate::host::{Folder, cpu, findings, machine, stallprof};
use crate::rivals::pin;

/// `cmp byte [rdi], 0; je -5; ret`: runs until the byte is not 0.
const SPIN: [u8; 6] = [0x80, 0x3f, 0x00, 0x74, 0xfb, 0xc3];
const PAGE: usize = 4096;
/// Where SPIN lies in the page.
const CODE: usize = 0x800;

/// Runs SPIN out of a page of `file`, or of no file, on the CPU that is recorded. The recording
/// must end in time and hold samples; whether it has a function of this name.
fn recorded_beside(file: Option<&std::fs::File>, name: &str) -> bool {
    let folder = Folder::new("hostile");
    let recording = folder.path("r.stall");
    let (protection, flags) = (libc::PROT_READ | libc::PROT_EXEC, libc::MAP_PRIVATE);
    let (protection, flags, fd) = match file {
        Some(file) => (protection, flags, file.as_raw_fd()),
        None => (protection | libc::PROT_WRITE, flags | libc::MAP_ANONYMOUS, -1),
    };
    // SAFETY: a mapping of our own, anywhere.
    let page = unsafe { libc::mmap(std::ptr::null_mut(), PAGE, protection, flags, fd, 0) };
    assert_ne!(page, libc::MAP_FAILED);
    // SAFETY: within the page.
    let code = unsafe { page.cast::<u8>().add(CODE) };
    if file.is_none() {
        // SAFETY: the page can be written.
        unsafe { code.copy_from_nonoverlapping(SPIN.as_ptr(), SPIN.len()) };
    }
    // SAFETY: SPIN takes a pointer to a byte, and uses no stack.
    let spin: extern "C" fn(*const u8) = unsafe { std::mem::transmute(code) };
    let stop = AtomicU8::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            pin();
            spin(stop.as_ptr());
        });
        let mut child = stallprof()
            // Of no other program: names take a share of the time at most.
            .args(["record", "-d", "1s", "-p", &std::process::id().to_string()])
            .args(["-C", &cpu().to_string(), "-o"])
            .arg(&recording)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        let ended = loop {
            match child.try_wait().unwrap() {
                None if began.elapsed() < Duration::from_secs(20) => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                ended => break ended,
            }
        };
        stop.store(1, Ordering::Relaxed);
        if ended.is_none() {
            child.kill().unwrap();
        }
        assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
    });
    let f = findings(&recording);
    assert!(f["cpus"][0]["samples"].as_u64().unwrap() > 100, "{}", f["cpus"]);
    assert_eq!(f["window"]["complete"], true);
    stallprof::recording::read(&recording).unwrap().strings.iter().any(|s| s == name)
}

/// Removes its file.
struct Gone<'p>(&'p Path);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.0);
    }
}

/// A FIFO that nobody writes, in place of the table of a compiler.
#[test]
fn a_table_that_hangs() {
    let Some(_machine) = machine() else { return };
    let path = format!("/tmp/perf-{}.map", std::process::id());
    let name = CString::new(path.as_str()).unwrap();
    // SAFETY: a NUL-terminated path.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o666) }, 0);
    let _gone = Gone(Path::new(&path));
    recorded_beside(None, "");
}

/// As it is where nobody means harm.
#[test]
fn a_plain_name() {
    let Some(_machine) = machine() else { return };
    assert!(recorded_with("_ZN5plain4nameEv", "plain::name()"));
}

/// A name of some hundred bytes that takes gigabytes to be demangled: each type of it holds the one
/// before twice.
#[test]
fn a_name_without_end() {
    let Some(_machine) = machine() else { return };
    let nth = |n: usize| match n {
        0 => "S_".to_owned(),
        1..=36 => format!("S{}_", char::from(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[n - 1])),
        _ => unreachable!("too many"),
    };
    let doubled: String = (1..36).map(|n| format!("S_I{0}{0}E", nth(n))).collect();
    recorded_with(&format!("_Z1f1AIiiE{doubled}"), "f");
}

/// Beside a program whose function has this mangled name; whether it is found under the other.
fn recorded_with(mangled: &str, name: &str) -> bool {
    let folder = Folder::new("program");
    let path = folder.path("program");
    std::fs::write(&path, program(mangled)).unwrap();
    recorded_beside(Some(&std::fs::File::open(&path).unwrap()), name)
}

/// An ELF file of one page, with SPIN as the function `name`.
fn program(name: &str) -> Vec<u8> {
    let mut names = b"\0.symtab\0.strtab\0".to_vec();
    let function = names.len() as u32;
    names.extend(name.as_bytes());
    names.push(0);
    let mut file = Vec::new();
    let put = |file: &mut Vec<u8>, at: usize, bytes: &[u8]| {
        file.resize(file.len().max(at + bytes.len()), 0);
        file[at..at + bytes.len()].copy_from_slice(bytes);
    };
    // Header: 64-bit, little-endian, ET_DYN, x86-64; program header at 64, sections at 512.
    let words = |all: &[u64]| all.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
    put(&mut file, 0, b"\x7fELF\x02\x01\x01");
    put(&mut file, 16, &[3, 0, 62, 0, 1, 0, 0, 0]);
    put(&mut file, 24, &words(&[CODE as u64, 64, 512]));
    put(&mut file, 52, &[64, 0, 56, 0, 1, 0, 64, 0, 3, 0, 2, 0]);
    // PT_LOAD, readable and executable: the whole page.
    let page = PAGE as u64;
    put(&mut file, 64, &words(&[1 | 5 << 32, 0, 0, 0, page, page, page]));
    // Of sections: name and type, flags, address, offset, size, link and info, alignment, entry.
    let (symbols, strings) = (0x200 + 3 * 64, 0x400);
    put(&mut file, 512 + 64, &words(&[1 | 2 << 32, 0, 0, symbols, 48, 2 | 1 << 32, 8, 24]));
    let size = names.len() as u64;
    put(&mut file, 512 + 128, &words(&[9 | 3 << 32, 0, 0, strings, size, 0, 1, 0]));
    // A global function in section 1.
    let symbol = u64::from(function) | 0x12 << 32 | 1 << 48;
    put(&mut file, symbols as usize + 24, &words(&[symbol, CODE as u64, SPIN.len() as u64]));
    put(&mut file, strings as usize, &names);
    assert!(file.len() <= CODE);
    put(&mut file, CODE, &SPIN);
    file.resize(PAGE, 0);
    file
}

//! No room left, for real: a file that may not grow, and /dev/full.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use stallprof::recording::{Writer, create, read};
use stallprof::units::Ktime;

use crate::examples::{events, meta};
use crate::forge::TempDir;

/// Set for the child process of [`the_disk_is_full`]: which file to write, and in which way.
const CHILD: &str = "STALLPROF_TEST_FULL_FILE";
const LIMIT: u64 = 20_000;

/// The kernel lets a write through up to the limit and refuses the rest, as a full disk does. The
/// limit holds for a whole process, so the writing is done by this test, run again as a child.
#[test]
fn the_disk_is_full() {
    if let Some(path) = std::env::var_os(CHILD) {
        return write_until_full(Path::new(&path));
    }
    let dir = TempDir::new("full");
    for name in ["cut.stall", "torn.stall"] {
        let path = dir.join(name);
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "disk_full::the_disk_is_full", "--nocapture"]).env(CHILD, &path);
        let limit = || {
            let limit = libc::rlimit { rlim_cur: LIMIT, rlim_max: LIMIT };
            // The signal would end the child before the write can return an error.
            unsafe {
                libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
                if libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) != 0 {
                    return Err(io::Error::last_os_error());
                }
            }
            Ok(())
        };
        // Safe: only calls that are allowed between fork and exec.
        unsafe { child.pre_exec(limit) };
        let output = child.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("flushes kept: "), "{said}");
        let flushes: usize =
            said.split("flushes kept: ").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
        assert!(flushes > 3, "nothing was written before the limit: {flushes}");

        let len = fs::metadata(&path).unwrap().len();
        let read = read(&path).unwrap();
        assert_eq!(read.samples.len(), flushes * 50, "flushes that succeeded are all there");
        assert_eq!(read.damage.len(), 1);
        if name == "cut.stall" {
            assert!(len < LIMIT, "the torn block was not cut off");
            assert!(read.damage[0].contains("no end"), "{:?}", read.damage);
        } else {
            assert_eq!(len, LIMIT);
            assert!(read.damage[0].contains("no whole block"), "{:?}", read.damage);
        }
    }
}

fn write_until_full(path: &Path) {
    let file = create(path, false).unwrap();
    let kept = if path.ends_with("cut.stall") {
        fill(Writer::to_file(file, &meta()).unwrap())
    } else {
        fill(Writer::new(file, &meta()).unwrap())
    };
    println!("flushes kept: {kept}");
}

/// Flushes until that fails, and then some more: always the same error. Returns how many went
/// well.
fn fill<W: Write>(mut writer: Writer<W>) -> usize {
    let mut random = crate::forge::Random(1);
    for flush in 0..10_000 {
        for n in 0..50 {
            writer.event(events(n + random.next() % (1 << 40)).remove(0));
        }
        if let Err(error) = writer.flush() {
            for _ in 0..3 {
                assert_eq!(error.raw_os_error(), Some(libc::EFBIG), "{error}");
                writer.event(events(1).remove(0));
                assert_eq!(writer.buffered(), 0, "events pile up that can never be written");
                let again = writer.flush().unwrap_err();
                assert_eq!(again.raw_os_error(), error.raw_os_error());
            }
            assert!(writer.finish(Ktime(1)).is_err());
            return flush;
        }
    }
    panic!("the limit was never reached");
}

#[test]
fn a_device_without_room_says_so_at_once() {
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    for error in [
        Writer::new(full(), &meta()).err().unwrap(),
        Writer::to_file(full(), &meta()).err().unwrap(),
    ] {
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}

/// Errors that the system gave no number come back with their words.
#[test]
fn an_error_without_a_number_is_told_again() {
    struct Fails(usize);
    impl Write for Fails {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(1).ok_or_else(|| io::Error::other("the tape tore"))?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    // Two writes for the header and the first block.
    let mut writer = Writer::new(Fails(2), &meta()).unwrap();
    for _ in 0..2 {
        writer.string("x");
        writer.event(events(1).remove(0));
        assert_eq!(writer.flush().unwrap_err().to_string(), "the tape tore");
    }
}

/// A pipe cannot be cut, and a reader that went away is an error and not a signal.
#[test]
fn a_pipe_whose_reader_went_away_is_an_error() {
    let (reader, pipe) = io::pipe().unwrap();
    let mut writer =
        Writer::to_file(File::from(std::os::fd::OwnedFd::from(pipe)), &meta()).unwrap();
    drop(reader);
    writer.event(events(1).remove(0));
    assert_eq!(writer.flush().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}

//! A terminal of a test's own: a pty, and what a real one would show.

use std::ffi::CStr;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::host::wait;

pub struct Pty {
    keys: File,
    slave: File,
    child: Child,
    screen: Arc<Mutex<vt100::Parser>>,
    before: libc::termios,
}

fn modes(of: &File) -> libc::termios {
    // SAFETY: a termios is plain numbers, and tcgetattr fills it.
    unsafe {
        let mut modes = std::mem::zeroed();
        assert_eq!(libc::tcgetattr(of.as_raw_fd(), &raw mut modes), 0);
        modes
    }
}

impl Pty {
    /// Runs a command on a terminal of a size.
    pub fn run(mut command: Command, (columns, lines): (u16, u16)) -> Pty {
        // SAFETY: a new descriptor that nobody else owns; the name is copied at once.
        let (keys, name) = unsafe {
            let master = libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC);
            assert!(master >= 0);
            assert_eq!((libc::grantpt(master), libc::unlockpt(master)), (0, 0));
            let mut name = [0; 64];
            assert_eq!(libc::ptsname_r(master, name.as_mut_ptr(), name.len()), 0);
            let name = CStr::from_ptr(name.as_ptr()).to_str().unwrap().to_owned();
            (File::from_raw_fd(master), name)
        };
        let mut options = OpenOptions::new();
        let slave = options.read(true).write(true).custom_flags(libc::O_NOCTTY).open(name).unwrap();
        let size = libc::winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: a valid winsize.
        unsafe { assert_eq!(libc::ioctl(slave.as_raw_fd(), libc::TIOCSWINSZ, &size), 0) };
        let before = modes(&slave);
        let end = || slave.try_clone().unwrap();
        command.stdin(end()).stdout(end()).stderr(end()).env("TERM", "xterm-256color");
        // SAFETY: both are async-signal-safe; the terminal becomes the child's own.
        unsafe {
            command.pre_exec(|| {
                libc::setsid();
                libc::ioctl(0, libc::TIOCSCTTY, 0);
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(lines, columns, 0)));
        let (mut from, to) = (keys.try_clone().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = from.read(&mut bytes) {
                to.lock().unwrap().process(&bytes[..n]);
            }
        });
        Pty { keys, slave, child, screen, before }
    }

    /// What the terminal shows.
    pub fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until it shows something.
    pub fn shows(&self, text: &str, most: Duration) {
        let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait(text, most, || self.text().contains(text));
        }));
        assert!(shown.is_ok(), "no \"{text}\" on:\n{}", self.text());
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: our own child, not yet waited for.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }

    /// Waits for the end, and that the terminal is as it was; gives what it shows.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let mut status = None;
        wait("the end", Duration::from_secs(10), || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let after = modes(&self.slave);
        let flags = |m: &libc::termios| (m.c_iflag, m.c_oflag, m.c_cflag, m.c_lflag, m.c_cc);
        assert_eq!(flags(&after), flags(&self.before), "the modes of the terminal differ");
        wait("the usual screen", Duration::from_secs(5), || {
            let parser = self.screen.lock().unwrap();
            !parser.screen().alternate_screen() && !parser.screen().hide_cursor()
        });
        // What was written last may be on its way still.
        std::thread::sleep(Duration::from_millis(100));
        let text = self.text();
        (status.unwrap(), text)
    }

    /// Whether the terminal is taken over.
    pub fn taken(&self) -> bool {
        let raw = modes(&self.slave).c_lflag & libc::ICANON == 0;
        raw && self.screen.lock().unwrap().screen().alternate_screen()
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

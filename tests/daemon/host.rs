//! A daemon of a test's own, and a client for it.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::skip::is_root;

static MACHINE: Mutex<()> = Mutex::new(());

/// Holds the machine for one test; none (and says so) where there is no root.
pub fn machine() -> Option<MutexGuard<'static, ()>> {
    if !is_root() {
        return None;
    }
    Some(MACHINE.lock().unwrap_or_else(PoisonError::into_inner))
}

pub fn stallprof() -> Command {
    Command::new(env!("CARGO_BIN_EXE_stallprof"))
}

/// Built by `cargo build --workspace`, beside stallprof.
pub fn stallgen() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_stallprof")).with_file_name("stallgen");
    assert!(path.exists(), "{} is missing: run cargo build --workspace", path.display());
    path
}

/// The last CPU: the first one often has the machine's housekeeping.
pub fn cpu() -> String {
    let online = std::fs::read_to_string("/sys/devices/system/cpu/online").unwrap();
    online.trim().rsplit([',', '-']).next().unwrap().to_owned()
}

/// A folder that goes away with the test, and stays for a look if it fails.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("stallprof-d-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("kept: {}", self.0.display());
            return;
        }
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running daemon; it ends with the test.
pub struct Daemon {
    child: Child,
    pub port: u16,
    log: PathBuf,
}

/// An answer: status and body.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Daemon {
    /// Starts one that keeps its incidents in `folder/store`, with further arguments, and waits
    /// until it is ready.
    pub fn start(folder: &Folder, arguments: &[&str]) -> Daemon {
        Daemon::start_as(folder, stallprof(), arguments)
    }

    /// The same, by a command that ends in `stallprof`.
    pub fn start_as(folder: &Folder, mut command: Command, arguments: &[&str]) -> Daemon {
        command.arg("daemon").arg("-s");
        command.arg(format!("store.directory={}", folder.path("store").display()));
        command.args(arguments);
        Daemon::start_with(folder, command)
    }

    /// The same with no arguments but those of the command, and where it listens.
    pub fn start_with(folder: &Folder, command: Command) -> Daemon {
        let ready = |daemon: &Daemon| daemon.get("/readyz").is_some_and(|a| a.status == 200);
        Daemon::start_until(folder, command, ready)
    }

    /// The same, ready when `ready` says so.
    pub fn start_until(
        folder: &Folder,
        mut command: Command,
        ready: impl Fn(&Daemon) -> bool,
    ) -> Daemon {
        let (port, log) = (free_port(), folder.path("log"));
        command.args(["-s", &format!("http.listen=127.0.0.1:{port}")]);
        command.stdin(Stdio::null()).stderr(File::create(&log).unwrap());
        let daemon = Daemon { child: command.spawn().unwrap(), port, log };
        wait("the daemon to be ready", Duration::from_secs(20), || ready(&daemon));
        daemon
    }

    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: our own child, not yet waited for.
        assert_eq!(unsafe { libc::kill(self.pid(), signal) }, 0);
    }

    /// What it said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Asks; none where nobody answers.
    pub fn get(&self, path: &str) -> Option<Answer> {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
    }

    /// Sends these bytes and reads the answer.
    pub fn send(&self, request: &str) -> Option<Answer> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // It may refuse before it has read all.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Answer { status, body: answer[end + 4..].to_vec() })
    }

    /// The value of a series, named with its labels.
    pub fn metric(&self, series: &str) -> Option<f64> {
        let text = self.get("/metrics")?.text();
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map(|value| value.parse().unwrap())
    }

    /// The incidents it keeps.
    pub fn incidents(&self) -> Vec<serde_json::Value> {
        self.get("/incidents").unwrap().json().as_array().unwrap().clone()
    }

    /// Ends it in order; fails if that takes longer than it may.
    pub fn stop(mut self) -> String {
        let began = Instant::now();
        self.signal(libc::SIGTERM);
        let code = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None => std::thread::sleep(Duration::from_millis(10)),
            }
            assert!(began.elapsed() < Duration::from_secs(2), "it takes too long to end");
        };
        let log = self.log();
        assert!(code.success(), "{code}: {log}");
        log
    }

    /// Ends it as a crash does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the daemon said:\n{}", self.log());
        }
    }
}

/// Waits for something to come true.
pub fn wait(what: &str, most: Duration, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < most, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What `stallprof report` prints of a recording.
pub fn report(recording: &Path, options: &[&str]) -> String {
    let output = stallprof().arg("report").arg(recording).args(options).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The findings of a recording, as JSON.
pub fn findings(recording: &Path) -> serde_json::Value {
    serde_json::from_str(&report(recording, &["--format", "json"])).unwrap()
}

/// Makes known stalls; gives what it said of them.
pub fn stalls(kind: &str, count: u32, length: &str) {
    let made = Command::new(stallgen())
        .args([kind, "--cpu", &cpu(), "--count", &count.to_string(), "--length", length])
        .args(["--every", "300ms", "--truth", "/dev/null"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

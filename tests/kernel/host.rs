//! Running the two programs on this host.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::skip::is_root;

static MACHINE: Mutex<()> = Mutex::new(());

/// Holds the machine for one test; none (and says so) where the kernel cannot be measured.
/// In CI that is a failure.
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

/// A child that does not outlive its test, however that ends.
pub struct Ended(pub Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // One that was waited for is left alone.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A recording that goes on beside the test.
pub struct Recorder(Ended);

impl Recorder {
    /// Starts `record`, given without its file, and waits until it records.
    pub fn start(mut record: Command, recording: &Path) -> Recorder {
        let child = record.arg("-o").arg(recording).stdout(Stdio::null()).spawn();
        let (child, began) = (Ended(child.unwrap()), Instant::now());
        while std::fs::metadata(recording).map_or(0, |m| m.len()) == 0 {
            assert!(began.elapsed() < Duration::from_secs(10), "no recording");
            std::thread::sleep(Duration::from_millis(20));
        }
        Recorder(child)
    }

    /// Ends it, as Ctrl-C does.
    pub fn stop(self) {
        // SAFETY: our own child, not waited for yet.
        unsafe { libc::kill(self.0.0.id() as i32, libc::SIGINT) };
        self.wait();
    }

    /// It ends by itself.
    pub fn wait(mut self) {
        assert!(self.0.0.wait().unwrap().success());
    }
}

/// The last CPU: the first one often has the machine's housekeeping.
pub fn cpu() -> u32 {
    let online = std::fs::read_to_string("/sys/devices/system/cpu/online").unwrap();
    online.trim().rsplit([',', '-']).next().unwrap().parse().unwrap()
}

/// A folder that goes away with the test, and stays for a look if it fails.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("stallprof-{name}-{}", std::process::id()));
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

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}: {}", output.status, stderr(output));
}

/// The findings of a recording, as JSON.
pub fn findings(recording: &Path) -> serde_json::Value {
    let output =
        stallprof().arg("report").arg(recording).args(["--format", "json"]).output().unwrap();
    succeeded(&output);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Every record of every probe arrived. Softirqs may pass unseen: not all kernels run our programs
/// in the context of each task.
pub fn nothing_lost(findings: &serde_json::Value) {
    for lost in findings["lost"].as_array().unwrap() {
        for why in ["ring_full", "rate_limited", "preempted"] {
            assert_eq!(lost[why], 0, "records were lost: {lost}");
        }
    }
}

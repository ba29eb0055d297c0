//! Running a program of the host with a limit of time and output.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::threads::refused;

/// Where programs are looked for: not in a PATH that a user may have set.
const DIRS: [&str; 5] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin"];

/// Longest output that is read, bytes: 200,000 rules fit.
const MAX_OUTPUT: u64 = 64 << 20;

/// Why a program gave no output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// There is none of this name.
    #[error("{0} is not installed")]
    NotInstalled(&'static str),
    /// It ran too long and was ended.
    #[error("{0} was not done in {1} ms")]
    TooSlow(&'static str, u128),
    /// It failed: what it said.
    #[error("{0}: {1}")]
    Failed(&'static str, String),
}

/// Whether a program is there.
#[must_use]
pub fn installed(name: &str) -> bool {
    DIRS.iter().any(|dir| std::path::Path::new(dir).join(name).is_file())
}

/// Runs a program without input, and with an environment of its own, until `deadline`.
///
/// # Errors
/// [`Failure`]: no output is better than a part of it.
pub fn run(name: &'static str, args: &[&str], deadline: Instant) -> Result<String, Failure> {
    let begin = Instant::now();
    let path = DIRS.iter().map(|dir| std::path::Path::new(dir).join(name)).find(|p| p.is_file());
    let path = path.ok_or(Failure::NotInstalled(name))?;
    let failed = |why: String| Failure::Failed(name, why);
    let mut child = Command::new(path)
        .args(args)
        .env_clear()
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| failed(e.to_string()))?;
    let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(failed("no pipe".to_owned()));
    };
    let read = |mut from: Box<dyn Read + Send>| {
        let (send, receive) = mpsc::channel();
        let thread = std::thread::Builder::new().spawn(move || {
            let mut bytes = Vec::new();
            let read = (&mut from).take(MAX_OUTPUT + 1).read_to_end(&mut bytes);
            // Nobody waits for it any more after the deadline.
            let _ = send.send(read.map(|_| bytes));
        });
        thread.map(|_| receive)
    };
    let (out, err) = match (read(Box::new(out)), read(Box::new(err))) {
        (Ok(out), Ok(err)) => (out, err),
        (Err(why), _) | (_, Err(why)) => {
            let _ = child.kill();
            let _ = child.wait();
            return Err(failed(refused(why).to_string()));
        }
    };
    let left = deadline.saturating_duration_since(Instant::now());
    let output = out.recv_timeout(left);
    if !matches!(&output, Ok(Ok(bytes)) if bytes.len() as u64 <= MAX_OUTPUT) {
        // It may have ended by itself meanwhile.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|e| failed(e.to_string()))?;
    let bytes = match output {
        Err(_) => return Err(Failure::TooSlow(name, begin.elapsed().as_millis())),
        Ok(Err(e)) => return Err(failed(e.to_string())),
        Ok(Ok(bytes)) => bytes,
    };
    if bytes.len() as u64 > MAX_OUTPUT {
        return Err(failed(format!("more than {MAX_OUTPUT} bytes of output")));
    }
    if !status.success() {
        let said = err.recv_timeout(Duration::from_millis(20)).ok().and_then(Result::ok);
        let said = said.unwrap_or_default();
        let line = String::from_utf8_lossy(&said).lines().next().unwrap_or_default().to_owned();
        return Err(failed(if line.is_empty() { status.to_string() } else { line }));
    }
    Ok(super::root::text(bytes))
}

//! Asks the process that looks up user addresses.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Answer, Found, HELLO, Question, SUBCOMMAND};
use crate::units::Tgid;

/// How long it may take to answer: large programs are read within a second where CPUs are free.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of an answer: 127 names of `MAX_NAME`, escaped.
const MAX_ANSWER: usize = 4 << 20;
/// Processes that die or hang over what they read, until none is started any more.
const ATTEMPTS: usize = 8;

/// Names of user addresses.
#[derive(Default)]
pub struct Users {
    running: Option<Running>,
    /// Whose files the process died or hung over.
    refused: HashSet<Tgid>,
    failures: usize,
}

impl Users {
    /// The functions at addresses of a process, in their order; fewer where that is not known.
    pub fn look_up(&mut self, tgid: Tgid, addresses: &[u64]) -> Vec<Option<Found>> {
        if self.failures >= ATTEMPTS || self.refused.contains(&tgid) {
            return Vec::new();
        }
        if self.running.is_none() {
            self.running = Running::start();
        }
        let question = Question { tgid: tgid.0, addresses: addresses.to_vec() };
        let answer = self.running.as_mut().and_then(|process| process.ask(&question));
        answer.unwrap_or_else(|| {
            self.running = None;
            self.refused.insert(tgid);
            self.failures += 1;
            Vec::new()
        })
    }
}

/// The process; it is killed when this goes.
struct Running {
    process: Child,
    questions: ChildStdin,
    answers: ChildStdout,
}

impl Running {
    fn start() -> Option<Running> {
        let mut process = Command::new("/proc/self/exe")
            .arg(SUBCOMMAND)
            // Ctrl-C is for us: names are asked for until the end.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let (questions, answers) = (process.stdin.take()?, process.stdout.take()?);
        let mut running = Running { process, questions, answers };
        (running.line()? == HELLO.as_bytes()).then_some(running)
    }

    fn ask(&mut self, question: &Question) -> Option<Answer> {
        let mut line = serde_json::to_vec(question).ok()?;
        line.push(b'\n');
        self.questions.write_all(&line).ok()?;
        serde_json::from_slice(&self.line()?).ok()
    }

    /// The next line it says; none if it ends, or takes too long.
    fn line(&mut self) -> Option<Vec<u8>> {
        let (mut line, mut some) = (Vec::new(), [0; 16 << 10]);
        let until = Instant::now() + PATIENCE;
        while line.len() < MAX_ANSWER {
            let left = until.checked_duration_since(Instant::now())?;
            let fd = self.answers.as_raw_fd();
            let mut wait = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
            // SAFETY: one valid entry. Whatever comes of it, the loop asks the clock.
            if unsafe { libc::poll(&raw mut wait, 1, left.as_millis() as i32 + 1) } <= 0 {
                continue;
            }
            match self.answers.read(&mut some) {
                Ok(0) | Err(_) => return None,
                Ok(n) => line.extend_from_slice(&some[..n]),
            }
            if line.last() == Some(&b'\n') {
                line.pop();
                return Some(line);
            }
        }
        None
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        // One that hangs in the kernel is gone when it comes back from there.
        for _ in 0..20 {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

//! The tools that are measured: started, watched until they measure, and ended in order.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use stallgen::clock::now_ns;
use stallgen::stop::Stop;

use crate::bpf::Programs;
use crate::cli::Subject;
use crate::flood::rest;

/// How long a tool may take to start, and to end.
const PATIENCE_NS: u64 = 60_000_000_000;
/// From its first sign of life until it is taken to be at work.
const SETTLE: Duration = Duration::from_millis(500);
/// The same of a daemon, of which counts what it takes as it runs on.
const SETTLE_DAEMON: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(5);

/// How to run a tool.
#[derive(Clone, Debug)]
pub struct Tool {
    /// How the tables call it.
    pub name: String,
    /// For which budgets it stands.
    pub role: Role,
    program: PathBuf,
    args: Vec<String>,
    /// Where its recording goes, if it makes one.
    output: Option<&'static str>,
}

/// What a tool is to the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `stallprof record`.
    Record,
    /// `stallprof daemon`.
    Daemon,
    /// Somebody else's.
    Peer,
}

impl Tool {
    /// `stallprof record` of all CPUs.
    pub fn record(subject: &Subject, options: &[&str]) -> Self {
        let mut args = vec!["record", "--force", "--output", "record.stall"];
        args.extend(options);
        let name = [&[subject.name.as_str(), "record"], options].concat().join(" ");
        Self::new(name, Role::Record, &subject.path, &args, Some("record.stall"))
    }

    /// `stallprof daemon` with these options.
    pub fn daemon(subject: &Subject, options: &[&str]) -> Self {
        let args = [&["daemon"], options].concat();
        Self::new(format!("{} daemon", subject.name), Role::Daemon, &subject.path, &args, None)
    }

    /// `perf record` with these options.
    pub fn perf(name: &str, options: &[&str]) -> Self {
        let args = [&["record", "-o", "perf.data"], options].concat();
        Self::new(name.to_owned(), Role::Peer, Path::new("perf"), &args, Some("perf.data"))
    }

    /// libbpf-tools' `softirqs`.
    pub fn softirqs(options: &[&str]) -> Self {
        let name = [&["softirqs"], options].concat().join(" ");
        Self::new(name, Role::Peer, Path::new("softirqs"), options, None)
    }

    /// Programs that do nothing, attached by this program itself.
    pub fn floor(options: &[&str]) -> Result<Self> {
        let args = [&["floor"], options].concat();
        Ok(Self::new(args.join(" "), Role::Peer, &std::env::current_exe()?, &args, None))
    }

    fn new(
        name: String,
        role: Role,
        program: &Path,
        args: &[&str],
        output: Option<&'static str>,
    ) -> Self {
        let args = args.iter().map(ToString::to_string).collect();
        Self { name, role, program: program.to_owned(), args, output }
    }

    /// Its binary.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Starts it with `dir` as its folder, and waits until it is at work.
    pub fn start(&self, dir: &Path, stop: &Stop) -> Result<Running> {
        let what = || format!("cannot run {}", self.program.display());
        let output = self.output.map(|name| dir.join(name));
        if let Some(old) = &output {
            let _ = fs::remove_file(old);
        }
        let errors = dir.join("stderr");
        let before = Programs::read()?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&errors)?);
        // SAFETY: prctl may be called between fork and exec. The tool ends with us, whatever
        // ends us; it is started by the main thread, which lives as long as we do.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
                Ok(())
            });
        }
        let exec_ns = now_ns();
        let child = command.spawn().with_context(what)?;
        let mut running = Running { child: Some(child), exec_ns, output, errors, before };
        running.wait_until_at_work(stop).with_context(what)?;
        rest(stop, if self.role == Role::Daemon { SETTLE_DAEMON } else { SETTLE })?;
        Ok(running)
    }
}

/// A tool at work; killed if dropped.
#[derive(Debug)]
pub struct Running {
    child: Option<Child>,
    /// When it was started.
    pub exec_ns: u64,
    /// BPF programs that were there before it.
    pub before: Programs,
    output: Option<PathBuf>,
    errors: PathBuf,
}

impl Running {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Ends it as Ctrl-C would; returns its recording.
    pub fn stop(mut self, stop: &Stop) -> Result<Option<PathBuf>> {
        // SAFETY: our own child, not yet waited for, so the pid is still its.
        unsafe { libc::kill(self.pid() as libc::pid_t, libc::SIGINT) };
        let late = now_ns() + PATIENCE_NS;
        while self.exited()?.is_none() {
            ensure!(now_ns() < late, "a tool does not end:\n{}", self.complaint());
            rest(stop, LOOK)?;
        }
        Ok(self.output.take())
    }

    /// A recording that has begun, or new BPF programs: it measures from then on.
    fn wait_until_at_work(&mut self, stop: &Stop) -> Result<()> {
        let late = now_ns() + PATIENCE_NS;
        loop {
            if let Some(status) = self.exited()? {
                bail!("ended at once, {status}:\n{}", self.complaint());
            }
            let ready = match &self.output {
                Some(path) => path.exists(),
                None => Programs::read()?.new_since(&self.before) >= 2,
            };
            if ready {
                return Ok(());
            }
            ensure!(now_ns() < late, "does not begin to measure:\n{}", self.complaint());
            rest(stop, LOOK)?;
        }
    }

    fn exited(&mut self) -> Result<Option<ExitStatus>> {
        self.child.as_mut().map_or(Ok(None), |child| Ok(child.try_wait()?))
    }

    fn complaint(&self) -> String {
        fs::read_to_string(&self.errors).unwrap_or_default().trim().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

//! One boot of one kernel: from the command line of qemu to how it ended.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::crash;
use crate::emulator::Emulator;
use crate::follow;
use crate::monitor;
use crate::wire;

/// A guest that has not shown a sign of life for so long is dead. It gives one every 5 s, but the
/// machine may be slow.
const SILENCE: Duration = Duration::from_secs(30);
/// How often to look at it.
const LOOK: Duration = Duration::from_millis(100);
/// Room for what comes back; the file is sparse.
const DISK_BYTES: u64 = 1 << 30;

/// Not "max", and no cmpxchg16b: with them 6.12 dies of garbage in the flags register under qemu
/// 7.2, mostly in `__kmalloc`.
const CPU: &str = "qemu64,-cx16";
/// tsc: 6.1 takes the much slower hpet otherwise. A kernel in trouble is to say so and end, before
/// anything it measured is believed. Huge pages are made behind the scenes, with interrupts to all
/// CPUs.
const APPEND: &str = "console=ttyS0 quiet loglevel=4 nokaslr tsc=reliable clocksource=tsc \
                      panic=-1 oops=panic softlockup_panic=1 hung_task_panic=1 \
                      sysctl.kernel.panic_on_rcu_stall=1 transparent_hugepage=never";

/// The machine.
#[derive(Clone, Debug, clap::Args)]
pub struct Machine {
    /// Virtual CPUs. Where there are more than real ones they take turns in the middle of stalls,
    /// and kernels that patch their code hang more often
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=12))]
    pub cpus: u32,
    /// Memory in MiB
    #[arg(long, default_value_t = 1536, value_parser = clap::value_parser!(u32).range(512..=8192))]
    pub mem: u32,
    /// Seconds from the start of qemu after which it is killed
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=7200))]
    pub deadline: u64,
    /// The memory controller in cgroup v1, where the kernel has it
    #[arg(long)]
    pub cgroup_v1: bool,
    /// All virtual CPUs in one thread: slower, but a kernel that patches its own text does not
    /// crash
    #[arg(long)]
    pub single_thread: bool,
    /// Two network devices on one wire: eth0 with four queues and RSS, and eth1. Takes /dev/net/tun
    #[arg(long)]
    pub rss: bool,
}

/// A guest to boot. Its folder holds `console.log`, `report` and `disk`.
pub struct Guest<'a> {
    pub emulator: &'a Emulator,
    pub machine: &'a Machine,
    pub kernel: &'a Path,
    pub initramfs: &'a [u8],
    pub folder: &'a Path,
    /// A shell on this terminal rather than the job.
    pub shell: bool,
    /// Whether the guest's console goes to standard error, too.
    pub echo: bool,
}

/// How a guest ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// The job ended with this status.
    Exited(i32),
    /// The guest's kernel failed, or never came up.
    Crashed(String),
    /// The guest was alive, but not done in time.
    Late,
}

impl Guest<'_> {
    /// Boots it and waits for its end. `on_line` gets each line that the job reports.
    pub fn run(&self, mut on_line: impl FnMut(&str)) -> Result<End> {
        let (report, disk) = (self.folder.join("report"), self.folder.join("disk"));
        File::create(&disk)?.set_len(DISK_BYTES)?;
        fs::write(&report, "")?;
        let initramfs = self.folder.join("initramfs");
        fs::write(&initramfs, self.initramfs)?;
        let mut qemu = Qemu(self.command(&initramfs, &report, &disk)?);
        let reader = follow::console(&mut qemu.0, self.folder, self.echo)?;

        let mut lines = follow::Lines::open(&report)?;
        let began = Instant::now();
        let (mut heard, mut status) = (began, None);
        let end = loop {
            let ended = qemu.0.try_wait()?.is_some();
            for line in lines.new_ones()? {
                heard = Instant::now();
                match line.split_once(' ') {
                    Some(("exit", number)) => status = number.parse().ok(),
                    _ if line == "alive" => {}
                    _ => on_line(&line),
                }
            }
            match status {
                Some(status) if ended => break End::Exited(status),
                None if ended => break End::Crashed("the guest went down".into()),
                _ => {}
            }
            if !self.shell && heard.elapsed() > SILENCE {
                monitor::dump_registers(self.folder);
                break End::Crashed(format!("no sign of life for {} s", SILENCE.as_secs()));
            }
            if began.elapsed() > Duration::from_secs(self.machine.deadline) {
                break End::Late;
            }
            thread::sleep(LOOK);
        };
        drop(qemu);
        let _ = fs::remove_file(initramfs);
        let console = reader.map(|r| r.join().unwrap_or_default()).unwrap_or_default();
        Ok(match (end, crash::sign_in(&console)) {
            // Whatever the job says of it, its kernel was broken.
            (_, Some(sign)) => End::Crashed(sign.to_owned()),
            (end, None) => end,
        })
    }

    fn command(&self, initramfs: &Path, report: &Path, disk: &Path) -> Result<Child> {
        let mut append = APPEND.to_owned();
        if self.shell {
            append += " stallvm.shell";
        }
        if self.machine.cgroup_v1 {
            append += " stallvm.cgroup=v1";
        }
        let single = self.machine.single_thread;
        let accel = if single { "tcg,thread=single" } else { "tcg,thread=multi" };
        let (qemu, rss) = (self.emulator.command(), self.machine.rss);
        let mut command = if rss { wire::beside(&qemu)? } else { qemu };
        command
            .current_dir(self.folder)
            .args(["-accel", accel, "-cpu", CPU, "-nodefaults", "-no-reboot"])
            .args(["-display", "none", "-smp", &self.machine.cpus.to_string()])
            .args(["-m", &format!("{}M", self.machine.mem)])
            .args(["-append", &append])
            .args([Path::new("-kernel"), self.kernel, Path::new("-initrd"), initramfs])
            .args(["-drive", &format!("file={},if=virtio,format=raw", disk.display())]);
        if rss {
            command.args(wire::DEVICES);
        }
        if self.shell {
            // Ctrl-C is the guest's.
            command.args(["-serial", "mon:stdio"]);
        } else {
            command.args(["-serial", "stdio", "-monitor", monitor::ARGUMENT]);
            command.stdin(Stdio::null()).stdout(Stdio::piped());
        }
        command.args(["-serial", &format!("file:{}", report.display())]);
        // SAFETY: prctl(2) is async-signal-safe. Whatever happens to us, qemu does not stay.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        command.spawn().context("cannot run qemu")
    }
}

/// Ends with this value.
struct Qemu(Child);

impl Drop for Qemu {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

//! The programs themselves, run by the kernel with events of our choice while nothing is attached.

use std::path::PathBuf;
use std::time::Duration;

use libbpf_rs::{ProgramInput, ProgramMut};

use super::*;
use crate::host::HostRoot;
use crate::model::{ProbeStatus, hist};
use crate::probe::{Histograms, Method, Tracking};

/// `BPF_F_TEST_RUN_ON_CPU` of include/uapi/linux/bpf.h.
const ON_CPU: u32 = 1;
const CPU: Cpu = Cpu(0);
const STALL: Nanos = Nanos::from_millis(1);
const TASKLET: Vector = Vector::TASKLET;

fn run(program: &ProgramMut<'_>, vector: Vector) {
    let mut context = u64::from(vector.0).to_ne_bytes();
    let input = ProgramInput {
        context_in: Some(&mut context),
        cpu: CPU.0,
        flags: ON_CPU,
        ..ProgramInput::default()
    };
    program.test_run(input).unwrap();
}

/// A tasklet is raised, then so many other batches run, then it is entered, past the threshold:
/// how often a delay was counted, the longest in at least which, and how many went unseen.
fn seen(batches: u32, host: &Host) -> Result<(u64, Nanos, u64)> {
    let config = Config {
        cpus: vec![CPU],
        stall: STALL,
        gap: STALL,
        freq: 999,
        syscall_min: STALL,
        sleeping_calls: false,
        pid: None,
        softirq_runs: false,
        methods: Vec::new(),
        tracking: Tracking::default(),
        root: HostRoot::new(&host.0),
    };
    let shared = Shared::new(&config)?;
    let mut storage = MaybeUninit::uninit();
    let mut open = SoftirqSkelBuilder::default().open(&mut storage)?;
    shared.lend(open.open_object_mut())?;
    open.maps.rodata_data.as_deref_mut().unwrap().stall_ns = STALL.0;
    open.progs.softirq_raise_raw_tp.set_autoload(true);
    open.progs.softirq_entry_raw_tp.set_autoload(true);
    let skel = open.load()?;
    let status = ProbeStatus {
        name: "softirq".to_owned(),
        method: Some(Method::RawTp.name().to_owned()),
        ..ProbeStatus::default()
    };
    shared.enable(&config, &[].into(), &[status])?;

    run(&skel.progs.softirq_raise_raw_tp, TASKLET);
    for _ in 0..batches {
        run(&skel.progs.softirq_entry_raw_tp, Vector::HI);
    }
    std::thread::sleep(2 * Duration::from_nanos(STALL.0));
    run(&skel.progs.softirq_entry_raw_tp, TASKLET);

    let (mut counted, mut least) = (0, Nanos(0));
    Histograms::default().read(&shared, (Ktime(1), true), &mut |h| {
        assert_eq!((h.cpu, h.vector), (CPU, TASKLET));
        counted += h.count;
        least = least.max(hist::lower(h.bucket as usize));
    });
    let unseen = shared.losses_so_far().iter().flatten().map(|l| l.unseen).sum();
    Ok((counted, least, unseen))
}

/// A host whose kernel was started with this command line; gone with its folder.
struct Host(PathBuf);

impl Host {
    fn booted_with(cmdline: &str) -> Host {
        let name =
            format!("stallprof-softirq-{}-{}", std::process::id(), cmdline.replace(' ', "-"));
        let host = Host(std::env::temp_dir().join(name));
        std::fs::create_dir_all(host.0.join("proc")).unwrap();
        std::fs::write(host.0.join("proc/cmdline"), cmdline).unwrap();
        host
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The batch in progress may be told from the one before it only after the raise, and one more may
/// run before the one that takes it: those are waits.
#[test]
fn a_softirq_that_outlasts_its_batches_was_entered_unseen() {
    if !crate::probe::testing::may_load() {
        return;
    }
    let host = Host::booted_with("quiet");
    for batches in 0..=2 {
        let (counted, least, unseen) = seen(batches, &host).unwrap();
        assert!(counted == 1 && least >= STALL, "{batches} batches: {counted} of {least}");
        assert_eq!(unseen, 0, "{batches} batches");
    }
    for batches in [3, 4, 100] {
        assert_eq!(seen(batches, &host).unwrap(), (0, Nanos(0), 1), "{batches} batches");
    }
}

#[test]
fn threads_that_run_one_vector_have_no_batches() {
    if !crate::probe::testing::may_load() {
        return;
    }
    let host = Host::booted_with("quiet threadirqs");
    let (counted, least, unseen) = seen(100, &host).unwrap();
    assert!(counted == 1 && least >= STALL && unseen == 0, "{counted} of {least}, {unseen}");
}

//! One run: the hog, its victims, and the truth about both.

use std::mem::MaybeUninit;
use std::process::ExitCode;
use std::sync::atomic::AtomicU64;
use std::thread::{self, ScopedJoinHandle};

use anyhow::{Result, anyhow, ensure};

use crate::burst;
use crate::cgroup;
use crate::cli::{Args, Kind};
use crate::clock::now_ns;
use crate::effects::Seen;
use crate::kind::{self, Workshop};
use crate::net::{BURST_PORT, Net, VICTIM_PORT};
use crate::observe::Observer;
use crate::pace::Pace;
use crate::spin::Spin;
use crate::stop::Stop;
use crate::summary;
use crate::task::pin_to;
use crate::truth::{self, Header, Span, Stall};
use crate::turn::Turn;
use crate::victims;

/// Quiet time before the first stall, and for packets to arrive after the last.
const SETTLE_NS: u64 = 200_000_000;
/// Stalls that may fail to come about, one after another.
const MAX_MISSES: u32 = 10;

/// Makes what the command line asks for.
pub fn run(args: &Args) -> Result<ExitCode> {
    args.check()?;
    let _turn = Turn::take()?;
    libbpf_rs::set_print(None);
    cgroup::remove_all_orphans();
    // This thread and all that it starts leave the CPU alone.
    pin_to(&args.other_cpus()?)?;
    let stop = Stop::install(args.limit())?;

    let result = make_and_tell(args, &stop);
    if let Some(signal) = stop.signal() {
        if let Err(error) = result {
            eprintln!("stallgen: {error:#}");
        }
        return Ok(ExitCode::from(128 + signal));
    }
    result?;
    ensure!(!stop.timed_out(), "took too long and was stopped: is the machine overloaded?");
    Ok(ExitCode::SUCCESS)
}

fn make_and_tell(args: &Args, stop: &Stop) -> Result<()> {
    let needs_net = !args.no_victims || matches!(args.kind, Kind::Bh | Kind::Softirq);
    let net = needs_net.then(|| Net::create(args.cpu)).transpose()?;
    let mut storage = MaybeUninit::uninit();
    let observer = net.is_some().then(|| Observer::attach(&mut storage, args.cpu)).transpose()?;
    let mut storage = MaybeUninit::uninit();
    let spin = match args.kind {
        Kind::Fifo | Kind::Memcg => None,
        _ => Some(Spin::load(&mut storage, args, net.as_ref())?),
    };
    let since_ns = AtomicU64::new(0);
    let since_ns = spin.as_ref().map_or(&since_ns, Spin::since_ns);
    let workshop = Workshop { args, spin: spin.as_ref(), net: net.as_ref(), stop, since_ns };

    let (made, seen) = with_victims(workshop, observer.as_ref())?;
    let complete = made.spans.len() == args.count as usize;
    let stalls = describe(&made, seen.as_ref());
    truth::write(&args.truth, &made.header, &stalls, complete)?;
    summary::print(&made.header, &stalls, seen.as_ref());
    made.result
}

/// The stalls of a run, also of one that failed half-way.
struct Made {
    header: Header,
    spans: Vec<Span>,
    result: Result<()>,
}

fn with_victims(
    workshop: Workshop<'_>,
    observer: Option<&Observer<'_>>,
) -> Result<(Made, Option<Seen>)> {
    let Workshop { args, stop, since_ns, .. } = workshop;
    let mut sockets = None;
    let mut sink = None;
    if let (Some(net), Some(observer)) = (workshop.net, observer) {
        sink = Some(net.receiver(BURST_PORT, observer.burst_filter())?);
        if !args.no_victims {
            let receiver = net.receiver(VICTIM_PORT, observer.victim_filter())?;
            sockets = Some((net.sender(VICTIM_PORT)?, receiver, net.sender(BURST_PORT)?));
        }
    }
    thread::scope(|scope| {
        let mut helpers: Vec<ScopedJoinHandle<'_, Result<()>>> = Vec::new();
        let mut collector = None;
        if let (Some((send, receive, burst)), Some(observer)) = (&sockets, observer) {
            collector = Some(scope.spawn(|| observer.collect(stop)));
            helpers.push(scope.spawn(|| stop.on_error(victims::receive(receive, stop))));
            helpers.push(scope.spawn(|| stop.on_error(victims::send(send, args.pps, stop))));
            if let (true, Some(sink)) = (args.kind.starves_ksoftirqd(), &sink) {
                helpers.push(scope.spawn(|| stop.on_error(burst::ring(sink, args.cpu, stop))));
                let length_ns = args.length.as_nanos() as u64;
                let send = move || burst::send(burst, observer, since_ns, length_ns, stop);
                helpers.push(scope.spawn(move || stop.on_error(send())));
            }
        }
        let maker = scope.spawn(|| {
            let made = make_stalls(workshop);
            stop.finish();
            made
        });
        let made = join(maker)?;
        for helper in helpers {
            join(helper)?;
        }
        let seen = collector.map(join).transpose()?;
        Ok((made, seen))
    })
}

fn join<T>(thread: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().unwrap_or_else(|_| Err(anyhow!("a thread panicked")))
}

fn make_stalls(workshop: Workshop<'_>) -> Result<Made> {
    let Workshop { args, stop, .. } = workshop;
    let mut hog = kind::prepare(workshop)?;
    let mut made = Made { header: hog.header(), spans: Vec::new(), result: Ok(()) };
    let (every_ns, length_ns) = (args.every.as_nanos() as u64, args.length.as_nanos() as u64);
    let mut pace = Pace::new(now_ns() + SETTLE_NS, every_ns, length_ns, args.seed);
    let mut misses = 0;
    while made.spans.len() < args.count as usize && !stop.is_set() {
        let stalled = hog.get_ready().and_then(|()| {
            if !stop.sleep_until(pace.next_ns()) {
                return Ok(None);
            }
            hog.stall()
        });
        match stalled {
            Ok(Some(span)) => {
                made.spans.push(span);
                misses = 0;
            }
            Ok(None) => misses += 1,
            Err(e) => made.result = Err(e),
        }
        if misses > MAX_MISSES {
            made.result = Err(anyhow!("{misses} stalls in a row did not come about"));
        }
        if made.result.is_err() {
            break;
        }
    }
    stop.sleep_until(now_ns() + SETTLE_NS);
    Ok(made)
}

fn describe(made: &Made, seen: Option<&Seen>) -> Vec<Stall> {
    let header = &made.header;
    let stall = |(n, &span): (usize, &Span)| {
        let effects = seen.map(|seen| seen.effects_of(span));
        Stall {
            n: n as u32,
            kind: header.kind.clone(),
            cpu: header.cpu,
            tgid: header.tgid,
            tid: header.tid,
            start_ns: span.start_ns,
            duration_ns: span.duration_ns(),
            paused_ns: span.paused_ns,
            victim_wait_ns: effects.as_ref().map_or(0, |e| e.victim_wait_ns),
            victims: effects.as_ref().map_or(0, |e| e.victims),
            ksoftirqd_woken_ns: effects.as_ref().and_then(|e| e.woken_ns),
            ksoftirqd_in_ns: effects.as_ref().and_then(|e| e.in_ns),
        }
    };
    made.spans.iter().enumerate().map(stall).collect()
}

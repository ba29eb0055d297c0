//! The thread that empties the ring buffer.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use libbpf_rs::libbpf_sys::{ring__avail_data_size, ring_buffer__ring};
use libbpf_rs::{AsRawLibbpf, MapHandle, RingBuffer, RingBufferBuilder};

use crate::host::threads::refused;
use crate::probe::affinity::keep_off;
use crate::units::Cpu;

/// Batches under way to the writer; past it the thread waits and the ring fills.
const UNDER_WAY: usize = 64;
/// A record that is still being written hides those behind it. At the end it is waited for, as the
/// program's CPU may just now belong to another guest of the hypervisor.
const UNFINISHED: Duration = Duration::from_millis(250);
/// A batch is sent once it holds this many bytes.
const BATCH: usize = 256 << 10;

/// Records as they came, each after its length.
#[derive(Default)]
pub struct Batch(Vec<u8>);

impl Batch {
    fn push(&mut self, record: &[u8]) {
        self.0.extend_from_slice(&(record.len() as u32).to_ne_bytes());
        self.0.extend_from_slice(record);
    }

    /// The records in order.
    pub fn records(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            let (len, after) = rest.split_first_chunk::<4>()?;
            let (record, next) = after.split_at_checked(u32::from_ne_bytes(*len) as usize)?;
            rest = next;
            Some(record)
        })
    }
}

/// The thread and the channel from it.
pub struct Reader {
    batches: Receiver<Batch>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Reader {
    /// Starts to read `ring`, on other CPUs than those it tells of where there are any. Samples may
    /// lie in it for as long as `poll`: they do not wake us, evidence of stalls does.
    pub fn start(ring: &MapHandle, cpus: Vec<Cpu>, poll: Duration) -> Result<Reader> {
        let ring = MapHandle::try_from(ring)?;
        let (send, batches) = sync_channel(UNDER_WAY);
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("stallprof-ring".to_owned())
            .spawn(move || {
                keep_off(&cpus);
                run(&ring, poll, &send, &told);
            })
            .map_err(refused)
            .context("starting the ring's thread")?;
        Ok(Reader { batches, stop, thread })
    }

    /// The next batch, or none within `timeout`.
    pub fn next(&self, timeout: Duration) -> Option<Batch> {
        self.batches.recv_timeout(timeout).ok()
    }

    /// Stops, and gives what is still under way and in the ring.
    pub fn finish(self) -> impl Iterator<Item = Batch> {
        self.stop.store(true, Ordering::Relaxed);
        // The channel ends when the thread has drained the ring and gone.
        let Reader { batches, thread, .. } = self;
        let mut thread = Some(thread);
        std::iter::from_fn(move || {
            batches.recv().ok().or_else(|| {
                if let Some(thread) = thread.take() {
                    let _ = thread.join();
                }
                None
            })
        })
    }
}

fn run(ring: &MapHandle, poll: Duration, send: &SyncSender<Batch>, stop: &AtomicBool) {
    let batch = RefCell::new(Batch::default());
    let mut builder = RingBufferBuilder::new();
    let take = |record: &[u8]| {
        let mut batch = batch.borrow_mut();
        batch.push(record);
        if batch.0.len() >= BATCH {
            // Blocks when the writer is behind; fails only when it is gone.
            let _ = send.send(std::mem::take(&mut *batch));
        }
        0
    };
    let Ok(buffer) = builder.add(ring, take).map(|_| ()).and_then(|()| builder.build()) else {
        return;
    };
    loop {
        let last = stop.load(Ordering::Relaxed);
        if !last {
            let _ = buffer.poll(poll);
        }
        let _ = buffer.consume();
        let begun = Instant::now();
        while last && unread(&buffer) > 0 && begun.elapsed() < UNFINISHED {
            std::thread::sleep(Duration::from_millis(1));
            let _ = buffer.consume();
        }
        let full = std::mem::take(&mut *batch.borrow_mut());
        if !full.0.is_empty() && send.send(full).is_err() {
            return;
        }
        if last {
            return;
        }
    }
}

/// Bytes in the ring that were not read.
fn unread(buffer: &RingBuffer<'_>) -> u64 {
    // SAFETY: both belong to the buffer, which has one ring.
    unsafe { ring__avail_data_size(ring_buffer__ring(buffer.as_libbpf_object().as_ptr(), 0)) }
}

//! What signals and requests ask of the thread that owns the probes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use sd_notify::NotifyState;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};

use super::http::Gate;
use crate::host::monotonic;
use crate::units::{Ktime, Nanos};

/// A thread that was not heard of for so long is stuck.
const STUCK: Nanos = Nanos(10_000_000_000);

/// Flags, and signs of life.
pub struct Control {
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
    by_signal: Arc<AtomicBool>,
    by_http: AtomicBool,
    ready: AtomicBool,
    beat: AtomicU64,
    told: AtomicU64,
    /// Half of the time that systemd waits for a sign of life.
    watchdog: Option<Nanos>,
    gate: Mutex<Arc<Gate>>,
}

impl Control {
    /// Listens to signals from now on.
    ///
    /// # Errors
    /// The system refuses a handler.
    pub fn new(gate: Gate) -> Result<Control> {
        let flag = |signals: &[i32]| -> Result<Arc<AtomicBool>> {
            let flag = Arc::new(AtomicBool::new(false));
            for signal in signals {
                signal_hook::flag::register(*signal, Arc::clone(&flag))?;
            }
            Ok(flag)
        };
        // A write past a limit of file size is an error and not a death.
        flag(&[libc::SIGXFSZ])?;
        Ok(Control {
            stop: flag(&[SIGTERM, SIGINT])?,
            reload: flag(&[SIGHUP])?,
            by_signal: flag(&[SIGUSR1])?,
            by_http: AtomicBool::new(false),
            ready: AtomicBool::new(false),
            beat: AtomicU64::new(0),
            told: AtomicU64::new(0),
            watchdog: sd_notify::watchdog_enabled().map(|d| Nanos(d.as_nanos() as u64 / 2)),
            gate: Mutex::new(Arc::new(gate)),
        })
    }

    /// The probes run.
    pub fn ready(&self) {
        self.beat();
        self.ready.store(true, Ordering::Relaxed);
        let _ = sd_notify::notify(&[NotifyState::Ready]);
    }

    /// A sign of life.
    pub fn beat(&self) {
        let now = monotonic();
        self.beat.store(now.0, Ordering::Relaxed);
        let told = Ktime(self.told.load(Ordering::Relaxed));
        if self.watchdog.is_some_and(|every| now.since(told) >= every) {
            self.told.store(now.0, Ordering::Relaxed);
            let _ = sd_notify::notify(&[NotifyState::Watchdog]);
        }
    }

    /// Whether there was a sign of life lately.
    pub fn lives(&self) -> bool {
        monotonic().since(Ktime(self.beat.load(Ordering::Relaxed))) < STUCK
    }

    /// Whether the probes run.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed) && self.lives()
    }

    /// Whether to end.
    pub fn stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether to read the configuration again; once.
    pub fn take_reload(&self) -> bool {
        self.reload.swap(false, Ordering::Relaxed)
    }

    /// Asks for an incident.
    pub fn cut(&self) {
        self.by_http.store(true, Ordering::Relaxed);
    }

    /// Whether an incident was asked for, and how; once.
    pub fn take_cut(&self) -> Option<&'static str> {
        let signal = self.by_signal.swap(false, Ordering::Relaxed);
        let http = self.by_http.swap(false, Ordering::Relaxed);
        if signal { Some("SIGUSR1") } else { http.then_some("POST /incidents") }
    }

    /// Who may ask for what.
    pub fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.gate.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes that.
    pub fn set_gate(&self, gate: Gate) {
        *self.gate.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(gate);
    }
}

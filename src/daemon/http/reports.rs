//! The report of an incident as a page, made when somebody asks: one at a time, on a thread that
//! gives way to all others, in bounded time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::Builder;
use std::time::Duration;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use super::bodies::Placed;
use crate::analysis::analyse;
use crate::daemon::metrics::memory::Memory;
use crate::recording;
use crate::render::{Case, html};

/// A longer recording takes too much memory and time: its page is made elsewhere.
const LONGEST: u64 = 12 << 20;
/// Memory that a page takes for each byte of its recording, measured: 25 to 30.
const PER_BYTE: u64 = 32;
/// Nobody waits longer.
const PATIENCE: Duration = Duration::from_secs(25);
/// Who finds it busy is told to come again after so many seconds.
const AGAIN: &str = "3";
/// The lowest priority among ordinary tasks.
const NICE: libc::c_int = 19;

/// Pages in memory at a time: those that are sent, too, for a client may read slowly.
const PAGES: usize = 4;

/// The place for the one that is made, and those for pages in memory.
#[derive(Debug)]
pub struct Reports {
    made: Arc<Semaphore>,
    held: Arc<Semaphore>,
}

impl Default for Reports {
    fn default() -> Reports {
        Reports { made: Arc::new(Semaphore::new(1)), held: Arc::new(Semaphore::new(PAGES)) }
    }
}

impl Reports {
    /// The page of the recording at `path`, which is of the store's index.
    pub async fn make(&self, path: PathBuf, bytes: u64, memory: &Memory) -> Response {
        if bytes > LONGEST {
            let why = "too long for a page to be made here: get the recording, and make it by \
                       `stallprof report FILE -o page.html`\n";
            return (StatusCode::UNPROCESSABLE_ENTITY, why).into_response();
        }
        let Ok(held) = Arc::clone(&self.held).try_acquire_owned() else {
            return busy("other pages are being sent\n");
        };
        let Ok(place) = Arc::clone(&self.made).try_acquire_owned() else {
            return busy("another page is being made\n");
        };
        if !memory.has(bytes * PER_BYTE) {
            return busy("there is not enough memory for the page: get the recording\n");
        }
        let (tell, told) = oneshot::channel();
        let made = move || {
            let page = page(&path, place);
            // Whoever asked may be gone.
            let _ = tell.send(page);
        };
        if Builder::new().name("stallprof-page".into()).spawn(made).is_err() {
            return busy("no thread can be started\n");
        }
        match timeout(PATIENCE, told).await {
            Ok(Ok(Ok(page))) => sent(page, held),
            Ok(Ok(Err(why))) => (StatusCode::GONE, why).into_response(),
            Ok(Err(_)) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "making the page failed\n").into_response()
            }
            // The thread keeps its place until it is done.
            Err(_) => busy("this host is too busy to make the page in time\n"),
        }
    }
}

fn busy(why: &'static str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, AGAIN)], why).into_response()
}

fn sent(page: Vec<u8>, place: OwnedSemaphorePermit) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, html::policy() + "; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, Body::new(Placed::new(page.into(), place))).into_response()
}

fn page(path: &Path, _place: OwnedSemaphorePermit) -> Result<Vec<u8>, String> {
    // SAFETY: takes no pointers; 0 is this thread alone on Linux.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
    let recording =
        recording::read(path).map_err(|error| format!("it cannot be read: {error}\n"))?;
    let findings = analyse(&recording);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut page = Vec::new();
    html::write(&mut page, &Case::new(&recording, &findings, &name))
        .map_err(|error| format!("{error}\n"))?;
    drop((recording, findings));
    // What that took goes back to the system.
    // SAFETY: malloc_trim only gives free memory back.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
    Ok(page)
}

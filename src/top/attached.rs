//! A daemon as the source, asked over HTTP by a thread of its own: the keys do not wait for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{Builder, sleep};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use ureq::Agent;

use super::{Source, Told, Trust};
use crate::host::threads::refused;
use crate::model::live::{Live, SCHEMA};
use crate::units::Nanos;

/// How long an answer may take, and how often it is asked for.
const PATIENCE: Duration = Duration::from_secs(3);
const EVERY: Duration = Duration::from_secs(1);
/// No answer is longer.
const LONGEST: u64 = 8 << 20;

/// What the thread found.
#[derive(Debug)]
struct Found {
    seconds: AtomicU64,
    last: Mutex<Result<Box<Live>, String>>,
}

/// A daemon that is asked.
#[derive(Debug)]
pub struct Attached(Arc<Found>);

struct Asker {
    agent: Agent,
    url: String,
    token: Option<String>,
}

impl Attached {
    /// Asks a daemon at `http://ADDRESS:PORT` or `https://NAME:PORT` for the first time.
    ///
    /// # Errors
    /// It cannot be reached, is none, or is not to be trusted.
    pub fn to(url: &str, token: Option<String>, trust: &Trust) -> Result<Attached> {
        let url = url.trim_end_matches('/').to_owned();
        if !url.starts_with("http://") && !url.starts_with("https://") {
            bail!("--attach {url}: give http://ADDRESS:PORT, such as http://127.0.0.1:9747");
        }
        let tls = trust.towards(&url).with_context(|| format!("--attach {url}"))?;
        let config = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .tls_config(tls)
            .proxy(None)
            .http_status_as_error(false)
            .build();
        let asker = Asker { agent: config.into(), url, token };
        let live = asker.ask(2).with_context(|| format!("--attach {}", asker.url))?;
        let found = Found { seconds: AtomicU64::new(2), last: Mutex::new(Ok(Box::new(live))) };
        let found = Arc::new(found);
        let weak = Arc::downgrade(&found);
        Builder::new()
            .name("stallprof-ask".into())
            .spawn(move || asker.run(&weak))
            .map_err(refused)?;
        Ok(Attached(found))
    }
}

impl Source for Attached {
    fn read(&mut self, interval: Nanos) -> Told {
        self.0.seconds.store(interval.0 / 1_000_000_000, Ordering::Relaxed);
        match &*self.0.last.lock().unwrap_or_else(PoisonError::into_inner) {
            Ok(live) => Told::Now(live.clone()),
            Err(why) => Told::Silent(why.clone()),
        }
    }
}

impl Asker {
    fn ask(&self, seconds: u64) -> Result<Live> {
        let mut request = self.agent.get(format!("{}/live?seconds={seconds}", self.url));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let mut answer = request.call()?;
        match answer.status().as_u16() {
            200 => {}
            401 => bail!("it takes a token: give --token-file"),
            403 => bail!("it takes a certificate: give --cert and --key"),
            404 => bail!("there is no /live: a stallprof daemon of another version, or none"),
            other => bail!("it answers with status {other}"),
        }
        let body = answer.body_mut().with_config().limit(LONGEST).read_to_vec()?;
        let live: Live = serde_json::from_slice(&body).map_err(|e| anyhow!("not /live: {e}"))?;
        if live.schema != SCHEMA {
            bail!("its /live has schema {}, and this program knows {SCHEMA}", live.schema);
        }
        Ok(live)
    }

    /// Until nobody reads any more.
    fn run(&self, found: &Weak<Found>) {
        while let Some(seconds) = found.upgrade().map(|f| f.seconds.load(Ordering::Relaxed)) {
            let asked = self.ask(seconds).map(Box::new);
            let asked = asked.map_err(|e| format!("no answer from {}: {e:#}", self.url));
            let Some(found) = found.upgrade() else { return };
            *found.last.lock().unwrap_or_else(PoisonError::into_inner) = asked;
            drop(found);
            sleep(EVERY);
        }
    }
}

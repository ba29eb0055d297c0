//! The receiver: OTLP over HTTP, messages in protobuf.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use prost::Message;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use crate::daemon::config::outlets::header;
use crate::daemon::config::{Otlp, file};

/// No answer is longer, nor a file with headers.
const MOST: u64 = 64 << 10;
/// Nobody is left alone for longer, whatever he asks for.
const LONGEST_WAIT: u64 = 3600;

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Metrics.
    Metrics,
    /// Incidents.
    Logs,
}

impl Signal {
    /// Its name in paths and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Signal::Metrics => "metrics",
            Signal::Logs => "logs",
        }
    }
}

/// Why something was not taken.
#[derive(Debug)]
pub struct Failure {
    /// In words.
    pub why: String,
    /// The same may be taken later.
    pub later: bool,
    /// Not before this.
    pub after: Duration,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// The receiver.
pub struct Receiver {
    agent: Agent,
    endpoint: String,
    headers: Vec<(String, String)>,
}

impl Receiver {
    /// One that is not asked yet.
    ///
    /// # Errors
    /// The file with headers cannot be read, or has none.
    pub fn new(config: &Otlp) -> Result<Receiver> {
        let mut headers: Vec<_> = config.headers.clone().into_iter().collect();
        if !config.headers_file.as_os_str().is_empty() {
            headers.extend(secret(config).with_context(|| {
                format!("otlp.headers_file: {}", config.headers_file.display())
            })?);
        }
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_age(Duration::from_secs(300))
            .user_agent(concat!("stallprof/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build()
            .new_agent();
        Ok(Receiver { agent, endpoint: config.endpoint.trim_end_matches('/').to_owned(), headers })
    }

    /// Sends a message; gives how many points or records were refused, and why.
    ///
    /// # Errors
    /// It was not taken.
    pub fn send(
        &self,
        signal: Signal,
        message: &impl Message,
        timeout: Duration,
    ) -> Result<(u64, String), Failure> {
        let url = format!("{}/v1/{}", self.endpoint, signal.name());
        let mut request = self.agent.post(&url).header("Content-Type", "application/x-protobuf");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.config().timeout_global(Some(timeout)).build();
        let body = message.encode_to_vec();
        let lost = |error: ureq::Error| Failure {
            why: format!("{url}: {error}"),
            later: true,
            after: Duration::ZERO,
        };
        let mut answer = request.send(&body[..]).map_err(lost)?;
        let status = answer.status().as_u16();
        if !(200..300).contains(&status) {
            let seconds = answer.headers().get("retry-after").and_then(|v| v.to_str().ok());
            let seconds = seconds.and_then(|v| v.trim().parse().ok()).unwrap_or(0);
            return Err(Failure {
                why: format!("{url}: HTTP status {status}"),
                later: matches!(status, 429 | 502 | 503 | 504),
                after: Duration::from_secs(u64::min(seconds, LONGEST_WAIT)),
            });
        }
        let body = answer.body_mut().with_config().limit(MOST).read_to_vec().map_err(lost)?;
        Ok(refused(signal, &body))
    }
}

/// What a receiver that took a message refused of it. One that says it in words that are none is
/// taken to have refused nothing.
fn refused(signal: Signal, body: &[u8]) -> (u64, String) {
    let (n, why) = match signal {
        Signal::Metrics => {
            let partial = ExportMetricsServiceResponse::decode(body).unwrap_or_default();
            let partial = partial.partial_success.unwrap_or_default();
            (partial.rejected_data_points, partial.error_message)
        }
        Signal::Logs => {
            let partial = ExportLogsServiceResponse::decode(body).unwrap_or_default();
            let partial = partial.partial_success.unwrap_or_default();
            (partial.rejected_log_records, partial.error_message)
        }
    };
    (u64::try_from(n).unwrap_or_default(), why)
}

/// Headers from their file.
fn secret(config: &Otlp) -> Result<Vec<(String, String)>> {
    let text = file::text(&config.headers_file, MOST)?;
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(':').ok_or_else(|| anyhow!("no `Name: value`"))?;
        let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
        header(&name, &value).map_err(|what| anyhow!(what))?;
        Ok((name, value))
    });
    headers.collect()
}

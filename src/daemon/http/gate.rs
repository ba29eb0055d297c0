//! Who may ask for what.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use axum::http::{HeaderMap, Method, StatusCode, header};
use rustls::ServerConfig;

use super::tls;
use crate::daemon::config::{Config, Listen, file};

/// A token that is shorter can be guessed.
const SHORTEST: usize = 16;
/// And no file with one is longer.
const LONGEST: u64 = 64 << 10;

/// Who may ask for what.
#[derive(Debug, Default)]
pub struct Gate {
    token: Option<String>,
    /// `POST /incidents` is allowed.
    pub allow_cut: bool,
    /// Only this host can connect, by TCP: then a browser may be tricked into it.
    local: bool,
    /// New connections are encrypted so.
    pub tls: Option<Arc<ServerConfig>>,
    /// It takes a certificate.
    certificate: bool,
}

impl Gate {
    /// Reads the token and the certificates.
    ///
    /// # Errors
    /// A file cannot be read, or does not hold what it should.
    pub fn read(config: &Config) -> Result<Gate> {
        let http = &config.http;
        let place = &http.token_file;
        let mut token = None;
        if !place.as_os_str().is_empty() {
            let told = || format!("http.token_file: {}", place.display());
            let text = file::text(place, LONGEST).with_context(told)?;
            if text.trim().len() < SHORTEST {
                bail!("{}: a token has {SHORTEST} characters at least", told());
            }
            token = Some(text.trim().to_owned());
        }
        let local = http.listen.local() && matches!(http.listen, Listen::Tcp(_));
        let tls = tls::read(&config.tls)?;
        let certificate = config.tls.client_ca != Path::new("");
        Ok(Gate { token, allow_cut: http.allow_cut, local, tls, certificate })
    }

    /// Why a request is refused; none if it is not. `certified`: the client has shown a
    /// certificate, and it was found good.
    #[must_use]
    pub fn refuses(
        &self,
        method: &Method,
        headers: &HeaderMap,
        certified: bool,
    ) -> Option<(StatusCode, &'static str)> {
        if self.certificate && !certified {
            return Some((StatusCode::FORBIDDEN, "it takes a client's certificate\n"));
        }
        if let Some(token) = &self.token {
            let given = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
            let given = given.and_then(|v| v.strip_prefix("Bearer ")).unwrap_or_default();
            return (!same(given.as_bytes(), token.as_bytes()))
                .then_some((StatusCode::UNAUTHORIZED, "it takes the token\n"));
        }
        // Without a token a page from elsewhere could have a browser on this host ask for it:
        // by a name of its own that leads here, or by a form. That name has no certificate of ours.
        if self.local && self.tls.is_none() && !is_plain_host(headers) {
            return Some((StatusCode::MISDIRECTED_REQUEST, "ask by address or localhost\n"));
        }
        (*method != Method::GET && headers.contains_key(header::ORIGIN))
            .then_some((StatusCode::FORBIDDEN, "not from a page of another site\n"))
    }
}

/// Whether the host that is asked for is an address or localhost: neither can be made to lead here
/// by somebody else's name server.
fn is_plain_host(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return true };
    let Ok(host) = host.to_str() else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse::<IpAddr>().is_ok()
}

/// Compares in a time that does not tell how much is right.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |diff, (a, b)| diff | (a ^ b)) == 0
}

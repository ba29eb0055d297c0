//! TLS: the server's certificate, and whose certificates clients must have.
//!
//! A client without a certificate may shake hands all the same, for whoever asks whether the daemon
//! is alive has none: the gate refuses it everything else.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS13;
use rustls::{RootCertStore, ServerConfig};

use crate::daemon::config::{Tls, file};

/// No file of certificates is longer: some 200 of them fit.
const LONGEST: u64 = 1 << 20;

/// Reads certificate, key and authorities; none where TLS is off.
///
/// # Errors
/// A file cannot be read, does not hold what it should, or the key is that of another certificate.
pub fn read(tls: &Tls) -> Result<Option<Arc<ServerConfig>>> {
    if !tls.is_on() {
        return Ok(None);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let place = || format!("tls.certificate: {}", tls.certificate.display());
    let chain = certificates(&tls.certificate).with_context(place)?;
    let key = private_key(&tls.key);
    let key = key.with_context(|| format!("tls.key: {}", tls.key.display()))?;
    let versions = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS13])?;
    let clients = if tls.client_ca == Path::new("") {
        versions.with_no_client_auth()
    } else {
        let roots = roots(&tls.client_ca);
        let roots = roots.with_context(|| format!("tls.client_ca: {}", tls.client_ca.display()))?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .allow_unauthenticated();
        versions.with_client_cert_verifier(verifier.build()?)
    };
    let mut config = clients.with_single_cert(chain, key).map_err(|e| match e {
        rustls::Error::InconsistentKeys(_) => anyhow!(
            "tls.key: {}: it is not the key of the certificate in {}",
            tls.key.display(),
            tls.certificate.display()
        ),
        other => anyhow!("{}: {other}", place()),
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Each connection shows its certificate anew, and nothing is kept of those that are gone.
    config.send_tls13_tickets = 0;
    Ok(Some(Arc::new(config)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let all: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(&file::bytes(path, LONGEST)?).collect();
    let all = all.map_err(|e| anyhow!("not PEM: {e}"))?;
    if all.is_empty() {
        bail!("there is no certificate in it (PEM)");
    }
    Ok(all)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    use rustls::pki_types::pem::Error::NoItemsFound;
    PrivateKeyDer::from_pem_slice(&file::bytes(path, LONGEST)?).map_err(|e| match e {
        NoItemsFound => anyhow!("there is no key in it (PEM, without a password)"),
        other => anyhow!("not PEM: {other}"),
    })
}

fn roots(path: &Path) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|e| anyhow!("a certificate in it is none: {e}"))?;
    }
    Ok(roots)
}

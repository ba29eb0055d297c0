//! TLS towards a daemon: whom to trust, and what to show.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use ureq::tls::{ClientCert, PemItem, RootCerts, TlsConfig, parse_pem};

/// No file of certificates is longer.
const LONGEST: u64 = 1 << 20;

/// Files in PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// The authorities of the daemon's certificate.
    pub ca: Option<PathBuf>,
    /// A certificate and its key to show to the daemon.
    pub own: Option<(PathBuf, PathBuf)>,
}

impl Trust {
    /// How to connect to an address.
    ///
    /// # Errors
    /// TLS without an authority or the other way round; a file cannot be read or does not hold what
    /// it should.
    pub(super) fn towards(&self, url: &str) -> Result<TlsConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = TlsConfig::builder().unversioned_rustls_crypto_provider(provider);
        let Some(ca) = &self.ca else {
            if url.starts_with("https://") {
                bail!("give the authority of its certificate: --ca FILE");
            }
            return Ok(builder.build());
        };
        if !url.starts_with("https://") {
            bail!("--ca is for https://, and this is not encrypted");
        }
        let told = |option: &str, file: &Path| format!("{option} {}", file.display());
        let (roots, _) = pem(ca).with_context(|| told("--ca", ca))?;
        if roots.is_empty() {
            bail!("{}: there is no certificate in it (PEM)", told("--ca", ca));
        }
        let builder = builder.root_certs(RootCerts::new_with_certs(&roots));
        let Some((cert, key)) = &self.own else { return Ok(builder.build()) };
        let (chain, _) = pem(cert).with_context(|| told("--cert", cert))?;
        if chain.is_empty() {
            bail!("{}: there is no certificate in it (PEM)", told("--cert", cert));
        }
        let (_, found) = pem(key).with_context(|| told("--key", key))?;
        let none = || anyhow!("{}: there is no key in it (PEM)", told("--key", key));
        let own = ClientCert::new_with_certs(&chain, found.ok_or_else(none)?);
        Ok(builder.client_cert(Some(own)).build())
    }
}

type Certificates = Vec<ureq::tls::Certificate<'static>>;

/// Certificates of a file, and the first key.
fn pem(file: &Path) -> Result<(Certificates, Option<ureq::tls::PrivateKey<'static>>)> {
    let mut bytes = Vec::new();
    File::open(file)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        bail!("longer than 1 MiB");
    }
    let (mut certificates, mut key) = (Vec::new(), None);
    for item in parse_pem(&bytes) {
        match item.map_err(|e| anyhow!("not PEM: {e}"))? {
            PemItem::Certificate(certificate) => certificates.push(certificate),
            PemItem::PrivateKey(found) => drop(key.get_or_insert(found)),
            _ => {}
        }
    }
    Ok((certificates, key))
}

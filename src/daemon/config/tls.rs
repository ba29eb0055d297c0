//! TLS of the HTTP server.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Http, Listen};

/// TLS, and from whom clients must have a certificate. The files are PEM, and read again with the
/// configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// The server's certificate, then those between it and its authority; empty for no TLS.
    pub certificate: PathBuf,
    /// The key of that certificate.
    pub key: PathBuf,
    /// The authorities of clients' certificates; empty where clients need none.
    pub client_ca: PathBuf,
}

impl Tls {
    /// Whether connections are encrypted.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.certificate != Path::new("")
    }

    /// What does not go together is refused, beginning with the key that asks for too much.
    pub(super) fn check(&self, http: &Http) -> Result<(), String> {
        let given = |path: &Path| path != Path::new("");
        if given(&self.key) && !self.is_on() {
            return Err("tls.key: give the certificate too".to_owned());
        }
        if given(&self.client_ca) && !self.is_on() {
            return Err("tls.client_ca: give certificate and key too".to_owned());
        }
        if self.is_on() && !given(&self.key) {
            return Err("tls.certificate: give its key too".to_owned());
        }
        if self.is_on() && matches!(http.listen, Listen::Unix(_)) {
            return Err(
                "tls.certificate: a socket in the file system is for its owner alone, and \
                        not encrypted"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

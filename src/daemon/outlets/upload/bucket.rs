//! The object storage of a URL. Credentials come from where `object_store` looks for them: the
//! environment, files that it names, the metadata service of the machine.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientConfigKey, ObjectStore, RetryConfig};

/// Files with secrets that the environment tells of.
pub const SECRETS: [&str; 6] = [
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_PATH",
    "AZURE_FEDERATED_TOKEN_FILE",
];
/// Tries of a request, after the first; whole incidents are tried again by us.
const RETRIES: usize = 2;

/// Opens it; gives the path below which all goes.
///
/// # Errors
/// The URL is none of object storage, or what the environment says is not enough for it.
pub fn open(url: &str, timeout: Duration) -> Result<(Arc<dyn ObjectStore>, Path)> {
    let (scheme, rest) = url.split_once("://").ok_or_else(|| anyhow!("no URL"))?;
    if scheme == "file" {
        let store = LocalFileSystem::new_with_prefix(rest)?.with_fsync(true);
        return Ok((Arc::new(store), Path::default()));
    }
    // Of two makers of TLS this process would have to be told which one to take; it may have been.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let prefix = Path::parse(rest.split_once('/').unwrap_or_default().1.trim_end_matches('/'))?;
    let (retry, time) = (retries(timeout), format!("{} ms", timeout.as_millis()));
    let key = ClientConfigKey::Timeout;
    let store: Arc<dyn ObjectStore> = match scheme {
        "s3" => {
            let builder = AmazonS3Builder::from_env().with_url(url).with_retry(retry);
            Arc::new(builder.with_config(AmazonS3ConfigKey::Client(key), time).build()?)
        }
        "gs" => {
            let builder = GoogleCloudStorageBuilder::from_env().with_url(url).with_retry(retry);
            Arc::new(builder.with_config(GoogleConfigKey::Client(key), time).build()?)
        }
        "az" => {
            let builder = MicrosoftAzureBuilder::from_env().with_url(url).with_retry(retry);
            Arc::new(builder.with_config(AzureConfigKey::Client(key), time).build()?)
        }
        other => bail!("{other}: no object storage"),
    };
    Ok((store, prefix))
}

/// The directory of a `file` URL, made if need be.
///
/// # Errors
/// It cannot be made.
pub fn directory(url: &str) -> Result<Option<PathBuf>> {
    let Some(path) = url.strip_prefix("file://").map(PathBuf::from) else { return Ok(None) };
    fs::create_dir_all(&path).with_context(|| format!("upload.url: {}", path.display()))?;
    Ok(Some(path))
}

fn retries(timeout: Duration) -> RetryConfig {
    RetryConfig { max_retries: RETRIES, retry_timeout: timeout, ..RetryConfig::default() }
}

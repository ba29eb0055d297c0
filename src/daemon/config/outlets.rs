//! What is sent to other hosts: nothing, unless asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Period;
use crate::units::Nanos;

/// Headers, and attributes, at most.
const MOST: usize = 32;

/// Metrics and incidents by OTLP over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Otlp {
    /// `http://HOST:4318`, to which `/v1/metrics` and `/v1/logs` are added; empty for none.
    pub endpoint: String,
    /// Metrics are sent this often.
    pub interval: Period,
    /// The receiver has this long to answer.
    pub timeout: Period,
    /// File with headers that are secret, `Name: value` in each line; empty for none.
    pub headers_file: PathBuf,
    /// Headers of each request.
    pub headers: BTreeMap<String, String>,
    /// Attributes of the resource beside those that are known.
    pub attributes: BTreeMap<String, String>,
}

/// Incidents to object storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Upload {
    /// `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX` or `file:///DIRECTORY`;
    /// empty for none.
    pub url: String,
    /// Name of this node in the names of objects; empty for the one that is known.
    pub node: String,
    /// The tables of a recording, too, as Parquet files.
    pub tables: bool,
    /// A request has this long.
    pub timeout: Period,
}

impl Default for Otlp {
    fn default() -> Otlp {
        Otlp {
            endpoint: String::new(),
            interval: Period(Nanos::from_millis(30_000)),
            timeout: Period(Nanos::from_millis(10_000)),
            headers_file: PathBuf::new(),
            headers: BTreeMap::new(),
            attributes: BTreeMap::new(),
        }
    }
}

impl Default for Upload {
    fn default() -> Upload {
        Upload {
            url: String::new(),
            node: String::new(),
            tables: true,
            timeout: Period(Nanos::from_millis(60_000)),
        }
    }
}

impl Otlp {
    /// Whether it is asked for.
    #[must_use]
    pub fn on(&self) -> bool {
        !self.endpoint.is_empty()
    }

    pub(super) fn check(&self) -> Result<(), String> {
        bounded("otlp.interval", self.interval, 1_000..=3_600_000)?;
        bounded("otlp.timeout", self.timeout, 100..=300_000)?;
        if self.headers.len() > MOST || self.attributes.len() > MOST {
            return Err(format!("otlp: more than {MOST} headers or attributes"));
        }
        for (name, value) in &self.headers {
            header(name, value).map_err(|what| format!("otlp.headers: {what}"))?;
        }
        if self.headers_file != Path::new("") && self.headers_file.is_relative() {
            return Err("otlp.headers_file: give the whole path, from /".to_owned());
        }
        if !self.on() {
            return Ok(());
        }
        if !cfg!(feature = "otlp") {
            return Err(without("otlp.endpoint", "otlp"));
        }
        let rest = ["http://", "https://"].iter().find_map(|s| self.endpoint.strip_prefix(s));
        let plain = |c: char| c.is_ascii_graphic() && !"?#@".contains(c);
        match rest {
            Some(rest) if !rest.is_empty() && !rest.starts_with('/') && rest.chars().all(plain) => {
                Ok(())
            }
            _ => Err("otlp.endpoint: give http://HOST:4318 or https://HOST:PORT/PATH, without \
                      user, query and fragment"
                .to_owned()),
        }
    }
}

impl Upload {
    /// Whether it is asked for.
    #[must_use]
    pub fn on(&self) -> bool {
        !self.url.is_empty()
    }

    pub(super) fn check(&self) -> Result<(), String> {
        bounded("upload.timeout", self.timeout, 1_000..=3_600_000)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if !self.node.chars().all(plain) || self.node.len() > 253 || self.node.starts_with('.') {
            return Err("upload.node: letters, digits, . _ and - make a name".to_owned());
        }
        if !self.on() {
            return Ok(());
        }
        if !cfg!(feature = "upload") {
            return Err(without("upload.url", "upload"));
        }
        let plain = |c: char| c.is_ascii_graphic() && !"?#@".contains(c);
        let schemes = ["s3://", "gs://", "az://", "file:///"];
        match schemes.iter().find_map(|s| self.url.strip_prefix(s)) {
            Some(rest) if !rest.is_empty() && !rest.starts_with('/') && rest.chars().all(plain) => {
                Ok(())
            }
            _ => Err("upload.url: give s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, \
                      az://CONTAINER/PREFIX or file:///DIRECTORY; credentials come from the \
                      environment"
                .to_owned()),
        }
    }
}

/// Whether a header can be sent.
///
/// # Errors
/// What is wrong with it; its value may be secret and is not told.
pub fn header(name: &str, value: &str) -> Result<(), String> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        return Err(format!("{name:?} is no name of a header"));
    }
    let shown = |c: char| c.is_ascii_graphic() || c == ' ' || c == '\t';
    if !value.chars().all(shown) {
        return Err(format!("the value of {name} has characters that headers cannot have"));
    }
    Ok(())
}

fn bounded(key: &str, period: Period, range: std::ops::RangeInclusive<u64>) -> Result<(), String> {
    let (least, most) = (Nanos::from_millis(*range.start()), Nanos::from_millis(*range.end()));
    if (least..=most).contains(&period.0) {
        return Ok(());
    }
    Err(format!("{key}: {} at least, {} at most", Period(least), Period(most)))
}

fn without(key: &str, feature: &str) -> String {
    format!("{key}: this stallprof was built without it: cargo build --features {feature}")
}

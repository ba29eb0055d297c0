//! `--host-root`: where the host's files are read, for a program in a container.

use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::host::HostRoot;

/// Takes the root of any host: copied files do.
pub fn any() -> impl TypedValueParser<Value = HostRoot> {
    OsStringValueParser::new().try_map(HostRoot::named)
}

/// Takes the root of the host that runs this kernel, to measure it.
#[cfg(feature = "probes")]
pub fn running() -> impl TypedValueParser<Value = HostRoot> {
    OsStringValueParser::new().try_map(HostRoot::running)
}

//! Addresses that host-local has given out: a file each, named by the address, with the container
//! it was given to (plugins/ipam/host-local/backend/disk/backend.go).

use std::io::{self, Read};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use super::LEASE_DIR;
use crate::host::root::{HostError, HostRoot};

/// Networks and leases looked at at most.
const MAX_NETWORKS: usize = 64;
const MAX_LEASES: usize = 20_000;

/// The runtime asks for the address before it starts the sandbox.
const FRESH: Duration = Duration::from_secs(60);

/// A lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The address.
    pub address: IpAddr,
    /// The container (of a pod: its sandbox) as the runtime told; none if the file cannot be read.
    pub container: Option<String>,
    /// Whether it was given out less than a minute ago: its container may not run yet.
    pub fresh: bool,
}

/// The leases of one network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseDir {
    /// Name of the network.
    pub network: String,
    /// Its leases.
    pub leases: Vec<Lease>,
    /// There are more than were looked at.
    pub cut: bool,
}

/// Reads all leases; none if there is no such directory.
///
/// # Errors
/// The directory is there and cannot be listed.
pub fn leases(root: &HostRoot) -> Result<Option<Vec<LeaseDir>>, HostError> {
    let failed = |rel: &Path, source| HostError::Io { path: root.path(rel), source };
    let entries = match root.list(LEASE_DIR) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|source| failed(Path::new(LEASE_DIR), source))?,
    };
    let dirs = entries.flatten().filter(|e| e.file_type().is_ok_and(|t| t.is_dir()));
    let mut found = Vec::new();
    for dir in dirs.take(MAX_NETWORKS) {
        let network = dir.file_name().to_string_lossy().into_owned();
        let rel = Path::new(LEASE_DIR).join(dir.file_name());
        let listing = root.list(&rel).map_err(|source| failed(&rel, source))?;
        found.push(of_network(root, &rel, network, listing));
    }
    found.sort_by(|a, b| a.network.cmp(&b.network));
    Ok(Some(found))
}

fn of_network(root: &HostRoot, rel: &Path, network: String, listing: std::fs::ReadDir) -> LeaseDir {
    let mut found = LeaseDir { network, ..LeaseDir::default() };
    for entry in listing.flatten() {
        // Others are `lock` and `last_reserved_ip.0`.
        let Some(address) = entry.file_name().to_str().and_then(address) else { continue };
        if found.leases.len() == MAX_LEASES {
            found.cut = true;
            break;
        }
        let container = read_lease(root, &rel.join(entry.file_name()));
        let written = entry.metadata().and_then(|meta| meta.modified()).ok();
        let fresh = written.is_none_or(|w| w.elapsed().is_ok_and(|age| age < FRESH));
        found.leases.push(Lease { address, container, fresh });
    }
    found.leases.sort_by_key(|lease| lease.address);
    found
}

/// An address as a file name; on Windows' account `:` stands as `_`.
fn address(name: &str) -> Option<IpAddr> {
    name.parse().ok().or_else(|| name.replace('_', ":").parse().ok())
}

fn read_lease(root: &HostRoot, rel: &Path) -> Option<String> {
    let mut text = String::new();
    root.open(rel).ok()?.take(4096).read_to_string(&mut text).ok()?;
    parse_lease(&text).map(str::to_owned)
}

/// The container of a lease: its first line, before CR LF and the interface's name (since 0.7;
/// before, the container alone).
#[must_use]
pub fn parse_lease(text: &str) -> Option<&str> {
    let id = text.lines().next()?.trim();
    let form = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (!id.is_empty() && id.len() <= 256 && id.bytes().all(form)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_an_address() {
        let id = "0123456789abcdef".repeat(4);
        assert_eq!(parse_lease(&format!("{id}\r\neth0")), Some(id.as_str()));
        assert_eq!(parse_lease(&id), Some(id.as_str()));
        for odd in ["", "\r\neth0", "a b\n", "\u{fffd}\n", &"a".repeat(300)] {
            assert_eq!(parse_lease(odd), None, "{odd:.20}");
        }
    }

    #[test]
    fn names_of_leases() {
        assert!(address("10.244.3.17").is_some() && address("fd00__12").is_some());
        assert!(address("lock").is_none() && address("last_reserved_ip.0").is_none());
    }
}

//! The container network's configuration and address leases on this node
//! (<https://www.cni.dev/docs/spec/>; plugin host-local:
//! <https://www.cni.dev/plugins/current/ipam/host-local/>).

mod conf;
mod leases;

pub use conf::{CniConf, CniFile, configurations, parse_conf};
pub use leases::{Lease, LeaseDir, leases, parse_lease};

/// Where runtimes look for configurations unless told otherwise.
pub const CONF_DIR: &str = "etc/cni/net.d";
/// Where host-local keeps its leases unless told otherwise.
pub const LEASE_DIR: &str = "var/lib/cni/networks";

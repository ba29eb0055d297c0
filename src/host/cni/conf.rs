//! Configurations of `/etc/cni/net.d`, as libcni reads them.

use std::io;

use serde_json::Value;

use super::CONF_DIR;
use crate::host::root::{HostError, HostRoot};

/// Files looked at at most.
const MAX_FILES: usize = 256;

/// One file of the directory, in the order of their names: the runtime takes the first that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CniFile {
    /// Its name.
    pub name: String,
    /// What it says, or what is wrong with it.
    pub conf: Result<CniConf, String>,
}

/// A network as a configuration describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CniConf {
    /// Name of the network.
    pub network: String,
    /// The plugins, in order.
    pub plugins: Vec<String>,
    /// Addresses that its host-local ranges hold, where it has any.
    pub addresses: Option<u128>,
}

/// Reads all configurations; none if there is no such directory.
///
/// # Errors
/// The directory is there and cannot be listed.
pub fn configurations(root: &HostRoot) -> Result<Option<Vec<CniFile>>, HostError> {
    let entries = match root.list(CONF_DIR) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|source| HostError::Io { path: root.path(CONF_DIR), source })?,
    };
    let names = entries.flatten().filter_map(|e| e.file_name().into_string().ok());
    // `libcni.ConfFiles` takes these, and no others.
    let ours = |name: &String| [".conf", ".conflist", ".json"].iter().any(|e| name.ends_with(e));
    let mut names: Vec<String> = names.filter(ours).take(MAX_FILES).collect();
    names.sort();
    let read = |name: String| {
        let text = root.read_to_string(format!("{CONF_DIR}/{name}"));
        let conf = text.map_err(|e| e.to_string()).and_then(|text| parse_conf(&text));
        CniFile { conf, name }
    };
    Ok(Some(names.into_iter().map(read).collect()))
}

/// Reads a network (`type`) or a list of plugins (`plugins`).
///
/// # Errors
/// What is wrong with it.
pub fn parse_conf(text: &str) -> Result<CniConf, String> {
    let value: Value = serde_json::from_str(text).map_err(|e| format!("no JSON: {e}"))?;
    let network = value.get("name").and_then(Value::as_str).unwrap_or_default();
    if network.is_empty() {
        return Err("it has no \"name\"".to_owned());
    }
    let list: Vec<&Value> = match value.get("plugins") {
        Some(Value::Array(plugins)) => plugins.iter().collect(),
        Some(_) => return Err("\"plugins\" is no list".to_owned()),
        None => vec![&value],
    };
    let kind = |plugin: &&Value| {
        plugin.get("type").and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned)
    };
    let plugins: Option<Vec<String>> = list.iter().map(kind).collect();
    let plugins = plugins.filter(|p| !p.is_empty()).ok_or("a plugin without a \"type\"")?;
    let ipam = list.iter().filter_map(|plugin| plugin.get("ipam"));
    let local = ipam.filter(|i| i.get("type").and_then(Value::as_str) == Some("host-local"));
    let sizes: Vec<u128> = local.flat_map(ranges).collect();
    let addresses =
        (!sizes.is_empty()).then(|| sizes.iter().fold(0u128, |a, b| a.saturating_add(*b)));
    Ok(CniConf { network: network.to_owned(), plugins, addresses })
}

/// Sizes of the IPv4 ranges of a host-local section: a pod takes one address of each family, and
/// no IPv6 range runs out.
fn ranges(ipam: &Value) -> Vec<u128> {
    let sets = ipam.get("ranges").and_then(Value::as_array).into_iter().flatten();
    let ranges = sets.filter_map(Value::as_array).flatten();
    ranges.chain(std::iter::once(ipam)).filter_map(range).collect()
}

/// Addresses from `rangeStart` to `rangeEnd`, by default all of the subnet but its first (the
/// network), its second (the gateway) and its last (broadcast).
fn range(range: &Value) -> Option<u128> {
    let text = |key: &str| range.get(key).and_then(Value::as_str);
    let (address, length) = text("subnet")?.split_once('/')?;
    let address: std::net::Ipv4Addr = address.parse().ok()?;
    let length: u32 = length.parse().ok().filter(|l| *l <= 32)?;
    let bits = u32::MAX.checked_shr(length).unwrap_or(0);
    let first = u32::from(address) & !bits;
    let bound = |key: &str, default: u32| {
        let given = text(key).and_then(|a| a.parse::<std::net::Ipv4Addr>().ok());
        given.map_or(default, u32::from)
    };
    let start = bound("rangeStart", first.saturating_add(2));
    let end = bound("rangeEnd", first.saturating_add(bits.saturating_sub(1)));
    Some((u128::from(end) + 1).saturating_sub(u128::from(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_with_host_local() {
        let text = r#"{"cniVersion":"1.0.0","name":"cbr0","plugins":[{"type":"ptp","ipam":{
            "type":"host-local","ranges":[[{"subnet":"10.244.3.0/24"}],[{"subnet":"fd00::/64"}]]}},
            {"type":"portmap","capabilities":{"portMappings":true}}]}"#;
        let conf = parse_conf(text).expect("a configuration");
        assert_eq!((conf.network.as_str(), conf.plugins.len()), ("cbr0", 2));
        assert_eq!(conf.addresses, Some(253), ".2 to .254");
        let bridge = r#"{"name":"b","type":"bridge","ipam":{"type":"host-local",
            "subnet":"10.1.0.0/16","rangeStart":"10.1.2.10","rangeEnd":"10.1.2.19"}}"#;
        assert_eq!(parse_conf(bridge).map(|c| c.addresses), Ok(Some(10)));
        let other = r#"{"name":"k8s","type":"calico","ipam":{"type":"calico-ipam"}}"#;
        assert_eq!(parse_conf(other).map(|c| c.addresses), Ok(None));
    }

    #[test]
    fn what_no_runtime_would_take() {
        let deep = "[".repeat(100_000);
        for text in [
            "",
            "{",
            "[]",
            "null",
            r#"{"name":"x"}"#,
            r#"{"type":"x"}"#,
            r#"{"name":"x","plugins":[]}"#,
            r#"{"name":"x","plugins":{}}"#,
            r#"{"name":"x","plugins":[{"type":""}]}"#,
            &deep,
        ] {
            assert!(parse_conf(text).is_err(), "{text:.40}");
        }
        for subnet in ["10.0.0.0/33", "10.0.0.0", "x/8", "10.0.0.0/-1", "255.255.255.255/32"] {
            let text = format!(
                r#"{{"name":"b","type":"bridge","ipam":{{"type":"host-local","subnet":"{subnet}"}}}}"#
            );
            assert!(
                parse_conf(&text).is_ok_and(|c| c.addresses.is_none_or(|n| n <= 1)),
                "{subnet}"
            );
        }
    }
}

//! The configuration that the running kernel was built with, where it can be read.

use std::io::Read;

use flate2::read::GzDecoder;

use super::root::{HostRoot, text};

/// A kernel configuration: lines `CONFIG_HZ=250`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelConfig {
    text: String,
}

impl KernelConfig {
    /// Takes the text of a configuration.
    #[must_use]
    pub fn parse(text: &str) -> KernelConfig {
        KernelConfig { text: text.to_owned() }
    }

    /// That of the running kernel: `/proc/config.gz`, which containers see too, else
    /// `/boot/config-RELEASE` or `/lib/modules/RELEASE/config`. None if none can be read.
    #[must_use]
    pub fn read(root: &HostRoot, release: &str) -> Option<KernelConfig> {
        let zipped = root.read("proc/config.gz").ok();
        if let Some(text) = zipped.and_then(|bytes| unzip(&bytes)).map(text) {
            return Some(KernelConfig { text });
        }
        let named = !release.is_empty() && !release.contains('/');
        [format!("boot/config-{release}"), format!("lib/modules/{release}/config")]
            .iter()
            .filter(|_| named)
            .find_map(|rel| root.read_to_string(rel).ok())
            .map(|text| KernelConfig { text })
    }

    /// Value of an option, such as `250` for `CONFIG_HZ`; none if it is not set.
    #[must_use]
    pub fn get(&self, option: &str) -> Option<&str> {
        self.text.lines().find_map(|line| line.strip_prefix(option)?.strip_prefix('='))
    }

    /// Whether an option is built in (`=y`).
    #[must_use]
    pub fn has(&self, option: &str) -> bool {
        self.get(option) == Some("y")
    }

    /// `CONFIG_HZ`, ticks a second.
    #[must_use]
    pub fn hz(&self) -> Option<u32> {
        self.get("CONFIG_HZ")?.trim().parse().ok().filter(|hz| (10..=10_000).contains(hz))
    }
}

/// Contents of a gzip file; none if it is damaged or unpacks to more than any configuration has
/// (0.1 to 0.3 MB).
fn unzip(file: &[u8]) -> Option<Vec<u8>> {
    const MOST: u64 = 4 << 20;
    let mut unpacked = Vec::new();
    GzDecoder::new(file).take(MOST + 1).read_to_end(&mut unpacked).ok()?;
    (unpacked.len() as u64 <= MOST).then_some(unpacked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_found_by_their_whole_name() {
        let text =
            "# CONFIG_HZ_1000 is not set\nCONFIG_HZ_250=y\nCONFIG_HZ=250\nCONFIG_X=\"a=b\"\n";
        let config = KernelConfig::parse(text);
        assert_eq!((config.hz(), config.get("CONFIG_X")), (Some(250), Some("\"a=b\"")));
        assert!(config.has("CONFIG_HZ_250") && !config.has("CONFIG_HZ_1000"));
        for odd in
            ["", "CONFIG_HZ", "CONFIG_HZ=", "CONFIG_HZ=x", "CONFIG_HZ=0", "CONFIG_HZ=99999999999"]
        {
            assert_eq!(KernelConfig::parse(odd).hz(), None, "{odd}");
        }
    }
}

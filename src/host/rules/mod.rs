//! Packet filter and NAT rules of the host's network namespace: how many, who made them, and how
//! they choose source ports.

mod iptables;
mod nft;

use std::time::Instant;

use super::command::{self, Failure};
use super::netns;
use super::root::HostRoot;

pub use iptables::parse_iptables;
pub use nft::parse_nft;

/// Rules of one kind, as one program lists them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Which program told.
    pub program: &'static str,
    /// Rules.
    pub rules: u64,
    /// Rules of the longest chain that kube-proxy's services are looked up in, one after the
    /// other, by each new connection.
    pub service_rules: u64,
    /// Chains of services that kube-proxy made.
    pub kube_services: u64,
    /// Rules that translate source addresses.
    pub snat: u64,
    /// Those among them that do not choose ports at random (`--random-fully`), the first few.
    pub snat_not_random: Vec<String>,
    /// How many those are.
    pub snat_not_random_count: u64,
}

/// How many such rules are kept with their text.
const KEPT: usize = 4;

impl Rules {
    fn snat_rule(&mut self, text: &str, fully_random: bool) {
        self.snat += 1;
        if fully_random {
            return;
        }
        self.snat_not_random_count += 1;
        if self.snat_not_random.len() < KEPT {
            self.snat_not_random.push(text.trim().chars().take(200).collect());
        }
    }
}

/// What is known of all rules.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    /// What each program that is installed listed.
    pub listed: Vec<Rules>,
    /// Programs that gave no list, and why.
    pub failed: Vec<Failure>,
    /// Whether nothing at all could be asked.
    pub none: bool,
}

/// Lists the rules by the programs that are there: `iptables-save` and `ip6tables-save` for their
/// own, `nft` for the rest.
#[must_use]
pub fn list(root: &HostRoot, deadline: Instant) -> RuleSet {
    let mut set = RuleSet::default();
    // Rules of the older kind can be there beside those of iptables-nft.
    let names = format!("proc/{}/net/ip_tables_names", netns::home(root));
    let legacy = root.value(names).is_some_and(|names| !names.is_empty());
    let legacy = legacy && command::installed("iptables-legacy-save");
    // All at once: each may need most of the time.
    let (v4, v6, nft) = std::thread::scope(|scope| {
        let v4 = scope.spawn(|| command::run("iptables-save", &[], deadline));
        let v6 = scope.spawn(|| command::run("ip6tables-save", &[], deadline));
        let nft = command::run("nft", &["--numeric", "list", "ruleset"], deadline);
        let lost = |name| Err(Failure::Failed(name, "its thread ended".to_owned()));
        let v4 = v4.join().unwrap_or_else(|_| lost("iptables-save"));
        let v6 = v6.join().unwrap_or_else(|_| lost("ip6tables-save"));
        (v4, v6, nft)
    });
    // What iptables-nft keeps in nftables is not to be counted twice.
    let in_nft = managed(&v4);
    let mut take =
        |name, listed: Result<String, Failure>, parse: &dyn Fn(&str) -> Result<Rules, String>| {
            match listed.and_then(|t| parse(&t).map_err(|why| Failure::Failed(name, why))) {
                Ok(rules) => set.listed.push(Rules { program: name, ..rules }),
                Err(why) => set.failed.push(why),
            }
        };
    take("iptables-save", v4, &parse_iptables);
    take("ip6tables-save", v6, &parse_iptables);
    take("nft", nft, &|text| parse_nft(text, in_nft));
    if legacy && in_nft {
        let name = "iptables-legacy-save";
        take(name, command::run(name, &[], deadline), &parse_iptables);
    }
    set.none = set.listed.is_empty();
    // One of the two tools suffices: the other's rules would be in the kernel only if it was used.
    set.failed.retain(|why| set.none || !matches!(why, Failure::NotInstalled(_)));
    set
}

/// Whether the iptables here is the one that keeps its rules in nftables.
fn managed(listed: &Result<String, Failure>) -> bool {
    let target = ["/usr/sbin/iptables-save", "/sbin/iptables-save"];
    let link = target.iter().find_map(|path| std::fs::canonicalize(path).ok());
    listed.is_ok() && link.is_some_and(|path| path.to_string_lossy().contains("nft"))
}

/// Virtual services of IPVS (`/proc/PID/net/ip_vs`), as kube-proxy makes them; none if the kernel
/// has no IPVS loaded.
#[must_use]
pub fn ipvs_services(root: &HostRoot, pid: u32) -> Option<u64> {
    let text = root.read_to_string(format!("proc/{pid}/net/ip_vs")).ok()?;
    parse_ipvs(&text)
}

fn parse_ipvs(text: &str) -> Option<u64> {
    if !text.starts_with("IP Virtual Server") || !text.ends_with('\n') {
        return None;
    }
    let service =
        |line: &&str| ["TCP ", "UDP ", "SCTP ", "FWM "].iter().any(|p| line.starts_with(p));
    Some(text.lines().filter(service).count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_services() {
        let text = "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n  \
            -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n\
            TCP  0A600001:01BB rr \n  -> AC10001F:192B      Masq    1      0          0         \n";
        assert_eq!(
            (parse_ipvs(text), parse_ipvs(""), parse_ipvs("TCP x\n")),
            (Some(1), None, None)
        );
    }
}

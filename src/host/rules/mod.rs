//! Packet filter and NAT rules of the host's network namespace: how many, who made them, and how
//! they choose source ports.

mod iptables;
mod nft;

use std::collections::HashSet;
use std::time::Instant;

use super::command::{self, Failure};
use super::neigh::Family;
use super::root::HostRoot;
use super::threads::refused;

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
    /// Rules that translate source addresses, by the packets they are for.
    pub snat: Vec<Snat>,
}

/// Rules that translate the source addresses of IPv4, of IPv6, or of both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snat {
    /// None: they are for both.
    pub family: Option<Family>,
    /// How many.
    pub rules: u64,
    /// How many of them do not choose ports fully at random (`--random-fully`).
    pub not_random: u64,
    /// Those, the first few.
    pub examples: Vec<String>,
}

/// How many such rules are kept with their text.
const KEPT: usize = 4;

impl Rules {
    /// Rules that translate source addresses.
    #[must_use]
    pub fn all_snat(&self) -> u64 {
        self.snat.iter().map(|snat| snat.rules).sum()
    }

    /// Those among them that do not choose ports fully at random.
    #[must_use]
    pub fn not_random(&self) -> u64 {
        self.snat.iter().map(|snat| snat.not_random).sum()
    }

    /// One of those.
    #[must_use]
    pub fn example(&self) -> Option<&str> {
        self.snat.iter().find_map(|snat| snat.examples.first()).map(String::as_str)
    }

    fn snat_rule(&mut self, family: Option<Family>, text: &str, fully_random: bool) {
        let at = self.snat.iter().position(|snat| snat.family == family).unwrap_or_else(|| {
            self.snat.push(Snat { family, ..Snat::default() });
            self.snat.len() - 1
        });
        let snat = &mut self.snat[at];
        snat.rules += 1;
        if fully_random {
            return;
        }
        snat.not_random += 1;
        if snat.examples.len() < KEPT {
            snat.examples.push(text.trim().chars().take(200).collect());
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

/// Chains of nftables, by family, table and name.
pub type Chains = HashSet<(String, String, String)>;

/// The programs of iptables for one family. Each kind sees its own rules only, and both can be
/// in the kernel at once: kube-proxy may bring one, and the host have the other.
struct Programs {
    family: Family,
    /// Whichever is the usual one here.
    usual: &'static str,
    /// Keeps its rules in nftables.
    nft: &'static str,
    /// Keeps them in the older tables, which this file of a process names.
    legacy: &'static str,
    tables: &'static str,
}

const PROGRAMS: [Programs; 2] = [
    Programs {
        family: Family::V4,
        usual: "iptables-save",
        nft: "iptables-nft-save",
        legacy: "iptables-legacy-save",
        tables: "ip_tables_names",
    },
    Programs {
        family: Family::V6,
        usual: "ip6tables-save",
        nft: "ip6tables-nft-save",
        legacy: "ip6tables-legacy-save",
        tables: "ip6_tables_names",
    },
];

/// What a program gave.
type Listing = (&'static str, Result<String, Failure>);

impl Programs {
    /// Lists the rules of both kinds, as far as there are any.
    fn list(&self, root: &HostRoot, deadline: Instant) -> Vec<Listing> {
        let run = |name| (name, command::run(name, &[], deadline));
        let mut all = vec![run(self.usual)];
        let text = all[0].1.as_deref().unwrap_or_default();
        let (of_nft, of_legacy) = (iptables::is_nft(text), iptables::is_legacy(text));
        // Of the namespace that this thread is in, which may not be that of its process.
        let tables = root.value(format!("proc/thread-self/net/{}", self.tables));
        let tables = tables.filter(|tables| !tables.is_empty() && !of_legacy);
        if let Some(tables) = tables {
            all.push(match run(self.legacy) {
                (name, Err(Failure::NotInstalled(_))) => {
                    let tables = tables.replace('\n', ", ");
                    let why = format!("not installed, and the kernel has such rules ({tables})");
                    (name, Err(Failure::Failed(name, why)))
                }
                listing => listing,
            });
        }
        let asked = matches!(all[0].1, Ok(_) | Err(Failure::NotInstalled(_)));
        if asked && !of_nft && command::installed(self.nft) {
            let listing = run(self.nft);
            let empty = listing.1.as_ref().is_ok_and(|text| !iptables::is_nft(text));
            all.extend((!empty).then_some(listing));
        }
        all
    }
}

/// Lists the rules by the programs that are there: those of iptables for their own, `nft` for the
/// rest.
#[must_use]
pub fn list(root: &HostRoot, deadline: Instant) -> RuleSet {
    // All at once: each may need most of the time.
    let (listings, nft) = std::thread::scope(|scope| {
        let started = PROGRAMS.each_ref().map(|programs| {
            let list = move || programs.list(root, deadline);
            (programs, std::thread::Builder::new().spawn_scoped(scope, list))
        });
        let nft = command::run("nft", &["--numeric", "list", "ruleset"], deadline);
        let ended = started.map(|(programs, thread)| {
            let name = programs.usual;
            let lost = |why: &str| vec![(name, Err(Failure::Failed(name, why.to_owned())))];
            let listings = match thread {
                Ok(thread) => thread.join().unwrap_or_else(|_| lost("its thread ended")),
                Err(why) => lost(&refused(why).to_string()),
            };
            (programs, listings)
        });
        (ended, nft)
    });
    let (mut set, mut chains) = (RuleSet::default(), Chains::new());
    let mut take = |name, listed: Result<Rules, Failure>| match listed {
        Ok(rules) => set.listed.push(Rules { program: name, ..rules }),
        Err(why) => set.failed.push(why),
    };
    let parsed =
        |name, rules: Result<Rules, String>| rules.map_err(|why| Failure::Failed(name, why));
    for (programs, listings) in listings {
        for (name, listing) in listings {
            if let Ok(text) = &listing {
                chains.extend(iptables::chains(text, programs.family));
            }
            take(name, listing.and_then(|t| parsed(name, parse_iptables(&t, programs.family))));
        }
    }
    take("nft", nft.and_then(|text| parsed("nft", parse_nft(&text, &chains))));
    set.none = set.listed.is_empty();
    // One of the two tools suffices: the other's rules would be in the kernel only if it was used.
    set.failed.retain(|why| set.none || !matches!(why, Failure::NotInstalled(_)));
    set
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

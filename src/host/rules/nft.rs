//! What `nft list ruleset` lists (nft(8)).

use super::{Chains, Rules};
use crate::host::neigh::Family;

/// Reads the list, but for `chains` whose rules iptables lists.
///
/// # Errors
/// It is cut: a table has no end.
pub fn parse_nft(text: &str, chains: &Chains) -> Result<Rules, String> {
    let mut found = Rules::default();
    let mut depth = 0u32;
    let (mut kind, mut table) = ("", "");
    let (mut skipped, mut in_chain) = (false, false);
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').take(4).collect();
        let opens = line.ends_with('{');
        if depth == 0 {
            if let ["table", family, name, "{"] = words[..] {
                (kind, table) = (family, name);
            }
        } else if depth == 1 && opens {
            let name = words.get(1).copied().unwrap_or_default();
            in_chain = words.first() == Some(&"chain");
            skipped =
                in_chain && chains.contains(&(kind.to_owned(), table.to_owned(), name.to_owned()));
            let service = table == "kube-proxy" && name.starts_with("service-");
            found.kube_services += u64::from(in_chain && service && !skipped);
        } else if depth == 2 && in_chain && !skipped && line != "}" {
            rule(&mut found, kind, line);
        }
        // A rule may hold `{ 80, 443 }`, and a set or map its elements over several lines.
        let count = |c| line.bytes().filter(|b| *b == c).count() as u32;
        depth = (depth + count(b'{')).checked_sub(count(b'}')).ok_or("its braces do not match")?;
    }
    if depth != 0 { Err("its list is cut".to_owned()) } else { Ok(found) }
}

fn rule(found: &mut Rules, kind: &str, line: &str) {
    if line.starts_with("type ") || line.starts_with("policy ") || line.starts_with("comment ") {
        return;
    }
    found.rules += 1;
    // Words of a comment are no statement, nor is the name of a chain to go on with.
    let statements = line.split(" comment \"").next().unwrap_or(line);
    let words = || statements.split(' ');
    let before = std::iter::once("").chain(words());
    let translates = before
        .zip(words())
        .any(|w| matches!(w.1, "masquerade" | "snat") && !matches!(w.0, "jump" | "goto"));
    if translates {
        let family = match kind {
            "ip" => Some(Family::V4),
            "ip6" => Some(Family::V6),
            _ => None,
        };
        let random = statements.contains("fully-random") || statements.contains("random-fully");
        found.snat_rule(family, line, random);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str = r#"table ip nat {
	chain POSTROUTING {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 10.0.0.0/8 counter packets 0 bytes 0 masquerade
	}
}
table ip kube-proxy {
	comment "rules for kube-proxy"
	map service-ips {
		type ipv4_addr . inet_proto . inet_service : verdict
		elements = { 10.96.0.1 . tcp . 443 : goto service-2QRHZV4L-default/kubernetes/tcp/https,
			     10.96.0.10 . udp . 53 : goto service-NWBZK7IH-kube-system/kube-dns/udp/dns }
	}
	chain masquerading {
		mark & 0x00004000 == 0x00000000 return comment "no masquerade here"
		masquerade fully-random
	}
	chain service-2QRHZV4L-default/kubernetes/tcp/https {
		tcp dport { 80, 443 } accept
	}
}
"#;

    fn chains(names: &[&str]) -> Chains {
        names.iter().map(|name| ("ip".to_owned(), "nat".to_owned(), (*name).to_owned())).collect()
    }

    #[test]
    fn rules_of_chains_only() {
        let rules = parse_nft(LISTED, &chains(&["POSTROUTING"])).expect("a list");
        assert_eq!((rules.rules, rules.kube_services), (3, 1));
        assert_eq!((rules.all_snat(), rules.not_random()), (1, 0));
        // Chains of iptables' tables that it cannot show count, be it that it shows others.
        let all = parse_nft(LISTED, &chains(&["PREROUTING"])).expect("a list");
        assert_eq!((all.rules, all.all_snat(), all.not_random()), (4, 2, 1));
        assert_eq!(parse_nft("", &chains(&[])), Ok(Rules::default()));
        assert!(parse_nft(&LISTED[..LISTED.len() - 2], &chains(&[])).is_err(), "cut");
        assert!(parse_nft("}\n", &chains(&[])).is_err());
    }

    #[test]
    fn families_and_chains_that_have_the_name_of_a_statement() {
        let rule = |text: &str| {
            let mut found = Rules::default();
            text.lines().for_each(|line| {
                let (kind, line) = line.split_once(": ").expect("a family");
                super::rule(&mut found, kind, line);
            });
            found.snat.iter().map(|s| (s.family, s.rules, s.not_random)).collect::<Vec<_>>()
        };
        assert_eq!(rule("ip: ip saddr 10.0.0.0/8 jump snat\nip: goto masquerade"), []);
        let found = rule("ip6: masquerade\ninet: oifname \"a\" snat ip to 1.2.3.4 fully-random");
        assert_eq!(found, [(Some(Family::V6), 1, 1), (None, 1, 0)]);
    }
}

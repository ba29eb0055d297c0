//! What `nft list ruleset` lists (nft(8)).

use super::Rules;

/// Tables that iptables-nft keeps its rules in.
const OF_IPTABLES: [&str; 5] = ["filter", "nat", "mangle", "raw", "security"];

/// Reads the list; `without_iptables` leaves out tables that iptables-nft manages and
/// `iptables-save` lists.
///
/// # Errors
/// It is cut: a table has no end.
pub fn parse_nft(text: &str, without_iptables: bool) -> Result<Rules, String> {
    let mut found = Rules::default();
    let mut depth = 0u32;
    let (mut skipped, mut in_chain, mut kube) = (false, false, false);
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').take(4).collect();
        let opens = line.ends_with('{');
        if depth == 0 {
            if let ["table", family, name, "{"] = words[..] {
                let shared = matches!(family, "ip" | "ip6") && OF_IPTABLES.contains(&name);
                skipped = without_iptables && shared;
                kube = name == "kube-proxy";
            }
        } else if depth == 1 && opens {
            in_chain = words.first() == Some(&"chain");
            let service = words.get(1).is_some_and(|name| name.starts_with("service-"));
            found.kube_services += u64::from(kube && in_chain && service && !skipped);
        } else if depth == 2 && in_chain && !skipped && line != "}" {
            rule(&mut found, line);
        }
        // A rule may hold `{ 80, 443 }`, and a set or map its elements over several lines.
        let count = |c| line.bytes().filter(|b| *b == c).count() as u32;
        depth = (depth + count(b'{')).checked_sub(count(b'}')).ok_or("its braces do not match")?;
    }
    if depth != 0 { Err("its list is cut".to_owned()) } else { Ok(found) }
}

fn rule(found: &mut Rules, line: &str) {
    if line.starts_with("type ") || line.starts_with("policy ") || line.starts_with("comment ") {
        return;
    }
    found.rules += 1;
    // Words of a comment are no statement.
    let statements = line.split(" comment \"").next().unwrap_or(line);
    let has = |word: &str| statements.split(' ').any(|w| w == word);
    if has("masquerade") || has("snat") {
        let random = statements.contains("fully-random") || statements.contains("random-fully");
        found.snat_rule(line, random);
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

    #[test]
    fn rules_of_chains_only() {
        let rules = parse_nft(LISTED, true).expect("a list");
        assert_eq!((rules.rules, rules.kube_services), (3, 1));
        assert_eq!((rules.snat, rules.snat_not_random_count), (1, 0));
        let all = parse_nft(LISTED, false).expect("a list");
        assert_eq!((all.rules, all.snat, all.snat_not_random_count), (4, 2, 1));
        assert_eq!(parse_nft("", true), Ok(Rules::default()));
        assert!(parse_nft(&LISTED[..LISTED.len() - 2], true).is_err(), "cut");
        assert!(parse_nft("}\n", true).is_err());
    }
}

//! Rules that translate source addresses, of every kind that a kernel has at once: each is listed
//! once, of the namespace that is asked, and by the packets that it is for.

use std::thread;
use std::time::{Duration, Instant};

use stallprof::host::HostRoot;
use stallprof::host::neigh::Family;
use stallprof::host::rules::{RuleSet, list};

use super::world::{World, skipped};

fn listed(w: &World) -> RuleSet {
    thread::scope(|scope| {
        let listing = scope.spawn(|| {
            w.enter(0);
            list(&HostRoot::default(), Instant::now() + Duration::from_secs(5))
        });
        listing.join().expect("a list")
    })
}

/// Rules and those not fully at random of a program and family; none is nothing listed.
fn snat(set: &RuleSet, program: &str, family: Option<Family>) -> Option<(u64, u64)> {
    let rules = set.listed.iter().find(|rules| rules.program == program)?;
    let snat = rules.snat.iter().find(|snat| snat.family == family);
    Some(snat.map_or((0, 0), |snat| (snat.rules, snat.not_random)))
}

fn made(name: &str, lines: &[&str]) -> Option<World> {
    let made = World::new(&["rules"], &["iptables", "nft"]).and_then(|w| {
        lines.iter().try_for_each(|line| w.inside(0, line).map(|_| ()))?;
        Ok(w)
    });
    made.map_err(|why| skipped(name, &why)).ok()
}

#[test]
fn both_kinds_of_iptables_at_once() {
    let Some(w) = made(
        "both_kinds_of_iptables_at_once",
        &[
            "iptables-nft -t nat -A POSTROUTING -j MASQUERADE --random-fully",
            "iptables-nft -t nat -A POSTROUTING -p tcp -j SNAT --to-source 192.0.2.1",
            "ip6tables-nft -t nat -A POSTROUTING -j MASQUERADE",
            "iptables-legacy -t nat -A POSTROUTING -j MASQUERADE",
            "ip6tables-legacy -t nat -A POSTROUTING -j MASQUERADE --random-fully",
        ],
    ) else {
        return;
    };
    let set = listed(&w);
    assert!(set.failed.is_empty(), "{set:?}");
    let of = |program: &str, family| snat(&set, program, Some(family));
    let (v4, v6) = (Family::V4, Family::V6);
    // Which of the two is the usual one differs.
    let nft = set.listed.iter().all(|rules| rules.program != "iptables-nft-save");
    let kinds = |family: &str| match nft {
        true => [format!("{family}-save"), format!("{family}-legacy-save")],
        false => [format!("{family}-nft-save"), format!("{family}-save")],
    };
    let [new, old] = kinds("iptables");
    assert_eq!((of(&new, v4), of(&old, v4)), (Some((2, 1)), Some((1, 1))), "{set:#?}");
    let [new, old] = kinds("ip6tables");
    assert_eq!((of(&new, v6), of(&old, v6)), (Some((1, 1)), Some((1, 0))), "{set:#?}");
    for family in [v4, v6] {
        assert_eq!(of("nft", family), Some((0, 0)), "counted twice: {set:#?}");
    }
}

/// Tables that have the names of iptables' own, but not its rules: it lists them as empty.
#[test]
fn tables_of_nftables_that_iptables_cannot_show() {
    let Some(w) = made(
        "tables_of_nftables_that_iptables_cannot_show",
        &[
            "nft add table ip nat",
            "nft add chain ip nat post { type nat hook postrouting priority 90 ; }",
            "nft add rule ip nat post oifname lo masquerade",
            "iptables-nft -t nat -A POSTROUTING -j MASQUERADE --random-fully",
            "nft add table ip6 nat",
            "nft add chain ip6 nat POSTROUTING { type nat hook postrouting priority 100 ; }",
            "nft add rule ip6 nat POSTROUTING masquerade fully-random",
            "nft add table inet own",
            "nft add chain inet own post { type nat hook postrouting priority 110 ; }",
            "nft add rule inet own post meta nfproto ipv4 masquerade random",
        ],
    ) else {
        return;
    };
    let set = listed(&w);
    assert!(set.failed.is_empty(), "{set:?}");
    let nft = |family| snat(&set, "nft", family);
    assert_eq!(nft(Some(Family::V4)), Some((1, 1)), "{set:#?}");
    assert_eq!(nft(Some(Family::V6)), Some((1, 0)), "{set:#?}");
    assert_eq!(nft(None), Some((1, 1)), "{set:#?}");
    let own: u64 = set.listed.iter().map(stallprof::host::rules::Rules::all_snat).sum();
    assert_eq!(own, 4, "each once: {set:#?}");
}

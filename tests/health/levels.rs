//! What each check makes of values below, at and above its thresholds.

use stallprof::health::checks::CHECKS;
use stallprof::health::{Facts, Severity, examine};
use stallprof::host::cni::{CniFile, Lease, LeaseDir, parse_conf};
use stallprof::host::conntrack::CtFill;
use stallprof::host::pressure::{Pressure, Resource};
use stallprof::host::rules::Snat;
use stallprof::units::{Cpu, Nanos};

use super::facts::{conntrack, healthy, nic};
use super::{of, worst};
use Severity::{Critical, Notice, Ok as Fine, Unknown, Warning};

/// A healthy node but for what `change` does.
fn with(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = healthy();
    change(&mut facts);
    facts
}

fn first(facts: &mut Facts) -> &mut stallprof::health::NsFacts {
    &mut facts.namespaces.as_mut().unwrap().list[0]
}

#[test]
fn on_a_healthy_node_all_is_well_and_everything_is_said() {
    let report = examine(&healthy());
    for finding in &report.findings {
        assert_eq!(finding.severity, Fine, "{finding:?}");
        assert!(!finding.why.is_empty() && !finding.prove.is_empty() && !finding.help.is_empty());
        assert!(!finding.value.is_empty());
    }
    for check in CHECKS {
        assert!(!of(&report, check.name).is_empty(), "{} says nothing", check.name);
    }
    assert_eq!((report.worst, report.left_out.len()), (Fine, 0));
}

#[test]
fn dying_memcgs() {
    for (count, want) in [(999, Fine), (1_000, Notice), (5_000, Warning), (20_000, Critical)] {
        let facts = with(|f| f.dying.as_mut().unwrap().count = count);
        assert_eq!(worst(&facts, "dying-memcgs"), want, "{count}");
    }
}

#[test]
fn conntrack_fill_is_of_each_namespace() {
    for (entries, max, want) in [
        (749, 1_000, Fine),
        (750, 1_000, Warning),
        (950, 1_000, Critical),
        (1_001, 1_000, Critical),
        (5_000_000, 0, Fine),
    ] {
        let facts =
            with(|f| first(f).second.as_mut().unwrap().fill = Ok(Some(CtFill { entries, max })));
        assert_eq!(worst(&facts, "conntrack-fill"), want, "{entries} of {max}");
    }
}

#[test]
fn conntrack_losses_now_are_worse_than_long_ago() {
    let loss = |before: (u32, u32, u32), after: (u32, u32, u32)| {
        let facts = with(|f| {
            first(f).first.conntrack = Ok(Some(conntrack(before.0, before.1, before.2)));
            first(f).second.as_mut().unwrap().conntrack =
                Ok(Some(conntrack(after.0, after.1, after.2)));
        });
        worst(&facts, "conntrack-loss")
    };
    assert_eq!(loss((0, 0, 0), (0, 0, 0)), Fine, "clash_resolve alone is no loss");
    assert_eq!(loss((9, 9, 0), (9, 9, 0)), Notice);
    assert_eq!(loss((9, 9, 0), (10, 10, 0)), Warning);
    assert_eq!(loss((0, 0, 0), (50, 50, 0)), Critical, "a hundred a second");
    assert_eq!(loss((0, 0, 0), (0, 1, 0)), Critical, "a drop that is no lost race");
    assert_eq!(loss((0, 0, 0), (0, 0, 1)), Critical);
    assert_eq!(loss((u32::MAX, u32::MAX, 0), (0, 0, 0)), Warning, "it wrapped: one more");
    assert_eq!(loss((1_000, 1_000, 0), (3, 3, 0)), Unknown, "it was reset");
}

#[test]
fn snat_rules_that_cost_somebody_something() {
    let mut facts = with(|f| {
        let set = f.rules.as_mut().unwrap();
        let examples = vec!["-A POSTROUTING -j MASQUERADE".to_owned()];
        set.listed[0].snat = vec![Snat { rules: 2, not_random: 1, examples, ..Snat::default() }];
    });
    assert_eq!(worst(&facts, "snat-random"), Notice);
    first(&mut facts).first.conntrack = Ok(Some(conntrack(3, 3, 0)));
    assert_eq!(worst(&facts, "snat-random"), Warning);
}

#[test]
fn softnet_counts_per_cpu() {
    let softnet = |dropped: u32, squeezed: u32| {
        with(|f| {
            let row = &mut f.softnet.second.as_mut().unwrap()[1];
            (row.dropped, row.time_squeeze) = (dropped, squeezed);
        })
    };
    assert_eq!(worst(&softnet(1, 0), "softnet-drops"), Warning);
    assert_eq!(worst(&softnet(500, 0), "softnet-drops"), Critical);
    assert_eq!(worst(&softnet(u32::MAX - 4, 0), "softnet-drops"), Unknown, "it was reset");
    assert_eq!(worst(&softnet(0, 4), "softnet-squeeze"), Fine);
    assert_eq!(worst(&softnet(0, 5), "softnet-squeeze"), Notice);
    assert_eq!(worst(&softnet(0, 25), "softnet-squeeze"), Warning);
    let report = examine(&softnet(1, 0));
    assert_eq!(of(&report, "softnet-drops")[0].subject.as_deref(), Some("CPU 1"));
}

#[test]
fn receive_queues() {
    let rx = |nic| with(|f| f.rx.as_mut().unwrap().nics = vec![nic]);
    assert_eq!(worst(&rx(nic(4, &[5])), "rx-spread"), Warning, "all on one CPU");
    assert_eq!(worst(&rx(nic(1, &[5])), "rx-spread"), Notice, "one queue, no RPS");
    let mut rps = nic(1, &[5]);
    rps.rx[0].rps_cpus = Some(vec![Cpu(1)]);
    assert_eq!(worst(&rx(rps), "rx-spread"), Fine);
    let mut hidden = nic(1, &[5]);
    hidden.rx[0].rps_cpus = None;
    assert_eq!(worst(&rx(hidden), "rx-spread"), Unknown);
}

#[test]
fn neighbour_tables() {
    let with_entries = |entries, fulls| {
        with(|f| {
            let table = f.neigh[0].table.second.as_mut().unwrap();
            (table.entries, table.table_fulls) = (entries, Some(fulls));
        })
    };
    for (entries, want) in [(512, Fine), (513, Notice), (820, Warning), (973, Critical)] {
        assert_eq!(worst(&with_entries(entries, 0), "neighbours"), want, "{entries}");
    }
    assert_eq!(worst(&with_entries(5, 1), "neighbours"), Critical, "it refused one just now");
    let facts = with(|f| f.neigh[0].thresholds = Err("no".to_owned()));
    assert_eq!(worst(&facts, "neighbours"), Unknown);
}

#[test]
fn handshakes_fragments_and_ports() {
    let counted = |change: fn(&mut stallprof::host::mib::NetCounters)| {
        with(|f| change(first(f).second.as_mut().unwrap().counters.as_mut().unwrap()))
    };
    assert_eq!(worst(&counted(|c| c.listen_drops = Some(1)), "listen-overflows"), Warning);
    assert_eq!(worst(&counted(|c| c.listen_drops = None), "listen-overflows"), Unknown);
    assert_eq!(worst(&counted(|c| c.syn_retrans = Some(2)), "syn-retransmits"), Notice);
    assert_eq!(worst(&counted(|c| c.syn_retrans = Some(9)), "syn-retransmits"), Warning);
    assert_eq!(worst(&counted(|c| c.syn_retrans = Some(99)), "syn-retransmits"), Critical);
    assert_eq!(worst(&counted(|c| c.frag_fails = Some(3)), "fragmentation"), Warning);
    let used =
        |n| with(|f| first(f).second.as_mut().unwrap().sockets.as_mut().unwrap().time_wait = n);
    assert_eq!(worst(&used(20_000), "ephemeral-ports"), Fine);
    assert_eq!(worst(&used(22_600), "ephemeral-ports"), Warning);
}

#[test]
fn pressure_steal_and_throttling() {
    let pressed = |of, some, full| {
        with(|f| f.pressure = vec![(of, Ok(Pressure { some: Some(some), full: Some(full) }))])
    };
    assert_eq!(worst(&pressed(Resource::Memory, 9_999, 1_499), "pressure"), Fine);
    assert_eq!(worst(&pressed(Resource::Memory, 0, 1_500), "pressure"), Warning);
    assert_eq!(worst(&pressed(Resource::Io, 0, 6_000), "pressure"), Critical);
    assert_eq!(worst(&pressed(Resource::Cpu, 9_900, 0), "pressure"), Warning, "busy is not broken");
    let steal = |ms| with(|f| f.steal.second.as_mut().unwrap()[0].1 = Nanos::from_millis(ms));
    for (ms, want) in [(10, Fine), (50, Warning), (200, Critical), (60_000, Unknown)] {
        assert_eq!(worst(&steal(ms), "steal"), want, "{ms} ms of 1 s");
    }
    let throttled = |periods, throttled| {
        with(|f| {
            let stat = f.cgroups.as_mut().unwrap().limited[0].second.as_mut().unwrap();
            (stat.periods, stat.throttled) = (periods, throttled);
        })
    };
    assert_eq!(worst(&throttled(1_005, 11), "cpu-throttling"), Fine, "1 of 5");
    assert_eq!(worst(&throttled(1_005, 12), "cpu-throttling"), Warning, "2 of 5");
    assert_eq!(worst(&throttled(900, 5), "cpu-throttling"), Fine, "made anew under its name");
    assert_eq!(worst(&throttled(1_000, 400), "cpu-throttling"), Notice, "in no period?");
}

#[test]
fn cni_and_leases() {
    let good = r#"{"name":"n","type":"ptp","ipam":{"type":"host-local","subnet":"10.0.0.0/29"}}"#;
    let file = |name: &str, text: &str| CniFile { name: name.to_owned(), conf: parse_conf(text) };
    let cni = |files: Vec<CniFile>| with(|f| f.cni = Ok(Some(files)));
    assert_eq!(worst(&cni(vec![file("10", good)]), "cni"), Fine);
    assert_eq!(worst(&cni(vec![file("10", "{")]), "cni"), Critical);
    assert_eq!(worst(&cni(vec![file("05", "{"), file("10", good)]), "cni"), Warning);
    assert_eq!(worst(&cni(vec![file("10", good), file("20", "{")]), "cni"), Notice);
    assert_eq!(worst(&with(|f| f.kubelet = true), "cni"), Unknown);

    let id = |n: u32| format!("{n:064x}");
    let leases = |held: &[u32], living: &[u32]| {
        let mut facts = cni(vec![file("10", good)]);
        let lease = |n: &u32| Lease {
            address: std::net::Ipv4Addr::from(0x0a00_0002 + n).into(),
            container: Some(id(*n)),
            fresh: false,
        };
        let leases = held.iter().map(lease).collect();
        facts.leases = Ok(Some(vec![LeaseDir { network: "n".to_owned(), leases, cut: false }]));
        let ids = living.iter().map(|n| id(*n).into_bytes().try_into().unwrap());
        facts.cgroups.as_mut().unwrap().containers = ids.collect();
        facts
    };
    assert_eq!(worst(&leases(&[1, 2], &[1, 2, 3]), "ipam-leases"), Fine);
    assert_eq!(worst(&leases(&[1, 2], &[1]), "ipam-leases"), Notice, "one is stale");
    assert_eq!(worst(&leases(&[1, 2], &[]), "ipam-leases"), Unknown, "no container is seen");
    assert_eq!(worst(&leases(&[1, 2, 3, 4, 5], &[1, 2, 3, 4, 5]), "ipam-leases"), Critical);
    let mut cut = leases(&[1, 2], &[1]);
    cut.cgroups.as_mut().unwrap().cut = true;
    assert_eq!(worst(&cut, "ipam-leases"), Unknown, "its cgroup may be among those not visited");
}

#[test]
fn rules_and_modes() {
    let rules = |services, rules| {
        with(|f| {
            let listed = &mut f.rules.as_mut().unwrap().listed[0];
            (listed.service_rules, listed.rules, listed.kube_services) =
                (services, rules, services);
        })
    };
    for (services, all, want) in
        [(999, 9_999, Fine), (1_000, 1_000, Notice), (5_000, 5_000, Warning), (0, 50_000, Warning)]
    {
        assert_eq!(worst(&rules(services, all), "rules"), want, "{services}, {all}");
    }
    let report = examine(&rules(1_000, 9_000));
    assert!(of(&report, "rules")[0].value.contains("mode iptables"), "{report:?}");
    let mut ipvs = healthy();
    ipvs.ipvs = Some(12);
    assert!(of(&examine(&ipvs), "rules")[0].value.contains("mode ipvs, 12 virtual services"));
}

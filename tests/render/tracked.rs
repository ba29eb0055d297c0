//! Connection tracking in the made-up incident: each verdict, each field filled at least once.

use super::incident::{ms, task};
use super::names::Names;
use super::tape::at;
use stallprof::model::findings::*;
use stallprof::units::Cpu;

fn counter(name: &str, cpus: &[(u32, u64)]) -> CtCounter {
    CtCounter {
        counter: name.to_owned(),
        count: cpus.iter().map(|(_, n)| n).sum(),
        cpus: cpus.iter().map(|&(cpu, count)| CtShare { cpu: Cpu(cpu), count }).collect(),
    }
}

fn namespace(netns: u64, name: &str, counters: Vec<CtCounter>) -> CtNamespace {
    CtNamespace {
        netns,
        name: name.to_owned(),
        cgroup: None,
        workload: None,
        source: "ctnetlink".into(),
        start: at(0.0),
        end: at(30_000.0),
        readings: 31,
        entries: Some(1_203),
        max: Some(262_144),
        counters,
        problem: None,
    }
}

fn failed(time: f64, protocol: &str, verdict: CtVerdict, translation: Translation) -> FailedFlow {
    FailedFlow {
        time: at(time),
        cpu: Cpu(3),
        netns: 4_026_531_833,
        verdict,
        family: Some("IPv4"),
        protocol: protocol.to_owned(),
        from: "10.244.1.17:41234".into(),
        to: "10.96.0.10:53".into(),
        translation,
        translated_from: None,
        translated_to: None,
        hook: Some("prerouting"),
        reason: Some("NETFILTER_DROP".into()),
        function: Some("nf_hook_slow".into()),
        task: None,
        in_softirq: true,
        sent_again_after: None,
        not_joined: Some("only TCP sends again by itself"),
    }
}

pub fn conntrack(names: &Names) -> Conntrack {
    let reader = names.reader();
    let pod = CtNamespace {
        cgroup: reader.cgroup.clone(),
        workload: reader.workload.as_deref().cloned(),
        entries: Some(1_203),
        max: None,
        problem: Some("insert_failed fell from 5 to 0: reset".into()),
        ..namespace(4_026_532_386, names.irq, vec![counter("insert_failed", &[])])
    };
    let host = namespace(
        4_026_531_833,
        "host",
        vec![
            counter("insert_failed", &[(3, 2), (11, 1)]),
            counter("drop", &[(3, 7), (11, 1)]),
            counter("clash_resolve", &[(0, 4)]),
        ],
    );
    let raced = FailedFlow {
        to: "10.0.1.9:80".into(),
        translated_from: Some("172.16.47.27:41234".into()),
        translated_to: Some("10.0.1.9:80".into()),
        hook: Some("postrouting"),
        task: Some(task(names.comm, 911, 914)),
        sent_again_after: Some(ms(1_031.0)),
        not_joined: None,
        ..failed(4_000.0, "TCP", CtVerdict::InsertFailed, Translation::Snat)
    };
    let service = FailedFlow {
        translated_from: Some("10.244.1.17:41234".into()),
        translated_to: Some("10.244.2.3:53".into()),
        ..failed(4_100.0, "UDP", CtVerdict::InsertFailed, Translation::Dnat)
    };
    let both = FailedFlow { translation: Translation::SnatDnat, ..service.clone() };
    Conntrack {
        namespaces: vec![host, pod],
        failed: vec![
            raced,
            service,
            FailedFlow { time: at(4_150.0), ..both },
            failed(9_000.0, "UDP", CtVerdict::TableFull, Translation::Unknown),
            failed(9_100.0, "UDP", CtVerdict::NoEntry, Translation::Unknown),
            failed(9_150.0, "UDP", CtVerdict::FullOrNoEntry, Translation::Unknown),
            failed(9_200.0, "ICMP", CtVerdict::Unclear, Translation::None),
            failed(9_300.0, "UDP", CtVerdict::NotCounted, Translation::Unknown),
        ],
        by_rules: 214,
        unseen: 2,
        syn_retransmits: 3,
        rules: vec![SnatRules {
            netns: 4_026_531_833,
            program: Some("iptables-save".into()),
            family: Some("IPv4"),
            rules: 2,
            not_random: 1,
            example: Some(format!(
                "-A POSTROUTING -m comment --comment {} -j MASQUERADE",
                names.file
            )),
            problem: Some("nft: Permission denied".into()),
        }],
        advice: vec!["ports chosen fully at random: add --random-fully".into()],
        left_out: vec!["2 network namespaces not read at the end: no time".into()],
    }
}

//! Made-up losses of connection tracking: what was dropped is set against what was counted, and
//! joined with the SYN that was sent again.

use stallprof::analysis::analyse;
use stallprof::model::findings::{Conntrack, CtVerdict, Translation};
use stallprof::model::*;
use stallprof::units::Cpu;

use super::tape::{START, Tape, at};

const ROUTER: u64 = 4_026_532_386;
const CLIENT: u64 = 4_026_532_317;
/// `enum ip_conntrack_status`: translated, and the hooks that translate behind it.
const SNAT: u32 = 1 << 4 | 1 << 7;
const DNAT: u32 = 1 << 5 | 1 << 7;

fn tape() -> Tape {
    let mut tape = Tape::new();
    let method = Some("tp_btf".to_owned());
    let probe = |name: &str| ProbeStatus {
        name: name.into(),
        method: method.clone(),
        ..Default::default()
    };
    tape.0.meta.probes = vec![probe("ct_stats"), probe("conntrack")];
    (tape.0.meta.start, tape.0.end) = (START, Some(at(9_000.0)));
    reading(&mut tape, ROUTER, 0.0, None, &[]);
    tape
}

/// A reading so many milliseconds after the start, and what had grown since the one before.
fn reading(tape: &mut Tape, netns: u64, ms: f64, since: Option<f64>, grown: &[(&str, u64)]) {
    let counters = tape.str("insert_failed drop early_drop clash_resolve");
    let since = since.map_or(Default::default(), at);
    let (time, max) = (at(ms), 1_000);
    let row = CtReading { time, netns, since, counters, entries: 10, max, ..Default::default() };
    tape.0.ct_readings.push(row);
    for &(counter, count) in grown {
        let counter = tape.str(counter);
        tape.0.ct_grown.push(CtGrown { time, netns, cpu: Cpu(1), counter, count });
    }
}

fn flow(tape: &mut Tape, source_port: u16) -> Flow {
    let (source, target) = (tape.str("10.0.0.2"), tape.str("10.0.1.9"));
    Flow { source, source_port, target, target_port: 80 }
}

/// A drop of the first packet from a port.
fn drop(tape: &mut Tape, ms: f64, port: u16, protocol: u8, status: u32) {
    let sent = flow(tape, port);
    let stack = tape.stack(&["sk_skb_reason_drop", "nf_hook_slow", "ip_output"], true);
    let (time, netns) = (at(ms), ROUTER);
    let tracked = status != 0;
    let row = CtDrop { time, netns, protocol, sent, tracked, status, stack, ..Default::default() };
    tape.0.ct_drops.push(row);
}

fn syn(tape: &mut Tape, ms: f64, port: u16, netns: u64) {
    let flow = flow(tape, port);
    tape.0.syn_retransmits.push(SynRetransmit { time: at(ms), netns, flow, ..Default::default() });
}

fn found(tape: &Tape) -> Conntrack {
    analyse(&tape.0).conntrack.unwrap()
}

fn verdicts(tape: &Tape) -> Vec<CtVerdict> {
    found(tape).failed.iter().map(|f| f.verdict).collect()
}

#[test]
fn a_dropped_syn_is_joined_with_the_one_sent_again() {
    let mut tape = tape();
    drop(&mut tape, 500.0, 41_234, 6, SNAT);
    drop(&mut tape, 600.0, 41_235, 6, DNAT);
    drop(&mut tape, 700.0, 53, 17, SNAT | DNAT);
    // One of another connection, one too soon, the right one, and one more.
    for (ms, port) in [(1_400.0, 7), (900.0, 41_234), (1_531.0, 41_234), (2_561.0, 41_234)] {
        syn(&mut tape, ms, port, CLIENT);
    }
    tape.0.syn_retransmits.sort_by_key(|syn| syn.time);
    reading(&mut tape, ROUTER, 1_000.0, Some(0.0), &[("insert_failed", 3), ("drop", 3)]);
    let ct = found(&tape);
    let [raced, unanswered, datagram] = &ct.failed[..] else { panic!("{ct:?}") };
    assert_eq!(raced.sent_again_after.map(|d| d.0), Some(1_031_000_000));
    assert_eq!((raced.verdict, raced.translation), (CtVerdict::InsertFailed, Translation::Snat));
    assert_eq!((raced.from.as_str(), raced.hook), ("10.0.0.2:41234", Some("postrouting")));
    assert_eq!((unanswered.sent_again_after, unanswered.translation), (None, Translation::Dnat));
    assert_eq!(unanswered.not_joined, Some("no SYN was seen to be sent again on this host"));
    assert_eq!(datagram.translation, Translation::SnatDnat);
    assert_eq!(datagram.not_joined, Some("only TCP sends again by itself"));
    assert_eq!(ct.namespaces[0].count("insert_failed"), Some(3));
    assert_eq!((raced.family, ct.unseen), (Some("IPv4"), 0));
    // No rules were listed: what would help is told with an if, and what is not known beside it.
    assert!(ct.advice[0].contains("if rules translate source addresses"), "{:?}", ct.advice);
    assert!(ct.left_out[0].starts_with("the rules of net:[4026532386]"), "{:?}", ct.left_out);
}

/// What helps against a lost race depends on what was translated, of which packets, and by which
/// rules of which namespace.
#[test]
fn advice_follows_from_what_was_translated() {
    let advice = |status: u32, listed: &[(u64, &str, u8, u64, u64)]| {
        let mut tape = tape();
        drop(&mut tape, 500.0, 41_234, 6, status);
        reading(&mut tape, ROUTER, 1_000.0, Some(0.0), &[("insert_failed", 1), ("drop", 1)]);
        for &(netns, program, family, rules, not_random) in listed {
            let program = tape.str(program);
            let row = NatRules { netns, program, family, rules, not_random, ..Default::default() };
            tape.0.nat_rules.push(row);
        }
        found(&tape).advice
    };
    let random = |advice: Vec<String>| advice[0].contains("--random-fully");
    let (v4, v6, nft) = ("iptables-save", "ip6tables-save", "nft");
    assert!(random(advice(SNAT, &[(ROUTER, v4, 4, 2, 1), (ROUTER, nft, 0, 0, 0)])));
    assert!(random(advice(SNAT | DNAT, &[(ROUTER, nft, 0, 1, 1)])));
    // Rules of the other family, or of another namespace, had no part in it.
    let others = [(ROUTER, v4, 4, 1, 0), (ROUTER, v6, 6, 1, 1), (CLIENT, v4, 4, 1, 1)];
    assert!(advice(SNAT, &others)[0].contains("at random already"));
    assert!(advice(SNAT, &others[1..])[0].contains("if rules translate"));
    assert!(advice(SNAT, &[(ROUTER, v4, 4, 0, 0)])[0].contains("no source NAT rule"));
    // A program that gave no list may be the one that made the rule.
    let perhaps = [(ROUTER, v4, 4, 1, 0), (ROUTER, "", 0, 0, 0)];
    assert!(advice(SNAT, &perhaps)[0].contains("if rules translate"));
    let receiver = advice(DNAT, &[(ROUTER, v4, 4, 1, 1)]);
    assert!(receiver.len() == 1 && receiver[0].contains("only the receiver"), "{receiver:?}");
}

/// Lost races of which no packet was seen are told as such, whatever the rules are.
#[test]
fn losses_that_were_not_seen_are_told() {
    let mut tape = tape();
    drop(&mut tape, 500.0, 1, 6, SNAT);
    reading(&mut tape, ROUTER, 1_000.0, Some(0.0), &[("insert_failed", 3), ("drop", 3)]);
    assert_eq!((verdicts(&tape).len(), found(&tape).unseen), (1, 2));
}

#[test]
fn a_syn_of_two_namespaces_or_after_the_end_is_not_joined() {
    let mut tape = tape();
    drop(&mut tape, 500.0, 1, 6, SNAT);
    syn(&mut tape, 1_500.0, 1, CLIENT);
    syn(&mut tape, 1_501.0, 1, CLIENT + 1);
    drop(&mut tape, 8_900.0, 2, 6, SNAT);
    reading(&mut tape, ROUTER, 9_000.0, Some(0.0), &[("insert_failed", 2), ("drop", 2)]);
    let why: Vec<_> = found(&tape).failed.iter().map(|f| f.not_joined.unwrap()).collect();
    assert!(why[0].contains("two network namespaces") && why[1].contains("ended"), "{why:?}");
}

/// One reading tells of no growth: that is not a growth of zero.
#[test]
fn a_namespace_that_was_read_once_is_not_known_to_have_lost_nothing() {
    let mut tape = tape();
    reading(&mut tape, CLIENT, 0.0, None, &[]);
    reading(&mut tape, CLIENT, 1_000.0, Some(0.0), &[]);
    let ct = found(&tape);
    let counted = |netns: u64| {
        let found = ct.namespaces.iter().find(|n| n.netns == netns);
        found.and_then(|n| n.count("insert_failed"))
    };
    assert_eq!((counted(ROUTER), counted(CLIENT)), (None, Some(0)));
}

/// Its record may be one of those that were lost.
#[test]
fn a_syn_whose_record_may_be_lost_is_told_so() {
    let mut tape = tape();
    drop(&mut tape, 500.0, 1, 6, SNAT);
    drop(&mut tape, 8_900.0, 2, 6, SNAT);
    reading(&mut tape, ROUTER, 9_000.0, Some(0.0), &[("insert_failed", 2), ("drop", 2)]);
    let probe = tape.str("sampler");
    let other = Lost { time: at(2_000.0), probe, ring_full: 1, ..Default::default() };
    tape.0.lost.push(other);
    let why = |tape: &Tape| -> Vec<_> {
        found(tape).failed.iter().map(|f| f.not_joined.unwrap()).collect()
    };
    assert!(why(&tape).iter().all(|why| !why.contains("lost")), "{:?}", why(&tape));
    let probe = tape.str("conntrack");
    tape.0.lost.push(Lost { probe, ..other });
    let why = why(&tape);
    assert!(why[0].contains("records were lost") && why[1].contains("ended"), "{why:?}");
}

#[test]
fn a_rules_drop_is_no_lost_race() {
    let mut tape = tape();
    drop(&mut tape, 500.0, 1, 6, SNAT);
    drop(&mut tape, 600.0, 2, 6, 1 << 8);
    drop(&mut tape, 700.0, 3, 17, 0);
    reading(&mut tape, ROUTER, 1_000.0, Some(0.0), &[("clash_resolve", 7)]);
    let ct = found(&tape);
    assert!(ct.failed.is_empty() && ct.advice.is_empty(), "nothing was counted as lost: {ct:?}");
    assert_eq!(ct.by_rules, 3);
}

/// More packets were dropped than the kernel counts lost races: each may be a rule's.
#[test]
fn more_drops_than_losses_are_unclear() {
    let mut tape = tape();
    drop(&mut tape, 500.0, 1, 6, SNAT);
    drop(&mut tape, 600.0, 2, 6, SNAT);
    reading(&mut tape, ROUTER, 1_000.0, Some(0.0), &[("insert_failed", 1), ("drop", 1)]);
    assert_eq!(verdicts(&tape), [CtVerdict::Unclear, CtVerdict::Unclear]);
    // Later ones, with calm between, are judged by themselves.
    reading(&mut tape, ROUTER, 2_000.0, Some(1_000.0), &[]);
    drop(&mut tape, 2_500.0, 3, 6, SNAT);
    reading(&mut tape, ROUTER, 3_000.0, Some(2_000.0), &[("insert_failed", 1), ("drop", 1)]);
    assert_eq!(verdicts(&tape)[2], CtVerdict::InsertFailed);
}

/// A packet that is counted just before a reading and dropped just after it.
#[test]
fn a_loss_at_a_reading_counts_on_both_sides_of_it() {
    let mut tape = tape();
    reading(&mut tape, ROUTER, 1_000.0, Some(0.0), &[("insert_failed", 1), ("drop", 1)]);
    drop(&mut tape, 1_000.001, 1, 6, SNAT);
    reading(&mut tape, ROUTER, 2_000.0, Some(1_000.0), &[]);
    assert_eq!(verdicts(&tape), [CtVerdict::InsertFailed]);
}

#[test]
fn a_full_table_and_one_that_cannot_grow() {
    let mut tape = tape();
    drop(&mut tape, 500.0, 1, 17, 0);
    tape.0.ct_drops[0].stack = tape.stack(&["nf_hook_slow", "ip_rcv"], true);
    reading(&mut tape, ROUTER, 1_000.0, Some(0.0), &[("drop", 5)]);
    assert_eq!(verdicts(&tape), [CtVerdict::NoEntry]);
    tape.0.ct_readings[1].entries = 990;
    assert_eq!(verdicts(&tape), [CtVerdict::TableFull]);
    assert!(found(&tape).advice[0].contains("nf_conntrack_max"));
    // On its way through nothing is looked up any more.
    tape.0.ct_drops[0].stack = tape.stack(&["nf_hook_slow", "ip_forward"], true);
    assert_eq!(verdicts(&tape), []);
}

/// Not known is neither full nor not full, and no number.
#[test]
fn a_table_that_may_have_been_full() {
    let mut tape = tape();
    drop(&mut tape, 500.0, 1, 17, 0);
    tape.0.ct_drops[0].stack = tape.stack(&["nf_hook_slow", "ip_rcv"], true);
    reading(&mut tape, ROUTER, 1_000.0, Some(0.0), &[("drop", 5)]);
    let fill = |tape: &Tape| {
        let n = &found(tape).namespaces[0];
        (n.entries, n.max)
    };
    for reading in &mut tape.0.ct_readings {
        (reading.entries, reading.max) = (0, 0);
    }
    assert_eq!((verdicts(&tape), fill(&tape)), (vec![CtVerdict::FullOrNoEntry], (None, None)));
    for reading in &mut tape.0.ct_readings {
        (reading.entries, reading.entries_known) = (990, true);
    }
    let perhaps = (vec![CtVerdict::FullOrNoEntry], (Some(990), None));
    assert_eq!((verdicts(&tape), fill(&tape)), perhaps);
    // No limit is known to be none.
    tape.0.ct_readings.iter_mut().for_each(|reading| reading.max_known = true);
    assert_eq!((verdicts(&tape), fill(&tape)), (vec![CtVerdict::NoEntry], (Some(990), Some(0))));
}

/// An incident's first reading tells what grew since one before the recording.
#[test]
fn growth_is_told_with_the_time_it_took() {
    let mut tape = tape();
    tape.0.ct_readings.clear();
    reading(&mut tape, ROUTER, 1_000.0, Some(250.0), &[("insert_failed", 3)]);
    reading(&mut tape, ROUTER, 3_000.0, Some(1_000.0), &[("insert_failed", 1)]);
    let n = &found(&tape).namespaces[0];
    assert_eq!((n.count("insert_failed"), n.start, n.end), (Some(4), at(250.0), at(3_000.0)));
}

#[test]
fn where_counters_are_not_known_no_verdict_is() {
    let mut tape = tape();
    drop(&mut tape, 500.0, 1, 6, SNAT);
    assert_eq!(verdicts(&tape), [CtVerdict::NotCounted], "there is no second reading");
    reading(&mut tape, ROUTER, 1_000.0, Some(0.0), &[("insert_failed", 1), ("drop", 1)]);
    assert_eq!(verdicts(&tape), [CtVerdict::InsertFailed]);
    tape.0.ct_readings[1].problem = tape.str("insert_failed fell from 5 to 0: reset");
    assert_eq!(verdicts(&tape), [CtVerdict::NotCounted]);
    tape.0.meta.probes.clear();
    assert!(analyse(&tape.0).conntrack.is_none(), "not recorded is not nothing lost");
}

//! Values of impossible size, in every field: no overflow, no absurd difference.

use stallprof::health::{Severity, examine};
use stallprof::host::conntrack::CtFill;
use stallprof::host::mib::NetCounters;
use stallprof::host::neigh::NeighTable;
use stallprof::host::sockets::SockStat;
use stallprof::host::throttle::CpuStat;
use stallprof::units::Nanos;

use super::facts::{conntrack, healthy, twice};

#[test]
fn the_largest_and_the_smallest_values() {
    for (before, after) in [(0, u64::MAX), (u64::MAX, 0), (u64::MAX, u64::MAX), (1, 0)] {
        let mut facts = healthy();
        let counters = |n| NetCounters {
            active_opens: Some(n),
            syn_retrans: Some(n),
            listen_overflows: Some(n),
            listen_drops: Some(n),
            frag_fails: Some(n),
            frag_creates: Some(n),
            reasm_fails: Some(n),
        };
        let ns = &mut facts.namespaces.as_mut().unwrap().list[0];
        ns.first.counters = Ok(counters(before));
        ns.first.conntrack = Ok(Some(conntrack(before as u32, before as u32, before as u32)));
        let second = ns.second.as_mut().unwrap();
        second.counters = Ok(counters(after));
        second.conntrack = Ok(Some(conntrack(after as u32, after as u32, after as u32)));
        second.fill = Ok(Some(CtFill { entries: after, max: 1 }));
        second.sockets = Ok(SockStat { inuse: after, time_wait: after });
        let table = |n| NeighTable { entries: n, table_fulls: Some(n), forced_gc: Some(n) };
        facts.neigh[0].table = twice(table(after));
        facts.neigh[0].table.first = Ok(table(before));
        facts.steal.second.as_mut().unwrap()[0].1 = Nanos(after);
        facts.steal.window = Nanos(0);
        let stat = |n| CpuStat { periods: n, throttled: n, time: Nanos(n) };
        let limited = &mut facts.cgroups.as_mut().unwrap().limited[0];
        (limited.first, limited.second) = (Some(stat(before)), Some(stat(after)));
        facts.softnet.window = Nanos(0);
        facts.dying.as_mut().unwrap().count = after;
        let report = examine(&facts);
        if (before, after) == (u64::MAX, 0) {
            // Of 32 bits this is a wrap: one more.
            for finding in report.findings.iter().filter(|f| f.check != "conntrack-loss") {
                let grown = finding.numbers.values().copied().max().unwrap_or(0);
                assert!(grown < 1 << 40, "a reset is no growth: {finding:?}");
                assert_ne!(finding.severity, Severity::Critical, "{finding:?}");
            }
        }
    }
}

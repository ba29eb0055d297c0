//! What was lost in connection tracking, and which connections it cost how much.

use std::io;

use super::super::escape;
use super::super::ink::Text;
use super::super::layout::Layout;
use super::super::text::{count, percent, plural, time};
use super::super::words;
use crate::model::findings::*;
use crate::model::remedies::NO_SHARE;

/// Connections told one by one.
const FLOWS: usize = 6;
/// Namespaces told one by one.
const NAMESPACES: usize = 4;
/// Counters that tell of losses, in the order of their weight.
const LOSSES: [&str; 5] = ["insert_failed", "drop", "early_drop", "chaintoolong", "error"];

pub(in crate::render) fn conntrack(layout: &mut Layout<'_>, f: &Findings) -> io::Result<()> {
    let Some(ct) = &f.conntrack else { return Ok(()) };
    let lossy: Vec<&CtNamespace> = ct.namespaces.iter().filter(|n| lost(n)).collect();
    if lossy.is_empty() && ct.failed.is_empty() && ct.syn_retransmits == 0 {
        return calm(layout, ct);
    }
    layout.section("Connection tracking")?;
    for n in lossy.iter().take(NAMESPACES) {
        namespace(layout, n)?;
    }
    if lossy.is_empty() && !ct.namespaces.is_empty() {
        layout.put(4, &Text::new().plain(&nothing_lost(ct)))?;
    }
    more(layout, lossy.len().saturating_sub(NAMESPACES), "more namespace")?;
    flows(layout, ct)?;
    others(layout, ct)?;
    rules(layout, ct)?;
    for advice in &ct.advice {
        layout.put(14, &Text::new().plain("  What helps: ").plain(advice))?;
    }
    left_out(layout, ct)
}

pub(in crate::render) fn lost(n: &CtNamespace) -> bool {
    LOSSES.iter().any(|counter| n.count(counter).unwrap_or(0) > 0) || n.problem.is_some()
}

/// Nothing happened: one line, where anything is tracked at all.
fn calm(layout: &mut Layout<'_>, ct: &Conntrack) -> io::Result<()> {
    if ct.namespaces.is_empty() {
        return Ok(());
    }
    layout.blank()?;
    layout.put(2, &Text::new().dim(&nothing_lost(ct)))?;
    left_out(layout, ct)
}

pub(in crate::render) fn nothing_lost(ct: &Conntrack) -> String {
    let (read, once): (Vec<_>, Vec<_>) = ct.namespaces.iter().partition(|n| !n.counters.is_empty());
    let resolved = ct.namespaces.iter().filter_map(CtNamespace::resolved);
    let resolved = match resolved.fold(0u64, u64::saturating_add) {
        0 => String::new(),
        n => format!(" The kernel put {} right by itself (clash_resolve).", races(n)),
    };
    let namespaces = |n: usize| plural(n, "network namespace");
    let of_once = format!("lost in {} is not known: read once.", namespaces(once.len()));
    let of_read = match read.len() {
        1 => "lost nothing in the network namespace that was read more than once.".to_owned(),
        n => format!("lost nothing in the {} that were read more than once.", namespaces(n)),
    };
    match (read.len(), once.len()) {
        (_, 0) => format!("Connection tracking {of_read}{resolved}"),
        (0, _) => format!("What connection tracking {of_once}"),
        _ => format!("Connection tracking {of_read}{resolved} What it {of_once}"),
    }
}

fn races(n: u64) -> String {
    plural(usize::try_from(n).unwrap_or(usize::MAX), "race")
}

/// `host: insert_failed 12 (CPU 0: 8, CPU 1: 4; ...); in 29.8 s, first to last reading; at most 600 of
/// 262,144 entries`.
fn namespace(layout: &mut Layout<'_>, n: &CtNamespace) -> io::Result<()> {
    let facts = format!(": {}", facts(n).join("; "));
    layout.put(6, &Text::new().plain("  ").plain(&name(n)).plain(&facts))
}

/// What was counted in a namespace.
pub(in crate::render) fn facts(n: &CtNamespace) -> Vec<String> {
    let mut facts = Vec::new();
    for counter in LOSSES {
        let Some(c) = n.counters.iter().find(|c| c.counter == counter && c.count > 0) else {
            continue;
        };
        // A lost race is counted in both.
        if counter == "drop" && Some(c.count) == n.count("insert_failed") {
            continue;
        }
        let cpus: Vec<String> =
            c.cpus.iter().map(|s| format!("CPU\u{a0}{}: {}", s.cpu, count(s.count))).collect();
        let share = match n.count("new").filter(|new| *new >= c.count) {
            _ if counter != "insert_failed" => String::new(),
            Some(new) => format!("; {} of {} new entries", percent(c.count, new), count(new)),
            None => format!("; {NO_SHARE}"),
        };
        facts.push(format!("{counter}\u{a0}{} ({}{share})", count(c.count), cpus.join(", ")));
    }
    if let Some(resolved) = n.resolved().filter(|n| *n > 0) {
        facts.push(format!("clash_resolve\u{a0}{} (no loss)", count(resolved)));
    }
    if !facts.is_empty() {
        let within = time(n.end.since(n.start));
        facts.push(format!("in {within}, first to last reading"));
    }
    facts.push(fill(n));
    if let Some(problem) = &n.problem {
        facts.push(format!("not known all the time: {problem}"));
    }
    facts
}

/// How full the table was.
fn fill(n: &CtNamespace) -> String {
    match (n.entries, n.max) {
        (None, _) => "how many entries it had is not known".to_owned(),
        (Some(entries), None) => {
            format!("at most {} entries, how many there can be is not known", count(entries))
        }
        (Some(entries), Some(0)) => format!("at most {} entries, without a limit", count(entries)),
        (Some(entries), Some(max)) => {
            format!("at most {} of {} entries", count(entries), count(max))
        }
    }
}

pub(in crate::render) fn name(n: &CtNamespace) -> String {
    let name = escape::bounded(&n.name, 60);
    match n.workload.as_ref().and_then(|w| w.pod_uid.as_ref()) {
        Some(uid) if n.name != "host" => format!("{name} (pod\u{a0}{})", escape::terminal(uid)),
        _ => name.into_owned(),
    }
}

fn flows(layout: &mut Layout<'_>, ct: &Conntrack) -> io::Result<()> {
    let mut flows: Vec<&FailedFlow> = ct.failed.iter().collect();
    flows.sort_by_key(|f| (std::cmp::Reverse(f.sent_again_after), f.verdict, f.time));
    for flow in flows.iter().take(FLOWS) {
        layout.put(6, &Text::new().plain("  ").then(self::flow(ct, flow)))?;
    }
    more(layout, flows.len().saturating_sub(FLOWS), "more dropped first packet")
}

fn flow(ct: &Conntrack, f: &FailedFlow) -> Text {
    let by = f.task.as_ref().map(|t| format!(" by {}", words::task(t))).unwrap_or_default();
    let (from, to) = (escape::bounded(&f.from, 60), escape::bounded(&f.to, 60));
    let ends = format!("{from} -> {to}");
    let why = why(ct, f);
    match f.sent_again_after {
        Some(after) => Text::new().plain("connect ").accent(&ends).plain(&format!(
            "{by} took at least {} longer: its SYN was dropped on CPU\u{a0}{}, {why}",
            time(after),
            f.cpu
        )),
        None => {
            // Of other protocols it goes without saying.
            let again = f.not_joined.filter(|_| f.protocol == "TCP");
            let again = again.map(|why| format!("; {why}")).unwrap_or_default();
            Text::new().plain(&format!("{} ", f.protocol)).accent(&ends).plain(&format!(
                "{by}: its first packet was dropped on CPU\u{a0}{}, {why}{again}",
                f.cpu
            ))
        }
    }
}

/// What is known of the reason; nothing more.
pub(in crate::render) fn why(ct: &Conntrack, f: &FailedFlow) -> String {
    let netns = ct.namespaces.iter().find(|n| n.netns == f.netns);
    let place = netns.map_or_else(|| format!("net:[{}]", f.netns), name);
    let translated = match (f.translation, &f.translated_from, &f.translated_to) {
        (Translation::Snat, Some(from), _) => format!("SNAT to {from}"),
        (Translation::Dnat, _, Some(to)) => format!("DNAT to {to}"),
        (Translation::SnatDnat, Some(from), Some(to)) => format!("SNAT to {from}, DNAT to {to}"),
        (Translation::Unknown, ..) => "without an entry".to_owned(),
        _ => "not translated".to_owned(),
    };
    let hook = f.hook.map(|hook| format!(" at {hook}")).unwrap_or_default();
    match f.verdict {
        CtVerdict::InsertFailed => {
            format!("as {place} could not confirm it (insert_failed; {translated})")
        }
        CtVerdict::TableFull => format!("as the table of {place} was full"),
        CtVerdict::NoEntry => {
            format!("as {place} could make no entry, though its table was not full")
        }
        CtVerdict::FullOrNoEntry => {
            format!("as {place} could make no entry: how full its table was is not known")
        }
        CtVerdict::Unclear => format!(
            "in {place}{hook} ({translated}): by connection tracking or by a rule, which is not \
             known"
        ),
        CtVerdict::NotCounted => format!(
            "in {place}{hook} ({translated}): its counters were not read then, so why is not known"
        ),
    }
}

/// What was not seen of both ends of a loss.
fn others(layout: &mut Layout<'_>, ct: &Conntrack) -> io::Result<()> {
    let mut all = unseen(ct).into_iter().chain(other_syns(ct));
    all.try_for_each(|words| layout.put(4, &Text::new().plain("  ").plain(&words)))
}

/// Losses of which no packet was seen, in words; none if there are none.
pub(in crate::render) fn unseen(ct: &Conntrack) -> Option<String> {
    (ct.unseen > 0).then(|| {
        format!(
            "Of {} counted in insert_failed no packet was seen: which connections these were is \
             not known.",
            races(ct.unseen)
        )
    })
}

/// SYNs sent again for reasons that are not known.
pub(in crate::render) fn other_syns(ct: &Conntrack) -> Option<String> {
    let joined = ct.failed.iter().filter(|f| f.sent_again_after.is_some()).count();
    let others = ct.syn_retransmits.saturating_sub(joined);
    let what = if joined > 0 { "more SYN" } else { "SYN" };
    let words = format!("{} sent again without a drop of it seen here.", plural(others, what));
    (others > 0).then_some(words)
}

fn rules(layout: &mut Layout<'_>, ct: &Conntrack) -> io::Result<()> {
    let mut all = rules_words(ct).into_iter();
    all.try_for_each(|words| layout.put(6, &Text::new().plain("  ").plain(&words)))
}

/// What the rules say that translate source addresses.
pub(in crate::render) fn rules_words(ct: &Conntrack) -> Vec<String> {
    let mut lines = Vec::new();
    for rules in &ct.rules {
        let netns = ct.namespaces.iter().find(|n| n.netns == rules.netns);
        let place = netns.map_or_else(|| format!("net:[{}]", rules.netns), name);
        let family = match (rules.program.as_deref(), rules.family) {
            // The other programs have it in their name.
            (Some("nft"), Some(family)) => format!(", {family}"),
            _ => String::new(),
        };
        let words = match (&rules.program, &rules.problem, rules.rules, rules.not_random) {
            (None, problem, ..) => {
                let why = problem.as_deref().unwrap_or("no reason told");
                format!("the rules of {place} are not known: {why}")
            }
            (_, _, 0, _) => continue,
            (Some(program), _, all, 0) => {
                let all = plural(usize::try_from(all).unwrap_or(usize::MAX), "SNAT rule");
                format!("{all} of {place}, ports fully at random ({program}{family})")
            }
            (Some(program), _, all, not) => {
                let example = rules.example.as_deref().unwrap_or_default();
                format!(
                    "SNAT rules of {place} that do not choose ports fully at random: {} of {}, \
                     such as {example} ({program}{family})",
                    count(not),
                    count(all),
                )
            }
        };
        lines.push(words);
    }
    lines
}

fn left_out(layout: &mut Layout<'_>, ct: &Conntrack) -> io::Result<()> {
    for what in &ct.left_out {
        layout.put(6, &Text::new().dim("  Not read: ").dim(what))?;
    }
    Ok(())
}

fn more(layout: &mut Layout<'_>, n: usize, what: &str) -> io::Result<()> {
    match n {
        0 => Ok(()),
        n => layout.line(&Text::new().dim(&format!("  {}: --format json", plural(n, what)))),
    }
}

//! What checks of node health found on several nodes: each check once, with the nodes.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::model::health::{Finding, Severity};
use crate::model::nodes::NodesHealth;

/// Findings by check.
#[derive(Default)]
pub struct ByCheck(BTreeMap<String, NodesHealth>);

impl ByCheck {
    /// Adds what was found on a node: what hurts, or will.
    pub fn add(&mut self, node: usize, found: &Finding) {
        if found.severity < Severity::Warning {
            return;
        }
        let of = self.0.entry(found.check.to_string()).or_insert_with(|| of(found));
        if of.severity < found.severity {
            *of = NodesHealth { nodes: std::mem::take(&mut of.nodes), ..self::of(found) };
        }
        // Nodes are added in order.
        if of.nodes.last() != Some(&node) {
            of.nodes.push(node);
        }
    }

    /// The worst first, of those the ones on most nodes.
    pub fn finish(self) -> Vec<NodesHealth> {
        let mut all: Vec<NodesHealth> = self.0.into_values().collect();
        all.sort_by_key(|of| (Reverse(of.severity), Reverse(of.nodes.len())));
        all
    }
}

fn of(found: &Finding) -> NodesHealth {
    let value = match &found.subject {
        Some(subject) => format!("{subject}: {}", found.value),
        None => found.value.clone(),
    };
    NodesHealth {
        check: found.check.to_string(),
        severity: found.severity,
        nodes: Vec::new(),
        value,
        why: found.why.clone(),
        help: found.help.clone(),
    }
}

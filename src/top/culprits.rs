//! The table of culprits: who stalled CPUs in the last minutes.

use std::cmp::Reverse;

use ratatui::text::{Line, Span};

use super::app::{App, Key, Table};
use super::words::{Ink, ago, cpus, left, right};
use crate::model::live::LiveCulprit;
use crate::render::terms::cause_named;

/// By what they are in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// All their stalls together.
    #[default]
    Total,
    /// The last one.
    Last,
    /// How many.
    Count,
    /// The longest.
    Worst,
}

impl Order {
    pub fn next(self) -> Order {
        match self {
            Order::Total => Order::Last,
            Order::Last => Order::Count,
            Order::Count => Order::Worst,
            Order::Worst => Order::Total,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Order::Total => "total time",
            Order::Last => "last",
            Order::Count => "stalls",
            Order::Worst => "longest",
        }
    }
}

/// What a culprit is known by.
pub fn key(c: &LiveCulprit) -> Key {
    (c.cause.clone(), c.who.clone())
}

impl App {
    /// The culprits in their order.
    pub(super) fn culprits(&self) -> Vec<&LiveCulprit> {
        let mut list: Vec<&LiveCulprit> = self.live.iter().flat_map(|l| &l.culprits).collect();
        match self.culprit_order {
            Order::Total => list.sort_by_key(|c| Reverse(c.total)),
            Order::Last => list.sort_by_key(|c| c.ago),
            Order::Count => list.sort_by_key(|c| Reverse(c.count)),
            Order::Worst => list.sort_by_key(|c| Reverse(c.worst)),
        }
        if self.reverse[Table::Culprits as usize] {
            list.reverse();
        }
        list
    }
}

/// Widths of the columns before the name: longest, stalls, last, all together, cause, CPUs.
fn widths(width: usize) -> [usize; 6] {
    match width {
        0..60 => [9, 8, 0, 0, 0, 0],
        60..100 => [9, 7, 8, 0, 20, 0],
        _ => [9, 8, 8, 10, 20, 8],
    }
}

/// What stands above the columns.
pub fn head(width: usize) -> String {
    let [worst, count, last, total, cause, cpus] = widths(width);
    let mut head = right("longest", worst) + &right("stalls", count);
    head += &(right("ago", last) + &right("together", total));
    head += &format!("  {}", left("why", cause));
    head += &left("CPUs", cpus);
    left(&format!("{head}who"), width)
}

/// A culprit.
pub fn row(c: &LiveCulprit, width: usize, ink: Ink) -> Line<'static> {
    let [worst, count, last, total, cause, on] = widths(width);
    let late = Span::styled(right(&c.worst.to_string(), worst), ink.late(c.worst));
    let mut rest = right(&c.count.to_string(), count) + &right(&ago(c.ago), last);
    rest += &right(&c.total.to_string(), total);
    rest += &format!("  {}", left(&cause_named(&c.cause), cause));
    if on > 0 {
        rest += &format!("{} ", left(&cpus(&c.cpus), on - 1));
    }
    let room = width.saturating_sub(worst + rest.chars().count());
    // With room for it, what it did too.
    let long = if c.words.who.is_empty() { &c.who } else { &c.words.who };
    let who = if room >= 40 { long } else { &c.who };
    Line::from(vec![late, Span::raw(rest), Span::styled(left(who, room), ink.bold())])
}

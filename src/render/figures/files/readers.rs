//! Who read, and which colour each reader has.

use std::collections::HashMap;
use std::fmt::Write;

use super::{LEFT, WIDTH};
use crate::model::TaskId;
use crate::model::findings::{SlowFileGroup, TaskCulprit};
use crate::render::case::{COLORS, Case};
use crate::render::escape;
use crate::render::terminal::files::process;
use crate::render::text::plural;
use crate::units::Tgid;

/// Pixels of a line of the key, and of a column of its text.
const LINE: f64 = 18.0;
const GLYPH: f64 = 6.3;
/// Classes of the colours of readers.
const CLASSES: [&str; COLORS] = ["w0", "w1", "w2", "w3", "w4", "w5", "w6"];
/// The one for all that have none of their own.
pub(super) const OTHERS: &str = "wo";

/// Processes that read, and their colours, in the order of their groups.
pub(super) struct Readers<'a> {
    all: Vec<(&'a TaskCulprit, &'static str)>,
    by: HashMap<(Tgid, &'a str), usize>,
}

impl<'a> Readers<'a> {
    fn id(task: &'a TaskCulprit) -> (Tgid, &'a str) {
        (task.tgid, task.process.as_ref().unwrap_or(&task.comm))
    }

    /// With the colour they have elsewhere on the page; the others with one that nobody has there,
    /// and then with one that no reader has.
    pub(super) fn of(case: &Case<'a>) -> Readers<'a> {
        let tasks: HashMap<_, _> =
            (0..).zip(&case.r.tasks).map(|(n, t)| ((t.tid, t.start), TaskId(n))).collect();
        let mut readers = Readers { all: Vec::new(), by: HashMap::new() };
        for SlowFileGroup { task, .. } in &case.f.slow_files {
            if readers.by.contains_key(&Readers::id(task)) {
                continue;
            }
            let known = tasks.get(&(task.tid, task.start)).map(|id| case.color(*id));
            let class = known.filter(|class| CLASSES.contains(class)).unwrap_or(OTHERS);
            readers.by.insert(Readers::id(task), readers.all.len());
            readers.all.push((task, class));
        }
        let (taken, free) = CLASSES.split_at(case.colored.len().min(COLORS));
        let used: Vec<&str> = readers.all.iter().map(|(_, class)| *class).collect();
        let mut left = free.iter().chain(taken).filter(|class| !used.contains(class));
        for (_, class) in readers.all.iter_mut().filter(|(_, class)| *class == OTHERS) {
            let Some(next) = left.next() else { break };
            *class = next;
        }
        readers
    }

    pub(super) fn class(&self, task: &'a TaskCulprit) -> &'static str {
        self.by.get(&Readers::id(task)).map_or(OTHERS, |n| self.all[*n].1)
    }

    /// Who has which colour; returns where it ends.
    pub(super) fn key(&self, out: &mut String) -> f64 {
        let own = self.all.iter().filter(|(_, class)| *class != OTHERS);
        let mut names: Vec<(&str, String)> =
            own.map(|(task, class)| (*class, process(task))).collect();
        let others = self.all.len() - names.len();
        if others > 0 {
            names.push((OTHERS, plural(others, "other reader")));
        }
        let (mut x, mut y) = (LEFT, 2.0);
        for (class, name) in names {
            let name = escape::bounded(&name, 48);
            let width = 34.0 + escape::columns(&name) as f64 * GLYPH;
            if x + width > WIDTH && x > LEFT {
                (x, y) = (LEFT, y + LINE);
            }
            let _ = writeln!(
                out,
                "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\"/>",
                x + 5.0,
                y + 7.0
            );
            super::text(out, "", x + 15.0, y + 11.0, &name);
            x += width;
        }
        y + LINE + 4.0
    }
}

//! What is chosen: the row, the order, the interval; and what keys do to it.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{cpus, culprits};
use crate::model::live::Live;
use crate::units::Nanos;

/// The intervals to choose from, seconds.
const INTERVALS: [u64; 5] = [2, 4, 10, 20, 30];

/// Which table the keys move in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Table {
    /// CPUs.
    Cpus,
    /// Culprits.
    #[default]
    Culprits,
}

/// Who stands for a culprit from one look to the next: cause and name.
pub type Key = (String, String);

/// All that is chosen, and what is shown.
#[derive(Clone, Debug, Default)]
pub struct App {
    /// What was going on at the last look.
    pub live: Option<Live>,
    /// Why there was no newer one.
    pub problem: Option<String>,
    /// Colours may be used.
    pub colors: bool,
    pub(super) frozen: bool,
    pub(super) help: bool,
    pub(super) detail: bool,
    pub(super) scroll: u16,
    pub(super) table: Table,
    pub(super) cpu: Option<u32>,
    pub(super) culprit: Option<Key>,
    pub(super) cpu_order: cpus::Order,
    pub(super) culprit_order: culprits::Order,
    pub(super) reverse: [bool; 2],
    interval: usize,
}

impl App {
    /// Nothing was seen yet.
    #[must_use]
    pub fn new(colors: bool) -> App {
        App { colors, ..App::default() }
    }

    /// Latencies are of the last so long.
    #[must_use]
    pub fn interval(&self) -> Nanos {
        Nanos(INTERVALS[self.interval] * 1_000_000_000)
    }

    /// Shows what is going on now, unless it is frozen.
    pub fn take(&mut self, live: Live) {
        self.problem = None;
        if !self.frozen {
            self.live = Some(live);
        }
    }

    /// Does what a key asks for; whether to go on.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        if key.kind == KeyEventKind::Release {
            return true;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return !matches!(key.code, KeyCode::Char('c' | 'd'));
        }
        match key.code {
            KeyCode::Char('q') => return false,
            KeyCode::Esc if self.help || self.detail => (self.help, self.detail) = (false, false),
            KeyCode::Esc => return false,
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.help = !self.help,
            _ if self.help => self.help = false,
            KeyCode::Enter => (self.detail, self.scroll) = (!self.detail, 0),
            KeyCode::Tab | KeyCode::BackTab | KeyCode::Left | KeyCode::Right => self.turn(),
            KeyCode::Char(' ' | 'f') => self.frozen = !self.frozen,
            KeyCode::Char('s') => self.next_order(),
            KeyCode::Char('r') => self.reverse[self.table as usize] ^= true,
            KeyCode::Char('+' | '=') => {
                self.interval = (self.interval + 1).min(INTERVALS.len() - 1);
            }
            KeyCode::Char('-' | '_') => self.interval = self.interval.saturating_sub(1),
            KeyCode::Up | KeyCode::Char('k') => self.step(-1),
            KeyCode::Down | KeyCode::Char('j') => self.step(1),
            KeyCode::PageUp => self.step(-10),
            KeyCode::PageDown => self.step(10),
            KeyCode::Home | KeyCode::Char('g') => self.step(isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.step(isize::MAX),
            _ => {}
        }
        true
    }

    fn turn(&mut self) {
        self.scroll = 0;
        self.table = match self.table {
            Table::Cpus => Table::Culprits,
            Table::Culprits => Table::Cpus,
        };
    }

    fn next_order(&mut self) {
        match self.table {
            Table::Cpus => self.cpu_order = self.cpu_order.next(),
            Table::Culprits => self.culprit_order = self.culprit_order.next(),
        }
    }

    /// Moves through the detail, or else through the table.
    fn step(&mut self, by: isize) {
        if self.detail {
            let to = isize::from(self.scroll as i16).saturating_add(by);
            self.scroll = to.clamp(0, 1000) as u16;
            return;
        }
        match self.table {
            Table::Cpus => {
                let list: Vec<u32> = self.cpus().iter().map(|cpu| cpu.cpu).collect();
                self.cpu = moved(&list, self.cpu.as_ref(), by);
            }
            Table::Culprits => {
                let list: Vec<Key> = self.culprits().iter().map(|c| culprits::key(c)).collect();
                self.culprit = moved(&list, self.culprit.as_ref(), by);
            }
        }
    }
}

/// The one so many places further on in a list.
fn moved<T: Clone + PartialEq>(list: &[T], from: Option<&T>, by: isize) -> Option<T> {
    let at = from.and_then(|from| list.iter().position(|one| one == from)).unwrap_or(0);
    let to = (at as isize).saturating_add(by).clamp(0, list.len().saturating_sub(1) as isize);
    list.get(to as usize).cloned()
}

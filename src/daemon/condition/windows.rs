//! Numbers of the last minute.

use std::collections::VecDeque;

use crate::units::{Ktime, Nanos};

/// Values kept at most; they come about once a second.
const MOST: usize = 600;

/// A sum over a window that slides.
#[derive(Debug)]
pub struct Sum {
    window: Nanos,
    values: VecDeque<(Ktime, u64)>,
}

impl Sum {
    /// Of nothing yet.
    pub fn new(window: Nanos) -> Sum {
        Sum { window, values: VecDeque::new() }
    }

    /// Adds a value; gives the sum of those within the window.
    pub fn add(&mut self, time: Ktime, value: u64) -> u64 {
        drop_old(&mut self.values, time, self.window);
        match self.values.back_mut() {
            // Of several CPUs at once, or of more moments than are kept.
            Some(last) if last.0 == time => last.1 = last.1.saturating_add(value),
            _ => self.values.push_back((time, value)),
        }
        self.values.iter().fold(0, |sum: u64, (_, v)| sum.saturating_add(*v))
    }

    /// Whether anything in it is within the window still.
    pub fn lasts(&self, now: Ktime) -> bool {
        self.values.back().is_some_and(|(time, _)| now.since(*time) < self.window)
    }
}

/// How much a number grew within a window that slides.
#[derive(Debug)]
pub struct Growth {
    window: Nanos,
    values: VecDeque<(Ktime, u64)>,
}

impl Growth {
    /// Nothing known yet.
    pub fn new(window: Nanos) -> Growth {
        Growth { window, values: VecDeque::new() }
    }

    /// Takes a value in; gives by how much it exceeds the least one within the window.
    pub fn add(&mut self, time: Ktime, value: u64) -> u64 {
        drop_old(&mut self.values, time, self.window);
        self.values.push_back((time, value));
        let least = self.values.iter().map(|(_, v)| *v).min().unwrap_or(value);
        value - least
    }
}

fn drop_old(values: &mut VecDeque<(Ktime, u64)>, now: Ktime, window: Nanos) {
    while values.front().is_some_and(|(time, _)| now.since(*time) >= window) || values.len() >= MOST
    {
        values.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_sum_forgets_what_is_old() {
        let mut sum = Sum::new(Nanos(60 * SECOND));
        assert_eq!(sum.add(Ktime(SECOND), 3), 3);
        assert_eq!(sum.add(Ktime(SECOND), 4), 7, "another CPU, at once");
        assert_eq!(sum.add(Ktime(60 * SECOND), 1), 8);
        assert_eq!(sum.add(Ktime(61 * SECOND), 1), 2, "a minute later");
        assert!(sum.lasts(Ktime(120 * SECOND)) && !sum.lasts(Ktime(121 * SECOND)));
        for n in 0..100_000 {
            sum.add(Ktime(122 * SECOND + n), 1);
        }
        assert!(sum.values.len() <= MOST);
    }

    #[test]
    fn growth_is_from_the_least_of_the_last_minute() {
        let mut growth = Growth::new(Nanos(60 * SECOND));
        assert_eq!(growth.add(Ktime(0), 100), 0, "the first is no growth");
        assert_eq!(growth.add(Ktime(10 * SECOND), 90), 0);
        assert_eq!(growth.add(Ktime(20 * SECOND), 140), 50);
        assert_eq!(growth.add(Ktime(75 * SECOND), 150), 10, "the 90 were longer ago");
    }
}

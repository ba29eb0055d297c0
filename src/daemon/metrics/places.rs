//! Sums by a name that somebody chose: a bounded number of names, the rest as `other`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::render::escape;

/// Stands for all names without a place.
pub const OTHER: &str = "other";
/// A name that had nothing for so long gives its place to another.
const IDLE: Duration = Duration::from_secs(3600);
/// Characters of a name.
const LONGEST: usize = 60;

/// Values by name.
#[derive(Debug)]
pub struct Places<T> {
    most: usize,
    rows: BTreeMap<String, (T, Instant)>,
}

impl<T: Default> Places<T> {
    /// Places for so many names, besides `other`.
    pub fn new(most: usize) -> Places<T> {
        Places { most, rows: BTreeMap::new() }
    }

    /// The value of a name, or the one of all that find no place.
    pub fn of(&mut self, name: &str) -> &mut T {
        let name = escape::bounded(name, LONGEST);
        let named = |rows: &BTreeMap<String, _>| rows.keys().filter(|key| *key != OTHER).count();
        if !self.rows.contains_key(&*name) && named(&self.rows) >= self.most {
            self.rows.retain(|key, (_, last)| key == OTHER || last.elapsed() < IDLE);
        }
        let fits = self.rows.contains_key(&*name) || named(&self.rows) < self.most;
        let key = if fits { name.into_owned() } else { OTHER.to_owned() };
        let row = self.rows.entry(key).or_insert_with(|| (T::default(), Instant::now()));
        row.1 = Instant::now();
        &mut row.0
    }

    /// All names with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.rows.iter().map(|(name, (value, _))| (name.as_str(), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_a_place_are_other() {
        let mut places = Places::<u64>::new(2);
        for name in ["a", "b", "c", "a", "d", "other"] {
            *places.of(name) += 1;
        }
        let rows: Vec<_> = places.iter().map(|(name, n)| (name, *n)).collect();
        assert_eq!(rows, [("a", 2), ("b", 1), ("other", 3)]);
    }
}

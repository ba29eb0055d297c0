//! What can be said of a step of the path.

use serde::Serialize;

/// One value, several of which one holds, or nothing; never a guess.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "known")]
pub enum Answer<T> {
    /// This value.
    One {
        /// It.
        value: T,
    },
    /// One of these; which cannot be known.
    Among {
        /// In ascending order, each once, two at least.
        values: Vec<T>,
        /// Why it cannot be told which.
        why: String,
    },
    /// Any value.
    Unknown {
        /// Why it cannot be told.
        why: String,
    },
}

impl<T> Answer<T> {
    /// A value that is known.
    pub fn one(value: T) -> Answer<T> {
        Answer::One { value }
    }

    /// Nothing, for this reason.
    pub fn unknown(why: impl Into<String>) -> Answer<T> {
        Answer::Unknown { why: why.into() }
    }

    /// The value, if there is only one.
    pub fn known(&self) -> Option<&T> {
        match self {
            Answer::One { value } => Some(value),
            _ => None,
        }
    }

    /// Why there is not one value.
    pub fn why(&self) -> Option<&str> {
        match self {
            Answer::One { .. } => None,
            Answer::Among { why, .. } | Answer::Unknown { why } => Some(why),
        }
    }

    /// All values it may have; none if it may have any.
    pub fn values(&self) -> &[T] {
        match self {
            Answer::One { value } => std::slice::from_ref(value),
            Answer::Among { values, .. } => values,
            Answer::Unknown { .. } => &[],
        }
    }
}

impl<T: Ord> Answer<T> {
    /// One of `values`; the reason matters only if they differ. No value at all is unknown.
    pub fn among(mut values: Vec<T>, why: impl Into<String>) -> Answer<T> {
        values.sort_unstable();
        values.dedup();
        match values.len() {
            0 => Answer::unknown(why),
            1 => Answer::one(values.remove(0)),
            _ => Answer::Among { values, why: why.into() },
        }
    }

    /// The next step for every value this one may have. If all of them lead to the same, that is
    /// known although this one is not.
    pub fn then<U: Ord + Clone>(&self, next: impl Fn(&T) -> Answer<U>) -> Answer<U> {
        let steps: Vec<Answer<U>> = self.values().iter().map(next).collect();
        // What they all lead to does not hang on which it is, and has its own reason.
        let first = steps.first().filter(|first| steps.iter().all(|step| step == *first));
        if let Some(step) = first.or(steps.iter().find(|step| step.values().is_empty())) {
            return step.clone();
        }
        let inner = || steps.iter().find_map(Answer::why);
        let reason = self.why().or_else(inner).map(str::to_owned);
        let reached = steps.iter().flat_map(|step| step.values().iter().cloned()).collect();
        Answer::among(reached, reason.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_may_lead_to_what_is() {
        let two = Answer::among(vec![3, 1, 3], "two keys");
        assert_eq!(two.values(), [1, 3]);
        assert_eq!(two.then(|_| Answer::one(7)), Answer::one(7));
        let same = Answer::among(vec![4, 5], "RPS");
        assert_eq!(two.then(|_| same.clone()), same, "its own reason");
        assert_eq!(two.then(|v| Answer::one(v * 2)), Answer::among(vec![2, 6], "two keys"));
        assert_eq!(two.then(|_| Answer::<u8>::unknown("why")), Answer::unknown("why"));
        assert_eq!(Answer::among(vec![1, 1], ""), Answer::one(1));
        let none = Answer::<u8>::unknown("no table");
        assert_eq!(none.then(|v| Answer::one(*v)), Answer::unknown("no table"));
        let both = two.then(|v| Answer::among(vec![*v, 9], "an affinity of two"));
        assert_eq!(both, Answer::among(vec![1, 3, 9], "two keys"));
    }
}

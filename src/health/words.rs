//! Numbers in the values of findings.

/// A count with thousands separators: `23,411`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    groups.join(",")
}

/// A number and a noun that agrees with it.
pub fn plural(n: u64, noun: &str) -> String {
    let ending = match n {
        1 => "",
        _ if noun.ends_with('s') => "es",
        _ => "s",
    };
    format!("{} {noun}{ending}", count(n))
}

/// A share in thousandths of the whole; none of nothing.
pub fn permille(part: u64, whole: u64) -> Option<u64> {
    let share = u128::from(part) * 1_000 / u128::from((whole > 0).then_some(whole)?);
    Some(u64::try_from(share).unwrap_or(u64::MAX))
}

/// A share as people write it: `97 %`, `0.4 %`; what is there is never shown as 0.
pub fn percent(part: u64, whole: u64) -> String {
    match permille(part, whole) {
        None => "-".to_owned(),
        Some(0) if part > 0 => "<0.1 %".to_owned(),
        Some(n) if n < 100 => format!("{}.{} %", n / 10, n % 10),
        Some(n) => format!("{} %", n / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!((count(0), count(999)), ("0".to_owned(), "999".to_owned()));
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(
            (plural(1, "rule"), plural(2_000, "rule")),
            ("1 rule".to_owned(), "2,000 rules".to_owned())
        );
        assert_eq!(
            (percent(0, 9), percent(1, 1_000_000)),
            ("0.0 %".to_owned(), "<0.1 %".to_owned())
        );
        assert_eq!((percent(97, 100), percent(4, 1_000)), ("97 %".to_owned(), "0.4 %".to_owned()));
        assert_eq!((percent(1, 0), permille(u64::MAX, 1)), ("-".to_owned(), Some(u64::MAX)));
    }
}

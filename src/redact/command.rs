//! The command line that recorded: options and numbers, without what names something.

/// The words that stay, `…` for each that does not. Of what comes after `--` (another program's
/// command line) nothing stays.
pub fn command(words: &[String]) -> Vec<String> {
    let own = words.iter().take_while(|word| *word != "--");
    let mut kept: Vec<String> = own.enumerate().map(|(n, word)| shown(n, word)).collect();
    if kept.len() < words.len() {
        kept.extend(["--".to_owned(), "…".to_owned()]);
    }
    kept
}

fn shown(n: usize, word: &str) -> String {
    let hidden = || "…".to_owned();
    if n == 0 {
        // Wherever it is installed.
        return "stallprof".to_owned();
    }
    if n == 1 && ["record", "daemon"].contains(&word) || is_number(word) {
        return word.to_owned();
    }
    match word.strip_prefix("--").map(|rest| rest.split_once('=').unwrap_or((rest, ""))) {
        Some((option, value)) if option.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') => {
            match value {
                "" => word.trim_end_matches('=').to_owned(),
                value if is_number(value) => word.to_owned(),
                _ => format!("--{option}=…"),
            }
        }
        Some(_) => hidden(),
        None => match word.as_bytes() {
            [b'-', letter] if letter.is_ascii_alphabetic() => word.to_owned(),
            [b'-', letter, ..] if letter.is_ascii_alphabetic() && is_number(&word[2..]) => {
                word.to_owned()
            }
            _ => hidden(),
        },
    }
}

/// A number, a length of time or a list of CPUs; not an address, which has several dots.
fn is_number(word: &str) -> bool {
    let at = word.find(|c: char| c.is_ascii_lowercase()).unwrap_or(word.len());
    let (digits, unit) = word.split_at(at);
    !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',' | b'-'))
        && digits.matches('.').count() <= 1
        && ["", "ns", "us", "ms", "s", "m", "min", "h"].contains(&unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_numbers_stay() {
        let of = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            command(&words).join(" ")
        };
        assert_eq!(
            of("/home/bob/stallprof record -C 0-3,7 -d 10s --stall=5ms -F999"),
            "stallprof record -C 0-3,7 -d 10s --stall=5ms -F999"
        );
        assert_eq!(
            of("x record -o/home/bob/a.stall --output=bob.stall -o bob --pod=10.1.2.3 10.1.2.3"),
            "stallprof record … --output=… -o … --pod=… …"
        );
        assert_eq!(of("x record -- bob --secret 7"), "stallprof record -- …");
        assert_eq!(of("x bob"), "stallprof …");
    }
}

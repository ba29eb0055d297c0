//! The page that Prometheus reads, read back: what is pushed is what would be scraped.

/// A family of series.
#[derive(Debug, PartialEq)]
pub struct Family<'p> {
    /// Its name, without what counters and parts of histograms add to it.
    pub name: &'p str,
    /// In words.
    pub help: &'p str,
    /// `counter`, `gauge`, `histogram`, as it stands there.
    pub kind: &'p str,
    /// `seconds`, `bytes`, or none.
    pub unit: &'p str,
    /// In their order.
    pub samples: Vec<Sample<'p>>,
}

/// A line with a value.
#[derive(Debug, PartialEq)]
pub struct Sample<'p> {
    /// The whole name.
    pub name: &'p str,
    /// Names and values, without marks of escape.
    pub labels: Labels<'p>,
    /// As it stands there.
    pub value: &'p str,
    /// What stands behind it as an example: labels, value, seconds since 1970 UTC.
    pub exemplar: Option<(Labels<'p>, &'p str, &'p str)>,
}

/// Names and values.
pub type Labels<'p> = Vec<(&'p str, String)>;

/// All families of an OpenMetrics text. It is our own: a line that cannot be read is left out.
pub fn read(text: &str) -> Vec<Family<'_>> {
    let mut families: Vec<Family<'_>> = Vec::new();
    for line in text.lines() {
        if let Some(about) = line.strip_prefix("# ") {
            let mut words = about.splitn(3, ' ');
            let (Some(what), Some(name)) = (words.next(), words.next()) else { continue };
            let rest = words.next().unwrap_or_default();
            if families.last().is_none_or(|family| family.name != name) {
                let samples = Vec::new();
                families.push(Family { name, help: "", kind: "", unit: "", samples });
            }
            let Some(family) = families.last_mut() else { continue };
            match what {
                "HELP" => family.help = rest.trim_end_matches('.'),
                "TYPE" => family.kind = rest,
                "UNIT" => family.unit = rest,
                _ => {}
            }
        } else if let (Some(family), Some(sample)) = (families.last_mut(), sample(line)) {
            family.samples.push(sample);
        }
    }
    families
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = labels(rest)?;
    let (value, rest) = word(rest)?;
    let exemplar = rest.trim_start().strip_prefix("# ").and_then(|rest| {
        let (labels, rest) = self::labels(rest)?;
        let (value, rest) = word(rest)?;
        Some((labels, value, rest.trim()))
    });
    Some(Sample { name, labels, value, exemplar })
}

fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let end = text.find(' ').unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// Labels in braces, if there are any, and what stands behind them.
fn labels(text: &str) -> Option<(Labels<'_>, &str)> {
    let mut labels = Labels::new();
    let Some(mut rest) = text.strip_prefix('{') else { return Some((labels, text)) };
    loop {
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, value) = rest.split_once("=\"")?;
        let (value, behind) = quoted(value)?;
        labels.push((name, value));
        rest = behind.strip_prefix(',').unwrap_or(behind);
    }
}

/// A value up to its closing quote, and what stands behind that.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                escaped => value.push(escaped),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_end_a_label() {
        let text = "# HELP a_seconds Of it.\n# TYPE a_seconds histogram\n\
                    # UNIT a_seconds seconds\n\
                    a_seconds_bucket{le=\"+Inf\",who=\"x\\\"} 9\\\\\\n,b=\\\"\"} 3 # {incident=\"i}\"} 1 2.5\n\
                    a_seconds_count 3\n# HELP b Two words\n# TYPE b counter\nb_total{} 7\nbroken{a=\"\n# EOF\n";
        let families = read(text);
        let labels = vec![("le", "+Inf".to_owned()), ("who", "x\"} 9\\\n,b=\"".to_owned())];
        let exemplar = Some((vec![("incident", "i}".to_owned())], "1", "2.5"));
        let first = Sample { name: "a_seconds_bucket", labels, value: "3", exemplar };
        assert_eq!(families[0].samples[0], first);
        assert_eq!((families[0].unit, families[0].help), ("seconds", "Of it"));
        assert_eq!(families[0].samples[1].value, "3");
        assert_eq!((families[1].name, families[1].kind), ("b", "counter"));
        assert_eq!(families[1].samples.len(), 1);
    }
}

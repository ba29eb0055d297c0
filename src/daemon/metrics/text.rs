//! OpenMetrics text as the older Prometheus format, for readers that do not ask for the new one.

/// The same without exemplars and units; counters are called `..._total` in their description, too.
pub fn classic(open: &str) -> String {
    let mut out = String::with_capacity(open.len());
    let mut lines = open.lines().peekable();
    let is_counter = |line: Option<&&str>| line.is_some_and(|l| l.ends_with(" counter"));
    let mut total = false;
    while let Some(line) = lines.next() {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        if line.starts_with("# HELP ") {
            // The type stands in the line below.
            total = is_counter(lines.peek());
        }
        match line.split_once(" # {") {
            Some((sample, _)) if !line.starts_with('#') => out.push_str(sample),
            _ if line.starts_with("# ") && total => {
                let mut words = line.splitn(4, ' ');
                let (hash, what) = (words.next(), words.next());
                let (name, rest) = (words.next(), words.next());
                let [hash, what, name, rest] =
                    [hash, what, name, rest].map(Option::unwrap_or_default);
                out.push_str(&format!("{hash} {what} {name}_total {rest}"));
            }
            _ => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

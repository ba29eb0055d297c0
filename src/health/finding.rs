//! What a check concludes.

use std::collections::BTreeMap;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::checks::Check;
use crate::units::Nanos;

/// How bad it is. The order is that of telling: the last first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Worth knowing, hurts nobody now.
    Notice,
    /// Could not be read: neither good nor bad.
    Unknown,
    /// Hurts some, or will soon.
    Warning,
    /// Hurts now.
    Critical,
}

impl Severity {
    /// All, the worst first.
    pub const ALL: [Severity; 5] =
        [Severity::Critical, Severity::Warning, Severity::Unknown, Severity::Notice, Severity::Ok];

    /// Its name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Severity::Ok => "ok",
            Severity::Notice => "notice",
            Severity::Unknown => "unknown",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

/// Which time a value is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Window {
    /// The moment of reading.
    #[default]
    Now,
    /// Since the machine started, or the namespace or cgroup was made.
    SinceBoot,
    /// Between two readings so far apart.
    Within(Nanos),
    /// The last ten seconds, as the kernel averages them.
    TenSeconds,
}

impl Window {
    /// In words: `in 0.5 s`.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Window::Now => "now".to_owned(),
            Window::SinceBoot => "since boot".to_owned(),
            Window::Within(d) => format!("in {:.1} s", d.secs()),
            Window::TenSeconds => "in the last 10 s".to_owned(),
        }
    }
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (kind, ns) = match self {
            Window::Now => ("now", None),
            Window::SinceBoot => ("since_boot", None),
            Window::Within(d) => ("window", Some(d.0)),
            Window::TenSeconds => ("window", Some(10_000_000_000)),
        };
        let mut object = to.serialize_struct("Window", 2)?;
        object.serialize_field("kind", kind)?;
        object.serialize_field("ns", &ns)?;
        object.end()
    }
}

/// One conclusion.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Name of the check.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about, where a check looks at several: a device, a namespace, a cgroup. Chosen
    /// by whoever made it.
    pub subject: Option<String>,
    /// What was found; of what is unknown, why.
    pub value: String,
    /// Which time the value is of.
    pub window: Window,
    /// Why it matters.
    pub why: String,
    /// A command that shows the same.
    pub prove: String,
    /// What helps.
    pub help: String,
    /// The numbers in `value`, for programs.
    pub numbers: BTreeMap<&'static str, u64>,
}

impl Finding {
    /// A finding; [`Check`] tells what is not said here.
    #[must_use]
    pub fn new(severity: Severity, value: impl Into<String>) -> Finding {
        Finding {
            check: "",
            severity,
            subject: None,
            value: value.into(),
            window: Window::Now,
            why: String::new(),
            prove: String::new(),
            help: String::new(),
            numbers: BTreeMap::new(),
        }
    }

    /// That something could not be read, and why.
    #[must_use]
    pub fn unknown(reason: impl Into<String>) -> Finding {
        Finding::new(Severity::Unknown, reason)
    }

    /// What it is about.
    #[must_use]
    pub fn on(mut self, subject: impl Into<String>) -> Finding {
        self.subject = Some(subject.into());
        self
    }

    /// Which time its value is of.
    #[must_use]
    pub fn during(mut self, window: Window) -> Finding {
        self.window = window;
        self
    }

    /// A number in its value.
    #[must_use]
    pub fn number(mut self, name: &'static str, value: u64) -> Finding {
        self.numbers.insert(name, value);
        self
    }

    /// Why it matters, where that is not what the check always says.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Finding {
        self.why = why.into();
        self
    }

    /// The command that shows it, where it is another than the check's.
    #[must_use]
    pub fn proved_by(mut self, command: impl Into<String>) -> Finding {
        self.prove = command.into();
        self
    }

    /// What helps, where it is something else than the check says.
    #[must_use]
    pub fn helped_by(mut self, help: impl Into<String>) -> Finding {
        self.help = help.into();
        self
    }

    /// Fills in what the check says of all its findings.
    pub(super) fn of(mut self, check: &Check) -> Finding {
        self.check = check.name;
        for (own, general) in [
            (&mut self.why, check.why),
            (&mut self.prove, check.prove),
            (&mut self.help, check.help),
        ] {
            if own.is_empty() {
                general.clone_into(own);
            }
        }
        self
    }
}

/// All conclusions about a host.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Name of the host; empty if it is not known.
    pub host: String,
    /// Release of its kernel; empty if it is not known.
    pub kernel: String,
    /// How long reading took.
    #[serde(rename = "took_ns")]
    pub took: Nanos,
    /// The worst severity of all findings.
    pub worst: Severity,
    /// What was not looked at, because there was too much of it.
    pub left_out: Vec<String>,
    /// The findings, the worst first.
    pub findings: Vec<Finding>,
}

impl Report {
    /// How many findings have a severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|f| f.severity == severity).count()
    }
}

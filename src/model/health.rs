//! What is about to hurt on a node: what a check of its health concluded, and how a recording holds
//! that.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::names::StrId;
use crate::units::{Ktime, Nanos};

/// How bad it is. The order is that of telling: the last first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Worth knowing, hurts nobody now.
    Notice,
    /// Could not be read: neither good nor bad.
    #[default]
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

/// The kinds of [`Window`], as a recording has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WindowKind {
    /// [`Window::Now`].
    #[default]
    Now,
    /// [`Window::SinceBoot`].
    SinceBoot,
    /// [`Window::Within`], which has a length besides.
    Within,
    /// [`Window::TenSeconds`].
    TenSeconds,
}

impl Window {
    /// As it is recorded: its kind, and its length where that is not always the same.
    #[must_use]
    pub fn parts(self) -> (WindowKind, Nanos) {
        match self {
            Window::Now => (WindowKind::Now, Nanos(0)),
            Window::SinceBoot => (WindowKind::SinceBoot, Nanos(0)),
            Window::Within(length) => (WindowKind::Within, length),
            Window::TenSeconds => (WindowKind::TenSeconds, Nanos(0)),
        }
    }

    /// From its parts.
    #[must_use]
    pub fn of(kind: WindowKind, length: Nanos) -> Window {
        match kind {
            WindowKind::Now => Window::Now,
            WindowKind::SinceBoot => Window::SinceBoot,
            WindowKind::Within => Window::Within(length),
            WindowKind::TenSeconds => Window::TenSeconds,
        }
    }

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
    pub check: Cow<'static, str>,
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
    pub numbers: BTreeMap<Cow<'static, str>, u64>,
}

impl Finding {
    /// A finding; its check tells what is not said here.
    #[must_use]
    pub fn new(severity: Severity, value: impl Into<String>) -> Finding {
        Finding {
            check: Cow::Borrowed(""),
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
        self.numbers.insert(Cow::Borrowed(name), value);
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
}

/// A [`Finding`] as it is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HealthRow {
    /// When reading the host ended; the same of all findings of one reading.
    pub time: Ktime,
    /// Its number in the reading, from 1 on; the worst come first.
    pub finding: u32,
    /// Name of the check.
    pub check: StrId,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about; none where there is only one.
    pub subject: StrId,
    /// What was found; of what is unknown, why.
    pub value: StrId,
    /// Which time the value is of.
    pub window: WindowKind,
    /// Length of that time, where it lies between two readings.
    pub window_ns: Nanos,
    /// Why it matters.
    pub why: StrId,
    /// A command that shows the same.
    pub prove: StrId,
    /// What helps.
    pub help: StrId,
}

/// A number in the value of a [`HealthRow`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HealthNumber {
    /// That of the finding.
    pub time: Ktime,
    /// Number of the finding.
    pub finding: u32,
    /// What it counts.
    pub name: StrId,
    /// The number.
    pub value: u64,
}

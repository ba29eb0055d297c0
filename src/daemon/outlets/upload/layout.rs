//! Names of objects: `TABLE/day=2026-11-21/node=NAME/ID.parquet`, which engines read as a table with
//! the columns `day` and `node`. The same incident has the same names each time.

use object_store::path::Path;

use crate::model::meta::Incident;

/// Where the recordings are; tables have names of their own.
const RECORDINGS: &str = "recordings";
/// What recordings end in.
const SUFFIX: &str = ".stall";

/// Where incidents of a node are.
pub struct Layout {
    prefix: Path,
    node: String,
}

impl Layout {
    /// Below `prefix`. Of the node's name all that could be something else in a path is replaced.
    pub fn new(prefix: Path, node: &str) -> Layout {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
        let node: String = node.trim_start_matches('.').chars().map(plain).take(253).collect();
        let node = if node.is_empty() { "unknown".to_owned() } else { node };
        Layout { prefix, node }
    }

    /// The folder of the recordings of a day.
    pub fn day(&self, day: &str) -> Path {
        self.folder(RECORDINGS, day)
    }

    /// A recording.
    pub fn recording(&self, incident: &Incident) -> Path {
        self.day(&day(incident)).join(format!("{}{SUFFIX}", incident.id))
    }

    /// A table of it.
    pub fn table(&self, table: &str, incident: &Incident) -> Path {
        self.folder(table, &day(incident)).join(format!("{}.parquet", incident.id))
    }

    fn folder(&self, table: &str, day: &str) -> Path {
        let parts = [table.to_owned(), format!("day={day}"), format!("node={}", self.node)];
        parts.into_iter().fold(self.prefix.clone(), |path, part| path.join(part))
    }
}

/// The day in UTC on which it happened.
pub fn day(incident: &Incident) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(incident.time)).unwrap_or_default();
    time.strftime("%Y-%m-%d").to_string()
}

/// The incident whose recording this is.
pub fn id(path: &Path) -> Option<String> {
    Some(path.filename()?.strip_suffix(SUFFIX)?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        let incident = Incident {
            id: "20261121T235959.999Z".into(),
            time: 1_795_305_599_999_000_000,
            ..Incident::default()
        };
        let layout = Layout::new(Path::from("a/b"), "../no de/é");
        let name = "a/b/stalls/day=2026-11-21/node=_no_de__/20261121T235959.999Z.parquet";
        assert_eq!(layout.table("stalls", &incident).as_ref(), name);
        let recording = layout.recording(&incident);
        assert_eq!(id(&recording), Some(incident.id));
        let none = Layout::new(Path::from(""), "..");
        assert_eq!(none.day("d").as_ref(), "recordings/day=d/node=unknown");
    }
}

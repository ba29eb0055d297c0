//! From TOML and `--set` to a configuration, or to what is wrong and where.

use std::path::{Path, PathBuf};

use super::{Config, file};

/// No configuration is longer.
const MAX_FILE: u64 = 1 << 20;

/// Why there is no configuration to go by.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not a configuration; `what` tells the reason, and line and column where it has one place.
    #[error("{}: {what}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and where.
        what: String,
    },
    /// A `--set` is wrong.
    #[error("--set {text}: {what}")]
    Set {
        /// As given.
        text: String,
        /// What is wrong with it.
        what: String,
    },
    /// Values that do not go together.
    #[error("{0}")]
    Together(String),
}

impl Config {
    /// Reads a file, if there is one, and puts `KEY=VALUE`s over it.
    ///
    /// # Errors
    /// [`ConfigError`] tells what is wrong where.
    pub fn read(file: Option<&Path>, set: &[String]) -> Result<Config, ConfigError> {
        let mut table = toml::Table::new();
        if let Some(path) = file {
            let text = text(path)?;
            let told = |error: toml::de::Error| ConfigError::File {
                path: path.to_owned(),
                what: placed(&error, &text),
            };
            // As a whole first: only so it is known in which line a value stands.
            toml::from_str::<Config>(&text).map_err(told)?;
            table = toml::from_str(&text).map_err(told)?;
        }
        for text in set {
            table =
                put(&table, text).map_err(|what| ConfigError::Set { text: text.clone(), what })?;
        }
        let config = toml::Value::Table(table).try_into::<Config>();
        let config = config.map_err(|error| ConfigError::Together(error.to_string()))?;
        config.check().map_err(|what| match file {
            Some(path) if set.is_empty() => {
                let line = text(path).ok().and_then(|text| line_of(&text, &what));
                let what = line.map_or(what.clone(), |line| format!("line {line}: {what}"));
                ConfigError::File { path: path.to_owned(), what }
            }
            _ => ConfigError::Together(what),
        })?;
        Ok(config)
    }

    /// All values in force, as TOML.
    #[must_use]
    pub fn to_toml(&self) -> String {
        // Plain tables of plain values can always be written.
        toml::to_string(self).unwrap_or_default()
    }
}

/// The reason, with line and column.
fn placed(error: &toml::de::Error, text: &str) -> String {
    let reason = error.message().trim_end();
    let before = error.span().and_then(|span| text.get(..span.start));
    let Some(before) = before else { return reason.to_owned() };
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}: {reason}")
}

/// The line of the key that a refusal begins with, `section.key: reason`, or of its section.
fn line_of(text: &str, refusal: &str) -> Option<usize> {
    let (section, key) = refusal.split_once(':')?.0.split_once('.').unwrap_or((refusal, ""));
    let section = section.split(':').next().unwrap_or(section);
    let table = toml::de::DeTable::parse(text).ok()?.into_inner();
    let (name, value) = table.iter().find(|(name, _)| name.get_ref() == section)?;
    let keys = value.get_ref().as_table();
    let key = keys.and_then(|keys| keys.iter().find(|(name, _)| name.get_ref() == key));
    let at = key.map_or(name.span().start, |(name, _)| name.span().start);
    Some(text.get(..at)?.matches('\n').count() + 1)
}

fn text(path: &Path) -> Result<String, ConfigError> {
    file::text(path, MAX_FILE).map_err(|source| ConfigError::Read { path: path.to_owned(), source })
}

/// Puts `http.listen=off` into a table: as a number, list or boolean where that is wanted, else as
/// text.
fn put(table: &toml::Table, text: &str) -> Result<toml::Table, String> {
    let (key, value) = text.split_once('=').ok_or("give KEY=VALUE, such as flight.before=30s")?;
    let (section, name) = key.trim().split_once('.').ok_or("the key is SECTION.NAME")?;
    let value = value.trim();
    let parsed = toml::from_str::<toml::Table>(&format!("v = {value}")).ok();
    let parsed = parsed.and_then(|mut one| one.remove("v"));
    let mut refusal = None;
    for value in parsed.into_iter().chain([toml::Value::String(value.to_owned())]) {
        let mut table = table.clone();
        let empty = || toml::Value::Table(toml::Table::new());
        match table.entry(section).or_insert_with(empty) {
            toml::Value::Table(section) => drop(section.insert(name.to_owned(), value)),
            _ => return Err(format!("{section} is no section")),
        }
        match toml::Value::Table(table.clone()).try_into::<Config>() {
            Ok(_) => return Ok(table),
            // What the value itself says of it tells more than what its text would say.
            Err(error) => drop(refusal.get_or_insert(error.message().to_owned())),
        }
    }
    Err(refusal.unwrap_or_default())
}

//! The process that looks up user addresses.

use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use blazesym::Pid;
use blazesym::symbolize::source::{Process, Source};
use blazesym::symbolize::{Input, Symbolized, Symbolizer};

use super::{Answer, Found, HELLO, MAX_NAME, Question};
use crate::host::resident_memory;
use crate::session::symbols::table;

/// Memory of its own that it may take; mapped files do not count.
const MEMORY: u64 = 512 << 20;
/// Bytes that tables may take before they are read anew: those of all that has run would take
/// hundreds of MB, and keep each file open.
const TABLES: u64 = 64 << 20;
/// A single large program takes more: its tables are not read for each stack.
const TABLES_FOR: Duration = Duration::from_secs(10);

/// Answers the questions of the process that started this one, until there are no more.
///
/// # Errors
/// What it is asked cannot be read, or its answers not be written.
pub fn serve() -> Result<()> {
    confine();
    let (mut out, mut tables) = (std::io::stdout().lock(), Tables::new());
    writeln!(out, "{HELLO}")?;
    for line in std::io::stdin().lock().lines() {
        let question = serde_json::from_str(&line?).context("this is no question")?;
        serde_json::to_writer(&mut out, &tables.answer(&question))?;
        writeln!(out)?;
        out.flush()?;
    }
    Ok(())
}

/// It dies with who asks, and rather than take much memory; without a core dump.
fn confine() {
    // SAFETY: takes no pointers. A refusal leaves what was.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // SAFETY: a NUL-terminated name.
    unsafe { libc::prctl(libc::PR_SET_NAME, c"stallprof-users".as_ptr()) };
    for (resource, most) in [(libc::RLIMIT_DATA, MEMORY), (libc::RLIMIT_CORE, 0)] {
        let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
        // SAFETY: a valid limit.
        unsafe { libc::setrlimit(resource, &raw const limit) };
    }
}

/// Symbol tables, and since when they have been kept.
struct Tables {
    symbolizer: Symbolizer,
    /// Resident memory when there were none, and when that was.
    without: (u64, Instant),
}

impl Tables {
    fn new() -> Tables {
        let without = (resident_memory().unwrap_or_default(), Instant::now());
        Tables { symbolizer: table(), without }
    }

    /// All of them at once; one by one where that fails, since one bad file fails the whole.
    fn answer(&mut self, question: &Question) -> Answer {
        let (before, when) = self.without;
        let most = before.saturating_add(TABLES);
        if when.elapsed() >= TABLES_FOR && resident_memory().is_some_and(|now| now > most) {
            *self = Tables::new();
        }
        let mut process = Process::new(Pid::from(question.tgid));
        process.debug_syms = false;
        let source = Source::Process(process);
        if let Ok(all) = self.symbolizer.symbolize(&source, Input::AbsAddr(&question.addresses)) {
            return all.iter().map(found).collect();
        }
        let one = |a: &u64| {
            let one = self.symbolizer.symbolize_single(&source, Input::AbsAddr(*a));
            one.ok().as_ref().and_then(found)
        };
        question.addresses.iter().map(one).collect()
    }
}

fn found(symbolized: &Symbolized<'_>) -> Option<Found> {
    let Symbolized::Sym(symbol) = symbolized else { return None };
    let module = symbol.module.as_ref().map(|m| cut(&m.to_string_lossy()));
    Some(Found { function: cut(&symbol.name), module })
}

fn cut(name: &str) -> String {
    name[..name.floor_char_boundary(MAX_NAME)].to_owned()
}

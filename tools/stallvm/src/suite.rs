//! The scenarios on one kernel: one boot carries them all, another goes on where a guest's own
//! kernel has failed.

use anyhow::{Context as _, Result};
use serde_json::Value;
use stallscore::row::{Outcome, Row};

use crate::cache::Ready;
use crate::kernels::Kernel;
use crate::qemu::{End, Machine};
use crate::site::{Job, MAX_CRASHES, Site};

/// How often a scenario may run until it goes right.
const RUNS: u32 = 3;

/// What came out of one kernel.
pub struct Results {
    /// The kernel.
    pub kernel: Kernel,
    /// As `uname -r` says.
    pub release: String,
    /// Boots, and how many of them ended with a crash of the guest's kernel.
    pub boots: u32,
    pub crashes: u32,
    /// One for each scenario.
    pub rows: Vec<Row>,
    /// The BPF programs of stallprof and the instructions that the verifier looked at.
    pub programs: Vec<(String, u64)>,
}

/// What is still to do.
struct Todo {
    scenarios: Vec<String>,
    /// How often the first of them has crashed the guest.
    crashes: u32,
}

/// Runs the scenarios, such as "bh@default". Those that went wrong run again, [`RUNS`] times in all:
/// the host takes CPUs away from guests as it likes. A row says which run it is of.
pub fn run(
    site: &Site,
    kernel: Kernel,
    ready: &Ready,
    machine: &Machine,
    scenarios: &[String],
) -> Result<Results> {
    let mut results = run_once(site, kernel, ready, machine, scenarios)?;
    let name = |row: &Row| format!("{}@{}", row.scenario, row.method);
    for n in 2..=RUNS {
        let again: Vec<_> = results.bad().map(name).collect();
        if again.is_empty() {
            break;
        }
        eprintln!("  once more: {}", again.join(" "));
        let next = run_once(site, kernel, ready, machine, &again)?;
        results.boots += next.boots;
        results.crashes += next.crashes;
        for mut row in next.rows {
            let Some(old) = results.rows.iter_mut().find(|r| name(r) == name(&row)) else {
                continue;
            };
            let before = format!("run {n}; before: {}", old.note);
            row.note = match row.note.is_empty() {
                true => before,
                false => format!("{}; {before}", row.note),
            };
            *old = row;
        }
    }
    Ok(results)
}

fn run_once(
    site: &Site,
    kernel: Kernel,
    ready: &Ready,
    machine: &Machine,
    scenarios: &[String],
) -> Result<Results> {
    let mut results = Results {
        kernel,
        release: ready.release.clone(),
        boots: 0,
        crashes: 0,
        rows: Vec::new(),
        programs: Vec::new(),
    };
    let mut todo = Todo { scenarios: scenarios.to_vec(), crashes: 0 };
    while !todo.scenarios.is_empty() {
        results.boots += 1;
        let before = todo.scenarios.len();
        let end = boot(site, ready, machine, &mut todo, &mut results)?;
        if todo.scenarios.len() < before {
            todo.crashes = 0;
        }
        results.crashes += u32::from(matches!(end, End::Crashed(_)));
        let Some(next) = todo.scenarios.first().cloned() else { break };
        let why = match end {
            End::Exited(status) => format!("the suite ended with {status} before it was done"),
            End::Late => format!("not done {} s after the boot", machine.deadline),
            End::Crashed(why) => {
                todo.crashes += 1;
                eprintln!("  {next}: the guest's kernel failed: {why}");
                if todo.crashes < MAX_CRASHES {
                    continue;
                }
                format!("the guest's kernel failed {MAX_CRASHES} times: {why}")
            }
        };
        results.failed(&next, &why);
        todo.scenarios.remove(0);
        todo.crashes = 0;
    }
    Ok(results)
}

fn boot(
    site: &Site,
    ready: &Ready,
    machine: &Machine,
    todo: &mut Todo,
    results: &mut Results,
) -> Result<End> {
    let script = format!("suite {}\n", todo.scenarios.join(" "));
    // What every boot left behind stays for a look.
    let (kernel, boot) = (results.kernel.name, results.boots);
    let folder = site.cache.runs().join(format!("matrix-{kernel}-{boot}"));
    let job = Job { script: Some(&script), with: &[], echo: false };
    let mut broken = None;
    let end = site.boot(ready, machine, &folder, &job, |line| {
        if let Err(error) = results.take(line, &mut todo.scenarios) {
            broken = Some(error.context(format!("the guest reported {line:?}")));
        }
    })?;
    broken.map_or(Ok(end), Err)
}

impl Results {
    /// Takes one line of what the guest reports.
    fn take(&mut self, line: &str, todo: &mut Vec<String>) -> Result<()> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "probes" => {
                let programs: Vec<Value> = serde_json::from_str(rest)?;
                let program = |p: &Value| {
                    Some((p["name"].as_str()?.to_owned(), p["verified_insns"].as_u64()?))
                };
                self.programs = programs.iter().filter_map(program).collect();
                eprintln!("  probes: {} BPF programs", self.programs.len());
                todo.retain(|scenario| !scenario.starts_with("probes@"));
            }
            "row" => {
                let mut row: Row = serde_json::from_str(rest)?;
                row.kernel.clone_from(&self.release);
                let name = format!("{}@{}", row.scenario, row.method);
                eprintln!("  {name}: {:?} {}", row.outcome, row.note);
                todo.retain(|scenario| *scenario != name);
                self.rows.push(row);
            }
            _ => {}
        }
        Ok(())
    }

    fn failed(&mut self, scenario: &str, why: &str) {
        eprintln!("  {scenario}: {why}");
        let (kind, method) = scenario.split_once('@').unwrap_or((scenario, "default"));
        let row = Row::empty(kind, method, Outcome::Failed, why);
        self.rows.push(Row { kernel: self.release.clone(), ..row });
    }

    /// Rows that break a requirement.
    pub fn bad(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| match row.outcome {
            Outcome::Right => false,
            Outcome::NotPossible => !self.kernel.not_possible.contains(&row.scenario.as_str()),
            Outcome::Wrong | Outcome::NotMeasured | Outcome::Failed => true,
        })
    }
}

/// The job of a boot needs a kernel that is there.
pub fn ready(site: &Site, kernel: Kernel) -> Result<Ready> {
    site.cache.get(kernel).with_context(|| format!("kernel {}", kernel.name))
}

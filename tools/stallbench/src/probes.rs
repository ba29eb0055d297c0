//! What each BPF program costs a run, and a softirq: ours against those of libbpf-tools.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use stallgen::stop::Stop;
use stallgen::task::online_cpus;

use crate::bpf::{Program, Programs, Stats};
use crate::cli::Common;
use crate::flood::{Flood, Pace, rest};
use crate::net::Net;
use crate::stats::median;
use crate::table::{Budget, Comparison, Table};
use crate::tool::Tool;
use crate::workdir::WorkDir;

/// Runs and ns of a program, and what they come to per packet, in one round.
#[derive(Debug)]
struct Cost {
    per_run: f64,
    runs_per_packet: f64,
    per_packet: f64,
}

/// A tool's programs, a value for each round.
#[derive(Debug)]
struct Measured {
    tool: Tool,
    programs: BTreeMap<String, Vec<Cost>>,
    /// ns per softirq of the programs that see every softirq.
    per_softirq: Vec<f64>,
    rate: Vec<f64>,
    /// ns of the senders' CPU time per packet.
    cpu: Vec<f64>,
    /// Percent of the machine that the senders had.
    had: Vec<f64>,
}

/// Measures in turn.
pub fn run(common: &Common) -> Result<Vec<Table>> {
    let subjects = common.subjects()?;
    let mut tools: Vec<Tool> = subjects.iter().map(|s| Tool::record(s, &[])).collect();
    tools.push(Tool::softirqs(&[]));
    tools.push(Tool::softirqs(&["-d"]));
    let stop = common.stop(tools.len() as u64)?;
    let (net, dir, _stats) = (Net::create()?, WorkDir::new()?, Stats::enable()?);

    let mut all: Vec<Measured> = tools.into_iter().map(Measured::new).collect();
    let mut others = Vec::new();
    for round in 1..=common.rounds {
        for measured in &mut all {
            eprintln!("round {round} of {}: {}", common.rounds, measured.tool.name);
            others.extend(measured.measure(common, &net, &dir, &stop)?);
        }
    }
    let mut tables = vec![headline(&all)];
    tables.extend(all.iter().map(Measured::table));
    if !others.is_empty() {
        others.sort_unstable();
        others.dedup();
        let note = format!("BPF programs of others ran meanwhile: {}", others.join(", "));
        tables[0].notes.push(note);
    }
    Ok(tables)
}

impl Measured {
    fn new(tool: Tool) -> Self {
        Self {
            tool,
            programs: BTreeMap::new(),
            per_softirq: Vec::new(),
            rate: Vec::new(),
            cpu: Vec::new(),
            had: Vec::new(),
        }
    }

    /// One round; the names of other people's programs that ran meanwhile.
    fn measure(
        &mut self,
        common: &Common,
        net: &Net,
        dir: &WorkDir,
        stop: &Stop,
    ) -> Result<Vec<String>> {
        let running = self.tool.start(dir.path(), stop)?;
        let flood = Flood::start(net, &online_cpus()?, common.batch, Pace::Saturated, stop)?;
        let (start, packets, cpu) = (Programs::read()?, net.received()?, flood.cpu_ns()?);
        rest(stop, common.length())?;
        let end = Programs::read()?;
        let packets = (net.received()? - packets) as f64;
        let cpu = (flood.cpu_ns()? - cpu) as f64;
        let (programs, others) = end.ran(&running.before, &start, running.pid())?;
        flood.stop()?;
        running.stop(stop)?;
        ensure!(packets > 0.0, "no packet arrived");
        self.rate.push(packets / common.length().as_secs_f64());
        self.cpu.push(cpu / packets);
        let all = common.length().as_nanos() as f64 * online_cpus()?.len() as f64;
        self.had.push(100.0 * cpu / all);
        self.book(&programs, packets)?;
        Ok(others)
    }

    fn book(&mut self, programs: &[Program], packets: f64) -> Result<()> {
        let entries = programs.iter().find(|p| p.name.starts_with("softirq_entry"));
        ensure!(
            entries.is_some_and(|p| p.runs > 0),
            "{} ran no program at softirq_entry",
            self.tool.name
        );
        let runs = entries.map_or(1, |p| p.runs) as f64;
        let softirq = programs.iter().filter(|p| p.name.starts_with("softirq_"));
        self.per_softirq.push(softirq.map(|p| p.ns).sum::<u64>() as f64 / runs);
        for program in programs.iter().filter(|p| p.runs > 0) {
            self.programs.entry(program.name.clone()).or_default().push(Cost {
                per_run: program.ns as f64 / program.runs as f64,
                runs_per_packet: program.runs as f64 / packets,
                per_packet: program.ns as f64 / packets,
            });
        }
        Ok(())
    }

    /// Each program, dearest first.
    fn table(&self) -> Table {
        let title = format!("{}, ns per packet", self.tool.name);
        let mut table = Table::new(title, Comparison::Ratio, 2);
        let mut rows: Vec<_> = self.programs.iter().collect();
        let per_packet = |costs: &[Cost]| costs.iter().map(|c| c.per_packet).collect::<Vec<_>>();
        rows.sort_by(|a, b| {
            let key = |row: &Vec<Cost>| median(&per_packet(row));
            key(b.1).total_cmp(&key(a.1))
        });
        for (name, costs) in rows {
            let of = |pick: fn(&Cost) -> f64| median(&costs.iter().map(pick).collect::<Vec<_>>());
            let (each, runs) = (of(|c| c.per_run), of(|c| c.runs_per_packet));
            let name = format!("  {name:16} {each:8.1} ns x {runs:.4}");
            table.row(name, per_packet(costs), None, None);
        }
        table
    }
}

fn headline(all: &[Measured]) -> Table {
    let mut table =
        Table::new("ns per softirq, all softirq programs together", Comparison::Ratio, 1);
    let peer = all.iter().find(|m| m.tool.name == "softirqs");
    let baseline = peer.map(|m| m.per_softirq.as_slice());
    for measured in all {
        let ours = measured.tool.role != crate::tool::Role::Peer;
        let budget = ours.then_some(Budget::AtMost(1.0));
        table.row(measured.tool.name.clone(), measured.per_softirq.clone(), baseline, budget);
        if ours {
            let budget = Some(Budget::Value(100.0));
            table.row("  aim", measured.per_softirq.clone(), None, budget);
        }
    }
    for measured in all {
        let (rate, cpu) = (median(&measured.rate), median(&measured.cpu));
        let had = median(&measured.had);
        table.notes.push(format!(
            "{}: {rate:.0} packets/s meanwhile, {cpu:.0} ns of CPU each; the senders had {had:.1} \
             % of the machine",
            measured.tool.name
        ));
    }
    table.notes.push("the kernel's own counting of run times is part of all of these".to_owned());
    table
}

//! The health of the node, for a recording. It is read when the probes are gone and all that they
//! saw is written: it walks over cgroups, namespaces and rules, and would be seen at it.

use std::io::Write;

use super::now;
use crate::health::{Options, Report, examine_aside};
use crate::host::HostRoot;
use crate::model::{Event, HealthNumber, HealthRow};
use crate::recording::Writer;
use crate::units::Ktime;

/// Reads the health of this host and adds it to a recording: takes a second at most.
pub fn add<W: Write>(writer: &mut Writer<W>, root: &HostRoot) {
    let report = examine_aside(root.clone(), Options::default());
    put(writer, &report, now());
}

fn put<W: Write>(writer: &mut Writer<W>, report: &Report, time: Ktime) {
    for (finding, f) in (1..).zip(&report.findings) {
        let (window, window_ns) = f.window.parts();
        let row = HealthRow {
            time,
            finding,
            check: writer.string(&f.check),
            severity: f.severity,
            subject: writer.string(f.subject.as_deref().unwrap_or_default()),
            value: writer.string(&f.value),
            window,
            window_ns,
            why: writer.string(&f.why),
            prove: writer.string(&f.prove),
            help: writer.string(&f.help),
        };
        writer.event(Event::Health(row));
        for (name, value) in &f.numbers {
            let name = writer.string(name);
            let number = HealthNumber { time, finding, name, value: *value };
            writer.event(Event::HealthNumber(number));
        }
    }
}

//! Pressure (PSI) past its limit: by the kernel's own watch, else by its average.

use super::{Condition, condition};
use crate::daemon::config::Triggers;
use crate::daemon::log::say;
use crate::host::HostRoot;
use crate::host::pressure::{Pressure, Resource};
use crate::host::pressure_watch::PressureWatch;

/// A resource with a limit.
struct Limited {
    of: Resource,
    cause: &'static str,
    per_cent: u32,
    /// None where the kernel allows no watch.
    watch: Option<PressureWatch>,
}

/// All that have one.
pub struct Pressures {
    limited: Vec<Limited>,
    root: HostRoot,
}

impl Pressures {
    /// Begins to watch, as far as the kernel allows.
    pub fn open(triggers: &Triggers, root: &HostRoot) -> Pressures {
        let table = [
            (Resource::Cpu, "cpu_pressure", triggers.cpu_pressure),
            (Resource::Memory, "memory_pressure", triggers.memory_pressure),
            (Resource::Io, "io_pressure", triggers.io_pressure),
        ];
        let wanted = table.into_iter().filter(|(.., per_cent)| *per_cent > 0);
        let open = |(of, cause, per_cent)| {
            let watch = PressureWatch::open(root, of, per_cent);
            if let Err(why) = &watch {
                let file = of.name();
                say(&format_args!(
                    "/proc/pressure/{file} cannot be watched ({why}): its average over 10 s is \
                     read every 10 s"
                ));
            }
            Limited { of, cause, per_cent, watch: watch.ok() }
        };
        Pressures { limited: wanted.map(open).collect(), root: root.clone() }
    }

    /// Those that the kernel says are past their limit.
    pub fn past(&mut self) -> Vec<Condition> {
        let mut found = Vec::new();
        for limited in &mut self.limited {
            match limited.watch.as_ref().map(PressureWatch::is_past) {
                Some(Ok(true)) => {
                    found.push(limited.condition(limited.per_cent, &self.root));
                }
                Some(Err(_)) => limited.watch = None,
                _ => {}
            }
        }
        found
    }

    /// Those that are not watched and whose average is past the limit.
    pub fn look(&self) -> Vec<Condition> {
        let root = &self.root;
        let unwatched = self.limited.iter().filter(|limited| limited.watch.is_none());
        let averages = unwatched.map(|limited| (limited, limited.average(root)));
        let past = averages.filter(|(limited, now)| *now >= limited.per_cent);
        past.map(|(limited, now)| limited.condition(now, root)).collect()
    }
}

impl Limited {
    /// Per cent of the last 10 s, 0 where it cannot be read.
    fn average(&self, root: &HostRoot) -> u32 {
        Pressure::read(root, self.of).ok().and_then(|p| p.some).unwrap_or_default() / 100
    }

    fn condition(&self, value: u32, root: &HostRoot) -> Condition {
        let what = match self.of {
            Resource::Cpu => "a CPU",
            Resource::Memory => "memory",
            _ => "block devices",
        };
        let told = format!(
            "some task waited for {what} in {value} per cent of 10 s at least, limit {}; average \
             now {}",
            self.per_cent,
            self.average(root)
        );
        let value = (u64::from(value), u64::from(self.per_cent), "per cent");
        condition(self.cause, String::new(), value, told)
    }
}

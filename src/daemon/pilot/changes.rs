//! What changes under the probes: CPUs, the wall clock, programs that were detached, and the
//! configuration.

use anyhow::{Result, anyhow};
use sd_notify::NotifyState;

use super::{Pilot, start};
use crate::daemon::config::Config;
use crate::daemon::http::Gate;
use crate::daemon::incident::Job;
use crate::daemon::log::say;
use crate::daemon::pulse::Pulse;
use crate::units::Cpu;

impl Pilot {
    /// What changed under us.
    pub(super) fn look_round(&mut self) {
        let changes = self.rounds.look(&self.links.root);
        if let Some(by) = changes.step {
            self.links.metrics.clock.stepped();
            let seconds = by as f64 / 1e9;
            say(&format_args!(
                "the wall clock was stepped by {seconds:+.3} s, or the machine slept: times of \
                 incidents before and after do not compare"
            ));
        }
        let ours = |cpu: &&Cpu| match &self.config.probes.cpus.0 {
            Some(list) => list.contains(**cpu),
            None => true,
        };
        for cpu in changes.gone.iter().filter(ours) {
            say(&format_args!("CPU {cpu} went offline: it is measured again when it is back"));
        }
        // What was attached to a CPU before it went is gone for good.
        if changes.come.iter().any(|cpu| ours(&cpu)) {
            say(&"CPUs came online: the probes are started anew");
            self.start_anew();
        } else if let Some(unseen) = self.pulse.look(&self.links.root, &self.meta) {
            say(&format_args!(
                "{unseen} softirqs ran and the probe softirq saw none: it was detached; the probes \
                 are started anew"
            ));
            self.start_anew();
        }
    }

    fn start_anew(&mut self) {
        let config = self.config.clone();
        if let Err(error) = self.restart(&config) {
            say(&format_args!("that failed, the old ones stay: {error:#}"));
        }
    }

    /// New probes beside the old, which end when the new ones run.
    fn restart(&mut self, config: &Config) -> Result<()> {
        let (next, meta) = start(config, &self.links.root)?;
        self.links.metrics.probes.set(&next.probes);
        self.links.board.measures(&meta, &config.probes.on, &self.links.root);
        self.links.metrics.probes.restarted();
        self.pulse = Pulse::begin();
        (self.next, self.meta) = (Some(next), meta);
        Ok(())
    }

    pub(super) fn reload(&mut self) {
        let _ = NotifyState::monotonic_usec_now()
            .and_then(|now| sd_notify::notify(&[NotifyState::Reloading, now]));
        let read = self.origin.read().map_err(anyhow::Error::from);
        let done = read.and_then(|config| self.take_over(config));
        self.links.metrics.reloads.count(done.is_ok());
        match done {
            Ok(()) => say(&"the configuration was read again"),
            Err(error) => say(&format_args!("the old configuration stays: {error:#}")),
        }
        let _ = sd_notify::notify(&[NotifyState::Ready]);
    }

    fn take_over(&mut self, mut config: Config) -> Result<()> {
        let listen = &self.config.http.listen;
        let moved = config.http.listen != *listen;
        // Who may ask goes by where it listens, and that stays.
        config.http.listen.clone_from(listen);
        config.check().map_err(|why| anyhow!("while it listens on {listen}: {why}"))?;
        let gate = Gate::read(&config)?;
        if config.probes != self.config.probes {
            self.restart(&config)?;
        }
        if moved || config.http.connections != self.config.http.connections {
            say(&"http.listen and http.connections change with the next start only");
        }
        if config.rights != self.config.rights {
            say(&"rights.landlock and rights.seccomp change with the next start only");
        }
        if config.store.directory != self.config.store.directory && self.config.rights.landlock {
            say(&"store.directory changes with the next start only: Landlock holds the old one");
            config.store.directory.clone_from(&self.config.store.directory);
        }
        if config.otlp != self.config.otlp || config.upload != self.config.upload {
            say(&"otlp and upload change with the next start only");
        }
        config.rights.clone_from(&self.config.rights);
        self.links.control.set_gate(gate);
        self.links.metrics.set(&config.metrics);
        self.conditions.set(&config.triggers, &self.links.root);
        self.send(Job::Set(Box::new(config.clone())));
        self.config = config;
        self.bound_flight();
        Ok(())
    }
}

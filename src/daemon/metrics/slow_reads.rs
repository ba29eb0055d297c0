//! Slow reads of cgroupfs and procfs, by kind of file.

use std::fmt;
use std::sync::{Arc, Mutex};

use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use super::places::Places;
use super::{Detail, Family, Window, lock, series};
use crate::analysis::slow_reads;
use crate::model::Recording;

/// Kinds of files with series of their own.
const KINDS: usize = 30;

#[derive(Debug)]
struct SlowReads(Mutex<Places<(u64, f64)>>);

pub fn new(_: &Arc<Detail>) -> Arc<dyn Family> {
    Arc::new(SlowReads(Mutex::new(Places::new(KINDS))))
}

impl Family for SlowReads {
    fn recorded(&self, recording: &Recording, window: Window) {
        let rows = &mut *lock(&self.0);
        for read in slow_reads(recording).iter().filter(|read| window.holds(read.time)) {
            let row = rows.of(&read.kind);
            *row = (row.0 + 1, row.1 + read.duration.secs());
        }
    }

    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let rows = lock(&self.0);
        let counts = rows.iter().map(|(file, row)| ([("file", file.to_owned())], row.0));
        let help = "Slow reads of cgroupfs and procfs, by kind of file";
        series!(to, "slow_reads", help, None, counter, counts);
        let sums = rows.iter().map(|(file, row)| ([("file", file.to_owned())], row.1));
        let help = "Length of all slow reads together, by kind of file";
        series!(to, "slow_read", help, Some(&Unit::Seconds), counter, sums);
        Ok(())
    }
}

//! The recording file: what goes in comes out, whatever happens to the file, and no file can
//! harm its reader.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "recording/bounded.rs"]
mod bounded;
#[path = "recording/damage.rs"]
mod damage;
#[path = "recording/disk_full.rs"]
mod disk_full;
#[path = "recording/dissect.rs"]
mod dissect;
#[path = "recording/docs.rs"]
mod docs;
#[path = "recording/examples.rs"]
mod examples;
#[path = "recording/files.rs"]
mod files;
#[path = "recording/forge.rs"]
mod forge;
#[path = "recording/fuzz.rs"]
mod fuzz;
#[path = "recording/hostile.rs"]
mod hostile;
#[path = "recording/memory.rs"]
mod memory;
#[path = "recording/mutants.rs"]
mod mutants;
#[path = "recording/room.rs"]
mod room;
#[path = "recording/round_trip.rs"]
mod round_trip;
#[path = "recording/versions.rs"]
mod versions;

//! The receive path: hashes against published vectors, readers on trees of files and damaged
//! answers, predictions against what the kernel does with packets.

#[path = "rxpath/cli.rs"]
mod cli;
#[path = "rxpath/frames.rs"]
mod frames;
#[path = "rxpath/hostile.rs"]
mod hostile;
#[path = "rxpath/live.rs"]
mod live;
#[path = "rxpath/made.rs"]
mod made;
#[path = "rxpath/predictions.rs"]
mod predictions;
#[path = "rxpath/readers.rs"]
mod readers;
mod skip;
#[path = "rxpath/vectors.rs"]
mod vectors;
#[path = "rxpath/wire.rs"]
mod wire;

//! Blocks found and decompressed in a thread of their own, while others are read.

use std::io;
use std::sync::mpsc;
use std::thread;

use super::scan::Found;

/// Goes through what `make` gives, in a second thread if there can be one.
///
/// # Errors
/// Those of `make`.
pub fn ahead<I, R>(
    make: impl Fn() -> io::Result<I>,
    with: &mut dyn FnMut(&mut dyn Iterator<Item = Found>) -> R,
) -> io::Result<R>
where
    I: Iterator<Item = Found> + Send,
{
    let found = make()?;
    thread::scope(|scope| {
        // One block is read while the next is decompressed: a block may be large.
        let (send, receive) = mpsc::sync_channel(0);
        // Ends with the file, or when nobody listens any more.
        let run = move || {
            let _ = found.map(|found| send.send(found)).all(|sent| sent.is_ok());
        };
        match thread::Builder::new().name("unpack".into()).spawn_scoped(scope, run) {
            Ok(_) => Ok(with(&mut receive.into_iter())),
            Err(_) => Ok(with(&mut make()?)),
        }
    })
}

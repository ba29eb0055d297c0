//! Answers that are too long for a copy in memory for each client that reads slowly.

use std::fs::File;
use std::io::{self, Read};
use std::mem;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{JoinHandle, spawn_blocking};

/// So much is in memory at a time.
const SLICE: usize = 64 << 10;

/// A file, read as the client takes it: it may leave the store meanwhile.
pub struct FileBody {
    next: Next,
    left: u64,
}

enum Next {
    Read(File),
    Reading(JoinHandle<io::Result<(File, Vec<u8>)>>),
    Nothing,
}

impl FileBody {
    /// All of the file at `path`, as long as it is now.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path) -> io::Result<FileBody> {
        let file = File::open(path)?;
        let left = file.metadata()?.len();
        Ok(FileBody { next: Next::Read(file), left })
    }
}

fn read(mut file: File, most: u64) -> io::Result<(File, Vec<u8>)> {
    let mut bytes = Vec::with_capacity(SLICE);
    (&mut file).take(most).read_to_end(&mut bytes)?;
    match bytes.is_empty() {
        true => Err(io::ErrorKind::UnexpectedEof.into()),
        false => Ok((file, bytes)),
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            match mem::replace(&mut self.next, Next::Nothing) {
                Next::Read(file) if self.left > 0 => {
                    let most = self.left.min(SLICE as u64);
                    // A disk that hangs holds up nobody else.
                    self.next = Next::Reading(spawn_blocking(move || read(file, most)));
                }
                Next::Reading(mut reading) => {
                    let Poll::Ready(done) = Pin::new(&mut reading).poll(cx) else {
                        self.next = Next::Reading(reading);
                        return Poll::Pending;
                    };
                    let (file, bytes) = match done.map_err(io::Error::other).flatten() {
                        Ok(done) => done,
                        Err(error) => return Poll::Ready(Some(Err(error))),
                    };
                    self.left -= bytes.len() as u64;
                    self.next = Next::Read(file);
                    return Poll::Ready(Some(Ok(Frame::data(bytes.into()))));
                }
                Next::Read(_) | Next::Nothing => return Poll::Ready(None),
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Something that is in memory, and takes its place there until the client has it.
pub struct Placed {
    rest: Bytes,
    _place: OwnedSemaphorePermit,
}

impl Placed {
    /// All of it, and its place.
    pub fn new(rest: Bytes, place: OwnedSemaphorePermit) -> Placed {
        Placed { rest, _place: place }
    }
}

impl Body for Placed {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let length = self.rest.len().min(SLICE);
        let slice = (length > 0).then(|| Ok(Frame::data(self.rest.split_to(length))));
        Poll::Ready(slice)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

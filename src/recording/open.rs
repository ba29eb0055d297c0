//! What may be a recording: its header tells, and why it cannot be read.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::format::{FILE_HEADER, FileHeader, MAJOR, MINOR, parse_file_header};

/// Why a file cannot be read as a recording at all.
#[derive(Debug)]
pub struct ReadError {
    /// The file, where there is one.
    pub path: Option<PathBuf>,
    /// What is wrong.
    pub problem: ReadProblem,
}

/// What is wrong with a file that is not readable as a recording.
#[derive(Debug, thiserror::Error)]
pub enum ReadProblem {
    /// The system refused.
    #[error("cannot be read: {0}")]
    Io(io::Error),
    /// No bytes.
    #[error("is empty: nothing was recorded")]
    Empty,
    /// Some other file.
    #[error("not a stallprof recording")]
    NotARecording,
    /// Cut within the header.
    #[error("was cut off within its first 16 bytes: nothing was recorded")]
    Short,
    /// The header's checksum is wrong.
    #[error("its header is damaged: not readable as a stallprof recording")]
    DamagedHeader,
    /// A newer format.
    #[error(
        "was made by a newer stallprof (recording format {0}.{1}; this one reads {MAJOR}.x): \
         update stallprof to read it"
    )]
    Newer(u16, u16),
    /// A format that never was.
    #[error("has recording format {0}.{1}, which no stallprof writes")]
    Unheard(u16, u16),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}: {}", path.display(), self.problem),
            None => self.problem.fmt(f),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.problem.source()
    }
}

/// Major and minor.
type Version = (u16, u16);

/// All bytes of what may be a recording.
pub(super) fn bytes_of(path: &Path) -> Result<Vec<u8>, ReadProblem> {
    let (mut file, mut bytes, _) = begin(path)?;
    file.read_to_end(&mut bytes).map_err(ReadProblem::Io)?;
    Ok(bytes)
}

/// What may be a recording, its header and version. No more is read: whoever names /dev/zero or a
/// film by mistake is told at once.
fn begin(path: &Path) -> Result<(File, Vec<u8>, Version), ReadProblem> {
    let mut file = File::open(path).map_err(ReadProblem::Io)?;
    let mut header = Vec::new();
    let begin = (&mut file).take(FILE_HEADER as u64).read_to_end(&mut header);
    begin.map_err(ReadProblem::Io)?;
    let version = version(&header)?;
    Ok((file, header, version))
}

/// What may be a recording, its version and its length, to be read part by part: a regular file.
pub(super) fn open(path: &Path) -> Result<(File, Version, usize), ReadProblem> {
    let (file, _, version) = begin(path)?;
    let len = file.metadata().map_err(ReadProblem::Io)?.len() as usize;
    Ok((file, version, len))
}

/// The version, if it is one that this program reads.
pub(super) fn version(bytes: &[u8]) -> Result<Version, ReadProblem> {
    match parse_file_header(bytes) {
        FileHeader::Empty => Err(ReadProblem::Empty),
        FileHeader::Foreign => Err(ReadProblem::NotARecording),
        FileHeader::Short => Err(ReadProblem::Short),
        FileHeader::Damaged => Err(ReadProblem::DamagedHeader),
        FileHeader::Version(major, minor) if major > MAJOR => Err(ReadProblem::Newer(major, minor)),
        FileHeader::Version(major, minor) if major < MAJOR => {
            Err(ReadProblem::Unheard(major, minor))
        }
        FileHeader::Version(major, minor) => Ok((major, minor)),
    }
}

/// The version of a file that is newer than this program's.
pub(super) fn newer(version: (u16, u16)) -> Option<(u16, u16)> {
    (version.1 > MINOR).then_some(version)
}

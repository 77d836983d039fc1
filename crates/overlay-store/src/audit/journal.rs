//! `audit/HEAD`: a line per record, `<seq> <hash> <segment> <end> <sum>`, the last counts.
//!
//! Adding a line is one sync where replacing a file takes two and a rename. A file that
//! has grown is replaced by its last line.

use std::io;

use overlay_model::Digest;

use super::Head;
use super::segment::DIR;
use crate::vfs::Vfs;

pub(super) const PATH: &str = "audit/HEAD";
const NEW_PATH: &str = "audit/HEAD.new";
/// The size from which on the file is replaced by its last line.
const FULL_BYTES: u64 = 32 << 10;
const MAX_BYTES: u64 = 1 << 20;

/// The end of the chain, and where in the files that is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Mark {
    pub(super) head: Head,
    pub(super) segment: u64,
    /// The length of the segment in bytes.
    pub(super) end: u64,
}

impl Mark {
    /// Before the first record.
    pub(super) fn start() -> Self {
        Self { head: Head::empty(), segment: 1, end: 0 }
    }

    fn to_line(self) -> String {
        let Self { head, segment, end } = self;
        let text = format!("{} {} {segment} {end}", head.seq, head.hash);
        let sum = Digest::of(text.as_bytes()).short();
        format!("{text} {sum}\n")
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?;
        let (text, sum) = line.rsplit_once(' ')?;
        let mut words = text.split(' ');
        let seq = words.next()?.parse().ok()?;
        let hash = words.next()?.parse().ok()?;
        let segment = words.next()?.parse().ok()?;
        let end = words.next()?.parse().ok()?;
        let whole = words.next().is_none() && Digest::of(text.as_bytes()).short() == sum;
        whole.then_some(Self { head: Head { seq, hash }, segment, end })
    }
}

/// The content of `audit/HEAD`.
pub(super) struct Journal {
    bytes: Vec<u8>,
}

impl Journal {
    /// Reads it; a missing file is an empty one.
    pub(super) fn read(fs: &(impl Vfs + ?Sized)) -> io::Result<Self> {
        match fs.read(PATH, MAX_BYTES) {
            Ok(bytes) => Ok(Self { bytes }),
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(Self { bytes: Vec::new() }),
            Err(err) => Err(err),
        }
    }

    /// Whether nothing was ever written, or not a byte of it arrived.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The last line, where it is whole.
    pub(super) fn end(&self) -> Option<Mark> {
        let lines = self.bytes.strip_suffix(b"\n")?;
        Mark::parse(lines.rsplit(|b| *b == b'\n').next()?)
    }

    /// All lines that are whole, newest first.
    pub(super) fn marks(&self) -> impl Iterator<Item = Mark> {
        self.bytes.rsplit(|b| *b == b'\n').filter_map(Mark::parse)
    }

    /// Whether each line is whole; one that no line feed ends was still being written.
    pub(super) fn is_sound(&self) -> bool {
        let mut lines = self.bytes.rsplit(|b| *b == b'\n');
        lines.next();
        lines.all(|line| Mark::parse(line).is_some())
    }

    /// Adds `mark` durably.
    pub(super) fn add(&self, fs: &(impl Vfs + ?Sized), mark: Mark) -> io::Result<()> {
        let len = u64::try_from(self.bytes.len()).unwrap_or(u64::MAX);
        if len >= FULL_BYTES {
            return replace(fs, mark);
        }
        fs.append(PATH, mark.to_line().as_bytes())?;
        fs.sync_file(PATH)?;
        if self.is_empty() { fs.sync_dir(DIR) } else { Ok(()) }
    }
}

/// Replaces the file by one with this line, durably.
pub(super) fn replace(fs: &(impl Vfs + ?Sized), mark: Mark) -> io::Result<()> {
    remove_new(fs)?;
    fs.write_new(NEW_PATH, mark.to_line().as_bytes(), 0o644)?;
    fs.sync_file(NEW_PATH)?;
    fs.rename(NEW_PATH, PATH)?;
    fs.sync_dir(DIR)
}

/// Removes what a crash during [`replace`] left.
pub(super) fn remove_new(fs: &(impl Vfs + ?Sized)) -> io::Result<()> {
    match fs.remove_file(NEW_PATH) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
        _ => Ok(()),
    }
}

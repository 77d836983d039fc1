//! `audit/HEAD`: the end of the log, written ahead of the segments.
//!
//! A line is the mark `<seq> <hash> <segment> <end> <sum>` of a record, and behind a blank
//! the record itself. A mark without a record stands first and says that the segments have
//! everything up to it, durably. So one sync of one file acknowledges a record; a file that
//! has grown is [flushed](flush) to the segment, and replaced by its last mark.

use std::io;

use overlay_model::Digest;

use super::Head;
use super::line::{Hasher, MAX_RECORD_BYTES, is_number};
use super::pending::Pending;
use super::segment::{self, DIR};
use crate::vfs::Vfs;

pub(super) const PATH: &str = "audit/HEAD";
const NEW_PATH: &str = "audit/HEAD.new";
/// The size from which on the records are moved to their segment.
const FULL_BYTES: usize = 32 << 10;
/// The most bytes a mark has.
const MAX_MARK_BYTES: usize = 160;
const MAX_BYTES: usize = FULL_BYTES + MAX_MARK_BYTES + MAX_RECORD_BYTES;

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

    /// After one more record, in this segment or as the first of the next.
    pub(super) fn then(self, record: &[u8], in_next: bool) -> Self {
        let Self { head, segment, end } = self;
        let (seq, hash) = (head.seq.saturating_add(1), Hasher::default().hash(record));
        let (segment, start) =
            if in_next { (segment.saturating_add(1), 0) } else { (segment, end) };
        Self { head: Head { seq, hash }, segment, end: start.saturating_add(line_len(record)) }
    }

    fn to_text(self) -> String {
        let Self { head, segment, end } = self;
        let text = format!("{} {} {segment} {end}", head.seq, head.hash);
        let sum = Digest::of(text.as_bytes()).short();
        format!("{text} {sum}")
    }
}

/// How many bytes a record takes as a line.
fn line_len(record: &[u8]) -> u64 {
    u64::try_from(record.len()).unwrap_or(u64::MAX).saturating_add(1)
}

/// A line of the file.
pub(super) struct Entry<'a> {
    pub(super) mark: Mark,
    /// The record, without a line feed; none where the segment has it durably.
    pub(super) record: Option<&'a [u8]>,
}

impl<'a> Entry<'a> {
    /// Reads a line. The mark is held against its sum, the record is not looked at.
    pub(super) fn parse(line: &'a [u8]) -> Option<Self> {
        let words: Vec<&[u8]> = line.splitn(6, |it| *it == b' ').collect();
        let [seq, hash, segment, end, sum, record @ ..] = words.as_slice() else { return None };
        let text = line.get(..seq.len() + hash.len() + segment.len() + end.len() + 3)?;
        if Digest::of(text).short().as_bytes() != *sum {
            return None;
        }
        let seq = number(seq).filter(|it| is_number(*it))?;
        let head = Head { seq, hash: std::str::from_utf8(hash).ok()?.parse().ok()? };
        let mark = Mark { head, segment: number(segment)?, end: number(end)? };
        Some(Self { mark, record: record.first().copied() })
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The content of `audit/HEAD`.
#[derive(Eq, PartialEq)]
pub(super) struct Journal {
    pub(super) bytes: Vec<u8>,
}

impl Journal {
    /// Reads it; a missing file is an empty one.
    pub(super) fn read(fs: &(impl Vfs + ?Sized)) -> io::Result<Self> {
        match fs.read(PATH, u64::try_from(MAX_BYTES).unwrap_or(u64::MAX)) {
            Ok(bytes) => Ok(Self { bytes }),
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(Self { bytes: Vec::new() }),
            Err(err) => Err(err),
        }
    }

    /// Whether nothing was ever written, or not a byte of it arrived.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether the records have to be moved to their segment before there is one more.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= FULL_BYTES
    }

    /// Whether there are records that are nowhere else for sure.
    pub(super) fn has_records(&self) -> bool {
        self.last().is_some_and(|it| it.record.is_some())
    }

    /// Where the log ends, by the last line alone; none where that is not whole.
    pub(super) fn end(&self) -> Option<Mark> {
        if self.is_empty() { Some(Mark::start()) } else { self.last().map(|it| it.mark) }
    }

    fn last(&self) -> Option<Entry<'_>> {
        Entry::parse(segment::last_line(&self.bytes)?)
    }

    /// Adds the mark of a record, and its line: once that is synced the record is in the
    /// log.
    pub(super) fn add(&self, fs: &(impl Vfs + ?Sized), mark: Mark, line: &str) -> io::Result<()> {
        let added = fs
            .append(PATH, format!("{} {line}\n", mark.to_text()).as_bytes())
            .and_then(|()| fs.sync_file(PATH))
            .and_then(|()| if self.is_empty() { fs.sync_dir(DIR) } else { Ok(()) });
        // What a sync that failed leaves in memory may never reach the disk: nobody is to
        // take it for a part of the log.
        added.inspect_err(|_| drop(fs.truncate(PATH, self.len())))
    }

    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.bytes.len()).unwrap_or(u64::MAX)
    }
}

/// Moves the records to their segment, durably, and replaces the file by its last mark.
pub(super) fn flush(fs: &(impl Vfs + ?Sized), journal: &Journal) -> io::Result<Journal> {
    let pending = Pending::parse(journal);
    let pending = pending.map_err(|err| io::Error::new(io::ErrorKind::InvalidData, err))?;
    let path = segment::path(pending.segment());
    // Written anew as a whole: of what was put there without a sync anything may be missing.
    fs.truncate(&path, pending.start())?;
    fs.append(&path, &pending.text)?;
    fs.sync_file(&path)?;
    let bytes = format!("{}\n", pending.end().to_text()).into_bytes();
    remove_new(fs)?;
    fs.write_new(NEW_PATH, &bytes, 0o644)?;
    fs.sync_file(NEW_PATH)?;
    fs.rename(NEW_PATH, PATH)?;
    fs.sync_dir(DIR)?;
    Ok(Journal { bytes })
}

/// Removes what a crash during [`flush`] left.
pub(super) fn remove_new(fs: &(impl Vfs + ?Sized)) -> io::Result<()> {
    match fs.remove_file(NEW_PATH) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
        _ => Ok(()),
    }
}

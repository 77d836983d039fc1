use std::io;

use super::journal::{Journal, Mark};
use super::line::{Hasher, VERSION};
use super::segment::{self, DIR, SEGMENT_BYTES};
use super::{Entry, Head, Record};
use crate::vfs::Vfs;

/// Adds a record after `head`, durably, and gives it with the new end of the chain.
///
/// The directory `audit` must exist, the writers' lock be held, and [`super::recover`]
/// have run. After an error the record is in the log or is not; the next call with the
/// same `head`, or the next `recover`, settles that.
///
/// # Errors
///
/// As the system gives them; `InvalidData` where `audit/HEAD` says something else than
/// `head`, and nothing is written; `InvalidInput` for an entry that is too large.
pub fn append<F: Vfs + ?Sized>(fs: &F, head: Head, entry: Entry) -> io::Result<(Record, Head)> {
    let journal = Journal::read(fs)?;
    let mark = if journal.is_empty() { Some(Mark::start()) } else { journal.end() };
    let mark = mark.filter(|it| it.head == head).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, "audit/HEAD is not where this writer left it")
    })?;
    let record = Record { v: VERSION, seq: head.seq + 1, entry, prev: head.hash };
    let mut line = record.to_line()?;
    let hash = Hasher::default().hash(line.as_bytes());
    line.push('\n');
    let next = write_line(fs, mark, &line, Head { seq: record.seq, hash })?;
    journal.add(fs, next)?;
    Ok((record, next.head))
}

/// Writes a line after `mark`, in the next segment where this one is full.
fn write_line<F: Vfs + ?Sized>(fs: &F, mark: Mark, line: &str, head: Head) -> io::Result<Mark> {
    let len = u64::try_from(line.len()).unwrap_or(u64::MAX);
    let full = mark.end > 0 && mark.end.saturating_add(len) > SEGMENT_BYTES;
    let (segment, start) = if full { (mark.segment + 1, 0) } else { (mark.segment, mark.end) };
    let path = segment::path(segment);
    // An append that failed half way may have left bytes that were never acknowledged.
    match fs.truncate(&path, start) {
        Err(err) if err.kind() == io::ErrorKind::NotFound && start == 0 => {}
        other => other?,
    }
    fs.append(&path, line.as_bytes())?;
    fs.sync_file(&path)?;
    if start == 0 {
        fs.sync_dir(DIR)?;
    }
    Ok(Mark { head, segment, end: start + len })
}

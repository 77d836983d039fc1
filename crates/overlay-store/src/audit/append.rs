use std::io;

use super::journal::{Journal, flush};
use super::line::VERSION;
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
    let mut journal = Journal::read(fs)?;
    let last = journal.end().filter(|it| it.head == head).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, "audit/HEAD is not where this writer left it")
    })?;
    let record = Record { v: VERSION, seq: head.seq + 1, entry, prev: head.hash };
    let mut line = record.to_line()?;
    let mut mark = last.then(line.as_bytes(), false);
    let begins = last.end > 0 && mark.end > SEGMENT_BYTES;
    if begins {
        mark = last.then(line.as_bytes(), true);
    }
    // The records in HEAD are all of one segment.
    if journal.is_full() || begins && journal.has_records() {
        journal = flush(fs, &journal)?;
    }
    let path = segment::path(mark.segment);
    let start = if begins { 0 } else { last.end };
    if start == 0 {
        // A segment is there before HEAD names it, so that one that is gone is missed.
        fs.append(&path, b"")?;
        fs.sync_dir(DIR)?;
    }
    journal.add(fs, mark, &line)?;
    line.push('\n');
    // From here on the record is in the log. Whoever follows the file sees it at once; what
    // does not get there is made good by the next flush, or the next `recover`.
    drop(fs.truncate(&path, start).and_then(|()| fs.append(&path, line.as_bytes())));
    Ok((record, mark.head))
}

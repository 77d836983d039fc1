use super::broken::{AuditError, Broken, Damage, at};
use super::journal::{self, Entry, Journal, Mark};
use super::line::Link;
use super::segment::{Line, Lines};
use crate::vfs::Vfs;

/// What `audit/HEAD` says, each line held against its sums and the one before.
pub(super) struct Pending {
    /// Up to where the segments have everything, durably.
    pub(super) base: Mark,
    /// The ends of the records behind it, all in one segment.
    pub(super) marks: Vec<Mark>,
    /// These records as lines, as they are to stand in the segment.
    pub(super) text: Vec<u8>,
    /// How many bytes of the file are lines.
    pub(super) lines: u64,
    /// How many bytes behind them never became one.
    pub(super) torn: u64,
}

impl Pending {
    /// Reads it. A last line that did not arrive whole was never acknowledged, and is not
    /// seen.
    ///
    /// # Errors
    ///
    /// `Broken` for any other line that is not as it was written.
    pub(super) fn read(fs: &(impl Vfs + ?Sized)) -> Result<Self, AuditError> {
        Ok(Self::parse(&Journal::read(fs).map_err(at(journal::PATH))?)?)
    }

    /// As [`Self::read`], of what was read.
    pub(super) fn parse(journal: &Journal) -> Result<Self, Broken> {
        let (base, marks, text) = (Mark::start(), Vec::new(), Vec::new());
        let mut res = Self { base, marks, text, lines: 0, torn: 0 };
        for line in Lines::new(&journal.bytes) {
            if line.whole && res.take(line.bytes) {
                res.lines = line.end;
                continue;
            }
            if line.end < journal.len() || res.arrived(line) {
                let (seq, file) = (res.end().head.seq + 1, journal::PATH.to_owned());
                return Err(Broken { seq, file, line: line.number, what: Damage::NoHead });
            }
        }
        res.torn = journal.len() - res.lines;
        Ok(res)
    }

    /// Whether there is no line.
    pub(super) fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// Where the log ends.
    pub(super) fn end(&self) -> Mark {
        self.marks.last().copied().unwrap_or(self.base)
    }

    /// Where the records stand, or the next one may.
    pub(super) fn segment(&self) -> u64 {
        self.end().segment
    }

    /// Up to where the file of that segment is durable.
    pub(super) fn start(&self) -> u64 {
        if self.segment() == self.base.segment { self.base.end } else { 0 }
    }

    /// Adds a line; `false` where it may not stand there.
    fn take(&mut self, line: &[u8]) -> bool {
        let Some(Entry { mark, record }) = self.next(line) else { return false };
        match record {
            Some(record) => {
                self.marks.push(mark);
                self.text.extend_from_slice(record);
                self.text.push(b'\n');
            }
            None => self.base = mark,
        }
        true
    }

    /// The line, where it may come next.
    fn next<'a>(&self, line: &'a [u8]) -> Option<Entry<'a>> {
        let entry = Entry::parse(line)?;
        let (last, is_first) = (self.end(), self.marks.is_empty());
        let fits = match entry.record {
            // Until 2026-11 there were marks only.
            None => is_first,
            Some(record) => {
                let placed = entry.mark == last.then(record, false)
                    || is_first && entry.mark == last.then(record, true);
                placed && Link::after(last.head, record).is_ok_and(|it| it.follows(last.head))
            }
        };
        fits.then_some(entry)
    }

    /// Whether a line that is none was one, and somebody changed it; else it never reached
    /// the disk as a whole.
    fn arrived(&self, line: Line<'_>) -> bool {
        match line.bytes.split_last() {
            _ if line.whole => !has_hole(line.bytes),
            // In place of the line feed. A blank would be followed by the record.
            Some((0 | b' ', _)) | None => false,
            Some((_, rest)) => self.next(rest).is_some(),
        }
    }
}

/// Whether bytes never reached the disk: they are read as zeros, and neither a record nor a
/// mark has any. A single one is an edit: disks leave out blocks.
fn has_hole(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|it| it == [0, 0])
}

/// As [`has_hole`], for one byte.
pub(super) fn is_in_hole(bytes: &[u8], at: usize) -> bool {
    let around = bytes.get(at.saturating_sub(1)..bytes.len().min(at + 2)).unwrap_or_default();
    bytes.get(at) == Some(&0) && has_hole(around)
}

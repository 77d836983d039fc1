use std::io::Write;

use overlay_model::Digest;

use super::broken::{AuditError, Broken, Damage, at};
use super::journal::Mark;
use super::line::{Hasher, Link};
use super::pending::Pending;
use super::segment::{self, Line, Lines};
use super::{Filter, Head, Record, tail};
use crate::vfs::Vfs;

/// The audit log for reading; takes no lock and writes nothing.
///
/// A line that is just being written is not seen.
pub struct Log<'a, F: ?Sized> {
    pub(super) fs: &'a F,
}

impl<'a, F: Vfs + ?Sized> Log<'a, F> {
    /// The log of the root that `fs` stands for; an empty one where there is none.
    pub fn new(fs: &'a F) -> Self {
        Self { fs }
    }

    /// The end of the log as `audit/HEAD` says it.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, or is not as it was written.
    pub fn head(&self) -> Result<Head, AuditError> {
        Ok(Pending::read(self.fs)?.end().head)
    }

    /// The records from number `from` on, oldest first, one segment in memory. Numbers are
    /// checked, hashes are not: that is [`Self::verify`].
    ///
    /// # Errors
    ///
    /// Where a file cannot be read; the iterator gives errors of its own and then ends.
    pub fn records(&self, from: u64) -> Result<Records<'a, F>, AuditError> {
        let pending = Pending::read(self.fs)?;
        let (mut next, mut loaded) = (None, None);
        if from > pending.base.head.seq {
            // The newest are asked for most, and stand in HEAD.
            let segment = pending.segment();
            loaded = Some(Loaded { segment, bytes: pending.text, line: 0, end: 0 });
        } else {
            next = Some(self.segment_of(from)?);
        }
        Ok(Records { fs: self.fs, next, loaded, from, seq: None })
    }

    /// The last record; `None` of an empty log.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read, or its last line is no record.
    pub fn last(&self) -> Result<Option<Record>, AuditError> {
        let pending = Pending::read(self.fs)?;
        let Mark { head, segment, end } = pending.end();
        if head.seq == 0 {
            return Ok(None);
        }
        let mut lines = pending.text;
        if pending.marks.is_empty() {
            lines = segment::read(self.fs, segment)?.unwrap_or_default();
            lines.truncate(usize::try_from(end).unwrap_or(usize::MAX));
        }
        let line = segment::last_line(&lines);
        let record = serde_json::from_slice(line.unwrap_or_default());
        let what = |err: serde_json::Error| Damage::NotARecord(err.to_string());
        let file = segment::path(segment);
        Ok(Some(record.map_err(|err| Broken { seq: head.seq, file, line: 0, what: what(err) })?))
    }

    /// Writes the records from number `from` on that `filter` admits as JSON lines, as they
    /// stand in the log, and counts them.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read or is no log, and as `to` gives them.
    pub fn export(
        &self,
        from: u64,
        filter: &Filter,
        to: &mut dyn Write,
    ) -> Result<u64, AuditError> {
        let mut count = 0;
        for record in self.records(from)? {
            let record = record?;
            if filter.admits(&record) {
                let line = record.to_line().map_err(at("the export"))?;
                writeln!(to, "{line}").map_err(at("the export"))?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// The hash of a record, from its line.
    pub(super) fn hash_of(&self, seq: u64) -> Result<Option<Digest>, AuditError> {
        let (bytes, _) = tail::lines(self.fs, self.segment_of(seq)?)?;
        let is_it = |line: &Line<'_>| Link::parse(line.bytes).is_ok_and(|it| it.seq == seq);
        Ok(Lines::new(&bytes).find(is_it).map(|line| Hasher::default().hash(line.bytes)))
    }

    /// The segment that has the record `seq`, if any has.
    fn segment_of(&self, seq: u64) -> Result<u64, AuditError> {
        let (mut low, mut high) = (1, tail::last_segment(self.fs)?.saturating_add(1));
        while high - low > 1 {
            let middle = low.midpoint(high);
            match self.first_of(middle)? {
                Some(first) if first <= seq => low = middle,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    fn first_of(&self, segment: u64) -> Result<Option<u64>, AuditError> {
        let (bytes, _) = tail::lines(self.fs, segment)?;
        let first = Lines::new(&bytes).next();
        Ok(first.and_then(|line| Link::parse(line.bytes).ok()).map(|link| link.seq))
    }
}

/// The records of a [`Log`], oldest first.
pub struct Records<'a, F: ?Sized> {
    fs: &'a F,
    /// The segment to read next, none after the last.
    next: Option<u64>,
    loaded: Option<Loaded>,
    from: u64,
    /// The number of the record that was read last.
    seq: Option<u64>,
}

/// A segment that is being read.
struct Loaded {
    segment: u64,
    bytes: Vec<u8>,
    /// The number of the line that was read last, and where the next one begins.
    line: u64,
    end: u64,
}

impl<F: Vfs + ?Sized> Records<'_, F> {
    fn load(&mut self) -> Result<bool, AuditError> {
        let Some(segment) = self.next else { return Ok(false) };
        let (bytes, is_last) = tail::lines(self.fs, segment)?;
        self.next = Some(segment.saturating_add(1)).filter(|_| !is_last);
        self.loaded = Some(Loaded { segment, bytes, line: 0, end: 0 });
        Ok(true)
    }

    /// The next record of the segment that is loaded.
    fn step(&mut self) -> Option<Result<Record, Broken>> {
        let Loaded { segment, bytes, line, end } = self.loaded.as_mut()?;
        for next in Lines::after(bytes, *line, *end).filter(|it| it.whole) {
            (*line, *end) = (next.number, next.end);
            let due = self.seq.map(|it| it + 1);
            // Those before the wanted ones are counted, and not read.
            let quick = Link::of_ends(next.bytes).map(|it| it.seq);
            if let Some(seq) =
                quick.filter(|it| *it < self.from && due.is_none_or(|due| due == *it))
            {
                self.seq = Some(seq);
                continue;
            }
            let record = record(*segment, next, due);
            self.seq = record.as_ref().map_or(self.seq, |it| Some(it.seq));
            if record.as_ref().is_ok_and(|it| it.seq < self.from) {
                continue;
            }
            return Some(record);
        }
        None
    }
}

fn record(segment: u64, line: Line<'_>, due: Option<u64>) -> Result<Record, Broken> {
    let broken =
        |seq: u64, what| Broken { seq, file: segment::path(segment), line: line.number, what };
    let unreadable = |err: serde_json::Error| {
        broken(due.unwrap_or(line.number), Damage::NotARecord(err.to_string()))
    };
    Link::parse(line.bytes).map_err(unreadable)?;
    let record: Record = serde_json::from_slice(line.bytes).map_err(unreadable)?;
    match due {
        Some(seq) if seq != record.seq => {
            Err(broken(seq, Damage::OutOfPlace { found: record.seq }))
        }
        _ => Ok(record),
    }
}

impl<F: Vfs + ?Sized> Iterator for Records<'_, F> {
    type Item = Result<Record, AuditError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let err = match self.step() {
                Some(Ok(record)) => return Some(Ok(record)),
                Some(Err(err)) => err.into(),
                None => match self.load() {
                    Ok(true) => continue,
                    Ok(false) => return None,
                    Err(err) => err,
                },
            };
            (self.next, self.loaded) = (None, None);
            return Some(Err(err));
        }
    }
}

use std::io::Write;
use std::vec;

use overlay_model::Digest;

use super::broken::{AuditError, Broken, Damage, at};
use super::journal::{self, Journal, Mark};
use super::line::{Hasher, Link};
use super::segment::{self, Line, Lines};
use super::{Filter, Head, Record};
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
    /// Where the file cannot be read.
    pub fn head(&self) -> Result<Head, AuditError> {
        let journal = Journal::read(self.fs).map_err(at(journal::PATH))?;
        let newest = journal.marks().next();
        Ok(newest.unwrap_or_else(Mark::start).head)
    }

    /// The records from number `from` on, oldest first, one segment in memory. Numbers are
    /// checked, hashes are not: that is [`Self::verify`].
    ///
    /// # Errors
    ///
    /// Where a file cannot be read; the iterator gives errors of its own and then ends.
    pub fn records(&self, from: u64) -> Result<Records<'a, F>, AuditError> {
        let mut segments = segment::list(self.fs)?;
        let before = self.segments_before(&segments, from)?;
        segments.drain(..before);
        Ok(Records { fs: self.fs, segments: segments.into_iter(), loaded: None, from, seq: None })
    }

    /// The last record; `None` of an empty log. Only the end of the last segment is read.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read, or its last whole line is no record.
    pub fn last(&self) -> Result<Option<Record>, AuditError> {
        for segment in segment::list(self.fs)?.into_iter().rev() {
            if let Some(line) = segment::last_line(self.fs, segment)? {
                return self.read_last(segment, &line).map(Some);
            }
        }
        Ok(None)
    }

    fn read_last(&self, segment: u64, line: &[u8]) -> Result<Record, AuditError> {
        let record = Link::parse(line).and_then(|_| serde_json::from_slice(line));
        match record {
            Ok(record) => Ok(record),
            Err(err) => {
                let (seq, file) = (self.head()?.seq, segment::path(segment));
                let what = Damage::NotARecord(err.to_string());
                Err(Broken { seq, file, line: 0, what }.into())
            }
        }
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
        let segments = segment::list(self.fs)?;
        let at = self.segments_before(&segments, seq)?;
        let Some(segment) = segments.get(at) else { return Ok(None) };
        let bytes = segment::read(self.fs, *segment)?.unwrap_or_default();
        let is_it = |line: &Line<'_>| Link::parse(line.bytes).is_ok_and(|it| it.seq == seq);
        Ok(Lines::new(&bytes).find(is_it).map(|line| Hasher::default().hash(line.bytes)))
    }

    /// How many segments hold nothing but records before `seq`.
    fn segments_before(&self, segments: &[u64], seq: u64) -> Result<usize, AuditError> {
        let (mut low, mut high) = (0, segments.len());
        while high - low > 1 {
            let middle = low.midpoint(high);
            let number = segments.get(middle).copied().unwrap_or_default();
            match self.first_of(number)? {
                Some(first) if first <= seq => low = middle,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    fn first_of(&self, segment: u64) -> Result<Option<u64>, AuditError> {
        let bytes = segment::read(self.fs, segment)?.unwrap_or_default();
        let first = Lines::new(&bytes).next();
        Ok(first.and_then(|line| Link::parse(line.bytes).ok()).map(|link| link.seq))
    }
}

/// The records of a [`Log`], oldest first.
pub struct Records<'a, F: ?Sized> {
    fs: &'a F,
    segments: vec::IntoIter<u64>,
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
        let Some(segment) = self.segments.next() else { return Ok(false) };
        let bytes = segment::read(self.fs, segment)?.unwrap_or_default();
        self.loaded = Some(Loaded { segment, bytes, line: 0, end: 0 });
        Ok(true)
    }

    /// The next record of the segment that is loaded.
    fn step(&mut self) -> Option<Result<Record, Broken>> {
        let is_last = self.segments.len() == 0;
        let Loaded { segment, bytes, line, end } = self.loaded.as_mut()?;
        for next in Lines::after(bytes, *line, *end).filter(|it| it.whole || !is_last) {
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
            (self.segments, self.loaded) = (Vec::new().into_iter(), None);
            return Some(Err(err));
        }
    }
}

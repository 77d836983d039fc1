use serde::Serialize;

use super::broken::{AuditError, Broken, Damage, at};
use super::journal::{self, Journal};
use super::line::{Hasher, Link};
use super::segment::{self, Line, Lines};
use super::{Checkpoint, Head, Log};
use crate::vfs::Vfs;

/// A log without a fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Verified {
    /// How many records it has.
    pub records: u64,
    /// Where it ends.
    pub head: Head,
    /// How many bytes of a line that was never finished stand behind it: a writer is at
    /// work, or crashed and `recover` has not run.
    pub unfinished_bytes: u64,
}

impl<F: Vfs + ?Sized> Log<'_, F> {
    /// Goes through the whole chain, one segment in memory, and holds it against
    /// `audit/HEAD` and `expected`, which is what the pointer says.
    ///
    /// # Errors
    ///
    /// [`AuditError::Broken`] with the first record that does not fit; `Io` where a file
    /// cannot be read.
    pub fn verify(&self, expected: Option<Head>) -> Result<Verified, AuditError> {
        // HEAD comes first: a record written meanwhile then only lies behind it.
        let journal = Journal::read(self.fs).map_err(at(journal::PATH))?;
        let newest = journal.marks().next().map(|it| it.head);
        let mut chain = Chain::new([newest, expected].into_iter().flatten().collect());
        let segments = segment::list(self.fs)?;
        let mut unfinished_bytes = 0;
        for segment in &segments {
            let bytes = segment::read(self.fs, *segment)?.unwrap_or_default();
            for line in Lines::new(&bytes) {
                if !line.whole && Some(segment) == segments.last() {
                    unfinished_bytes = u64::try_from(line.bytes.len()).unwrap_or(u64::MAX);
                } else {
                    chain.take(*segment, line)?;
                }
            }
        }
        // A crash during the very first append leaves one record and no HEAD.
        let no_head = !journal.is_sound() || newest.is_none() && chain.head.seq > 1;
        let head = chain.end()?;
        if no_head {
            let file = journal::PATH.to_owned();
            return Err(Broken { seq: head.seq, file, line: 1, what: Damage::NoHead }.into());
        }
        Ok(Verified { records: head.seq, head, unfinished_bytes })
    }

    /// As [`Self::verify`], against a checkpoint: also a log that was rewritten together
    /// with `HEAD` and pointer is found out.
    ///
    /// # Errors
    ///
    /// As [`Self::verify`].
    pub fn check(&self, checkpoint: &Checkpoint) -> Result<Verified, AuditError> {
        self.verify(Some(checkpoint.head))
    }
}

/// The chain as far as it was read.
struct Chain {
    hasher: Hasher,
    head: Head,
    segment: u64,
    line: u64,
    expected: Vec<Head>,
    suspect: Option<Suspects>,
}

/// Two records of which one was changed: the next one tells which.
struct Suspects {
    altered: Broken,
    unlinked: Broken,
}

impl Chain {
    fn new(expected: Vec<Head>) -> Self {
        let (hasher, head) = (Hasher::default(), Head::empty());
        Self { hasher, head, segment: 1, line: 0, expected, suspect: None }
    }

    fn take(&mut self, segment: u64, line: Line<'_>) -> Result<(), Broken> {
        let seq = self.head.seq + 1;
        let quick = Link::of_ends(line.bytes).filter(|it| it.follows(self.head));
        let link = quick.map_or_else(|| Link::parse(line.bytes), Ok);
        if let Some(Suspects { altered, unlinked }) = self.suspect.take() {
            let kept = link.as_ref().is_ok_and(|it| it.prev != self.head.hash);
            return Err(if kept { unlinked } else { altered });
        }
        let file = || segment::path(segment);
        let broken = |what| Broken { seq, file: file(), line: line.number, what };
        let link = link.map_err(|err| broken(Damage::NotARecord(err.to_string())))?;
        if link.seq != seq {
            return Err(broken(Damage::OutOfPlace { found: link.seq }));
        }
        if !link.follows(self.head) {
            let unlinked = broken(Damage::Unlinked);
            if seq == 1 {
                return Err(unlinked);
            }
            self.suspect = Some(Suspects { altered: self.last(Damage::Altered), unlinked });
        }
        self.head = Head { seq, hash: self.hasher.hash(line.bytes) };
        (self.segment, self.line) = (segment, line.number);
        self.compare()
    }

    /// Holds the last record against what is known from elsewhere.
    fn compare(&mut self) -> Result<(), Broken> {
        let Some(known) = self.expected.iter().find(|it| it.seq == self.head.seq).copied() else {
            return Ok(());
        };
        let fits = self.expected.iter().all(|it| it.seq != known.seq || *it == self.head);
        match self.suspect.take() {
            Some(Suspects { altered, .. }) if fits => Err(altered),
            Some(Suspects { unlinked, .. }) => Err(unlinked),
            None if fits => Ok(()),
            None => Err(self.last(Damage::Unexpected { expected: known.hash })),
        }
    }

    fn last(&self, what: Damage) -> Broken {
        Broken { seq: self.head.seq, file: segment::path(self.segment), line: self.line, what }
    }

    fn end(self) -> Result<Head, Broken> {
        if let Some(Suspects { altered, .. }) = self.suspect {
            return Err(altered);
        }
        let until = self.expected.iter().map(|it| it.seq).max().unwrap_or_default();
        if until > self.head.seq {
            let (file, line) = (segment::path(self.segment), self.line + 1);
            let what = Damage::Missing { until };
            return Err(Broken { seq: self.head.seq + 1, file, line, what });
        }
        let empty = Head::empty();
        match self.expected.iter().find(|it| it.seq == 0 && **it != empty) {
            Some(_) => {
                let what = Damage::Unexpected { expected: empty.hash };
                Err(Broken { seq: 0, file: segment::path(1), line: 0, what })
            }
            None => Ok(self.head),
        }
    }
}

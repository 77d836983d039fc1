use serde::Serialize;

use super::broken::{AuditError, Broken, Damage};
use super::line::{Hasher, Link};
use super::pending::Pending;
use super::segment::{self, Line, Lines};
use super::tail::Tail;
use super::{Checkpoint, Head, Log};
use crate::vfs::Vfs;

/// A log without a fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Verified {
    /// How many records it has.
    pub records: u64,
    /// Where it ends.
    pub head: Head,
    /// How many bytes the last segment lacks of records that `audit/HEAD` has, and how many
    /// of a record that was never finished stand there: a writer is at work, or crashed and
    /// `recover` has not run.
    pub unfinished_bytes: u64,
}

impl<F: Vfs + ?Sized> Log<'_, F> {
    /// Goes through the whole chain, two segments in memory, and holds it against
    /// `audit/HEAD` and `expected`, which is what the pointer says.
    ///
    /// # Errors
    ///
    /// [`AuditError::Broken`] with the first record that does not fit; `Io` where a file
    /// cannot be read.
    pub fn verify(&self, expected: Option<Head>) -> Result<Verified, AuditError> {
        let tail = Tail::read(self.fs)?;
        tail.hold_head()?;
        let Pending { base, torn, .. } = tail.pending;
        let known = [base.head, tail.pending.end().head].into_iter().chain(expected);
        let mut chain = Chain::new(known.collect());
        for segment in 1..tail.pending.segment() {
            let Some(bytes) = segment::read(self.fs, segment)? else { break };
            chain.take_all(segment, &bytes)?;
        }
        chain.take_all(tail.pending.segment(), &tail.lines())?;
        let difference = tail.difference();
        if let Some(broken) = tail.tampered(&difference) {
            return Err(broken.into());
        }
        let head = chain.end()?;
        Ok(Verified { records: head.seq, head, unfinished_bytes: difference.missing + torn })
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

    /// A line that no line feed ends is none: the next record, or the end, shows that one is
    /// missing.
    fn take_all(&mut self, segment: u64, bytes: &[u8]) -> Result<(), Broken> {
        Lines::new(bytes).filter(|it| it.whole).try_for_each(|it| self.take(segment, it))
    }

    fn take(&mut self, segment: u64, line: Line<'_>) -> Result<(), Broken> {
        let seq = self.head.seq + 1;
        let link = Link::after(self.head, line.bytes);
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
        let mut known = self.expected.iter().filter(|it| it.seq == self.head.seq).peekable();
        if known.peek().is_none() {
            return Ok(());
        }
        match (self.suspect.take(), known.find(|it| **it != self.head)) {
            (Some(Suspects { altered, .. }), None) => Err(altered),
            (Some(Suspects { unlinked, .. }), Some(_)) => Err(unlinked),
            (None, None) => Ok(()),
            (None, Some(it)) => Err(self.last(Damage::Unexpected { expected: it.hash })),
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

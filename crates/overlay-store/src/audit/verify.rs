use std::io::{BufRead, Read as _};

use serde::Serialize;

use super::broken::{AuditError, Broken, Damage, at};
use super::line::{Hasher, Link, MAX_RECORD_BYTES};
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

/// An export without a fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct VerifiedExport {
    /// How many records it has.
    pub records: u64,
    /// Where it begins: the record before its first one, by that one's own word unless it is
    /// the first of all.
    pub after: Head,
    /// Where it ends.
    pub head: Head,
}

/// Goes through the lines of an export, which messages call `name`, and holds them against
/// `expected`, where that lies in it: what a checkpoint says. An export that was begun later
/// than with the first record holds together from there on; one that leaves records out is no
/// chain.
///
/// # Errors
///
/// [`AuditError::Broken`] with the first record that does not fit; `Io` as `from` gives it.
pub fn verify_export(
    name: &str,
    from: &mut dyn BufRead,
    expected: Option<Head>,
) -> Result<VerifiedExport, AuditError> {
    let mut chain = Chain::new(Vec::new());
    let mut after = Head::empty();
    let (mut line, mut bytes) = (0, Vec::new());
    chain.file = Some(name.to_owned());
    loop {
        bytes.clear();
        let most = u64::try_from(MAX_RECORD_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        let read = from.take(most).read_until(b'\n', &mut bytes).map_err(at(name))?;
        if read == 0 {
            break;
        }
        line += 1;
        let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        if line == 1 {
            after = begin(text);
            chain.head = after;
            chain.expected.extend(expected.filter(|it| it.seq >= after.seq));
            chain.compare()?;
        }
        chain.take(1, Line { bytes: text, whole: true, number: line, end: 0 })?;
    }
    if line == 0 {
        chain.expected.extend(expected);
    }
    let head = chain.end()?;
    Ok(VerifiedExport { records: head.seq - after.seq, after, head })
}

/// What comes before the first line of an export.
fn begin(line: &[u8]) -> Head {
    match Link::parse(line) {
        Ok(Link { seq, prev }) if seq > 1 => Head { seq: seq - 1, hash: prev },
        _ => Head::empty(),
    }
}

/// The chain as far as it was read.
struct Chain {
    hasher: Hasher,
    head: Head,
    /// What the lines stand in, where that is no segment.
    file: Option<String>,
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
        Self { hasher, head, file: None, segment: 1, line: 0, expected, suspect: None }
    }

    fn file(&self, segment: u64) -> String {
        self.file.clone().unwrap_or_else(|| segment::path(segment))
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
        let broken = |what| Broken { seq, file: self.file(segment), line: line.number, what };
        let link = link.map_err(|err| broken(Damage::NotARecord(err.to_string())))?;
        if link.seq != seq {
            return Err(broken(Damage::OutOfPlace { found: link.seq }));
        }
        if !link.follows(self.head) {
            let unlinked = broken(Damage::Unlinked);
            if self.line == 0 {
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
        let file = self.file(self.segment);
        Broken { seq: self.head.seq, file, line: self.line, what }
    }

    fn end(self) -> Result<Head, Broken> {
        if let Some(Suspects { altered, .. }) = self.suspect {
            return Err(altered);
        }
        let until = self.expected.iter().map(|it| it.seq).max().unwrap_or_default();
        if until > self.head.seq {
            let (file, line) = (self.file(self.segment), self.line + 1);
            let what = Damage::Missing { until };
            return Err(Broken { seq: self.head.seq + 1, file, line, what });
        }
        let empty = Head::empty();
        match self.expected.iter().find(|it| it.seq == 0 && **it != empty) {
            Some(_) => {
                let what = Damage::Unexpected { expected: empty.hash };
                Err(Broken { seq: 0, file: self.file(1), line: 0, what })
            }
            None => Ok(self.head),
        }
    }
}

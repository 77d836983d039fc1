use serde::Serialize;

use super::broken::{AuditError, Broken, Damage, at};
use super::journal::{self, Journal, Mark};
use super::line::{Hasher, Link};
use super::segment::{self, DIR, Line, Lines};
use super::{Head, Log};
use crate::vfs::Vfs;

/// What a crash left, and was put in order; worth a `tail_repaired` record.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Repair {
    /// How many bytes of an unfinished line were cut off.
    pub cut_bytes: u64,
    /// How many whole records stood behind `HEAD` and now belong to the log.
    pub adopted: u64,
    /// Whether `audit/HEAD` had to be written anew.
    pub head_rewritten: bool,
}

/// Puts the end of the log in order after a crash, and says where it ends. `expected` is
/// what the pointer says.
///
/// Only the end is looked at, from `audit/HEAD` on; the writers' lock must be held.
///
/// # Errors
///
/// [`AuditError::Broken`] where the log ends before `HEAD` or `expected`, or differs from
/// them, or where what stands behind `HEAD` cannot come from a crash; nothing is changed
/// then. `Io` as the system gives them.
pub fn recover<F: Vfs + ?Sized>(
    fs: &F,
    expected: Option<Head>,
) -> Result<(Head, Option<Repair>), AuditError> {
    let journal = Journal::read(fs).map_err(at(journal::PATH))?;
    let base = journal.marks().next().unwrap_or_else(Mark::start);
    let mut tail = Tail { mark: base, hasher: Hasher::default(), cut: None };
    tail.read(fs, base)?;
    if let Some(expected) = expected {
        tail.hold_against(fs, &journal, expected)?;
    }
    let repair = Repair {
        cut_bytes: tail.cut.map_or(0, |it| it.bytes),
        adopted: tail.mark.head.seq - base.head.seq,
        head_rewritten: journal.end() != Some(tail.mark) && !(journal.is_empty() && tail.is_new()),
    };
    tail.repair(fs, base, repair)?;
    Ok((tail.mark.head, Some(repair).filter(|it| *it != Repair::default())))
}

/// Bytes that no record needs.
#[derive(Clone, Copy)]
struct Cut {
    segment: u64,
    from: u64,
    bytes: u64,
}

/// The end of the log as it was found.
struct Tail {
    mark: Mark,
    hasher: Hasher,
    cut: Option<Cut>,
}

impl Tail {
    fn is_new(&self) -> bool {
        self.mark == Mark::start()
    }

    /// Reads what stands behind `base`.
    fn read(&mut self, fs: &(impl Vfs + ?Sized), base: Mark) -> Result<(), AuditError> {
        let mut segment = base.segment;
        let mut bytes = segment::read(fs, segment)?.unwrap_or_default();
        if base.head.seq > 0 {
            self.hold_base(fs, &bytes, base)?;
        }
        let mut skip = base.end;
        loop {
            for line in Lines::new(&bytes).filter(|it| it.end > skip) {
                self.take(segment, line)?;
            }
            let Some(next) = segment::read(fs, segment + 1)? else { return Ok(()) };
            (segment, bytes, skip) = (segment + 1, next, 0);
        }
    }

    /// The segment must have the record that `HEAD` names as its last.
    fn hold_base(
        &mut self,
        fs: &(impl Vfs + ?Sized),
        bytes: &[u8],
        base: Mark,
    ) -> Result<(), AuditError> {
        let Head { seq, hash: expected } = base.head;
        let file = segment::path(base.segment);
        let mut number = 0;
        for line in Lines::new(bytes).filter(|it| it.whole) {
            number = line.number;
            if line.end == base.end {
                let what = Damage::Unexpected { expected };
                let fits = self.hasher.hash(line.bytes) == expected;
                return if fits {
                    Ok(())
                } else {
                    Err(Broken { seq, file, line: number, what }.into())
                };
            }
        }
        let missing = (last_before(fs, base.segment, bytes)? + 1).min(seq);
        let what = Damage::Missing { until: seq };
        Err(Broken { seq: missing, file, line: number + 1, what }.into())
    }

    fn take(&mut self, segment: u64, line: Line<'_>) -> Result<(), Broken> {
        let seq = self.mark.head.seq + 1;
        let broken = |what| Broken { seq, file: segment::path(segment), line: line.number, what };
        let bytes = u64::try_from(line.bytes.len()).unwrap_or(u64::MAX) + u64::from(line.whole);
        let start = line.end - bytes;
        match Link::parse(line.bytes) {
            // Something stands behind a line that a crash could only have left at the end.
            _ if self.cut.is_some() => {
                Err(broken(Damage::NotARecord("more lines come after it".to_owned())))
            }
            Ok(link) if !line.whole || !link.follows(self.mark.head) => {
                if line.whole && link.seq != seq {
                    return Err(broken(Damage::OutOfPlace { found: link.seq }));
                }
                if line.whole {
                    return Err(broken(Damage::Unlinked));
                }
                self.cut = Some(Cut { segment, from: start, bytes });
                Ok(())
            }
            Ok(_) => {
                let head = Head { seq, hash: self.hasher.hash(line.bytes) };
                self.mark = Mark { head, segment, end: line.end };
                Ok(())
            }
            Err(_) => {
                self.cut = Some(Cut { segment, from: start, bytes });
                Ok(())
            }
        }
    }

    fn hold_against<F: Vfs + ?Sized>(
        &self,
        fs: &F,
        journal: &Journal,
        expected: Head,
    ) -> Result<(), AuditError> {
        let Mark { head, segment, .. } = self.mark;
        let file = segment::path(segment);
        if expected.seq > head.seq {
            let what = Damage::Missing { until: expected.seq };
            return Err(Broken { seq: head.seq + 1, file, line: 0, what }.into());
        }
        let known = [Head::empty(), head].into_iter().chain(journal.marks().map(|it| it.head));
        let known = known.into_iter().find(|it| it.seq == expected.seq).map(|it| it.hash);
        let hash = match known {
            Some(hash) => Some(hash),
            None => Log::new(fs).hash_of(expected.seq)?,
        };
        if hash == Some(expected.hash) {
            return Ok(());
        }
        let what = Damage::Unexpected { expected: expected.hash };
        Err(Broken { seq: expected.seq, file, line: 0, what }.into())
    }

    fn repair<F: Vfs + ?Sized>(
        &self,
        fs: &F,
        base: Mark,
        repair: Repair,
    ) -> Result<(), AuditError> {
        journal::remove_new(fs).map_err(at(journal::PATH))?;
        if let Some(Cut { segment, from, .. }) = self.cut {
            let path = segment::path(segment);
            fs.truncate(&path, from).map_err(at(&path))?;
            fs.sync_file(&path).map_err(at(&path))?;
        }
        if repair.adopted > 0 {
            for segment in base.segment..=self.mark.segment {
                let path = segment::path(segment);
                fs.sync_file(&path).map_err(at(&path))?;
            }
            fs.sync_dir(DIR).map_err(at(DIR))?;
        }
        if repair.head_rewritten {
            journal::replace(fs, self.mark).map_err(at(journal::PATH))?;
        }
        Ok(())
    }
}

/// The number of the last record in `bytes`, or where there is none in the segment before.
fn last_before(fs: &(impl Vfs + ?Sized), segment: u64, bytes: &[u8]) -> Result<u64, AuditError> {
    let last = |bytes: &[u8]| {
        let whole = Lines::new(bytes).filter(|it| it.whole);
        whole.filter_map(|it| Link::parse(it.bytes).ok()).map(|it| it.seq).last()
    };
    match last(bytes) {
        Some(seq) => Ok(seq),
        None if segment > 1 => {
            let bytes = segment::read(fs, segment - 1)?.unwrap_or_default();
            Ok(last(&bytes).unwrap_or_default())
        }
        None => Ok(0),
    }
}

use super::broken::{AuditError, Broken, Damage, at};
use super::journal::{self, Journal, Mark};
use super::line::Link;
use super::pending::{Pending, is_in_hole};
use super::segment::{self, Lines};
use crate::vfs::Vfs;

/// The end of the log: `audit/HEAD`, and the segment that its records belong to.
pub(super) struct Tail {
    pub(super) pending: Pending,
    /// What the file of the segment has; none where it is missing.
    pub(super) file: Option<Vec<u8>>,
    /// What stands in segments of higher numbers.
    pub(super) behind: Vec<(u64, Vec<u8>)>,
}

/// How what a segment has behind its durable part differs from what `audit/HEAD` has.
#[derive(Default)]
pub(super) struct Difference {
    /// So many bytes are missing, or zeros in their place or behind them: a crash leaves
    /// that, and a writer at work.
    pub(super) missing: u64,
    /// So many bytes are others, the first of them here.
    pub(super) foreign: u64,
    first: Option<usize>,
}

impl Tail {
    /// Reads all of it as it was at one moment.
    pub(super) fn read(fs: &(impl Vfs + ?Sized)) -> Result<Self, AuditError> {
        let mut journal = Journal::read(fs).map_err(at(journal::PATH))?;
        let mut pending = Pending::parse(&journal)?;
        loop {
            let file = segment::read(fs, pending.segment())?;
            let behind = segment::behind(fs, pending.segment())?;
            // A record is in HEAD before it is in a file, so that HEAD is read again after
            // them; where it was flushed in between they were too old.
            let later = Journal::read(fs).map_err(at(journal::PATH))?;
            let place = (pending.segment(), pending.start());
            if later != journal {
                (pending, journal) = (Pending::parse(&later)?, later);
            }
            if (pending.segment(), pending.start()) == place {
                return Ok(Self { pending, file, behind });
            }
        }
    }

    /// The lines of the segment: those of the file as far as they are durable, from there
    /// on those of `audit/HEAD`. Of a file that was cut or moved before that, its own.
    pub(super) fn lines(&self) -> Vec<u8> {
        match self.durable() {
            Some(durable) => [durable, &self.pending.text].concat(),
            None => self.file.clone().unwrap_or_default(),
        }
    }

    /// The whole lines that the file has durably; none where it is not there, or they do not
    /// end where they should.
    pub(super) fn durable(&self) -> Option<&[u8]> {
        let start = usize::try_from(self.pending.start()).ok()?;
        let durable = match &self.file {
            Some(file) => file.get(..start),
            // Before HEAD names a segment there is its file.
            None => Some(&[][..]).filter(|_| self.pending.is_empty()),
        };
        durable.filter(|it| it.last().is_none_or(|it| *it == b'\n'))
    }

    /// What the file has behind its durable part.
    pub(super) fn found(&self) -> &[u8] {
        let start = self.durable().map_or(usize::MAX, <[u8]>::len);
        self.file.as_deref().and_then(|it| it.get(start..)).unwrap_or_default()
    }

    /// Where there are records `audit/HEAD` has to say where they end.
    pub(super) fn hold_head(&self) -> Result<(), Broken> {
        if !self.pending.is_empty() || self.found().is_empty() && self.behind.is_empty() {
            return Ok(());
        }
        Err(Broken { seq: 1, file: journal::PATH.to_owned(), line: 1, what: Damage::NoHead })
    }

    /// How that differs from what it should have.
    pub(super) fn difference(&self) -> Difference {
        let (found, due) = (self.found(), self.pending.text.as_slice());
        let mut res = Difference::default();
        let equal = found.iter().zip(due).take_while(|(found, due)| found == due).count();
        for at in equal..found.len().max(due.len()) {
            match (found.get(at), due.get(at)) {
                (found, due) if found == due => {}
                (None, _) => res.missing += 1,
                _ if is_in_hole(found, at) => res.missing += 1,
                _ => {
                    res.foreign += 1;
                    res.first = res.first.or(Some(at));
                }
            }
        }
        res
    }

    /// The first record that somebody changed or added, none where nobody did.
    pub(super) fn tampered(&self, difference: &Difference) -> Option<Broken> {
        let Some(first) = difference.first else { return self.added_behind() };
        let Pending { base, marks, .. } = &self.pending;
        let offset = |end: u64| usize::try_from(end - self.pending.start()).unwrap_or(usize::MAX);
        let at = marks.partition_point(|it| offset(it.end) <= first);
        let (before, due) = marks.split_at(at);
        let start = before.last().map_or(0, |it| offset(it.end));
        let seq = before.last().unwrap_or(base).head.seq + 1;
        let line = Lines::new(self.durable().unwrap_or_default()).count() + at + 1;
        Some(Broken {
            seq,
            file: segment::path(self.pending.segment()),
            line: u64::try_from(line).unwrap_or(u64::MAX),
            what: damage(self.found().get(start..).unwrap_or_default(), seq, due.first()),
        })
    }

    fn added_behind(&self) -> Option<Broken> {
        let (segment, bytes) = self.behind.first()?;
        let (seq, file) = (self.pending.end().head.seq + 1, segment::path(*segment));
        Some(Broken { seq, file, line: 1, what: damage(bytes, seq, None) })
    }
}

/// What is wrong with a first line that is not the record `due`, or that nothing should be.
fn damage(lines: &[u8], seq: u64, due: Option<&Mark>) -> Damage {
    let line = lines.split(|it| *it == b'\n').next().unwrap_or_default();
    match (Link::parse(line), due) {
        (Err(err), _) => Damage::NotARecord(err.to_string()),
        (Ok(link), _) if link.seq != seq => Damage::OutOfPlace { found: link.seq },
        (Ok(_), Some(due)) => Damage::Unexpected { expected: due.head.hash },
        (Ok(_), None) => Damage::Foreign,
    }
}

/// The number of the last segment.
pub(super) fn last_segment(fs: &(impl Vfs + ?Sized)) -> Result<u64, AuditError> {
    let journal = Journal::read(fs).map_err(at(journal::PATH))?;
    match journal.end() {
        Some(mark) => Ok(mark.segment),
        None => Ok(Pending::parse(&journal)?.segment()),
    }
}

/// The lines of a segment, and whether it is the last.
pub(super) fn lines(fs: &(impl Vfs + ?Sized), number: u64) -> Result<(Vec<u8>, bool), AuditError> {
    if number >= last_segment(fs)? {
        let tail = Tail::read(fs)?;
        if number >= tail.pending.segment() {
            return Ok((tail.lines(), true));
        }
    }
    // One that another follows is never written again.
    Ok((segment::read(fs, number)?.unwrap_or_default(), false))
}

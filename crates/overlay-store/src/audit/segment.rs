use std::io::{self, BufRead};

use super::broken::{AuditError, at};
use super::line::MAX_RECORD_BYTES;
use crate::vfs::{Kind, Vfs};

/// The directory of the log.
pub(super) const DIR: &str = "audit";

/// The size from which on a segment takes no further record. Reading and recovering keep
/// one segment in memory.
pub const SEGMENT_BYTES: u64 = 4 << 20;

/// The file of a segment.
pub(super) fn path(segment: u64) -> String {
    format!("{DIR}/{segment:08}.jsonl")
}

/// The bytes of a segment; none where it is missing.
pub(super) fn read(fs: &(impl Vfs + ?Sized), segment: u64) -> Result<Option<Vec<u8>>, AuditError> {
    let path = path(segment);
    let max = SEGMENT_BYTES + u64::try_from(MAX_RECORD_BYTES).unwrap_or(u64::MAX) + 1;
    match fs.read(&path, max) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(at(&path)(err)),
    }
}

/// The last of some whole lines, without its line feed.
pub(super) fn last_line(lines: &[u8]) -> Option<&[u8]> {
    lines.strip_suffix(b"\n")?.rsplit(|it| *it == b'\n').next()
}

/// What stands in the segments of higher numbers, where anything does.
pub(super) fn behind(
    fs: &(impl Vfs + ?Sized),
    last: u64,
) -> Result<Vec<(u64, Vec<u8>)>, AuditError> {
    let mut res = Vec::new();
    for number in list(fs)?.into_iter().filter(|it| *it > last) {
        let bytes = read(fs, number)?.unwrap_or_default();
        // One that is empty was made, and then nothing came.
        if !bytes.is_empty() {
            res.push((number, bytes));
        }
    }
    Ok(res)
}

/// The numbers of all segments, ascending.
fn list(fs: &(impl Vfs + ?Sized)) -> Result<Vec<u64>, AuditError> {
    let names = match fs.list(DIR) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(at(DIR))?,
    };
    let files = names.iter().filter(|(_, kind)| *kind == Kind::File);
    let mut numbers: Vec<_> = files.filter_map(|(name, _)| number(name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".jsonl")?;
    let digits = Some(digits).filter(|it| it.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse().ok().filter(|it| *it > 0)
}

/// A line of a segment.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    /// Without the line feed.
    pub(super) bytes: &'a [u8],
    /// Whether a line feed ends it.
    pub(super) whole: bool,
    /// Its number in the file, from 1.
    pub(super) number: u64,
    /// Where the next line begins, in bytes.
    pub(super) end: u64,
}

/// Goes through the lines of one segment.
pub(super) struct Lines<'a> {
    rest: &'a [u8],
    number: u64,
    end: u64,
}

impl<'a> Lines<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, number: 0, end: 0 }
    }

    /// Those after the line `number`, which ends at `end`.
    pub(super) fn after(bytes: &'a [u8], number: u64, end: u64) -> Self {
        let start = usize::try_from(end).unwrap_or(usize::MAX);
        Self { rest: bytes.get(start..).unwrap_or_default(), number, end }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let start = self.rest;
        // Reading from memory does not fail; this is the quick search of std.
        let len = self.rest.skip_until(b'\n').ok().filter(|it| *it > 0)?;
        let line = start.get(..len)?;
        let text = line.strip_suffix(b"\n");
        self.number += 1;
        self.end += u64::try_from(len).ok()?;
        let (number, end) = (self.number, self.end);
        Some(Line { bytes: text.unwrap_or(line), whole: text.is_some(), number, end })
    }
}

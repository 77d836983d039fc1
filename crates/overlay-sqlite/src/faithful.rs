//! Whether the index says what the log says.

use std::iter::Peekable;
use std::path::Path;

use overlay_store::audit::Log;
use overlay_store::vfs::Vfs;
use rusqlite::Connection;

use crate::audit_row::{AuditRow, overlays};
use crate::database::loaded;
use crate::error::{SqliteError, at};
use crate::look::look;

/// How an audit index compares with the log that it was built from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Faithfulness {
    /// How many rows say what their records say.
    pub same: u64,
    /// The number of the first row that does not, or that has no record, or that is missing
    /// though a later one is there; what comes after it was not looked at.
    pub differs: Option<u64>,
    /// How many records of the log wait to be taken in.
    pub waiting: u64,
}

/// Compares every row of the audit index at `path`, with the overlays that it is listed
/// under, with the record of the log. Nothing is changed, nor is anything written beside the
/// file, see [`crate::Performance::look`].
///
/// # Errors
///
/// Where the file or the log cannot be read.
pub fn faithfulness<F: Vfs + ?Sized>(
    path: &Path,
    log: &Log<'_, F>,
) -> Result<Faithfulness, SqliteError> {
    look(path, |found| compared(&found.conn, path, log))
}

fn compared<F: Vfs + ?Sized>(
    conn: &Connection,
    path: &Path,
    log: &Log<'_, F>,
) -> Result<Faithfulness, SqliteError> {
    const ROWS: &str = "SELECT * FROM overlay_audit_log ORDER BY id";
    const NAMES: &str = "SELECT id, overlay_id FROM overlay_audit_overlays ORDER BY id, overlay_id";
    // Both are read as of one moment, which is before that of the log.
    let conn = conn.unchecked_transaction().map_err(at(path))?;
    let mut rows = conn.prepare(ROWS).map_err(at(path))?;
    let mut rows = rows.query_map([], AuditRow::read).map_err(at(path))?.peekable();
    let mut names = conn.prepare(NAMES).map_err(at(path))?;
    let name = |row: &rusqlite::Row<'_>| Ok((loaded(row.get(0)?), row.get::<_, String>(1)?));
    let mut names = names.query_map([], name).map_err(at(path))?.peekable();
    let mut res = Faithfulness::default();
    rows.peek();
    for record in log.records(1)? {
        let record = record?;
        let Some(row) = rows.next().transpose().map_err(at(path))? else {
            res.waiting += 1;
            continue;
        };
        let listed = listed_under(record.seq, &mut names).map_err(at(path))?;
        if row != AuditRow::of(&record)? || listed != overlays(&record) {
            return Ok(Faithfulness { differs: Some(record.seq), ..res });
        }
        res.same += 1;
    }
    let of_rows = rows.next().transpose().map_err(at(path))?.map(|it| it.seq);
    let of_names = names.next().transpose().map_err(at(path))?.map(|(seq, _)| seq);
    res.differs = of_rows.or(of_names);
    Ok(res)
}

/// The overlays that are listed up to record `seq`.
fn listed_under(
    seq: u64,
    names: &mut Peekable<impl Iterator<Item = rusqlite::Result<(u64, String)>>>,
) -> rusqlite::Result<Vec<String>> {
    let is_due = |it: &rusqlite::Result<(u64, String)>| match it {
        Ok((id, _)) => *id <= seq,
        Err(_) => true,
    };
    let mut res = Vec::new();
    while let Some(name) = names.next_if(is_due) {
        res.push(name?.1);
    }
    Ok(res)
}

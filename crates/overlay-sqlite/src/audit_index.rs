use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use overlay_store::audit::{AuditError, Head, Log, Record};
use overlay_store::vfs::Vfs;
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Transaction, params, params_from_iter};

use crate::audit_row::{AuditQuery, AuditRow, overlays};
use crate::database::{BUSY_TIMEOUT, Database, loaded, stored};
use crate::error::{SqliteError, at};
use crate::schema::{DatabaseKind, MigrationFile, ObjectKind, objects};

/// How many records one transaction takes in.
const BATCH: usize = 1_000;

/// An index of the audit log, `db/audit.sqlite`: for questions, and built from the log again
/// at any time.
///
/// Triggers refuse to change, replace or delete a row; each row continues the chain of the one
/// before.
pub struct AuditIndex {
    database: Database,
}

/// What was done to bring the index up to date.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Indexed {
    /// How many records were taken in.
    pub records: u64,
    /// Whether it was built anew, because it was damaged or held another history.
    pub rebuilt: bool,
    /// Where the damaged file is kept that it was built anew in place of.
    pub put_aside: Option<PathBuf>,
}

impl AuditIndex {
    /// Opens the file, made where it is missing, and brings its schema up to date.
    ///
    /// # Errors
    ///
    /// Every [`SqliteError`] of a file; its directory has to exist.
    pub fn open(path: &Path) -> Result<Self, SqliteError> {
        Self::open_within(path, BUSY_TIMEOUT)
    }

    fn open_within(path: &Path, wait: Duration) -> Result<Self, SqliteError> {
        Ok(Self { database: Database::open(path, DatabaseKind::Audit, wait)? })
    }

    /// Opens the file as it is, for questions only.
    ///
    /// # Errors
    ///
    /// As for [`Self::open`]; a file that is missing is `Unreachable`.
    pub fn open_read_only(path: &Path) -> Result<Self, SqliteError> {
        Ok(Self { database: Database::open_read_only(path)? })
    }

    /// Opens the file and takes in what the log has more. A damaged file is put aside as
    /// `….corrupt` and built anew.
    ///
    /// # Errors
    ///
    /// As for [`Self::open`] and [`Self::update`], `Corrupt` excepted.
    pub fn open_updated<F: Vfs + ?Sized>(
        path: &Path,
        log: &Log<'_, F>,
    ) -> Result<(Self, Indexed), SqliteError> {
        Self::open_updated_within(path, log, BUSY_TIMEOUT)
    }

    /// [`Self::open_updated`], where somebody waits for it: another writer is waited for no
    /// longer than `wait` as the file is opened, and as long again as the records are taken
    /// in.
    ///
    /// # Errors
    ///
    /// As for [`Self::open_updated`]; `Busy` where the other writer was not done by then.
    pub fn open_updated_within<F: Vfs + ?Sized>(
        path: &Path,
        log: &Log<'_, F>,
        wait: Duration,
    ) -> Result<(Self, Indexed), SqliteError> {
        let open = || Self::open_within(path, wait);
        match open().and_then(|mut it| it.update(log).map(|done| (it, done))) {
            Err(SqliteError::Corrupt { .. }) => {
                let put_aside = Some(put_aside(path)?);
                let mut index = open()?;
                let records = index.rebuild(log.records(1)?)?;
                Ok((index, Indexed { records, rebuilt: true, put_aside }))
            }
            other => other,
        }
    }

    /// The migrations that opening applied, none where the schema was up to date.
    pub fn applied(&self) -> &[MigrationFile] {
        &self.database.applied
    }

    /// How long to wait for another writer instead of [`crate::BUSY_TIMEOUT`].
    ///
    /// # Errors
    ///
    /// As SQLite gives them.
    pub fn wait_at_most(&self, wait: Duration) -> Result<(), SqliteError> {
        self.database.conn.busy_timeout(wait).map_err(at(&self.database.path))
    }

    /// The last record that was taken in.
    ///
    /// # Errors
    ///
    /// As SQLite gives them; `Corrupt` where its hash is none.
    pub fn head(&self) -> Result<Head, SqliteError> {
        head(&self.database.conn, &self.database.path)
    }

    /// Takes in the records that the log has more than the index. Where the index holds
    /// another history, it is built anew.
    ///
    /// # Errors
    ///
    /// `Log` where the log cannot be read, else as SQLite gives them.
    pub fn update<F: Vfs + ?Sized>(&mut self, log: &Log<'_, F>) -> Result<Indexed, SqliteError> {
        let head = self.head()?;
        // The last one comes again, so that another history is seen.
        let mut records = log.records(head.seq.max(1))?.peekable();
        let behind = head.seq > 0 && records.peek().is_none();
        let added = if behind {
            Err(SqliteError::Diverged { path: self.database.path.clone(), seq: head.seq })
        } else {
            self.take_in(records)
        };
        match added {
            Err(SqliteError::Diverged { .. }) => {
                let records = self.rebuild(log.records(1)?)?;
                Ok(Indexed { records, rebuilt: true, put_aside: None })
            }
            other => Ok(Indexed { records: other?, ..Indexed::default() }),
        }
    }

    /// Takes in records that follow the last one, all or none, and counts them. Those that
    /// are there already are passed over.
    ///
    /// # Errors
    ///
    /// `Diverged` for a record that does not continue the chain.
    pub fn index(&mut self, records: &[Record]) -> Result<u64, SqliteError> {
        let Database { conn, path, .. } = &mut self.database;
        let transaction = conn.transaction().map_err(at(path))?;
        let count = insert_all(&transaction, path, records)?;
        transaction.commit().map_err(at(path))?;
        Ok(count)
    }

    /// Throws away all rows and takes in `records`, which are those of the log from the
    /// first on. Tables, indexes and triggers are made anew. All happens, or nothing.
    ///
    /// # Errors
    ///
    /// As for [`Self::index`], and as the iterator gives them.
    pub fn rebuild(
        &mut self,
        records: impl IntoIterator<Item = Result<Record, AuditError>>,
    ) -> Result<u64, SqliteError> {
        let reference = DatabaseKind::Audit.reference()?;
        let Database { conn, path, .. } = &mut self.database;
        let transaction = conn.transaction().map_err(at(path))?;
        renew_tables(&transaction, &reference).map_err(at(path))?;
        let mut count = 0;
        each_batch(records, |batch| {
            count += insert_all(&transaction, path, batch)?;
            Ok(())
        })?;
        transaction.commit().map_err(at(path))?;
        Ok(count)
    }

    /// The rows that are wanted, newest first.
    ///
    /// # Errors
    ///
    /// As SQLite gives them.
    pub fn query(&self, query: &AuditQuery) -> Result<Vec<AuditRow>, SqliteError> {
        const OVERLAY: &str = "id IN (SELECT id FROM overlay_audit_overlays WHERE overlay_id = ?)";
        let text = |it: &Option<String>| it.clone().map(Value::Text);
        let wanted = [
            ("deployment_id = ?", text(&query.deployment)),
            ("user_name = ?", text(&query.actor)),
            (OVERLAY, text(&query.overlay)),
            ("action = ?", text(&query.action)),
            ("timestamp >= ?", query.from_us.map(Value::Integer)),
            ("timestamp < ?", query.before_us.map(Value::Integer)),
        ];
        let mut sql = "SELECT * FROM overlay_audit_log WHERE TRUE".to_owned();
        let mut values = Vec::new();
        for (condition, value) in wanted {
            if let Some(value) = value {
                sql.push_str(" AND ");
                sql.push_str(condition);
                values.push(value);
            }
        }
        sql.push_str(" ORDER BY id DESC LIMIT ?");
        values.push(Value::Integer(stored(query.limit)));
        let Database { conn, path, .. } = &self.database;
        let read = || {
            let mut statement = conn.prepare_cached(&sql)?;
            let rows = statement.query_map(params_from_iter(values), AuditRow::read)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(at(path))
    }

    fn take_in(
        &mut self,
        records: impl Iterator<Item = Result<Record, AuditError>>,
    ) -> Result<u64, SqliteError> {
        let mut count = 0;
        each_batch(records, |batch| {
            count += self.index(batch)?;
            Ok(())
        })?;
        Ok(count)
    }
}

fn each_batch(
    records: impl IntoIterator<Item = Result<Record, AuditError>>,
    mut take: impl FnMut(&[Record]) -> Result<(), SqliteError>,
) -> Result<(), SqliteError> {
    let mut batch = Vec::with_capacity(BATCH);
    for record in records {
        batch.push(record?);
        if batch.len() == BATCH {
            take(&batch)?;
            batch.clear();
        }
    }
    if batch.is_empty() { Ok(()) } else { take(&batch) }
}

fn head(conn: &rusqlite::Connection, path: &Path) -> Result<Head, SqliteError> {
    const SQL: &str = "SELECT id, hash FROM overlay_audit_log ORDER BY id DESC LIMIT 1";
    let read = || {
        let mut statement = conn.prepare_cached(SQL)?;
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
        statement.query_one([], row).optional()
    };
    let Some((seq, hash)) = read().map_err(at(path))? else { return Ok(Head::empty()) };
    match hash.parse() {
        Ok(hash) => Ok(Head { seq: loaded(seq), hash }),
        Err(_) => {
            let reason = format!("the hash of audit row {seq} is none");
            Err(SqliteError::Corrupt { path: path.to_owned(), reason })
        }
    }
}

fn insert_all(
    transaction: &Transaction<'_>,
    path: &Path,
    records: &[Record],
) -> Result<u64, SqliteError> {
    let mut last = head(transaction, path)?;
    let mut count = 0;
    for record in records {
        let row = AuditRow::of(record)?;
        let diverged = || SqliteError::Diverged { path: path.to_owned(), seq: record.seq };
        if record.seq <= last.seq {
            let known = hash_of(transaction, record.seq).map_err(at(path))?;
            if known.as_ref() == Some(&row.hash) {
                continue;
            }
            return Err(diverged());
        }
        if record.seq != last.seq + 1 || record.prev != last.hash {
            return Err(diverged());
        }
        insert(transaction, &row, &overlays(record)).map_err(at(path))?;
        last = Head { seq: record.seq, hash: row.hash.parse().map_err(|_| diverged())? };
        count += 1;
    }
    Ok(count)
}

fn hash_of(transaction: &Transaction<'_>, seq: u64) -> rusqlite::Result<Option<String>> {
    const SQL: &str = "SELECT hash FROM overlay_audit_log WHERE id = ?1";
    transaction.prepare_cached(SQL)?.query_one([stored(seq)], |row| row.get(0)).optional()
}

fn insert(transaction: &Transaction<'_>, row: &AuditRow, names: &[String]) -> rusqlite::Result<()> {
    const ROW: &str = "INSERT INTO overlay_audit_log (id, overlay_type, overlay_id, action,
        user_name, timestamp, data, host, environment, deployment_id, generation,
        base_generation, manifest_sha256, prev_hash, hash)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
    const NAME: &str = "INSERT INTO overlay_audit_overlays (id, overlay_id) VALUES (?1, ?2)";
    let id = stored(row.seq);
    transaction.prepare_cached(ROW)?.execute(params![
        id,
        row.overlay_type,
        row.overlay_id,
        row.action,
        row.user_name,
        row.timestamp_us,
        row.data,
        row.host,
        row.environment,
        row.deployment_id,
        row.generation.map(stored),
        row.base_generation.map(stored),
        row.manifest_sha256,
        row.prev_hash,
        row.hash,
    ])?;
    let mut insert = transaction.prepare_cached(NAME)?;
    for name in names {
        insert.execute(params![id, name])?;
    }
    Ok(())
}

/// Drops the tables, which the triggers do not hinder, and makes them and all that belongs
/// to them again.
fn renew_tables(
    transaction: &Transaction<'_>,
    reference: &rusqlite::Connection,
) -> rusqlite::Result<()> {
    let objects = objects(reference)?;
    for table in objects.iter().rev().filter(|it| it.kind == ObjectKind::Table) {
        transaction.execute_batch(&format!("DROP TABLE IF EXISTS {}", table.name))?;
    }
    for object in objects.iter().filter(|it| it.kind != ObjectKind::Column) {
        transaction.execute_batch(&object.definition)?;
    }
    Ok(())
}

/// Gives the file another name, which it says.
fn put_aside(path: &Path) -> io::Result<PathBuf> {
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let aside = beside(".corrupt");
    fs::rename(path, &aside)?;
    for suffix in ["-wal", "-shm"] {
        match fs::remove_file(beside(suffix)) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
            _ => {}
        }
    }
    Ok(aside)
}

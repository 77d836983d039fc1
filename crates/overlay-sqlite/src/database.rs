use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::error::{SqliteError, at, of_migration};
use crate::schema::{DatabaseKind, MigrationFile, migrations};

/// How long a writer waits for another one.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// How often another process may be faster with a migration.
const MIGRATION_ATTEMPTS: u32 = 3;
const WAL_ATTEMPTS: usize = 100;

/// An open file.
pub(crate) struct Database {
    pub(crate) conn: Connection,
    pub(crate) path: PathBuf,
    /// The migrations that opening applied.
    pub(crate) applied: Vec<MigrationFile>,
}

impl Database {
    /// Opens the file, made where it is missing, and brings its schema up to date. Both this
    /// and each transaction later wait for other writers for `wait`.
    pub(crate) fn open(
        path: &Path,
        kind: DatabaseKind,
        wait: Duration,
    ) -> Result<Self, SqliteError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut res = Self::connect(path, path, flags)?;
        // What is locked is waited for in each attempt.
        res.conn.busy_timeout(wait / MIGRATION_ATTEMPTS).map_err(at(path))?;
        res.configure(kind).map_err(at(path))?;
        res.migrate(kind)?;
        res.conn.busy_timeout(wait).map_err(at(path))?;
        Ok(res)
    }

    /// Opens the file as it is.
    pub(crate) fn open_read_only(path: &Path) -> Result<Self, SqliteError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self::connect(path, path, flags)
    }

    /// Opens the file at `path` by the `name` that SQLite is told.
    pub(crate) fn connect(path: &Path, name: &Path, flags: OpenFlags) -> Result<Self, SqliteError> {
        let conn = Connection::open_with_flags(name, flags).map_err(at(path))?;
        conn.busy_timeout(BUSY_TIMEOUT).map_err(at(path))?;
        Ok(Self { conn, path: path.to_owned(), applied: Vec::new() })
    }

    fn configure(&mut self, kind: DatabaseKind) -> rusqlite::Result<()> {
        let synchronous = match kind {
            DatabaseKind::Audit => "FULL",
            // A power cut may take the last rows, never the file.
            DatabaseKind::Performance => "NORMAL",
        };
        self.switch_to_wal()?;
        self.conn.pragma_update(None, "synchronous", synchronous)?;
        self.conn.pragma_update(None, "foreign_keys", true)?;
        self.conn.pragma_update(None, "trusted_schema", false)?;
        // A transaction that first reads could not wait for another writer any more.
        self.conn.set_transaction_behavior(TransactionBehavior::Immediate);
        Ok(())
    }

    /// Another process that switches or recovers the file at the same moment makes this one
    /// fail without waiting, so a plain transaction does the waiting.
    fn switch_to_wal(&self) -> rusqlite::Result<()> {
        let mut attempt = 1;
        loop {
            match self.conn.pragma_update(None, "journal_mode", "WAL") {
                Err(err)
                    if err.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                        && attempt < WAL_ATTEMPTS =>
                {
                    attempt += 1;
                    self.conn.execute_batch("BEGIN IMMEDIATE; ROLLBACK")?;
                }
                other => return other,
            }
        }
    }

    fn migrate(&mut self, kind: DatabaseKind) -> Result<(), SqliteError> {
        let files = migrations(kind);
        let known: Vec<_> = files.iter().map(|it| it.name.clone()).collect();
        let mut attempt = 1;
        let report = loop {
            self.check_history()?;
            // Grouped, so that a migration and its line in the history are one transaction.
            match kind.runner().set_grouped(true).run(&mut self.conn) {
                Ok(report) => break report,
                // Another process applied the same one in between.
                Err(_) if attempt < MIGRATION_ATTEMPTS => attempt += 1,
                Err(err) => return Err(of_migration(&self.path, &known, &err)),
            }
        };
        let applied: Vec<_> = report.applied_migrations().iter().map(ToString::to_string).collect();
        self.applied = files.into_iter().filter(|it| applied.contains(&it.name)).collect();
        Ok(())
    }

    /// The history must read as the migrations expect it, or they panic.
    fn check_history(&self) -> Result<(), SqliteError> {
        const TABLE: &str =
            "SELECT count(*) FROM sqlite_schema WHERE name = 'refinery_schema_history'";
        const ROWS: &str = "SELECT typeof(version) || typeof(name), applied_on, checksum,
            strftime('%Y-%m-%dT%H:%M:%S', applied_on) FROM refinery_schema_history";
        let read = || -> rusqlite::Result<bool> {
            if self.conn.query_one(TABLE, [], |row| row.get::<_, i64>(0))? == 0 {
                return Ok(true);
            }
            let mut statement = self.conn.prepare(ROWS)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let [types, applied_on, checksum, second] =
                    [0, 1, 2, 3].map(|it| row.get::<_, String>(it).unwrap_or_default());
                let readable = is_moment(&applied_on, &second) && checksum.parse::<u64>().is_ok();
                if types != "integertext" || !readable {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        if read().map_err(at(&self.path))? {
            return Ok(());
        }
        let reason = "the table refinery_schema_history cannot be read".to_owned();
        Err(SqliteError::Corrupt { path: self.path.clone(), reason })
    }
}

/// Whether `text` is a moment in UTC as RFC 3339 has it; `second` is what SQLite reads in it.
fn is_moment(text: &str, second: &str) -> bool {
    let rest = text.strip_prefix(second).and_then(|it| it.strip_suffix('Z'));
    let is_fraction = |it: &str| {
        let digits = it.strip_prefix('.').unwrap_or_default();
        (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
    };
    second.len() == 19 && rest.is_some_and(|it| it.is_empty() || is_fraction(it))
}

/// As SQLite stores it. What is beyond is nothing that can be counted or measured.
pub(crate) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// As it was before [`stored`]; the schema allows no negative ones.
pub(crate) fn loaded(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

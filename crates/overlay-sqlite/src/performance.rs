use std::path::Path;
use std::time::Duration;

use rusqlite::{OptionalExtension, Transaction, params};
use serde::Serialize;

use crate::database::{BUSY_TIMEOUT, Database, loaded, stored};
use crate::error::{SqliteError, at};
use crate::rows::{Operations, PerformanceRow, Sample, Span, Timing};
use crate::schema::{DatabaseKind, MigrationFile};

/// The performance rows and rollout samples, `db/perf.sqlite`.
///
/// Nothing else has these rows. A power cut may take those of the last moments.
pub struct Performance {
    pub(crate) database: Database,
}

/// How long operations took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// How many there were, at least 1.
    pub count: u64,
    /// Their mean, milliseconds.
    pub mean_ms: f64,
    /// The smallest duration that at least 95 % of them do not exceed (nearest rank),
    /// milliseconds.
    pub p95_ms: f64,
}

impl Performance {
    /// Opens the file, made where it is missing, and brings its schema up to date.
    ///
    /// # Errors
    ///
    /// Every [`SqliteError`] of a file; its directory has to exist.
    pub fn open(path: &Path) -> Result<Self, SqliteError> {
        Ok(Self { database: Database::open(path, DatabaseKind::Performance, BUSY_TIMEOUT)? })
    }

    /// Opens the file as it is, for questions only.
    ///
    /// # Errors
    ///
    /// As for [`Self::open`]; a file that is missing is `Unreachable`.
    pub fn open_read_only(path: &Path) -> Result<Self, SqliteError> {
        Ok(Self { database: Database::open_read_only(path)? })
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

    /// Writes all rows in one transaction, or none.
    ///
    /// # Errors
    ///
    /// `Busy`, `Full` and what else a file can be.
    pub fn write(
        &mut self,
        rows: &[PerformanceRow],
        samples: &[Sample],
    ) -> Result<(), SqliteError> {
        let Database { conn, path, .. } = &mut self.database;
        let mut write = || {
            let transaction = conn.transaction()?;
            insert_rows(&transaction, rows)?;
            insert_samples(&transaction, samples)?;
            transaction.commit()
        };
        write().map_err(at(path))
    }

    /// Removes what is older than `before_us` and counts it; see [`crate::RETENTION_US`].
    ///
    /// # Errors
    ///
    /// As for [`Self::write`].
    pub fn prune(&mut self, before_us: i64) -> Result<u64, SqliteError> {
        const METRICS: &str = "DELETE FROM overlay_performance_metrics WHERE timestamp < ?1";
        const SAMPLES: &str = "DELETE FROM rollout_samples WHERE at_us < ?1";
        let Database { conn, path, .. } = &mut self.database;
        let mut prune = || {
            let transaction = conn.transaction()?;
            let metrics = transaction.execute(METRICS, [before_us])?;
            let samples = transaction.execute(SAMPLES, [before_us])?;
            transaction.commit()?;
            Ok(metrics + samples)
        };
        let count = prune().map_err(at(path))?;
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }

    /// How many rows and samples [`Self::prune`] would remove.
    ///
    /// # Errors
    ///
    /// As SQLite gives them.
    pub fn older(&self, before_us: i64) -> Result<u64, SqliteError> {
        const SQL: &str = "SELECT
            (SELECT count(*) FROM overlay_performance_metrics WHERE timestamp < ?1)
            + (SELECT count(*) FROM rollout_samples WHERE at_us < ?1)";
        let Database { conn, path, .. } = &self.database;
        let count = conn.query_one(SQL, [before_us], |row| row.get(0)).map_err(at(path))?;
        Ok(loaded(count))
    }

    /// Mean and 95th percentile of all operations of one environment, or of all; `None`
    /// where there is no row: nothing is known then, and nothing is well.
    ///
    /// # Errors
    ///
    /// As SQLite gives them.
    pub fn latency(
        &self,
        environment: Option<&str>,
        span: Span,
    ) -> Result<Option<Latency>, SqliteError> {
        const SPAN: &str = "FROM overlay_performance_metrics
            WHERE timestamp >= ?1 AND timestamp < ?2 AND (?3 IS NULL OR environment = ?3)";
        let Database { conn, path, .. } = &self.database;
        let all = params![span.from_us, span.before_us, environment];
        let read = || {
            let sql = format!("SELECT count(*), coalesce(avg(duration_us), 0.0) {SPAN}");
            let (count, mean): (i64, f64) =
                conn.prepare_cached(&sql)?.query_one(all, |row| Ok((row.get(0)?, row.get(1)?)))?;
            let rank = (95 * count + 99) / 100;
            let sql = format!("SELECT duration_us {SPAN} ORDER BY duration_us LIMIT 1 OFFSET ?4");
            let ranked = params![span.from_us, span.before_us, environment, rank - 1];
            let p95: Option<i64> =
                conn.prepare_cached(&sql)?.query_one(ranked, |row| row.get(0)).optional()?;
            Ok(p95.map(|p95| (count, mean, p95)))
        };
        let found = read().map_err(at(path))?;
        Ok(found.map(|(count, mean, p95)| Latency {
            count: loaded(count),
            mean_ms: mean / 1_000.0,
            p95_ms: Duration::from_micros(loaded(p95)).as_secs_f64() * 1_000.0,
        }))
    }

    /// When the operations meant by `of` ended and how long each took, oldest first.
    ///
    /// # Errors
    ///
    /// As SQLite gives them.
    pub fn timings(&self, of: Operations<'_>, span: Span) -> Result<Vec<Timing>, SqliteError> {
        const SQL: &str = "SELECT timestamp, duration_us FROM overlay_performance_metrics
            WHERE timestamp >= ?1 AND timestamp < ?2 AND (?3 IS NULL OR overlay_type = ?3)
            AND (?4 IS NULL OR operation = ?4) AND (?5 IS NULL OR environment = ?5)
            ORDER BY timestamp";
        let Database { conn, path, .. } = &self.database;
        let read = || {
            let mut select = conn.prepare_cached(SQL)?;
            let all =
                params![span.from_us, span.before_us, of.overlay, of.operation, of.environment];
            let rows = select.query_map(all, |row| {
                Ok(Timing { at_us: row.get(0)?, duration_us: loaded(row.get(1)?) })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(at(path))
    }
}

fn insert_rows(transaction: &Transaction<'_>, rows: &[PerformanceRow]) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO overlay_performance_metrics
        (overlay_type, operation, duration_us, memory_usage_kb, timestamp, environment)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut insert = transaction.prepare_cached(SQL)?;
    for row in rows {
        insert.execute(params![
            row.overlay_type,
            row.operation,
            stored(row.duration_us),
            row.memory_usage_kb.map(stored),
            row.at_us,
            row.environment,
        ])?;
    }
    Ok(())
}

fn insert_samples(transaction: &Transaction<'_>, samples: &[Sample]) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO rollout_samples
        (deployment, arm, result, duration_us, tokens, at_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut insert = transaction.prepare_cached(SQL)?;
    for it in samples {
        insert.execute(params![
            it.deployment,
            it.arm.name(),
            it.result,
            stored(it.duration_us),
            it.tokens.map(stored),
            it.at_us,
        ])?;
    }
    Ok(())
}

use rusqlite::{Row, params};
use serde::Serialize;

use crate::database::{Database, loaded, stored};
use crate::error::{SqliteError, at};
use crate::performance::Performance;
use crate::rows::{Arm, Span};

/// How often answers of one arm ended in one way.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ResultCount {
    /// Which generation answered.
    pub arm: Arm,
    /// How the answers ended.
    pub result: String,
    /// How many.
    pub count: u64,
}

impl Performance {
    /// The samples of a deployment counted by arm and result, sorted by them.
    ///
    /// # Errors
    ///
    /// As SQLite gives them.
    pub fn counts(&self, deployment: &str, span: Span) -> Result<Vec<ResultCount>, SqliteError> {
        const SQL: &str = "SELECT arm, result, count(*) FROM rollout_samples
            WHERE deployment = ?1 AND at_us >= ?2 AND at_us < ?3
            GROUP BY arm, result ORDER BY arm DESC, result";
        let Database { conn, path, .. } = &self.database;
        let read = || {
            let mut statement = conn.prepare_cached(SQL)?;
            let all = params![deployment, span.from_us, span.before_us];
            statement.query_map(all, count)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        Ok(read().map_err(at(path))?.into_iter().flatten().collect())
    }

    /// The durations of one arm in microseconds, ascending; the newest `limit` of them.
    ///
    /// # Errors
    ///
    /// As SQLite gives them.
    pub fn durations(
        &self,
        deployment: &str,
        arm: Arm,
        span: Span,
        limit: u64,
    ) -> Result<Vec<u64>, SqliteError> {
        self.column("duration_us", deployment, arm, span, limit)
    }

    /// The token counts of one arm where they are known, ascending; the newest `limit` of
    /// them.
    ///
    /// # Errors
    ///
    /// As SQLite gives them.
    pub fn tokens(
        &self,
        deployment: &str,
        arm: Arm,
        span: Span,
        limit: u64,
    ) -> Result<Vec<u64>, SqliteError> {
        self.column("tokens", deployment, arm, span, limit)
    }

    fn column(
        &self,
        column: &'static str,
        deployment: &str,
        arm: Arm,
        span: Span,
        limit: u64,
    ) -> Result<Vec<u64>, SqliteError> {
        let Database { conn, path, .. } = &self.database;
        let sql = format!(
            "SELECT {column} FROM rollout_samples WHERE deployment = ?1 AND arm = ?2
            AND at_us >= ?3 AND at_us < ?4 AND {column} IS NOT NULL
            ORDER BY at_us DESC, id DESC LIMIT ?5"
        );
        let read = || {
            let mut statement = conn.prepare_cached(&sql)?;
            let (from, before) = (span.from_us, span.before_us);
            let all = params![deployment, arm.name(), from, before, stored(limit)];
            let rows = statement.query_map(all, |row| Ok(loaded(row.get(0)?)))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let mut res = read().map_err(at(path))?;
        res.sort_unstable();
        Ok(res)
    }
}

/// A row; `None` for an arm that the schema does not allow.
fn count(row: &Row<'_>) -> rusqlite::Result<Option<ResultCount>> {
    let arm: String = row.get(0)?;
    let (result, count) = (row.get(1)?, loaded(row.get(2)?));
    Ok(Arm::named(&arm).map(|arm| ResultCount { arm, result, count }))
}

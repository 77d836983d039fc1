use std::fmt;
use std::path::Path;

use overlay_model::Digest;
use refinery::Runner;
use rusqlite::{Connection, Row};
use serde::Serialize;

use crate::error::{SqliteError, at};
use crate::look::look;

mod audit {
    refinery::embed_migrations!("migrations/audit");
}

mod performance {
    refinery::embed_migrations!("migrations/performance");
}

/// Which of the two databases.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseKind {
    /// The audit index, `db/audit.sqlite`.
    Audit,
    /// The performance rows, `db/perf.sqlite`.
    Performance,
}

impl DatabaseKind {
    /// The file, relative to the deployment root.
    pub fn path(self) -> &'static str {
        match self {
            Self::Audit => "db/audit.sqlite",
            Self::Performance => "db/perf.sqlite",
        }
    }

    pub(crate) fn runner(self) -> Runner {
        match self {
            Self::Audit => audit::migrations::runner(),
            Self::Performance => performance::migrations::runner(),
        }
    }

    /// An empty database with the schema as it should be.
    pub(crate) fn reference(self) -> Result<Connection, SqliteError> {
        let path = Path::new(":memory:");
        let conn = Connection::open_in_memory().map_err(at(path))?;
        for file in self.runner().get_migrations() {
            conn.execute_batch(file.sql().unwrap_or_default()).map_err(at(path))?;
        }
        Ok(conn)
    }
}

/// A migration that is part of this program.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct MigrationFile {
    /// Of which database.
    pub database: DatabaseKind,
    /// Its name, as `V1__overlay_audit_log`.
    pub name: String,
    /// The digest of the file's bytes, for the audit log: the checksum that SQLite keeps is
    /// no cryptographic one.
    pub sha256: Digest,
}

/// The migrations of a database, in the order they are applied.
pub fn migrations(database: DatabaseKind) -> Vec<MigrationFile> {
    let runner = database.runner();
    let files = runner.get_migrations().iter().map(|it| MigrationFile {
        database,
        name: it.to_string(),
        sha256: Digest::of(it.sql().unwrap_or_default().as_bytes()),
    });
    let mut files: Vec<_> = files.collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

/// What a schema is made of.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A table.
    Table,
    /// A column, named `table.column`.
    Column,
    /// An index.
    Index,
    /// A trigger.
    Trigger,
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Table => "table",
            Self::Column => "column",
            Self::Index => "index",
            Self::Trigger => "trigger",
        })
    }
}

/// What is wrong with a part of the schema.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaFault {
    /// It is not there.
    Missing,
    /// It is defined in another way.
    Different,
}

/// A part of the schema that is not as it should be.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct SchemaFinding {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
    /// What is wrong with it.
    pub fault: SchemaFault,
}

impl fmt::Display for SchemaFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, fault } = self;
        match fault {
            SchemaFault::Missing => write!(f, "{kind} {name} is missing"),
            SchemaFault::Different => write!(f, "{kind} {name} is defined in another way"),
        }
    }
}

/// Everything that is missing or different in the database at `path`, which is not changed;
/// nor is anything written beside it, see [`crate::Performance::look`].
///
/// # Errors
///
/// Where the file cannot be read as a database.
pub fn schema_report(
    database: DatabaseKind,
    path: &Path,
) -> Result<Vec<SchemaFinding>, SqliteError> {
    let found = look(path, |found| objects(&found.conn).map_err(at(path)))?;
    let reference = objects(&database.reference()?).map_err(at(path))?;
    let finding = |wanted: Object| {
        let same = found.iter().find(|it| (it.kind, &it.name) == (wanted.kind, &wanted.name));
        let fault = match same {
            None => SchemaFault::Missing,
            Some(it) if it.definition != wanted.definition => SchemaFault::Different,
            Some(_) => return None,
        };
        Some(SchemaFinding { kind: wanted.kind, name: wanted.name, fault })
    };
    let mut res: Vec<_> = reference.into_iter().filter_map(finding).collect();
    // A table without a column is told by the column.
    let columns: Vec<_> = res.iter().filter(|it| it.kind == ObjectKind::Column).cloned().collect();
    res.retain(|it| {
        it.fault == SchemaFault::Missing
            || it.kind != ObjectKind::Table
            || !columns.iter().any(|col| col.name.split('.').next() == Some(&it.name))
    });
    Ok(res)
}

/// Whether the file at `path` is a database that has nothing yet, as between its making and
/// the migrations. Nothing is changed.
///
/// # Errors
///
/// Where the file cannot be read as a database.
pub fn is_empty(path: &Path) -> Result<bool, SqliteError> {
    look(path, |found| Ok(objects(&found.conn).map_err(at(path))?.is_empty()))
}

pub(crate) struct Object {
    pub(crate) kind: ObjectKind,
    pub(crate) name: String,
    /// The SQL, or for a column its type and constraint.
    pub(crate) definition: String,
}

/// Tables, columns, indexes and triggers in the order they were made, without those of the
/// migrations themselves.
pub(crate) fn objects(conn: &Connection) -> rusqlite::Result<Vec<Object>> {
    let mut res = Vec::new();
    let sql = "SELECT type, name, sql FROM sqlite_schema
        WHERE sql IS NOT NULL AND name NOT LIKE 'refinery%' AND name NOT LIKE 'sqlite%'
        ORDER BY rowid";
    for object in conn.prepare(sql)?.query_map([], object)? {
        res.extend(object?);
    }
    let sql = "SELECT t.name || '.' || c.name, c.type || ' ' || c.\"notnull\" || ' ' || c.pk
        FROM sqlite_schema t, pragma_table_xinfo(t.name) c
        WHERE t.type = 'table' AND t.name NOT LIKE 'refinery%' ORDER BY t.rowid, c.cid";
    let column = |row: &Row<'_>| {
        Ok(Object { kind: ObjectKind::Column, name: row.get(0)?, definition: row.get(1)? })
    };
    for object in conn.prepare(sql)?.query_map([], column)? {
        res.push(object?);
    }
    res.sort_by_key(|it| it.kind);
    Ok(res)
}

fn object(row: &Row<'_>) -> rusqlite::Result<Option<Object>> {
    let kind = match row.get_ref(0)?.as_str()? {
        "table" => ObjectKind::Table,
        "index" => ObjectKind::Index,
        "trigger" => ObjectKind::Trigger,
        _ => return Ok(None),
    };
    Ok(Some(Object { kind, name: row.get(1)?, definition: row.get(2)? }))
}

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use overlay_sqlite::{DatabaseKind, schema_report};
use rusqlite::Connection;

use super::Defect;
use super::defects::replaced;
use super::seed::{Said, Seed};
use crate::root::root;

/// What a migration comes to among its neighbours, against the schema that the program asks
/// for.
pub(super) fn read(name: &str, bytes: &[u8]) -> anyhow::Result<Vec<Said>> {
    let kind = match name.contains("/audit/") {
        true => DatabaseKind::Audit,
        false => DatabaseKind::Performance,
    };
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("made.sqlite");
    if let Err(err) = make(&path, &with_neighbours(name, bytes)?) {
        return Ok(vec![Said { message: err.to_string(), is_error: true }]);
    }
    let report = schema_report(kind, &path)?;
    Ok(report.iter().map(|it| Said { message: it.to_string(), is_error: true }).collect())
}

/// All migrations of the folder in their order, with `bytes` in place of the one at `name`.
fn with_neighbours(name: &str, bytes: &[u8]) -> anyhow::Result<String> {
    let path = root().join(name);
    let folder = path.parent().with_context(|| format!("the folder of {name}"))?;
    let entries = fs::read_dir(folder)?.map(|it| anyhow::Ok(it?.path()));
    let mut files = entries.collect::<anyhow::Result<Vec<_>>>()?;
    let version = |file: &PathBuf| -> Option<u32> {
        file.file_name()?.to_str()?.strip_prefix('V')?.split('_').next()?.parse().ok()
    };
    files.sort_by_key(version);
    let text = |file: &PathBuf| match *file == path {
        true => Ok(String::from_utf8_lossy(bytes).into_owned()),
        false => fs::read_to_string(file),
    };
    Ok(files.iter().map(text).collect::<Result<Vec<_>, _>>()?.join("\n"))
}

fn make(path: &Path, sql: &str) -> rusqlite::Result<()> {
    let database = Connection::open(path)?;
    database.pragma_update(None, "synchronous", "OFF")?;
    // One transaction, so that the file is written once.
    database.execute_batch(&format!("BEGIN;\n{sql}\nCOMMIT;"))
}

/// What may be wrong in a migration.
pub(super) fn defects(seed: &Seed) -> Vec<Defect> {
    let text = seed.text();
    let mut defects = Vec::new();
    let mut add = |class: &str, what: &str, broken: String| {
        defects.push(Defect::new(format!("migration: {class}"), what.trim(), broken));
    };
    for line in text.lines() {
        let bare = line.trim();
        let word = bare.split_whitespace().nth(1).unwrap_or_default();
        if bare.starts_with("CREATE INDEX") {
            add("index left out", line, replaced(text, line, ""));
            add("index twice", line, replaced(text, line, &format!("{line}\n{line}")));
        } else if bare.starts_with("CREATE TRIGGER") {
            let temporary = line.replacen("CREATE TRIGGER", "CREATE TEMP TRIGGER", 1);
            add("trigger renamed", line, replaced(text, line, &temporary));
        } else if bare.starts_with("SELECT RAISE") {
            add("trigger that lets pass", line, replaced(text, line, "    SELECT 1;"));
        } else if line.starts_with("    ")
            && ["TEXT", "INTEGER"].contains(&word.trim_end_matches(','))
        {
            let other = if word.starts_with("TEXT") { "BLOB" } else { "REAL" };
            let word = word.trim_end_matches(',');
            add(
                "column of another type",
                line,
                replaced(text, line, &line.replacen(word, other, 1)),
            );
            add(
                "column may be empty",
                line,
                replaced(text, line, &line.replacen(" NOT NULL", "", 1)),
            );
            add("column renamed", line, replaced(text, line, &line.replacen("    ", "    x_", 1)));
            if bare.ends_with(',') {
                add("column left out", line, replaced(text, line, ""));
            }
        }
    }
    add("no SQL", "CREATE TABEL", replaced(text, "CREATE TABLE", "CREATE TABEL"));
    add("rules left out", "STRICT", replaced(text, "STRICT", ""));
    add("rules left out", "CHECK", replaced(text, "CHECK (", "DEFAULT ("));
    add("cut off", "half", text.chars().take(text.chars().count() / 2).collect());
    add("merge left open", "<<<<<<<", format!("<<<<<<< HEAD\n{text}"));
    defects
}

use fusion_cli::Exit;
use serde::Serialize;

use super::strace::End;

/// One command, or one file system, and what became of its points.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    name: String,
    /// What was done to it.
    harm: String,
    points: usize,
    /// Runs that the harm ended.
    killed: usize,
    /// Runs that ended with an error and said that nothing changed.
    refused: usize,
    /// Runs that said that they do not know.
    unknown: usize,
    /// Runs that ended well all the same.
    unharmed: usize,
    pub(super) seconds: f64,
    /// Where something was lost or torn, and what.
    bad: Vec<String>,
    /// Whether something has to be lost: what shows that losses are noticed.
    control: bool,
}

impl Row {
    pub(super) fn new(name: impl Into<String>, harm: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            harm: harm.into(),
            points: 0,
            killed: 0,
            refused: 0,
            unknown: 0,
            unharmed: 0,
            seconds: 0.0,
            bad: Vec::new(),
            control: false,
        }
    }

    /// A row in which something has to be lost.
    pub(super) fn control(name: impl Into<String>, harm: impl Into<String>) -> Self {
        Self { control: true, ..Self::new(name, harm) }
    }

    pub(super) fn add(&mut self, point: &str, end: End, checked: anyhow::Result<()>) {
        self.points += 1;
        match end {
            End::Done => self.unharmed += 1,
            End::Refused => self.refused += 1,
            End::Unknown => self.unknown += 1,
            End::Killed => self.killed += 1,
        }
        if let Err(err) = checked {
            self.bad.push(format!("{point}: {err:#}"));
        }
    }

    fn passed(&self) -> bool {
        self.bad.is_empty() != self.control
    }

    fn print(&self) {
        let Self { name, harm, points, killed, refused, unknown, unharmed, seconds, .. } = self;
        let bad = self.bad.len();
        let word = if self.control { "noticed" } else { "bad" };
        println!(
            "{name:<31} {harm:<22} {points:>4} points: {killed:>3} killed, {refused:>3} refused, \
             {unknown:>2} unknown, {unharmed:>2} done; {bad} {word}, {seconds:.1} s"
        );
        if !self.control {
            self.bad.iter().for_each(|it| println!("    {it}"));
        } else if self.bad.is_empty() {
            println!("    nothing was noticed, so that the other figures mean nothing");
        }
    }
}

/// All rows so far.
#[derive(Debug)]
pub(super) struct Report {
    rows: Vec<Row>,
    json: bool,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        Self { rows: Vec::new(), json }
    }

    pub(super) fn row(&mut self, row: Row) {
        if !self.json {
            row.print();
        }
        self.rows.push(row);
    }

    pub(super) fn end(&self) -> anyhow::Result<Exit> {
        let counted = || self.rows.iter().filter(|it| !it.control);
        let points: usize = counted().map(|it| it.points).sum();
        let bad: usize = counted().map(|it| it.bad.len()).sum();
        let passed = self.rows.iter().all(Row::passed);
        if self.json {
            let report = serde_json::json!({
                "schema": "fusion/crash/1",
                "rows": self.rows,
                "points": points,
                "bad": bad,
                "passed": passed,
            });
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            println!("{points} points, {bad} bad");
        }
        Ok(if passed { Exit::DONE } else { Exit::FINDINGS })
    }
}

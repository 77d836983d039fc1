use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use overlay_loader::Clock;
use overlay_model::visible;

/// One environment variable.
#[derive(Clone, Copy, Debug)]
pub struct VarInfo {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub takes: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

const fn row(name: &'static str, takes: &'static str, meaning: &'static str) -> VarInfo {
    VarInfo { name, takes, meaning }
}

/// Every environment variable that is read, sorted by name. The reference is written
/// from it.
pub const VARIABLES: &[VarInfo] = &[
    row(
        "CI",
        "anything but `false`, `0` and nothing",
        "Marks a pipeline: `golden record`, `update`, `review` and `prune` are refused without \
         `--force-ci`, and nobody is asked anything.",
    ),
    row("COLUMNS", "a number", "The width of tables, where standard output is no terminal."),
    row("COMPUTERNAME", "a name", "As `HOSTNAME`, on Windows."),
    row(
        "FUSION_BUDGET_SINCE",
        "a commit",
        "Where the change begins that `budget gate` judges, in place of the merge base: for a push, \
         what stood on the branch before. Nothing but zeros, a new branch, counts as not set.",
    ),
    row(
        "FUSION_CONFIGS",
        "a folder",
        "The installation that overlays are checked against and that flags are read from, where \
         `--configs` is not given.",
    ),
    row("FUSION_ROOT", "a folder", "The deployment root, where `--root` is not given."),
    row("FUSION_SUITE", "a folder", "The golden suite, where `--suite` is not given."),
    row(
        "GITHUB_ACTIONS",
        "`true`",
        "Findings of `golden` and `budget gate` are printed as annotations of the workflow run.",
    ),
    row(
        "GITHUB_OUTPUT",
        "a file",
        "The verdict of `golden` or `budget gate` is appended as `verdict=…`.",
    ),
    row(
        "GITHUB_STEP_SUMMARY",
        "a file",
        "The Markdown report of `golden` or `budget gate` is appended.",
    ),
    row(
        "HOSTNAME",
        "a name",
        "The machine that the audit log of a deployment root names; else what the system says.",
    ),
    row("NO_COLOR", "anything but nothing", "Output without colour."),
    row(
        "RESONTINEX_FUSION_<KEY>",
        "a value of the parameter",
        "Sets one parameter above every file, below the command line: \
         `RESONTINEX_FUSION_TRUST_FLOOR=0.7`.",
    ),
    row(
        "RESON_ENV",
        "a name of `environments` in the flag file",
        "The environment: scales rollouts, switches breakers and sets the quality gate.",
    ),
    row(
        "RESON_FEATURES",
        "names of flags between commas",
        "Not set: the flag file decides. Set and empty: every overlay is off, which beats \
         everything. `a,b` forces flags on, past rollout and confidence; `-a` forces one off. \
         Where no flag has the name, that of an overlay forces the flags on that offer it, and \
         `-` takes that overlay alone out of every route.",
    ),
    row(
        "RESON_FEATURES_FILE",
        "a file",
        "The same switch as a file, read again when it changes. A file that is not there \
         switches nothing; an empty one switches every overlay off, and so does one that is \
         there and cannot be read at the start.",
    ),
    row(
        "RESON__<SECTION>__<KEY>",
        "a value of the option",
        "Sets one option above `fusion.toml`: `RESON__SERVICE__POOL=200`.",
    ),
    row(
        "SOURCE_DATE_EPOCH",
        "seconds since 1970",
        "The time that is written into overlays, goldens and recordings, instead of the clock. \
         What is no such number is refused.",
    ),
    row("TERM", "`dumb`", "Output without colour and progress bars."),
    row("TF_BUILD", "anything but nothing", "Marks a pipeline, as `CI` does."),
    row(
        "USER",
        "a name",
        "Who accepts a golden, where `--author` is not given, and whom the audit log of a \
         deployment root names.",
    ),
    row("USERNAME", "a name", "As `USER`, on Windows."),
];

/// The reference page of environment variables: `docs/reference/environment.md`.
pub fn environment_md() -> String {
    let mut res = String::from(
        "# Environment variables\n\nRead once, when the program starts. A variable of ours that \
         is no UTF-8 ends it with 64, unless it names a file or folder. The variable that holds \
         the key of an endpoint is named on the command line (`--api-key-env`) or in \
         `providers.toml` (`${VARIABLE}`), and appears in no output.\n\n\
         | variable | takes | meaning |\n|---|---|---|\n",
    );
    for VarInfo { name, takes, meaning } in VARIABLES {
        // Writing to a string cannot fail.
        let _ = writeln!(res, "| `{name}` | {takes} | {meaning} |");
    }
    res
}

/// The last second of the year 9999, where the years of four digits end.
const LAST_SECOND: u64 = 253_402_300_799;

/// What the process was started with: the one place where environment variables, the
/// clock and the terminal are asked.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// Those that are no UTF-8, by as much of their names as is.
    raw: BTreeMap<String, OsString>,
    now: u64,
    /// Whether standard input is a terminal.
    pub stdin_is_terminal: bool,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
    terminal_width: Option<usize>,
}

impl Environment {
    /// The environment of this process.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the clock")]
    pub fn read() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs());
        Self {
            stdin_is_terminal: std::io::stdin().is_terminal(),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            terminal_width: console::Term::stdout().size_checked().map(|(_, it)| usize::from(it)),
            ..Self::of_raw(std::env::vars_os(), now)
        }
    }

    /// An environment with these variables, without terminal, at the moment `now` in
    /// seconds since 1970.
    pub fn of<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>, now: u64) -> Self {
        let variables =
            variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { variables: variables.collect(), now, ..Self::default() }
    }

    /// [`Self::of`], for what the system gives: it need not be text.
    pub fn of_raw(variables: impl IntoIterator<Item = (OsString, OsString)>, now: u64) -> Self {
        let mut res = Self { now, ..Self::default() };
        for (name, value) in variables {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => drop(res.variables.insert(name, value)),
                (Ok(name), Err(value)) => drop(res.raw.insert(name, value)),
                (Err(name), Ok(value)) => {
                    drop(res.raw.insert(name.to_string_lossy().into_owned(), value.into()));
                }
                (Err(name), Err(value)) => {
                    drop(res.raw.insert(name.to_string_lossy().into_owned(), value));
                }
            }
        }
        res
    }

    /// Why the environment cannot be taken as it is: a variable of ours is no UTF-8, and names
    /// no file or folder. What it says would be passed over.
    pub fn refused(&self) -> Option<String> {
        let is_ours = |name: &str| ["RESON", "FUSION_"].iter().any(|it| name.starts_with(it));
        let is_path = |name: &str| {
            VARIABLES.iter().any(|it| it.name == name && matches!(it.takes, "a file" | "a folder"))
        };
        let wrong = self.raw.keys().find(|it| is_ours(it) && !is_path(it))?;
        Some(format!("the environment variable {} is no UTF-8", visible(wrong)))
    }

    /// The same environment with `name` set, where it is not set already.
    #[must_use]
    pub fn or(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.entry(name.to_owned()).or_insert_with(|| value.into());
        self
    }

    /// The value of a variable; an empty one counts as not set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|it| !it.is_empty())
    }

    /// The value of a variable, an empty one too: for those where nothing says something.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// All variables, sorted by name.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The variable as a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        let raw = || self.raw.get(name).map(PathBuf::from);
        self.get(name).map(PathBuf::from).or_else(raw)
    }

    /// Whether this is a pipeline.
    pub fn is_ci(&self) -> bool {
        let ci = self.get("CI").is_some_and(|it| !matches!(it, "false" | "0"));
        ci || self.get("TF_BUILD").is_some()
    }

    /// The moment that is written into files: `SOURCE_DATE_EPOCH`, else the clock. What writes
    /// files asks [`Self::source_date`] first.
    pub fn now(&self) -> u64 {
        self.source_date().ok().flatten().unwrap_or(self.now)
    }

    /// `SOURCE_DATE_EPOCH`, where it is set.
    ///
    /// # Errors
    ///
    /// Where it is no moment, with the reason: the clock would be written in its place.
    pub fn source_date(&self) -> Result<Option<u64>, String> {
        let Some(text) = self.get("SOURCE_DATE_EPOCH") else {
            let is_raw = self.raw.contains_key("SOURCE_DATE_EPOCH");
            return if is_raw { Err("SOURCE_DATE_EPOCH is no UTF-8".into()) } else { Ok(None) };
        };
        let is_number = text.bytes().all(|it| it.is_ascii_digit());
        match text.parse::<u64>().ok().filter(|it| is_number && *it <= LAST_SECOND) {
            Some(seconds) => Ok(Some(seconds)),
            None => Err(format!(
                "SOURCE_DATE_EPOCH is `{}`: give whole seconds since 1970, at most {LAST_SECOND}",
                visible(&text.chars().take(40).collect::<String>())
            )),
        }
    }

    /// How many columns a table may have, from 40 to 200; 100 where nobody knows.
    pub fn width(&self) -> usize {
        let columns = || self.get("COLUMNS").and_then(|it| it.parse().ok());
        let terminal = self.terminal_width.filter(|_| self.stdout_is_terminal);
        terminal.or_else(columns).unwrap_or(100).clamp(40, 200)
    }

    /// Whether text may have colour, where nobody asked for or against it.
    pub fn wants_color(&self, is_terminal: bool) -> bool {
        is_terminal && self.get("NO_COLOR").is_none() && self.get("TERM") != Some("dumb")
    }

    /// The folder of the installation: `given`, `FUSION_CONFIGS`, or none.
    pub fn configs(&self, given: Option<&Path>) -> Option<PathBuf> {
        given.map(Path::to_path_buf).or_else(|| self.path("FUSION_CONFIGS"))
    }
}

/// The clock of the machine, for services that run on.
#[expect(clippy::disallowed_methods, reason = "the one place that asks the clock")]
pub fn wall_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// What time it is, in microseconds since 1970: for what happens at a moment, and is no
/// content of a file that has to come out the same again.
#[expect(clippy::disallowed_methods, reason = "the one place that asks the clock")]
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// A moment as RFC 3339 writes it: `2026-11-21T12:00:00Z`.
pub(crate) fn rfc3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a number of days since 1970-01-01.
///
/// Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`:
/// years begin in March, so that the leap day is the last one.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(VARIABLES.is_sorted_by_key(|it| it.name));
    }

    #[test]
    fn a_pipeline_is_known_by_its_variables() {
        let is_ci = |name, value| Environment::of([(name, value)], 0).is_ci();
        assert!(is_ci("CI", "true") && is_ci("CI", "1") && is_ci("TF_BUILD", "True"));
        assert!(!is_ci("CI", "false") && !is_ci("CI", "0") && !is_ci("CI", ""));
    }

    #[test]
    fn moments_are_written_as_rfc_3339() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_793_275_199), "2026-10-29T11:59:59Z");
        assert_eq!(rfc3339(4_102_444_800), "2100-01-01T00:00:00Z");
    }

    #[test]
    fn source_date_epoch_beats_the_clock() {
        assert_eq!(Environment::of([("SOURCE_DATE_EPOCH", "7")], 9).now(), 7);
        assert_eq!(Environment::of([], 9).now(), 9);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_text_is_a_path_or_refused() {
        use std::os::unix::ffi::OsStringExt as _;

        let of = |name: &[u8]| {
            let pair = [name, b"/srv/\xff"].map(|it| OsString::from_vec(it.to_vec()));
            let [name, value] = pair;
            Environment::of_raw([(name, value)], 0)
        };
        for name in ["FUSION_ROOT", "RESON_FEATURES_FILE"] {
            let environment = of(name.as_bytes());
            let path = OsString::from_vec(b"/srv/\xff".to_vec());
            assert_eq!(environment.path(name), Some(PathBuf::from(path)));
            assert_eq!(environment.refused(), None);
        }
        for name in ["RESON_FEATURES", "RESON_ENV", "RESONTINEX_FUSION_MODEL", "RESON__A__B"] {
            let expected = format!("the environment variable {name} is no UTF-8");
            assert_eq!(of(name.as_bytes()).refused(), Some(expected));
        }
        assert!(of(b"RESON__\xff").refused().is_some());
        assert_eq!(of(b"LS_COLORS").refused(), None);
        assert!(of(b"SOURCE_DATE_EPOCH").source_date().is_err());
    }

    #[test]
    fn a_source_date_is_whole_seconds() {
        let date = |text| Environment::of([("SOURCE_DATE_EPOCH", text)], 9).source_date();
        assert_eq!(date(""), Ok(None));
        assert_eq!(date("0"), Ok(Some(0)));
        assert_eq!(date("253402300799"), Ok(Some(LAST_SECOND)));
        for text in ["abc", "-5", "+5", "1.5", " 1", "253402300800", "99999999999999999999"] {
            assert!(date(text).is_err_and(|it| it.contains(text)), "{text}");
        }
    }
}

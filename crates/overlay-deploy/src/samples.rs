use std::time::Duration;

use overlay_sqlite::{Performance, SqliteError};

use crate::analysis::{Arm, Observed};
use crate::root::Window;

/// The newest so many durations and token counts of an arm are looked at.
const MOST: u64 = 1_000_000;
/// How an answer ended well, as the metric label `result`.
const SUCCESS: &str = "success";

/// What the performance rows of a root have for a window; refusals of instances are not in
/// it. Every answer that is not a success went wrong.
///
/// # Errors
///
/// As SQLite gives them.
pub fn observed(rows: &Performance, window: &Window<'_>) -> Result<Observed, SqliteError> {
    let control = arm(rows, window, overlay_sqlite::Arm::Control)?;
    let candidate = arm(rows, window, overlay_sqlite::Arm::Candidate)?;
    if window.is_stable {
        let candidate = candidate.merged(&control);
        return Ok(Observed { control: Arm::default(), candidate, nacks: Vec::new() });
    }
    Ok(Observed { control, candidate, nacks: Vec::new() })
}

fn arm(
    rows: &Performance,
    window: &Window<'_>,
    which: overlay_sqlite::Arm,
) -> Result<Arm, SqliteError> {
    let span = overlay_sqlite::Span { from_us: window.since_us, before_us: i64::MAX };
    let mut res = Arm::default();
    for count in rows.counts(window.deployment, span)?.iter().filter(|it| it.arm == which) {
        res.samples += count.count;
        res.errors += if count.result == SUCCESS { 0 } else { count.count };
    }
    for micros in rows.durations(window.deployment, which, span, MOST)? {
        res.push_duration(Duration::from_micros(micros), window.p95);
    }
    for tokens in rows.tokens(window.deployment, which, span, MOST)? {
        res.push_tokens(tokens);
    }
    Ok(res)
}

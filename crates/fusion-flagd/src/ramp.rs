//! Schedules as a flag file writes them.

use fusion_flags::{Ramp, RampStep};
use jiff::Timestamp;

/// The ramp with these shares, in buckets, from these seconds since 1970 on; `None` where
/// there are none, or the moments do not rise.
pub(crate) fn ramp_of(steps: &[(i64, u32)]) -> Option<Ramp> {
    let start = Timestamp::from_second(steps.first()?.0).ok()?.to_string();
    let ends = steps.iter().skip(1).map(|(at, _)| Some(*at)).chain([None]);
    let steps: Option<Vec<RampStep>> = steps
        .iter()
        .zip(ends)
        .map(|((at, share), end)| {
            let hold = match end {
                Some(end) => Some(length(u64::try_from(end - at).ok().filter(|it| *it > 0)?)),
                None => None,
            };
            Some(RampStep { percent: f64::from(*share) / 1000.0, hold })
        })
        .collect();
    Some(Ramp { start, steps: steps? })
}

/// `1d12h`, `90s`.
fn length(seconds: u64) -> String {
    let parts = [(86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')].into_iter().scan(
        seconds,
        |rest, (unit, name)| {
            let count = *rest / unit;
            *rest %= unit;
            Some((count, name))
        },
    );
    parts.filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count}{name}")).collect()
}

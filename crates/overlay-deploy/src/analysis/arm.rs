use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One answer of a unit, as the service saw it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Whether it went wrong.
    pub is_error: bool,
    /// How long it took, where that is known.
    pub duration: Option<Duration>,
    /// How many tokens it was, where that is known.
    pub tokens: Option<u64>,
}

/// How many numbers, their mean, and the sum of the squared distances from it.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Moments {
    /// How many.
    pub count: u64,
    /// Their mean; 0 for none.
    pub mean: f64,
    /// The sum of the squared distances from the mean.
    pub squares: f64,
}

impl Moments {
    /// Takes one more number (Welford 1962).
    pub fn push(&mut self, number: f64) {
        self.count += 1;
        let before = number - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (number - self.mean);
    }

    /// Both together (Chan, Golub, LeVeque 1979).
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        let count = self.count + other.count;
        if count == 0 {
            return Self::default();
        }
        let [a, b, all] = [self.count, other.count, count].map(|it| it as f64);
        let between = other.mean - self.mean;
        Self {
            count,
            mean: self.mean + between * b / all,
            squares: self.squares + other.squares + between * between * a * b / all,
        }
    }

    /// The variance of the mean; `None` below two numbers.
    pub(crate) fn variance_of_mean(self) -> Option<f64> {
        let count = self.count as f64;
        (self.count > 1).then(|| self.squares / (count - 1.0) / count)
    }
}

/// What the units of one generation saw in a stage.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Arm {
    /// How many answers.
    pub samples: u64,
    /// How many of them went wrong.
    pub errors: u64,
    /// How many took longer than the block limit of the 95th percentile.
    pub slow: u64,
    /// The natural logarithms of the durations in microseconds.
    pub durations: Moments,
    /// The natural logarithms of the token counts, each plus one.
    pub tokens: Moments,
    /// The durations by eighths of an octave, for [`Self::p95`].
    #[serde(default)]
    pub histogram: BTreeMap<u16, u64>,
}

/// Bars of the histogram in one doubling of the duration.
const BARS: f64 = 8.0;

impl Arm {
    /// The arm of these samples; `limit` is the block limit of the 95th percentile.
    pub fn of(samples: impl IntoIterator<Item = Sample>, limit: Option<Duration>) -> Self {
        let mut res = Self::default();
        for sample in samples {
            res.push(&sample, limit);
        }
        res
    }

    /// Takes one more sample.
    pub fn push(&mut self, sample: &Sample, limit: Option<Duration>) {
        self.samples += 1;
        self.errors += u64::from(sample.is_error);
        if let Some(tokens) = sample.tokens {
            self.push_tokens(tokens);
        }
        if let Some(duration) = sample.duration {
            self.push_duration(duration, limit);
        }
    }

    /// Takes the duration of a sample that is counted already.
    pub fn push_duration(&mut self, duration: Duration, limit: Option<Duration>) {
        let micros = (duration.as_secs_f64() * 1e6).max(1.0);
        self.durations.push(micros.ln());
        self.slow += u64::from(limit.is_some_and(|it| duration > it));
        *self.histogram.entry((micros.log2() * BARS) as u16).or_default() += 1;
    }

    /// Takes the tokens of a sample that is counted already.
    pub fn push_tokens(&mut self, tokens: u64) {
        self.tokens.push((tokens as f64).ln_1p());
    }

    /// Both together.
    #[must_use]
    pub fn merged(mut self, other: &Self) -> Self {
        self.samples += other.samples;
        self.errors += other.errors;
        self.slow += other.slow;
        self.durations = self.durations.merged(other.durations);
        self.tokens = self.tokens.merged(other.tokens);
        for (bar, count) in &other.histogram {
            *self.histogram.entry(*bar).or_default() += count;
        }
        self
    }

    /// The share of answers that went wrong; `None` without answers.
    pub fn error_rate(&self) -> Option<f64> {
        (self.samples > 0).then(|| self.errors as f64 / self.samples as f64)
    }

    /// The 95th percentile of the durations, to the bar above it (9 %); `None` without.
    pub fn p95(&self) -> Option<Duration> {
        let rank = (self.durations.count as f64 * 0.95).ceil() as u64;
        let mut seen = 0;
        let bar = self.histogram.iter().find(|(_, count)| {
            seen += **count;
            seen >= rank.max(1)
        });
        let edge = |bar: u16| ((f64::from(bar) + 1.0) / BARS).exp2() / 1e6;
        bar.map(|(bar, _)| Duration::try_from_secs_f64(edge(*bar)).unwrap_or(Duration::MAX))
    }
}

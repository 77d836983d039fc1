use std::collections::BTreeSet;

use overlay_model::{Digest, InvalidValue, Overlay, ParamKey, canonical_bytes, canonical_number};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::optimize::deployable;
use crate::strategy::Strategy;
use crate::tune::float;
use crate::tune::gp::Place;
use crate::tune::random::Stream;

/// The values a tuner may give each key, and the ones it starts from.
#[derive(Clone, Debug, PartialEq)]
pub struct Space {
    dimensions: Vec<Dimension>,
}

/// The values of one key.
#[derive(Clone, Debug, PartialEq)]
pub struct Dimension {
    key: ParamKey,
    /// Their texts, each with its place from 0 to 1; places of words mean nothing.
    levels: Vec<(String, f64)>,
    is_ordered: bool,
    start: usize,
}

/// One value for each dimension of a [`Space`], by number.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Candidate(Vec<usize>);

/// A key that a candidate changes.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct PatchLine {
    /// The key.
    pub key: ParamKey,
    /// The value in the overlay, `None` where it has none.
    pub from: Option<String>,
    /// The new value.
    pub to: String,
}

/// Why there is no space, or why a candidate is none of it.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SpaceError {
    /// Every key is pinned, fixed or left out.
    #[error("there is nothing to tune: every key is pinned, left out or has one value")]
    Empty,
    /// A key that is not of the space.
    #[error(
        "`{0}` is no key of the space: it is pinned, describes or promises something, or has one value"
    )]
    UnknownKey(String),
    /// A key that is no parameter.
    #[error("there is no parameter `{key}`{}", meant(.nearest.as_deref()))]
    NoParam {
        /// The key.
        key: String,
        /// The parameter that was probably meant.
        nearest: Option<String>,
    },
    /// A value that is none of the key's levels.
    #[error("`{value}` is no level of {key}")]
    UnknownLevel {
        /// The key.
        key: ParamKey,
        /// The value.
        value: String,
    },
    /// The overlay does not pass profile `deploy`.
    #[error("the overlay is not valid: mend it before it is tuned")]
    Invalid(Vec<overlay_model::Diagnostic>),
    /// A value does not fit into the file.
    #[error("{key} cannot be written")]
    Value {
        /// The key.
        key: ParamKey,
        /// Why.
        #[source]
        source: InvalidValue,
    },
}

/// `, did you mean …`, or nothing.
fn meant(nearest: Option<&str>) -> String {
    nearest.map(|it| format!(", did you mean `{it}`?")).unwrap_or_default()
}

impl Dimension {
    /// The numbers from `min` to `max` in steps of `step`, and `start`, wherever it lies
    /// between them.
    pub fn steps(key: ParamKey, (min, max): (f64, f64), step: f64, start: &str) -> Option<Self> {
        let count = ((max - min) / step).round();
        if !(1.0..=1e5).contains(&count) {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
        let count = count as u32;
        let decimals = canonical_number(step).split_once('.').map_or(0, |(_, it)| it.len());
        let numbers = (0..=count).map(|it| min + step * f64::from(it));
        let texts = numbers.map(|it| format!("{:.decimals$}", it.min(max)));
        Self::numbers(key, texts.collect(), start, |it| (it - min) / (max - min))
    }

    /// The whole numbers of `numbers`, which grow by a factor, and `start`.
    pub(crate) fn factors(key: ParamKey, numbers: &[u32], start: &str) -> Option<Self> {
        let log = |number: u32| f64::from(number.max(1)).ln();
        let (min, max) = (log(*numbers.first()?), log(*numbers.last()?));
        let texts = numbers.iter().map(u32::to_string).collect();
        Self::numbers(key, texts, start, |it| (it.max(1.0).ln() - min) / (max - min))
    }

    fn numbers(
        key: ParamKey,
        texts: Vec<String>,
        start: &str,
        place: impl Fn(f64) -> f64,
    ) -> Option<Self> {
        let level = |text: String| {
            let number: f64 = text.parse().ok()?;
            Some((text, place(number)))
        };
        let own = level(start.to_owned()).filter(|(_, at)| at.is_finite())?;
        let is_other = |it: &(String, f64)| (it.1 - own.1).abs() > 1e-9;
        let mut levels: Vec<_> = texts.into_iter().filter_map(level).filter(is_other).collect();
        levels.push(own);
        levels.sort_by(|a, b| a.1.total_cmp(&b.1));
        let (least, most) = (levels.first()?.1, levels.last()?.1);
        levels.iter_mut().for_each(|it| it.1 = (it.1 - least) / (most - least));
        let start = levels.iter().position(|it| it.0 == start)?;
        (levels.len() > 1).then_some(Self { key, levels, is_ordered: true, start })
    }

    /// The words `words`, which have no order; `start` is one of them.
    pub fn words(key: ParamKey, words: &[&str], start: &str) -> Option<Self> {
        let levels: Vec<_> = words.iter().map(|it| ((*it).to_owned(), 0.0)).collect();
        let start = words.iter().position(|it| *it == start)?;
        (levels.len() > 1).then_some(Self { key, levels, is_ordered: false, start })
    }

    /// The key.
    pub fn key(&self) -> &ParamKey {
        &self.key
    }

    /// The texts of its values: numbers from small to large.
    pub fn levels(&self) -> impl ExactSizeIterator<Item = &str> {
        self.levels.iter().map(|it| it.0.as_str())
    }

    fn text(&self, level: usize) -> &str {
        self.levels.get(level).map_or("", |it| it.0.as_str())
    }

    fn place(&self, level: usize) -> f64 {
        self.levels.get(level).map_or(0.0, |it| it.1)
    }

    /// The level nearest to a place.
    fn nearest(&self, place: f64) -> usize {
        let above = self.levels.partition_point(|it| it.1 < place);
        let below = above.saturating_sub(1);
        let is_above =
            above < self.levels.len() && self.place(above) - place <= place - self.place(below);
        if is_above { above } else { below }
    }

    /// Another level: a random word, or a number about `spread` of the range away.
    fn moved(&self, level: usize, spread: f64, random: &mut Stream) -> usize {
        let last = self.levels.len().saturating_sub(1);
        if !self.is_ordered {
            let other = random.below(last);
            return if other < level { other } else { other + 1 };
        }
        let target = self.place(level) + spread * random.normal();
        match self.nearest(target.clamp(0.0, 1.0)) {
            same if same == level && random.uniform() < 0.5 => level.saturating_sub(1),
            same if same == level => (level + 1).min(last),
            other => other,
        }
    }
}

impl Space {
    /// The space of `dimensions`.
    ///
    /// # Errors
    ///
    /// Where there are none.
    pub fn new(dimensions: Vec<Dimension>) -> Result<Self, SpaceError> {
        if dimensions.is_empty() { Err(SpaceError::Empty) } else { Ok(Self { dimensions }) }
    }

    /// Its dimensions.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// The digest of keys and levels.
    pub fn digest(&self) -> Digest {
        let pairs = self.dimensions.iter().map(|it| {
            let levels: Vec<_> = it.levels().collect();
            (it.key.as_str(), format!("{} from {}", levels.join(","), it.start))
        });
        Digest::of(&canonical_bytes(pairs))
    }

    /// The values the overlay has.
    pub fn start(&self) -> Candidate {
        Candidate(self.dimensions.iter().map(|it| it.start).collect())
    }

    /// The candidate with the values of `strategy`, as near as the levels are; keys that
    /// it does not set keep theirs.
    pub fn preset(&self, strategy: Strategy) -> Candidate {
        let level = |it: &Dimension| {
            let constant = strategy.constants().iter().find(|row| it.key.as_str() == row.key)?;
            it.near(constant.value)
        };
        Candidate(self.dimensions.iter().map(|it| level(it).unwrap_or(it.start)).collect())
    }

    /// The candidate with the values of `overlay`, for keys it does not set those of the
    /// start.
    ///
    /// # Errors
    ///
    /// Where a value is none of the key's levels.
    pub fn candidate_of(&self, overlay: &Overlay) -> Result<Candidate, SpaceError> {
        let levels = self.dimensions.iter().map(|it| match overlay.value(it.key.as_str()) {
            None => Ok(it.start),
            Some(value) => it.exactly(value).ok_or_else(|| SpaceError::UnknownLevel {
                key: it.key.clone(),
                value: value.to_owned(),
            }),
        });
        levels.collect::<Result<_, _>>().map(Candidate)
    }

    /// Whether `candidate` has a level for each dimension.
    pub fn holds(&self, candidate: &Candidate) -> bool {
        let pairs = self.dimensions.iter().zip(&candidate.0);
        candidate.0.len() == self.dimensions.len()
            && pairs.into_iter().all(|(it, level)| *level < it.levels.len())
    }

    /// Each key with the text that `candidate` gives it.
    pub fn values<'a>(
        &'a self,
        candidate: &'a Candidate,
    ) -> impl Iterator<Item = (&'a ParamKey, &'a str)> {
        self.dimensions.iter().zip(&candidate.0).map(|(it, level)| (&it.key, it.text(*level)))
    }

    /// The candidates that `candidate` becomes where one of its changes goes back to the
    /// value of the start, each with the number of its dimension.
    pub(crate) fn reverts(&self, candidate: &Candidate) -> Vec<(usize, Candidate)> {
        let rows = self.dimensions.iter().zip(&candidate.0).enumerate();
        let changed = rows.filter(|(_, (it, level))| **level != it.start);
        let reverted = changed.map(|(at, (it, _))| {
            let mut res = candidate.clone();
            if let Some(level) = res.0.get_mut(at) {
                *level = it.start;
            }
            (at, res)
        });
        reverted.collect()
    }

    /// What `candidate` changes in `overlay`, which the space was made of.
    pub fn patch(&self, overlay: &Overlay, candidate: &Candidate) -> Vec<PatchLine> {
        let rows = self.dimensions.iter().zip(&candidate.0);
        let changed = rows.filter(|(it, level)| **level != it.start);
        let lines = changed.map(|(it, level)| PatchLine {
            key: it.key.clone(),
            from: overlay.value(it.key.as_str()).map(str::to_owned),
            to: it.text(*level).to_owned(),
        });
        lines.collect()
    }

    /// `overlay`, which the space was made of, with the values of `candidate`; all else
    /// stays, to the byte.
    ///
    /// # Errors
    ///
    /// Where a value does not fit into the file, or the result does not deploy.
    pub fn apply(&self, overlay: &Overlay, candidate: &Candidate) -> Result<Overlay, SpaceError> {
        let mut res = overlay.clone();
        for PatchLine { key, to, .. } in self.patch(overlay, candidate) {
            res.set(&key, &to).map_err(|source| SpaceError::Value { key, source })?;
        }
        deployable(&res).map_err(SpaceError::Invalid)?;
        Ok(res)
    }

    /// How many candidates there are, at most `u64::MAX`.
    pub fn size(&self) -> u64 {
        let sizes = self.dimensions.iter().map(|it| u64::try_from(it.levels.len()));
        sizes.fold(1, |all, it| all.saturating_mul(it.unwrap_or(u64::MAX)))
    }

    /// Where a candidate lies, for a model.
    pub(crate) fn place(&self, candidate: &Candidate) -> Place {
        let mut res = Place::default();
        for (it, level) in self.dimensions.iter().zip(&candidate.0) {
            match it.is_ordered {
                true => res.numbers.push(it.place(*level)),
                false => res.words.push(*level),
            }
        }
        res
    }

    /// Any candidate.
    pub(crate) fn random(&self, random: &mut Stream) -> Candidate {
        let levels = self.dimensions.iter().map(|it| match it.is_ordered {
            true => it.nearest(random.uniform()),
            false => random.below(it.levels.len()),
        });
        Candidate(levels.collect())
    }

    /// `count` candidates that together visit all parts of every dimension (McKay,
    /// Beckman and Conover 1979).
    pub(crate) fn spread(&self, count: usize, random: &mut Stream) -> Vec<Candidate> {
        let mut res = vec![Candidate(Vec::new()); count];
        for it in &self.dimensions {
            let order = random.shuffled(count);
            for (candidate, part) in res.iter_mut().zip(order) {
                let part = float(part);
                let place = (part + random.uniform()) / float(count);
                candidate.0.push(match it.is_ordered {
                    true => it.nearest(place),
                    false => it.at(place),
                });
            }
        }
        res
    }

    /// A candidate near `candidate`: each level moved with the probability `share`, one
    /// at least.
    pub(crate) fn near(
        &self,
        candidate: &Candidate,
        share: f64,
        spread: f64,
        random: &mut Stream,
    ) -> Candidate {
        let forced = random.below(self.dimensions.len());
        let rows = self.dimensions.iter().zip(&candidate.0).enumerate();
        let levels = rows.map(|(at, (it, level))| match at == forced || random.uniform() < share {
            true => it.moved(*level, spread, random),
            false => *level,
        });
        Candidate(levels.collect())
    }

    /// All candidates, where there are at most `limit`.
    pub(crate) fn all(&self, limit: u64) -> Option<BTreeSet<Candidate>> {
        if self.size() > limit {
            return None;
        }
        let mut res = vec![Vec::new()];
        for it in &self.dimensions {
            let longer = |head: &Vec<usize>| {
                let head = head.clone();
                (0..it.levels.len()).map(move |level| [head.as_slice(), &[level]].concat())
            };
            res = res.iter().flat_map(longer).collect();
        }
        Some(res.into_iter().map(Candidate).collect())
    }
}

impl Dimension {
    /// The word in the part of the list that `place` points at.
    fn at(&self, place: f64) -> usize {
        let count = float(self.levels.len());
        (1..self.levels.len()).take_while(|it| float(*it) <= place * count).count()
    }

    /// The level of the text, or of the number it says.
    fn exactly(&self, text: &str) -> Option<usize> {
        let number = |text: &str| text.parse::<f64>().ok().filter(|_| self.is_ordered);
        let is_same = |it: &(String, f64)| {
            it.0 == text || number(text).is_some_and(|wanted| number(&it.0) == Some(wanted))
        };
        self.levels.iter().position(is_same)
    }

    /// The level nearest to the number that `text` says.
    fn near(&self, text: &str) -> Option<usize> {
        let exactly = self.exactly(text);
        let wanted: f64 = text.parse().ok()?;
        let gap = |it: &(String, f64)| it.0.parse().map_or(f64::MAX, |it: f64| (it - wanted).abs());
        exactly.or_else(|| {
            let gaps = self.levels.iter().enumerate().filter(|_| self.is_ordered);
            gaps.min_by(|a, b| gap(a.1).total_cmp(&gap(b.1))).map(|(at, _)| at)
        })
    }
}

//! When a flag of ours is on: conditions that all hold at once, and a share of the units.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use fusion_flags::{AttributeTest, BUCKETS, Matching, MissingConfidence};

/// Why a flag file cannot say something, and where that stands.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) span: Range<usize>,
    pub(crate) said: String,
}

pub(crate) fn refuse<T>(span: &Range<usize>, said: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { span: span.clone(), said: said.into() })
}

/// Which units are in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Share {
    /// The first buckets.
    Of(u32),
    /// From each moment, in seconds since 1970, other ones; oldest first.
    Ramp(Vec<(i64, u32)>),
}

/// Something that is said with other words here.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Remark {
    pub(crate) code: &'static str,
    pub(crate) span: Range<usize>,
    pub(crate) said: String,
    /// It is so only for requests without this attribute.
    pub(crate) without: Option<String>,
}

/// Conditions that all hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Gate {
    pub(crate) scenarios: Option<(Matching, Vec<String>)>,
    pub(crate) confidence: Option<(f64, MissingConfidence)>,
    pub(crate) tests: BTreeMap<String, AttributeTest>,
    /// Attributes that must be there.
    pub(crate) present: BTreeSet<String>,
    pub(crate) share: Share,
    pub(crate) remarks: Vec<Remark>,
}

impl Gate {
    /// Always open.
    pub(crate) fn open() -> Self {
        Self::of_share(Share::Of(BUCKETS))
    }

    /// Never open.
    pub(crate) fn shut() -> Self {
        Self::of_share(Share::Of(0))
    }

    pub(crate) fn of_share(share: Share) -> Self {
        Self {
            scenarios: None,
            confidence: None,
            tests: BTreeMap::new(),
            present: BTreeSet::new(),
            share,
            remarks: Vec::new(),
        }
    }

    pub(crate) fn of_scenarios(matching: Matching, types: Vec<String>) -> Self {
        Self { scenarios: Some((matching, types)), ..Self::open() }
    }

    pub(crate) fn of_test(attribute: &str, test: AttributeTest) -> Self {
        Self { tests: BTreeMap::from([(attribute.to_owned(), test)]), ..Self::open() }
    }

    /// With a remark.
    pub(crate) fn remark(mut self, remark: Remark) -> Self {
        self.remarks.push(remark);
        self
    }

    pub(crate) fn is_open(&self) -> bool {
        *self == Self::open()
    }

    pub(crate) fn is_shut(&self) -> bool {
        self.share == Share::Of(0)
    }

    /// Whether nothing but the share is asked.
    pub(crate) fn is_share(&self) -> bool {
        *self == Self::of_share(self.share.clone())
    }

    /// Open where both are.
    pub(crate) fn and(mut self, other: Self, span: &Range<usize>) -> Result<Self, Refusal> {
        self.scenarios = match (self.scenarios, other.scenarios) {
            (None, it) | (it, None) => it,
            (Some(a), Some(b)) if a == b => Some(a),
            (Some((Matching::Exact, mut a)), Some((Matching::Exact, b))) => {
                a.retain(|it| b.contains(it));
                if a.is_empty() {
                    self.share = Share::Of(0);
                }
                Some((Matching::Exact, a)).filter(|(_, it)| !it.is_empty())
            }
            _ => return refuse(span, "asks twice for parts of the scenario type"),
        };
        self.confidence = match (self.confidence, other.confidence) {
            (None, it) | (it, None) => it,
            (Some((a, on_missing)), Some((b, other))) => {
                let missing = if on_missing == other { other } else { MissingConfidence::Deny };
                Some((a.max(b), missing))
            }
        };
        for (attribute, test) in other.tests {
            let both = match self.tests.remove(&attribute) {
                None => test,
                Some(own) => match both(own, test) {
                    Some(both) => both,
                    None => return refuse(span, format!("asks twice of `{attribute}`")),
                },
            };
            self.tests.insert(attribute, both);
        }
        self.present.extend(other.present);
        self.share = least(self.share, other.share, span)?;
        self.remarks.extend(other.remarks);
        Ok(self)
    }

    /// Open where one of the two is.
    pub(crate) fn or(mut self, mut other: Self, span: &Range<usize>) -> Result<Self, Refusal> {
        if self.is_open() || other.is_shut() {
            return Ok(self);
        }
        if other.is_open() || self.is_shut() {
            return Ok(other);
        }
        self.remarks.append(&mut other.remarks);
        let remarks = std::mem::take(&mut self.remarks);
        let union = match (self.scenarios.take(), other.scenarios.take()) {
            (Some((a, mut types)), Some((b, more)))
                if a == b && self.is_open() && other.is_open() =>
            {
                types.extend(more);
                Some(Self::of_scenarios(a, types))
            }
            (None, None) => either(&self, &other),
            _ => None,
        };
        match union {
            Some(union) => Ok(Self { remarks, ..union }),
            None => refuse(span, "holds where one condition or another one does"),
        }
    }
}

/// The test that one of two lists of one attribute's values holds.
fn either(a: &Gate, b: &Gate) -> Option<Gate> {
    let only = |gate: &Gate| {
        let bare = Gate { tests: BTreeMap::new(), ..gate.clone() };
        let mut tests = gate.tests.iter();
        let (attribute, test) = tests.next().filter(|_| bare.is_open() && gate.tests.len() == 1)?;
        let words = test.one_of.clone()?;
        Some((attribute.clone(), words))
    };
    let ((attribute, mut words), (other, more)) = (only(a)?, only(b)?);
    words.extend(more);
    let test = AttributeTest { one_of: Some(words), ..AttributeTest::default() };
    (attribute == other).then(|| Gate::of_test(&attribute, test))
}

/// The test that holds where both do.
fn both(a: AttributeTest, b: AttributeTest) -> Option<AttributeTest> {
    if a == b {
        return Some(a);
    }
    let test = AttributeTest::default();
    let without = |mut words: Vec<String>, out: &[String]| {
        words.retain(|it| !out.contains(it));
        AttributeTest { one_of: Some(words), ..AttributeTest::default() }
    };
    Some(match (a, b) {
        (AttributeTest { one_of: Some(mut a), .. }, AttributeTest { one_of: Some(b), .. }) => {
            a.retain(|it| b.contains(it));
            AttributeTest { one_of: Some(a), ..test }
        }
        (AttributeTest { one_of: Some(a), .. }, AttributeTest { not_in: Some(b), .. })
        | (AttributeTest { not_in: Some(b), .. }, AttributeTest { one_of: Some(a), .. }) => {
            without(a, &b)
        }
        (AttributeTest { not_in: Some(mut a), .. }, AttributeTest { not_in: Some(b), .. }) => {
            a.extend(b);
            AttributeTest { not_in: Some(a), ..test }
        }
        (AttributeTest { at_least: Some(a), .. }, AttributeTest { at_least: Some(b), .. }) => {
            AttributeTest { at_least: Some(a.max(b)), ..test }
        }
        (AttributeTest { less_than: Some(a), .. }, AttributeTest { less_than: Some(b), .. }) => {
            AttributeTest { less_than: Some(a.min(b)), ..test }
        }
        _ => return None,
    })
}

/// The units that are in both shares: buckets of one hash, so the smaller one.
fn least(a: Share, b: Share, span: &Range<usize>) -> Result<Share, Refusal> {
    match (a, b) {
        (Share::Of(a), Share::Of(b)) => Ok(Share::Of(a.min(b))),
        (Share::Ramp(steps), Share::Of(limit)) | (Share::Of(limit), Share::Ramp(steps)) => {
            Ok(Share::Ramp(steps.into_iter().map(|(at, it)| (at, it.min(limit))).collect()))
        }
        (Share::Ramp(_), Share::Ramp(_)) => refuse(span, "has two schedules"),
    }
}

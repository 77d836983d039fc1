use std::collections::BTreeMap;

use semver::{Version, VersionReq};
use serde::Serialize;

use crate::file::{ActiveHours, AttributeTest};
use crate::time::{minute_at, minute_of_day};

/// The value of an attribute of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Attribute<'a> {
    /// A text.
    Text(&'a str),
    /// A number.
    Number(f64),
    /// A switch.
    Switch(bool),
}

impl Attribute<'_> {
    /// Whether `word`, as a flag file writes it, means this value.
    fn is_written(&self, word: &str) -> bool {
        match self {
            Self::Text(text) => *text == word,
            Self::Number(number) => word.parse() == Ok(*number),
            Self::Switch(on) => word == if *on { "true" } else { "false" },
        }
    }
}

/// A value that an attribute of a request may have.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum GivenValue {
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
}

impl GivenValue {
    /// The value, as conditions look at it.
    pub(crate) fn as_attribute(&self) -> Attribute<'_> {
        match self {
            Self::Text(text) => Attribute::Text(text),
            Self::Number(number) => Attribute::Number(*number),
        }
    }
}

/// Texts that hardly a condition lists.
const OUTSIDE: [&str; 2] = ["other", "~"];

/// A condition on one attribute, compiled.
#[derive(Debug, PartialEq)]
pub(crate) struct Condition {
    attribute: Box<str>,
    test: Test,
}

#[derive(Debug, PartialEq)]
enum Test {
    In(Box<[Box<str>]>),
    NotIn(Box<[Box<str>]>),
    StartsWith(Box<str>),
    EndsWith(Box<str>),
    Semver(VersionReq),
    AtLeast(f64),
    LessThan(f64),
    /// A test that the linter refuses; never holds.
    Never,
}

impl Condition {
    pub(crate) fn compile_all(tests: &BTreeMap<String, AttributeTest>) -> Box<[Self]> {
        tests
            .iter()
            .map(|(attribute, test)| Self {
                attribute: attribute.as_str().into(),
                test: Test::compile(test).unwrap_or(Test::Never),
            })
            .collect()
    }

    /// The attribute's name.
    pub(crate) fn attribute(&self) -> &str {
        &self.attribute
    }

    /// Whether it holds where its attribute has this value.
    pub(crate) fn holds_for(&self, value: &GivenValue) -> bool {
        self.test.holds(value.as_attribute())
    }

    /// Values that it tells apart: every one it names, and what lies beside.
    pub(crate) fn values(&self) -> Vec<GivenValue> {
        self.test.values()
    }

    pub(crate) fn holds(&self, attributes: &[(&str, Attribute<'_>)]) -> bool {
        let value = attributes.iter().find(|(name, _)| *name == &*self.attribute);
        value.is_some_and(|(_, value)| self.test.holds(*value))
    }
}

impl Test {
    fn compile(test: &AttributeTest) -> Option<Self> {
        let boxed = |words: &Vec<String>| words.iter().map(|it| it.as_str().into()).collect();
        let mut tests = [
            test.one_of.as_ref().map(|it| Self::In(boxed(it))),
            test.not_in.as_ref().map(|it| Self::NotIn(boxed(it))),
            test.starts_with.as_deref().map(|it| Self::StartsWith(it.into())),
            test.ends_with.as_deref().map(|it| Self::EndsWith(it.into())),
            test.semver.as_deref().map(|it| it.parse().map_or(Self::Never, Self::Semver)),
            test.at_least.map(Self::AtLeast),
            test.less_than.map(Self::LessThan),
        ]
        .into_iter()
        .flatten();
        match (tests.next(), tests.next()) {
            (Some(test), None) => Some(test),
            _ => None,
        }
    }

    fn values(&self) -> Vec<GivenValue> {
        let text = |it: &str| GivenValue::Text(it.to_owned());
        let mut res: Vec<GivenValue> = match self {
            Self::In(words) | Self::NotIn(words) => words.iter().map(|it| text(it)).collect(),
            Self::StartsWith(part) | Self::EndsWith(part) => vec![text(part)],
            Self::Semver(range) => versions(range).iter().map(|it| text(&it.to_string())).collect(),
            Self::AtLeast(bound) | Self::LessThan(bound) => {
                return [*bound, *bound - 1.0].map(GivenValue::Number).into();
            }
            Self::Never => Vec::new(),
        };
        res.extend(OUTSIDE.map(text));
        res
    }

    fn holds(&self, value: Attribute<'_>) -> bool {
        match (self, value) {
            (Self::In(words), value) => words.iter().any(|it| value.is_written(it)),
            (Self::NotIn(words), value) => !words.iter().any(|it| value.is_written(it)),
            (Self::StartsWith(part), Attribute::Text(text)) => text.starts_with(&**part),
            (Self::EndsWith(part), Attribute::Text(text)) => text.ends_with(&**part),
            (Self::Semver(range), Attribute::Text(text)) => {
                text.parse::<Version>().is_ok_and(|it| range.matches(&it))
            }
            (Self::AtLeast(bound), Attribute::Number(number)) => number >= *bound,
            (Self::LessThan(bound), Attribute::Number(number)) => number < *bound,
            _ => false,
        }
    }
}

/// The versions that a range names, and those next to them.
fn versions(range: &VersionReq) -> Vec<Version> {
    let mut res = Vec::new();
    for it in &range.comparators {
        let (major, minor, patch) = (it.major, it.minor.unwrap_or(0), it.patch.unwrap_or(0));
        let mut named = Version::new(major, minor, patch);
        named.pre = it.pre.clone();
        res.push(named);
        let after = [(0, 0, 1), (0, 1, 0), (1, 0, 0)].map(|(a, b, c)| {
            let zero = |is_kept: bool, it: u64| if is_kept { it } else { 0 };
            Version::new(
                major.saturating_add(a),
                zero(a == 0, minor).saturating_add(b),
                zero(a == 0 && b == 0, patch).saturating_add(c),
            )
        });
        res.extend(after);
        res.extend(patch.checked_sub(1).map(|it| Version::new(major, minor, it)));
        res.extend(minor.checked_sub(1).map(|it| Version::new(major, it, 0)));
        res.extend(major.checked_sub(1).map(|it| Version::new(it, 0, 0)));
    }
    res
}

/// Whether exactly one test is set, and a version range is one.
pub(crate) fn is_valid_test(test: &AttributeTest) -> bool {
    Test::compile(test).is_some_and(|it| !matches!(it, Test::Never))
}

/// The hours a flag applies in, compiled.
#[derive(Debug, PartialEq)]
pub(crate) struct Hours {
    /// First minute and the minute after the last one.
    ranges: Box<[(u32, u32)]>,
    zone: jiff::tz::TimeZone,
}

impl Hours {
    /// `None` where a range or the zone is none.
    pub(crate) fn compile(hours: &ActiveHours) -> Option<Self> {
        let range = |text: &String| {
            let (from, to) = text.split_once('-')?;
            Some((minute_of_day(from.trim())?, minute_of_day(to.trim())?))
        };
        let ranges: Option<Box<[_]>> = hours.hours.iter().map(range).collect();
        let zone = match hours.tz.as_deref() {
            None | Some("UTC") => jiff::tz::TimeZone::UTC,
            Some(name) => jiff::tz::TimeZone::get(name).ok()?,
        };
        Some(Self { ranges: ranges.filter(|it| !it.is_empty())?, zone })
    }

    /// The next moments from `now_ms` on at which a range begins or ends, in milliseconds
    /// since 1970; an hour off on a day when the clocks change.
    pub(crate) fn edges_after(&self, now_ms: i64) -> impl Iterator<Item = i64> {
        let (now, start) = (minute_at(&self.zone, now_ms), now_ms - now_ms.rem_euclid(60_000));
        let minutes = self.ranges.iter().flat_map(|(from, to)| [*from, *to]);
        let ahead = minutes.map(move |it| i64::from((it + 1440 - now) % 1440));
        ahead.map(move |it| start.saturating_add(it * 60_000))
    }

    pub(crate) fn contain(&self, now_ms: i64) -> bool {
        let now = minute_at(&self.zone, now_ms);
        self.ranges.iter().any(|(from, to)| {
            if from <= to { (*from..*to).contains(&now) } else { now >= *from || now < *to }
        })
    }
}

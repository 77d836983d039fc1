use crate::bucket::Salt;
use crate::condition::{Condition, Hours};
use crate::file::OnOff;
use crate::reason::FlagId;

/// One flag, compiled. What nearly every decision looks at stands first, in the first lines
/// of the processor's cache.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Flag {
    pub(crate) enabled: bool,
    pub(crate) kill: bool,
    pub(crate) substring: bool,
    /// Whether `conditions`, `hours`, `requires`, `ramp` or `variants` have anything.
    pub(crate) special: bool,
    /// Buckets below this are in.
    pub(crate) rollout: u32,
    /// The least confidence; below every number where none is asked for.
    pub(crate) confidence: f64,
    pub(crate) salt: Salt,
    /// Where in `texts` the name ends.
    pub(crate) name_end: u32,
    pub(crate) missing_passes: bool,
    /// Its name, then its scenario types.
    pub(crate) texts: Texts,
    pub(crate) bucket_by: Option<Box<str>>,
    pub(crate) conditions: Box<[Condition]>,
    pub(crate) hours: Option<Hours>,
    pub(crate) requires: Box<[(FlagId, OnOff)]>,
    /// Moments in milliseconds from which other rollouts hold, oldest first.
    pub(crate) ramp: Box<[(i64, u32)]>,
    pub(crate) split: Salt,
    /// Overlay and the end of its share among `weights`.
    pub(crate) variants: Box<[Arm]>,
    pub(crate) weights: u32,
    pub(crate) overlays: Box<[u32]>,
    pub(crate) fallback: Option<Box<str>>,
    pub(crate) name: Box<str>,
}

impl Flag {
    /// The least confidence, where one is asked for.
    pub(crate) fn threshold(&self) -> Option<f64> {
        (self.confidence > f64::NEG_INFINITY).then_some(self.confidence)
    }

    /// Whether any unit could get it at any moment.
    pub(crate) fn can_be_on(&self) -> bool {
        let shares = self.ramp.iter().map(|(_, share)| *share);
        let share = if self.ramp.is_empty() { self.rollout } else { shares.max().unwrap_or(0) };
        self.enabled && share > 0
    }

    /// Whether it may be otherwise at another moment.
    pub(crate) fn is_timed(&self) -> bool {
        self.hours.is_some() || !self.ramp.is_empty()
    }

    /// The overlays it names, by list or by variant.
    pub(crate) fn offered(&self) -> impl Iterator<Item = u32> {
        let variants = self.variants.iter().filter_map(|it| it.overlay);
        self.overlays.iter().copied().chain(variants)
    }

    /// Whether this is its name.
    #[inline]
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.texts.bytes().get(..self.name_end as usize) == Some(name.as_bytes())
    }

    /// The scenario types it is for; none where it is for every kind of work.
    #[inline]
    pub(crate) fn scenarios(&self) -> Scenarios<'_> {
        Scenarios(self.texts.bytes().get(self.name_end as usize..).unwrap_or_default())
    }
}

/// Texts of a flag in one. Short ones stand in the flag itself: a decision that has to
/// follow a pointer waits for memory twice.
#[derive(Debug)]
pub(crate) enum Texts {
    Short(u8, [u8; Self::SHORT]),
    Long(Box<[u8]>),
}

impl Texts {
    const SHORT: usize = 118;

    /// A name, then scenario types, each after its length; and where the name ends.
    pub(crate) fn of(name: &str, scenarios: &[String]) -> (Self, u32) {
        let mut all = name.as_bytes().to_vec();
        for name in scenarios {
            if let Ok(len) = u16::try_from(name.len()) {
                all.extend_from_slice(&len.to_le_bytes());
                all.extend_from_slice(name.as_bytes());
            }
        }
        // No file with names beyond this is read.
        let name_end = u32::try_from(name.len()).unwrap_or(u32::MAX);
        let mut short = [0; Self::SHORT];
        let texts = match (u8::try_from(all.len()), short.get_mut(..all.len())) {
            (Ok(len), Some(start)) => {
                start.copy_from_slice(&all);
                Self::Short(len, short)
            }
            _ => Self::Long(all.into()),
        };
        (texts, name_end)
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Short(len, bytes) => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Self::Long(bytes) => bytes,
        }
    }
}

/// The scenario types of a flag, each after its length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenarios<'a>(&'a [u8]);

impl<'a> Scenarios<'a> {
    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    #[inline]
    fn bytes(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (len, tail) = rest.split_first_chunk()?;
            let (name, tail) = tail.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
            rest = tail;
            Some(name)
        })
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = &'a str> {
        self.bytes().filter_map(|it| std::str::from_utf8(it).ok())
    }

    /// Whether one of them is `name`.
    #[inline]
    pub(crate) fn contain(self, name: &str) -> bool {
        self.bytes().any(|it| it == name.as_bytes())
    }
}

/// A variant, compiled.
#[derive(Debug)]
pub(crate) struct Arm {
    pub(crate) name: Box<str>,
    pub(crate) overlay: Option<u32>,
    pub(crate) end: u32,
}

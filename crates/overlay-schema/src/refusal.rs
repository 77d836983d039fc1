use std::time::Duration;

use overlay_model::{Data, OverlayName, ValueError};
use semver::Version;

use crate::params::Kind;

/// Why a text is no value of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refusal {
    /// No number at all.
    NotANumber,
    /// `nan`, or beyond what a number can hold; with the number it comes to.
    NotFinite(f64),
    /// A number in digits or with signs that other programs read otherwise.
    ForeignDigits,
    /// In range, with a fraction.
    NotWhole(f64),
    /// A number outside the range.
    OutOfRange(f64),
    /// None of the words.
    NotAWord,
    /// Neither `true` nor `false`.
    NotASwitch,
    /// No list.
    List(ValueError),
    /// No map of weights.
    Weights(ValueError),
    /// No version.
    Version,
    /// No name.
    Name,
    /// No text that one line can hold.
    NotText,
}

impl Kind {
    /// What `text` says as a value of this kind: the one place where form, range and word
    /// are decided, for validation and for [`crate::Settings`].
    pub(crate) fn read(self, text: &str) -> Result<Data, Refusal> {
        match Data::parse(self.shape(), text) {
            Ok(data) => match self.refuses(text, &data) {
                Some(refusal) => Err(refusal),
                None => Ok(data),
            },
            Err(err) => Err(self.refusal(text, &err)),
        }
    }

    /// Why `data`, the right shape, is no value of this kind.
    pub(crate) fn refuses(self, text: &str, data: &Data) -> Option<Refusal> {
        match (self, data) {
            (Self::Number { min, max }, Data::Number(number)) => outside(*number, min, max),
            (Self::Integer { min, max }, Data::Integer(number)) => {
                let is_within = (min..=max).contains(number);
                (!is_within).then_some(Refusal::OutOfRange(float(*number)))
            }
            (Self::Millis { min, max, .. }, Data::Millis(time)) => {
                outside(float(whole_millis(*time)), float(min), float(max))
            }
            (Self::Word(words), _) if !words.contains(&text) => Some(Refusal::NotAWord),
            (Self::Name, _) => text.parse::<OverlayName>().err().map(|_| Refusal::Name),
            (Self::Version, Data::Version(version)) => {
                Version::parse(version).err().map(|_| Refusal::Version)
            }
            _ => None,
        }
    }

    /// The range of numbers, `None` for kinds that are none.
    pub(crate) fn range(self) -> Option<(f64, f64)> {
        match self {
            Self::Number { min, max } => Some((min, max)),
            Self::Integer { min, max } | Self::Millis { min, max, .. } => {
                Some((float(min), float(max)))
            }
            _ => None,
        }
    }

    /// Why `text` has not the shape of this kind.
    pub(crate) fn refusal(self, text: &str, err: &ValueError) -> Refusal {
        match (self, err) {
            (Self::Switch, _) => Refusal::NotASwitch,
            (Self::Word(_), _) => Refusal::NotAWord,
            (Self::Version, _) => Refusal::Version,
            (Self::Voters, _) => Refusal::Weights(err.clone()),
            (Self::Models | Self::Scenarios | Self::Keys, _) => Refusal::List(err.clone()),
            (_, ValueError::ForeignDigits) => Refusal::ForeignDigits,
            (_, ValueError::NotFinite) => Refusal::NotFinite(text.parse().unwrap_or(f64::NAN)),
            (_, ValueError::NotWhole | ValueError::Negative) => self.not_whole(text),
            _ => Refusal::NotANumber,
        }
    }

    fn not_whole(self, text: &str) -> Refusal {
        let (Ok(number), Some((min, max))) = (text.parse::<f64>(), self.range()) else {
            return Refusal::NotANumber;
        };
        outside(number, min, max).unwrap_or(Refusal::NotWhole(number))
    }
}

/// The milliseconds; times are read from such numbers.
pub(crate) fn whole_millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn outside(number: f64, min: f64, max: f64) -> Option<Refusal> {
    (!(min..=max).contains(&number)).then_some(Refusal::OutOfRange(number))
}

#[expect(clippy::cast_precision_loss, reason = "ranges of the table are far below 2^53")]
pub(crate) fn float(number: i64) -> f64 {
    number as f64
}

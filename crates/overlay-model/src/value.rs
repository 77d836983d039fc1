use std::fmt::{self, Write as _};
use std::time::Duration;

use thiserror::Error;

/// The shape of a value, without its range.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shape {
    /// A decimal number: `0.30`.
    Number,
    /// A whole number: `150`.
    Integer,
    /// A whole number of milliseconds.
    Millis,
    /// `true` or `false`.
    Switch,
    /// One word: `adaptive_routing`.
    Word,
    /// Words between commas, in order; `none` is the empty list.
    List,
    /// `name:weight` pairs between commas, weights whole and not negative.
    Weights,
    /// A version of two or three numbers: `2.1.0`.
    Version,
    /// Any text.
    Text,
}

/// A value with the text it was written as.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    text: String,
    data: Data,
}

/// What a value says.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// A finite number.
    Number(f64),
    /// A whole number.
    Integer(i64),
    /// A length of time.
    Millis(Duration),
    /// On or off.
    Switch(bool),
    /// One word.
    Word,
    /// Words in order.
    List(Vec<String>),
    /// Names with weights, in the order written.
    Weights(Vec<(String, u32)>),
    /// A version, normalised to three numbers: `2.1` is `2.1.0`, `v2.1.0` is `2.1.0`.
    Version(String),
    /// Any text.
    Text,
}

impl Data {
    /// What `text` says as a value of `shape`, for those who have the text already.
    ///
    /// # Errors
    ///
    /// Where the text has another shape.
    pub fn parse(shape: Shape, text: &str) -> Result<Self, ValueError> {
        let data = match shape {
            Shape::Number => Self::Number(number(text)?),
            Shape::Integer => Self::Integer(integer(text)?),
            Shape::Millis => {
                let millis = u64::try_from(integer(text)?).map_err(|_| ValueError::Negative)?;
                Self::Millis(Duration::from_millis(millis))
            }
            Shape::Switch => match text {
                "true" => Self::Switch(true),
                "false" => Self::Switch(false),
                _ => return Err(ValueError::NotASwitch),
            },
            Shape::Word => match text {
                "" => return Err(ValueError::Empty),
                _ => Self::Word,
            },
            Shape::List => Self::List(list(text)?),
            Shape::Weights => Self::Weights(weights(text)?),
            Shape::Version => Self::Version(version(text)?),
            Shape::Text => Self::Text,
        };
        Ok(data)
    }
}

impl Value {
    /// Reads `text` as a value of `shape`.
    ///
    /// # Errors
    ///
    /// Where the text has another shape.
    pub fn parse(shape: Shape, text: &str) -> Result<Self, ValueError> {
        let data = Data::parse(shape, text)?;
        Ok(Self { text: text.to_owned(), data })
    }

    /// The value as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the value says.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The one way to write what the value says: `0.30` is `0.3`, `2.1` is `2.1.0`,
    /// weights are sorted by name, a list keeps its order.
    pub fn canonical(&self) -> String {
        match &self.data {
            Data::Number(number) => canonical_number(*number),
            Data::Integer(number) => number.to_string(),
            Data::Millis(time) => time.as_millis().to_string(),
            Data::Switch(on) => on.to_string(),
            Data::List(words) if words.is_empty() => "none".to_owned(),
            Data::List(words) => words.join(","),
            Data::Weights(pairs) => {
                let mut pairs: Vec<_> = pairs.iter().collect();
                pairs.sort();
                let mut res = String::new();
                for (idx, (name, weight)) in pairs.iter().enumerate() {
                    let comma = if idx == 0 { "" } else { "," };
                    // Writing to a string cannot fail.
                    let _ = write!(res, "{comma}{name}:{weight}");
                }
                res
            }
            Data::Version(version) => version.clone(),
            Data::Word | Data::Text => self.text.clone(),
        }
    }

    /// The number, where the value is one.
    pub fn as_f64(&self) -> Option<f64> {
        match &self.data {
            Data::Number(number) => Some(*number),
            #[expect(clippy::cast_precision_loss, reason = "ranges of whole numbers are small")]
            Data::Integer(number) => Some(*number as f64),
            #[expect(clippy::cast_precision_loss, reason = "ranges of times are small")]
            Data::Millis(time) => Some(time.as_millis() as f64),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// The shortest decimal that reads back as `number`; minus zero is `0`.
pub fn canonical_number(number: f64) -> String {
    if number == 0.0 { "0".to_owned() } else { number.to_string() }
}

/// Why a text is no value of a shape.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ValueError {
    /// Nothing stands after the `=`.
    #[error("the value is empty")]
    Empty,
    /// Not a decimal number.
    #[error("not a number")]
    NotANumber,
    /// `nan`, `inf` and their like.
    #[error("not a finite number")]
    NotFinite,
    /// A digit of another script, or `_` between digits.
    #[error("only the digits 0 to 9 make a number")]
    ForeignDigits,
    /// A number with a fraction, or one that is too large.
    #[error("not a whole number")]
    NotWhole,
    /// Below zero.
    #[error("must not be negative")]
    Negative,
    /// Neither `true` nor `false`.
    #[error("neither `true` nor `false`")]
    NotASwitch,
    /// An empty element, or `none` beside others.
    #[error("element {0} of the list is empty or `none`")]
    EmptyElement(usize),
    /// An element that is not `name:weight`.
    #[error("`{0}` is not `name:weight` with a whole weight")]
    Weight(String),
    /// A name occurs twice.
    #[error("`{0}` stands in the map twice")]
    DuplicateName(String),
    /// All weights are zero.
    #[error("the weights add up to zero")]
    ZeroSum,
    /// Not two or three numbers with dots.
    #[error("not a version")]
    Version,
}

/// A decimal number in ASCII digits, with sign, fraction and exponent as wished.
pub(crate) fn number(text: &str) -> Result<f64, ValueError> {
    if text.is_empty() {
        return Err(ValueError::Empty);
    }
    let plain = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'+' | b'-' | b'e' | b'E');
    if !text.bytes().all(plain) {
        return Err(no_number(text));
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        Ok(_) => Err(ValueError::NotFinite),
        Err(_) => Err(ValueError::NotANumber),
    }
}

/// Why a text with other characters than those of a decimal number is none.
fn no_number(text: &str) -> ValueError {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if ["nan", "inf", "infinity"].iter().any(|it| unsigned.eq_ignore_ascii_case(it)) {
        return ValueError::NotFinite;
    }
    let foreign = text.chars().all(|c| c.is_numeric() || "._+-eE٫".contains(c));
    if foreign { ValueError::ForeignDigits } else { ValueError::NotANumber }
}

fn integer(text: &str) -> Result<i64, ValueError> {
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    number(text).and(Err(ValueError::NotWhole))
}

fn list(text: &str) -> Result<Vec<String>, ValueError> {
    match text {
        "" => Err(ValueError::Empty),
        "none" => Ok(Vec::new()),
        _ => {
            let words: Vec<_> = text.split(',').map(|it| it.trim().to_owned()).collect();
            match words.iter().position(|it| it.is_empty() || it == "none") {
                Some(at) => Err(ValueError::EmptyElement(at + 1)),
                None => Ok(words),
            }
        }
    }
}

fn weights(text: &str) -> Result<Vec<(String, u32)>, ValueError> {
    if text.is_empty() {
        return Err(ValueError::Empty);
    }
    let mut res: Vec<(String, u32)> = Vec::new();
    for element in text.split(',') {
        let invalid = || ValueError::Weight(element.trim().to_owned());
        // A voter may be `model/vendor:tag`, so the last colon splits.
        let (name, weight) = element.rsplit_once(':').ok_or_else(invalid)?;
        let (name, weight) = (name.trim(), weight.trim());
        if name.is_empty() || !weight.bytes().all(|b| b.is_ascii_digit()) {
            return Err(invalid());
        }
        let weight = weight.parse().map_err(|_| invalid())?;
        if res.iter().any(|(it, _)| it == name) {
            return Err(ValueError::DuplicateName(name.to_owned()));
        }
        res.push((name.to_owned(), weight));
    }
    if res.iter().all(|(_, weight)| *weight == 0) { Err(ValueError::ZeroSum) } else { Ok(res) }
}

/// Two or three numbers with dots, `v` in front and `-pre`, `+build` behind as wished.
fn version(text: &str) -> Result<String, ValueError> {
    let bare = text.strip_prefix('v').unwrap_or(text);
    let (core, suffix) = match bare.find(['-', '+']) {
        Some(at) => bare.split_at(at),
        None => (bare, ""),
    };
    let numbers: Vec<_> = core.split('.').collect();
    let is_number = |part: &&str| {
        !part.is_empty()
            && part.len() <= 9
            && part.bytes().all(|b| b.is_ascii_digit())
            && (part.len() == 1 || !part.starts_with('0'))
    };
    let is_suffix = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+');
    if !numbers.iter().all(is_number) || !suffix.bytes().all(is_suffix) || suffix.len() == 1 {
        return Err(ValueError::Version);
    }
    match numbers.len() {
        2 => Ok(format!("{core}.0{suffix}")),
        3 => Ok(format!("{core}{suffix}")),
        _ => Err(ValueError::Version),
    }
}

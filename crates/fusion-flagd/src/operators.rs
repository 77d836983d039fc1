//! The operators that flagd adds to JsonLogic.

use std::cmp::Ordering;

use bumpalo::Bump;
use datalogic_rs::operator::EvalContext;
use datalogic_rs::{ArenaExt, CustomOperator, DataValue, Engine, Result};
use fusion_flags::murmur3_32;
use semver::Version;

use crate::cbor;

/// A JsonLogic engine that knows them.
pub(crate) fn engine() -> Engine {
    Engine::builder()
        .add_operator("fractional", Fractional)
        .add_operator("sem_ver", SemVer)
        .add_operator("starts_with", Affix { starts: true })
        .add_operator("ends_with", Affix { starts: false })
        .build()
}

/// `{"fractional": [key?, ["a", 50], ["b", 50]]}`: one of the variants by weight.
struct Fractional;

impl CustomOperator for Fractional {
    fn evaluate<'a>(
        &self,
        args: &[&'a DataValue<'a>],
        context: &mut EvalContext<'_, 'a>,
        arena: &'a Bump,
    ) -> Result<&'a DataValue<'a>> {
        let Some((first, rest)) = args.split_first() else { return Ok(arena.null()) };
        let (bytes, arms) = match first {
            DataValue::Array(_) => (implicit_key(context.root_input()), args),
            key => {
                let mut bytes = Vec::new();
                cbor::write(key, &mut bytes);
                (Some(bytes), rest)
            }
        };
        let chosen = bytes.and_then(|it| choose(murmur3_32(&it), arms));
        Ok(chosen.unwrap_or_else(|| arena.null()))
    }
}

/// The flag's name and the targeting key; none where there is no key.
fn implicit_key(root: &DataValue<'_>) -> Option<Vec<u8>> {
    let flag = member(member(root, "$flagd")?, "flagKey")?.as_str()?;
    let key = member(root, "targetingKey")?;
    if matches!(key, DataValue::Null) || key.as_str() == Some("") {
        return None;
    }
    let mut bytes = Vec::new();
    cbor::array(2, &mut bytes);
    cbor::text(flag, &mut bytes);
    cbor::write(key, &mut bytes);
    Some(bytes)
}

fn member<'v, 'a>(value: &'v DataValue<'a>, name: &str) -> Option<&'v DataValue<'a>> {
    match value {
        DataValue::Object(entries) => entries.iter().find(|(it, _)| *it == name).map(|(_, it)| it),
        _ => None,
    }
}

/// The variant whose share of the weights holds the point `hash / 2³²`.
fn choose<'a>(hash: u32, arms: &[&'a DataValue<'a>]) -> Option<&'a DataValue<'a>> {
    let arms: Option<Vec<(&DataValue<'_>, u64)>> = arms.iter().map(|it| arm(it)).collect();
    let arms = arms?;
    let total: u64 = arms.iter().map(|(_, weight)| weight).sum();
    let limit = u64::from(u32::MAX >> 1);
    let point = (total <= limit).then_some((u64::from(hash) * total.min(limit)) >> 32)?;
    let mut end = 0;
    arms.into_iter().find_map(|(variant, weight)| {
        end += weight;
        (point < end).then_some(variant)
    })
}

/// A variant with its weight: 1 where none is given, 0 for one below.
fn arm<'a>(value: &'a DataValue<'a>) -> Option<(&'a DataValue<'a>, u64)> {
    let DataValue::Array(items) = value else { return None };
    let weight = match items.get(1) {
        None => 1,
        Some(weight) => u64::try_from(weight.as_i64()?.max(0)).ok()?,
    };
    Some((items.first()?, weight))
}

/// `{"sem_ver": [version, ">=", "2.1"]}`.
struct SemVer;

impl CustomOperator for SemVer {
    fn evaluate<'a>(
        &self,
        args: &[&'a DataValue<'a>],
        _: &mut EvalContext<'_, 'a>,
        arena: &'a Bump,
    ) -> Result<&'a DataValue<'a>> {
        let [left, operator, right] = args else { return Ok(arena.bool(false)) };
        let holds = version(left).zip(operator.as_str()).zip(version(right));
        Ok(arena
            .bool(holds.is_some_and(|((left, operator), right)| compare(&left, operator, &right))))
    }
}

fn compare(left: &Version, operator: &str, right: &Version) -> bool {
    // Build numbers do not count.
    let order = left.cmp_precedence(right);
    match operator {
        "=" => order == Ordering::Equal,
        "!=" => order != Ordering::Equal,
        "<" => order == Ordering::Less,
        "<=" => order != Ordering::Greater,
        ">" => order == Ordering::Greater,
        ">=" => order != Ordering::Less,
        "^" => left.major == right.major,
        "~" => left.major == right.major && left.minor == right.minor,
        _ => false,
    }
}

/// A version as people write it: `v2`, `2.1`, `2.1.0-rc.1`, or the number 2.1.
fn version(value: &DataValue<'_>) -> Option<Version> {
    let text = match value {
        DataValue::String(text) => (*text).to_owned(),
        DataValue::Number(number) => match number.as_i64() {
            Some(whole) => whole.to_string(),
            None => number.as_f64().to_string(),
        },
        _ => return None,
    };
    version_of(&text)
}

/// The version that a text means.
pub(crate) fn version_of(text: &str) -> Option<Version> {
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let (core, tail) = text.split_at_checked(end)?;
    let missing = match core.matches('.').count() {
        0 => ".0.0",
        1 => ".0",
        _ => "",
    };
    format!("{core}{missing}{tail}").parse().ok()
}

/// `{"starts_with": [text, part]}`, `{"ends_with": [text, part]}`.
struct Affix {
    starts: bool,
}

impl CustomOperator for Affix {
    fn evaluate<'a>(
        &self,
        args: &[&'a DataValue<'a>],
        _: &mut EvalContext<'_, 'a>,
        arena: &'a Bump,
    ) -> Result<&'a DataValue<'a>> {
        let [text, part] = args else { return Ok(arena.bool(false)) };
        let holds = text.as_str().zip(part.as_str()).is_some_and(|(text, part)| {
            if self.starts { text.starts_with(part) } else { text.ends_with(part) }
        });
        Ok(arena.bool(holds))
    }
}

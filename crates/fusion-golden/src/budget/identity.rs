//! What is the same on both sides of a comparison, and what only looks so.

use std::collections::BTreeMap;

use overlay_schema::{Acts, param};

use super::limits::CAP;
use super::measured::{Measured, MeasuredAnswer};

/// Whether nothing can have changed, cost included: the same requests, under the same
/// settings, at the same prices; or where settings or prices differ, the same outcome of
/// answers that are there on both sides.
pub(super) fn is_same(base: &Measured, candidate: &Measured) -> bool {
    let same_terms = has_same_settings(base, candidate) && base.rates == candidate.rates;
    has_same_requests(base, candidate) && (same_terms || has_same_outcome(base, candidate))
}

/// [`is_same`] for everything but cost, which prices alone change.
pub(super) fn answers_same(base: &Measured, candidate: &Measured) -> bool {
    let same_settings = has_same_settings(base, candidate);
    has_same_requests(base, candidate) && (same_settings || has_same_outcome(base, candidate))
}

/// Whether both sides make the same requests.
pub(super) fn has_same_requests(base: &Measured, candidate: &Measured) -> bool {
    base.requests == candidate.requests && candidate.refused.is_none()
}

/// Whether what is made of the answers is the same: settings such as `TRUST_FLOOR` change
/// no request.
fn has_same_settings(base: &Measured, candidate: &Measured) -> bool {
    in_replay(base).eq(in_replay(candidate))
}

fn in_replay(measured: &Measured) -> impl Iterator<Item = (&String, &String)> {
    let is_seen = |key: &str| acts(key) == Acts::Replay && key != CAP;
    measured.values.iter().filter(move |(key, _)| is_seen(key))
}

/// When the effect of a key can be seen; of one that is unknown it is not known.
pub(super) fn acts(key: &str) -> Acts {
    param(key).map_or(Acts::Replay, |it| it.acts)
}

/// Whether both sides have an answer, and made the same of it.
pub(super) fn has_same_outcome(base: &Measured, candidate: &Measured) -> bool {
    let outcomes = base.answer.as_ref().zip(candidate.answer.as_ref());
    outcomes.is_some_and(|(it, other)| outcome(it) == outcome(other))
}

/// Whether prices alone differ: the same requests, the same answers, made the same of.
pub(super) fn differ_in_price_alone(base: &Measured, candidate: &Measured) -> bool {
    let answers = base.answer.as_ref().zip(candidate.answer.as_ref());
    let same = |it: &MeasuredAnswer, other: &MeasuredAnswer| {
        (it.accepted, it.tokens, &it.hard) == (other.accepted, other.tokens, &other.hard)
    };
    has_same_requests(base, candidate) && answers.is_some_and(|(it, other)| same(it, other))
}

/// What an answer comes to. Units are kept to two decimals, so that equal ones are equal.
fn outcome(it: &MeasuredAnswer) -> (bool, u64, u64, &BTreeMap<String, bool>) {
    (it.accepted, it.tokens, it.units.to_bits(), &it.hard)
}

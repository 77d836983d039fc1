//! Draws of flagd's rules.

use fusion_flags::BUCKETS;
use serde_json::Value;

use crate::codes::DRAWN_ANEW;
use crate::gate::{Gate, Refusal, Remark, Share, refuse};
use crate::rule::{Node, Term};

/// The variants of a `fractional` with their weights.
pub(crate) fn weights(node: &Node, operands: &[Node]) -> Result<Vec<(Value, u64)>, Refusal> {
    operands
        .iter()
        .map(|arm| {
            let Term::List(items) = &arm.term else {
                let said = "draws by something else than the flag and the unit";
                return refuse(&arm.span, said);
            };
            let weight = match items.get(1) {
                None => Some(1),
                Some(weight) => weight.literal().and_then(Value::as_u64),
            };
            match (items.first().and_then(Node::literal), weight) {
                (Some(variant), Some(weight)) => Ok((variant.clone(), weight)),
                _ => refuse(&arm.span, "computes variants or weights"),
            }
        })
        .collect::<Result<Vec<_>, _>>()
        .and_then(|arms| {
            let total: u128 = arms.iter().map(|(_, it)| u128::from(*it)).sum();
            match total {
                0 => refuse(&node.span, "has weights that come to nothing"),
                1..=0x7fff_ffff => Ok(arms),
                _ => refuse(&node.span, "has weights above flagd's limit"),
            }
        })
}

/// The share of the variants that are `inside`; they must come first.
pub(crate) fn share_of(
    node: &Node,
    arms: &[(Value, u64)],
    inside: &dyn Fn(&Value) -> bool,
) -> Result<Gate, Refusal> {
    let total: u64 = arms.iter().map(|(_, it)| it).sum();
    let drawn = arms.iter().filter(|(_, weight)| *weight > 0);
    let first: u64 = drawn.clone().take_while(|(it, _)| inside(it)).map(|(_, it)| it).sum();
    let all: u64 = drawn.filter(|(it, _)| inside(it)).map(|(_, it)| it).sum();
    if first != all {
        return refuse(&node.span, "takes units that are not the first ones");
    }
    let scaled = first * u64::from(BUCKETS);
    let share = u32::try_from((scaled + total / 2) / total).unwrap_or(BUCKETS).min(BUCKETS);
    let gate = Gate::of_share(Share::Of(share));
    if scaled.is_multiple_of(total) {
        return Ok(gate);
    }
    let said = format!("the share is rounded to {} %", f64::from(share) / 1000.0);
    let remark = Remark { code: DRAWN_ANEW, span: node.span.clone(), said, without: None };
    Ok(gate.remark(remark))
}

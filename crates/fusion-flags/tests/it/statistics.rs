//! How units spread over buckets. Ids and salts are fixed, so each figure is one number.

use fusion_flags::{Context, Decision, Salt};

use crate::{flags, flags_in};

const UNITS: u32 = 50_000;

/// The buckets of `UNITS` units of one shape.
fn buckets(flag: &str, shape: fn(u32) -> String) -> Vec<u32> {
    let salt = Salt::new(flag);
    (0..UNITS).map(|idx| salt.bucket(&shape(idx))).collect()
}

fn user(idx: u32) -> String {
    format!("user-{idx}")
}

fn number(idx: u32) -> String {
    (1_000_000 + idx).to_string()
}

fn session(idx: u32) -> String {
    format!("{:08x}-{:04x}", idx.wrapping_mul(0x9e37_79b9), idx & 0xffff)
}

#[test]
fn buckets_are_uniform() {
    for shape in [user, number, session] {
        for flag in ["refund_lot_switch", "state_model_first", "x"] {
            let mut cells = [0_u32; 1000];
            for bucket in buckets(flag, shape) {
                cells[bucket as usize / 100] += 1;
            }
            let expected = f64::from(UNITS) / 1000.0;
            let chi2: f64 =
                cells.iter().map(|it| (f64::from(*it) - expected).powi(2) / expected).sum();
            // 999 degrees of freedom: mean 999, deviation √1998.
            let z = (chi2 - 999.0) / 1998_f64.sqrt();
            assert!(z.abs() < 4.0, "{flag}: chi2 {chi2:.1}, z {z:.2}");
        }
    }
}

#[test]
fn flags_choose_independently() {
    let half = |it: &u32| *it < 50_000;
    let chosen: Vec<Vec<bool>> = (0..10)
        .map(|idx| buckets(&format!("flag_{idx}"), user).iter().map(half).collect())
        .collect();
    let mut sum = 0.0;
    let mut pairs = 0.0;
    for (idx, a) in chosen.iter().enumerate() {
        for b in chosen.iter().skip(idx + 1) {
            let phi = phi(a, b);
            // The deviation of phi is 1/√N = 0.0045.
            assert!(phi.abs() < 0.018, "phi {phi}");
            sum += phi * phi;
            pairs += 1.0;
        }
    }
    let rms = (sum / pairs * f64::from(UNITS)).sqrt();
    assert!((0.7..1.3).contains(&rms), "rms of phi times √N: {rms}");
}

fn phi(a: &[bool], b: &[bool]) -> f64 {
    let n = a.len() as f64;
    let share = |it: &[bool]| it.iter().filter(|it| **it).count() as f64 / n;
    let both = a.iter().zip(b).filter(|(a, b)| **a && **b).count() as f64 / n;
    let (pa, pb) = (share(a), share(b));
    (both - pa * pb) / (pa * (1.0 - pa) * pb * (1.0 - pb)).sqrt()
}

#[test]
fn a_million_units_are_within_half_a_percent() {
    let flags = flags("{features: {a: {rollout_percentage: 30}}}");
    let view = flags.view();
    let flag = view.snapshot().flag("a").unwrap();
    let mut on = 0_u32;
    let mut id = String::new();
    for idx in 0..1_000_000_u32 {
        use std::fmt::Write as _;
        id.clear();
        write!(id, "u{idx}").unwrap();
        let context = Context { unit: Some(&id), ..Context::default() };
        on += u32::from(view.decide_flag(flag, &context).enabled);
    }
    let share = f64::from(on) / 10_000.0;
    assert!((share - 30.0).abs() < 0.5, "{share} % of the units are in");
}

fn decide(percent: f64, unit: &str) -> Decision {
    let text = format!("{{features: {{a: {{rollout_percentage: {percent}}}}}}}");
    flags(&text).decide("a", &Context { unit: Some(unit), ..Context::default() })
}

#[test]
fn raising_the_percentage_only_adds() {
    let steps: Vec<_> = (0..=100)
        .map(|percent| flags(&format!("{{features: {{a: {{rollout_percentage: {percent}}}}}}}")))
        .collect();
    for idx in 0..200 {
        let unit = user(idx);
        let context = Context { unit: Some(&unit), ..Context::default() };
        let on: Vec<bool> = steps.iter().map(|it| it.decide("a", &context).enabled).collect();
        assert!(on.is_sorted(), "{unit} leaves while the percentage rises");
        assert!(!on[0] && on[100]);
    }
    let bucket = decide(50.0, "user-1").bucket.unwrap();
    assert!(!decide(f64::from(bucket) / 1000.0, "user-1").enabled);
    assert!(decide(f64::from(bucket + 1) / 1000.0, "user-1").enabled);
}

#[test]
fn an_environment_takes_a_part_of_the_same_units() {
    let text = "
features: {a: {rollout_percentage: 60}, whole: {}}
environments: {staging: {global_rollout_percentage: 50}}";
    let (production, staging) = (flags_in(text, None), flags_in(text, Some("staging")));
    let mut counts = [0_u32; 3];
    for idx in 0..10_000 {
        let unit = user(idx);
        let context = Context { unit: Some(&unit), ..Context::default() };
        let (all, part) = (production.decide("a", &context), staging.decide("a", &context));
        assert_eq!(all.bucket, part.bucket);
        assert!(all.enabled || !part.enabled, "{unit} is in staging only");
        counts[0] += u32::from(all.enabled);
        counts[1] += u32::from(part.enabled);
        counts[2] += u32::from(staging.decide("whole", &context).enabled);
    }
    let expected = [6_000, 3_000, 5_000];
    for (count, expected) in counts.into_iter().zip(expected) {
        assert!(count.abs_diff(expected) < 200, "{counts:?}");
    }
}

#[test]
fn a_ramp_moves_nobody_between_variants() {
    let text = |percent: u32| {
        format!(
            "schema_version: 2
features:
  a:
    rollout_percentage: {percent}
    variants: {{one: {{overlay: first, weight: 50}}, two: {{overlay: second, weight: 50}}}}"
        )
    };
    let (before, after) = (flags(&text(20)), flags(&text(40)));
    let mut arms = [0_u32; 2];
    for idx in 0..20_000 {
        let unit = user(idx);
        let context = Context { unit: Some(&unit), ..Context::default() };
        let old = before.decide("a", &context);
        if old.enabled {
            assert_eq!(old.variant, after.decide("a", &context).variant, "{unit} moves");
            arms[old.variant.unwrap() as usize] += 1;
        }
    }
    assert!(arms[0].abs_diff(2_000) < 200 && arms[1].abs_diff(2_000) < 200, "{arms:?}");
}

//! Tests that may be looked at after every sample: mixture sequential probability ratios
//! (Robbins 1970; Johari et al. 2017). Each function gives the natural logarithm of the
//! ratio; where the candidate does no harm it ever exceeds ln(1/α) with probability α at
//! most, however often one looks.

use statrs::function::erf::erfc;

use super::arm::Moments;

/// Below this number of samples an arm's variance is not known well enough.
const ENOUGH_FOR_VARIANCE: u64 = 100;
/// The spread of the shifts of a logarithm that the mixture expects: about a fifth.
const SHIFT: f64 = 0.2;

/// Steps of the mixture over the logarithm of the relative risk, and their length.
const RISKS: u32 = 24;
const RISK_STEP: f64 = 0.125;

/// Whether errors are more than `tolerance` times as frequent in the candidate.
///
/// Without harm each error falls on the candidate with the probability of its share of the
/// samples, whatever the error rate is; so only errors are counted, and no rate is too low
/// and no split too uneven for it. The mixture over relative risks is discrete, with
/// half-normal weights on their logarithms.
pub(crate) fn errors(candidate: (u64, u64), control: (u64, u64), tolerance: f64) -> f64 {
    let [hits, misses] = [candidate.0, control.0].map(|it| it as f64);
    let [drawn, rest] = [candidate.1, control.1].map(|it| it as f64);
    if drawn == 0.0 || rest == 0.0 {
        return f64::NEG_INFINITY;
    }
    let [null_hit, null_miss] = chances(tolerance, drawn, rest);
    let mut terms = [0.0; RISKS as usize];
    let mut weights = 0.0;
    for (term, step) in terms.iter_mut().zip(1..) {
        let log_risk = f64::from(step) * RISK_STEP;
        let weight = -log_risk * log_risk / 2.0;
        weights += weight.exp();
        let [hit, miss] = chances(tolerance * log_risk.exp(), drawn, rest);
        *term = weight + hits * (hit - null_hit) + misses * (miss - null_miss);
    }
    log_sum(&terms) - f64::ln(weights)
}

/// The logarithms of the probabilities that an error is the candidate's, and that it is
/// the control's, at this relative risk.
fn chances(risk: f64, drawn: f64, rest: f64) -> [f64; 2] {
    let all = risk * drawn + rest;
    [(risk * drawn / all).ln(), (rest / all).ln()]
}

fn log_sum(terms: &[f64]) -> f64 {
    let most = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most + terms.iter().map(|it| (it - most).exp()).sum::<f64>().ln()
}

/// Whether a quantity is more than `tolerance` times as large in the candidate, by the
/// means of its logarithms; `None` where an arm has too few of them.
///
/// The mixture is half-normal over positive shifts, the variance the samples' own.
pub(crate) fn shift(candidate: Moments, control: Moments, tolerance: f64) -> Option<f64> {
    if candidate.count.min(control.count) < ENOUGH_FOR_VARIANCE {
        return None;
    }
    let variance = candidate.variance_of_mean()? + control.variance_of_mean()?;
    let shift = candidate.mean - control.mean - tolerance.ln();
    // Numbers that are all alike have no variance: any shift of them is certain.
    let variance = variance.max(1e-12);
    let total = variance + SHIFT * SHIFT;
    let exponent = SHIFT * SHIFT * shift * shift / (2.0 * variance * total);
    let z = shift * SHIFT / (variance * total).sqrt();
    let above = log_upper_normal(z);
    Some(std::f64::consts::LN_2 + 0.5 * (variance / total).ln() + exponent + above)
}

/// ln Φ(z).
fn log_upper_normal(z: f64) -> f64 {
    let below = 0.5 * erfc(-z / std::f64::consts::SQRT_2);
    // Far out the probability is below what a number holds; the tail's first term is left.
    if below > 1e-290 { below.ln() } else { -z * z / 2.0 - (-z).ln() - 0.919 }
}

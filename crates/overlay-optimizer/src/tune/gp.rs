//! A Gaussian process with a length per dimension. Its kernel is a Matérn-5/2 of the
//! distance, and beside it the mean of a kernel of each dimension alone: where the
//! parameters act mostly one by one, far fewer observations do (Duvenaud, Nickisch and
//! Rasmussen, *Additive Gaussian Processes*, 2011). The evidence decides between them.
//!
//! Rasmussen and Williams, *Gaussian Processes for Machine Learning* (2006), eq. 2.25–26
//! for the posterior, 5.9 for the gradient of the evidence, 4.17 for the kernel.

use crate::tune::cholesky::{Factor, Triangle, dot};
use crate::tune::float;

/// A point of a space: its numbers, from 0 to 1, and its words, by number.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Place {
    pub(crate) numbers: Vec<f64>,
    pub(crate) words: Vec<usize>,
}

/// What is known of a function: places, values, and how sure each value is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observations {
    /// The places; all have as many numbers and words.
    pub(crate) places: Vec<Place>,
    /// The value at each place.
    pub(crate) values: Vec<f64>,
    /// The known variance of each value, beside the noise that is learned.
    pub(crate) variances: Vec<f64>,
}

/// The logarithms of the lengths, first of the numbers, then of the words, then the
/// variances of the joint and the additive part of the signal and of the noise, of values
/// that have mean 0 and variance 1. Two words that differ are 1 apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hyper(pub(crate) Vec<f64>);

/// Mean and variance of the prior of each: a length of about a half of the range, a
/// little noise.
const LENGTH_PRIOR: (f64, f64) = (-0.5, 1.0);
const JOINT_PRIOR: (f64, f64) = (-1.0, 2.0);
const ADDITIVE_PRIOR: (f64, f64) = (0.0, 2.0);
const NOISE_PRIOR: (f64, f64) = (-6.0, 9.0);

/// The bounds of the logarithms.
const LENGTH_BOUNDS: (f64, f64) = (-4.0, 4.0);
const SIGNAL_BOUNDS: (f64, f64) = (-6.0, 5.0);
const NOISE_BOUNDS: (f64, f64) = (-14.0, 1.0);

impl Hyper {
    /// Where a search begins: the middle of the prior.
    pub(crate) fn prior(dimensions: usize) -> Self {
        let mut res = vec![LENGTH_PRIOR.0 + 0.1 * float(dimensions).sqrt(); dimensions];
        res.extend([JOINT_PRIOR.0, ADDITIVE_PRIOR.0, NOISE_PRIOR.0]);
        Self(res)
    }

    /// Lengths, and the variances.
    fn parts(&self) -> (&[f64], Variances) {
        match self.0.as_slice() {
            [lengths @ .., joint, additive, noise] => {
                let (joint, additive, noise) = (joint.exp(), additive.exp(), noise.exp());
                (lengths, Variances { joint, additive, noise })
            }
            _ => (&[], Variances { joint: 1.0, additive: 1.0, noise: 1e-3 }),
        }
    }

    /// Prior and bounds of number `at`.
    fn law(&self, at: usize) -> ((f64, f64), (f64, f64)) {
        let dimensions = self.0.len().saturating_sub(3);
        match at.checked_sub(dimensions) {
            None => {
                let (mean, variance) = LENGTH_PRIOR;
                ((mean + 0.1 * float(dimensions).sqrt(), variance), LENGTH_BOUNDS)
            }
            Some(0) => (JOINT_PRIOR, SIGNAL_BOUNDS),
            Some(1) => (ADDITIVE_PRIOR, SIGNAL_BOUNDS),
            Some(_) => (NOISE_PRIOR, NOISE_BOUNDS),
        }
    }
}

/// The variances of a hyperparameter's parts.
#[derive(Clone, Copy, Debug)]
struct Variances {
    joint: f64,
    additive: f64,
    noise: f64,
}

impl Variances {
    /// Of the signal at one place.
    fn signal(self) -> f64 {
        self.joint + self.additive
    }

    fn covariance(self, kernel: Kernel) -> f64 {
        self.joint * kernel.joint + self.additive * kernel.additive
    }
}

/// A Gaussian process that has seen its observations.
#[derive(Clone, Debug)]
pub(crate) struct Gp {
    places: Vec<Place>,
    scales: Scales,
    factor: Factor,
    weights: Vec<f64>,
    variances: Variances,
    /// The constant mean, in standard units.
    mean: f64,
    unit: Unit,
}

/// A belief about a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Belief {
    pub(crate) mean: f64,
    pub(crate) sd: f64,
}

/// How values are brought to mean 0 and variance 1.
#[derive(Clone, Copy, Debug)]
struct Unit {
    shift: f64,
    scale: f64,
}

impl Unit {
    fn of(values: &[f64]) -> Self {
        let count = float(values.len().max(1));
        let shift = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|it| (it - shift).powi(2)).sum::<f64>() / count;
        let scale = variance.sqrt();
        Self { shift, scale: if scale > 1e-12 { scale } else { 1.0 } }
    }
}

impl Gp {
    /// The process with `hyper` given `seen`, `None` without observations or where the
    /// numbers do not allow one.
    pub(crate) fn given(seen: &Observations, hyper: &Hyper) -> Option<Self> {
        let unit = Unit::of(&seen.values);
        let fitted = Fitted::of(seen, &unit, hyper)?;
        let (_, variances) = hyper.parts();
        let Fitted { scales, places, factor, weights, mean, .. } = fitted;
        Some(Self { places, scales, factor, weights, variances, mean, unit })
    }

    /// What is to be expected at `place`, noise not included.
    pub(crate) fn at(&self, place: &Place) -> Belief {
        let covariances = self.covariances(place);
        let variance = (self.variances.signal() - self.factor.square(&covariances)).max(1e-12);
        Belief { mean: self.mean_of(&covariances), sd: self.unit.scale * variance.sqrt() }
    }

    /// The mean of [`Gp::at`] alone, which takes a small part of its time.
    pub(crate) fn mean_at(&self, place: &Place) -> f64 {
        self.mean_of(&self.covariances(place))
    }

    fn mean_of(&self, covariances: &[f64]) -> f64 {
        self.unit.shift + self.unit.scale * (self.mean + dot(covariances, &self.weights))
    }

    /// Of a place with all that were seen.
    fn covariances(&self, place: &Place) -> Vec<f64> {
        let place = self.scales.scaled(place);
        let covariance = |it| self.variances.covariance(self.scales.kernel(it, &place));
        self.places.iter().map(covariance).collect()
    }
}

/// How numbers are divided by their lengths, and how far words are apart by theirs.
#[derive(Clone, Debug)]
struct Scales {
    numbers: Vec<f64>,
    /// Squares.
    words: Vec<f64>,
}

impl Scales {
    fn of(seen: &Observations, lengths: &[f64]) -> Option<Self> {
        let first = seen.places.first()?;
        let inverse: Vec<_> = lengths.iter().map(|it| (-it).exp()).collect();
        let (numbers, words) = inverse.split_at_checked(first.numbers.len())?;
        Some(Self { numbers: numbers.to_vec(), words: words.iter().map(|it| it * it).collect() })
    }

    fn scaled(&self, place: &Place) -> Place {
        let numbers = place.numbers.iter().zip(&self.numbers).map(|(it, scale)| it * scale);
        Place { numbers: numbers.collect(), words: place.words.clone() }
    }

    /// The kernel of two scaled places.
    fn kernel(&self, a: &Place, b: &Place) -> Kernel {
        let (mut square, mut alone) = (0.0, 0.0);
        for (a, b) in a.numbers.iter().zip(&b.numbers) {
            let gap = (a - b) * (a - b);
            square += gap;
            alone += 1.0 / (1.0 + gap);
        }
        for ((a, b), far) in a.words.iter().zip(&b.words).zip(&self.words) {
            let gap = f64::from(a != b) * far;
            square += gap;
            alone += 1.0 / (1.0 + gap);
        }
        let root = (5.0 * square).sqrt();
        let decay = (-root).exp();
        Kernel {
            joint: (1.0 + root + root * root / 3.0) * decay,
            slope: 5.0 / 3.0 * (1.0 + root) * decay,
            additive: alone / float(self.numbers.len() + self.words.len()),
        }
    }
}

/// The kernel of two places.
#[derive(Clone, Copy, Debug)]
struct Kernel {
    /// Matérn-5/2.
    joint: f64,
    /// −2 times its slope along the square of the distance.
    slope: f64,
    /// The mean of the rational kernel 1 / (1 + gap²) of each dimension.
    additive: f64,
}

/// What evidence and posterior share.
struct Fitted {
    scales: Scales,
    /// Scaled.
    places: Vec<Place>,
    /// Below the diagonal.
    kernel: Vec<Vec<Kernel>>,
    factor: Factor,
    /// K⁻¹ (y − mean).
    weights: Vec<f64>,
    mean: f64,
    /// (y − mean)ᵀ K⁻¹ (y − mean).
    misfit: f64,
}

impl Fitted {
    fn of(seen: &Observations, unit: &Unit, hyper: &Hyper) -> Option<Self> {
        let (lengths, variances) = hyper.parts();
        let scales = Scales::of(seen, lengths)?;
        let places: Vec<_> = seen.places.iter().map(|it| scales.scaled(it)).collect();
        let mut kernel = Vec::with_capacity(places.len());
        let mut rows: Triangle = Vec::with_capacity(places.len());
        for ((number, place), variance) in places.iter().enumerate().zip(&seen.variances) {
            let row: Vec<_> =
                places.iter().take(number).map(|it| scales.kernel(it, place)).collect();
            let mut covariances: Vec<_> = row.iter().map(|it| variances.covariance(*it)).collect();
            let known = variance / unit.scale.powi(2);
            covariances.push(variances.signal() + variances.noise + known);
            kernel.push(row);
            rows.push(covariances);
        }
        let factor = Factor::of(rows)?;
        let values: Vec<_> = seen.values.iter().map(|it| (it - unit.shift) / unit.scale).collect();
        let (y, one) = (factor.whiten(&values), factor.whiten(&vec![1.0; values.len()]));
        let mean = dot(&y, &one) / dot(&one, &one);
        let residual: Vec<_> = y.iter().zip(&one).map(|(y, one)| y - mean * one).collect();
        let (misfit, weights) = (dot(&residual, &residual), factor.unwhiten(&residual));
        Some(Self { scales, places, kernel, factor, weights, mean, misfit })
    }
}

/// The slopes of the evidence along the hyperparameters.
struct Gradient {
    numbers: Vec<f64>,
    words: Vec<f64>,
    joint: f64,
    additive: f64,
    noise: f64,
}

impl Gradient {
    fn of(fitted: &Fitted, variances: Variances) -> Self {
        let inverse = fitted.factor.inverse();
        let mut res = Self {
            numbers: vec![0.0; fitted.scales.numbers.len()],
            words: vec![0.0; fitted.scales.words.len()],
            joint: 0.0,
            additive: 0.0,
            noise: 0.0,
        };
        let rows = fitted.places.iter().zip(&fitted.kernel).zip(&inverse).zip(&fitted.weights);
        for (((place, kernel), inverse), weight) in rows {
            let others = fitted.places.iter().zip(kernel).zip(inverse).zip(&fitted.weights);
            for (((other, kernel), inverse), other_weight) in others {
                let pull = weight * other_weight - inverse;
                res.pair(pull, *kernel, (place, other), &fitted.scales, variances);
            }
            let own = 0.5 * (weight * weight - inverse.last().copied().unwrap_or_default());
            res.joint += own * variances.joint;
            res.additive += own * variances.additive;
            res.noise += own * variances.noise;
        }
        res
    }

    /// Adds what two places contribute.
    fn pair(
        &mut self,
        pull: f64,
        kernel: Kernel,
        (a, b): (&Place, &Place),
        scales: &Scales,
        variances: Variances,
    ) {
        self.joint += pull * variances.joint * kernel.joint;
        self.additive += pull * variances.additive * kernel.additive;
        let dimensions = float(self.numbers.len() + self.words.len());
        let joint = pull * variances.joint * kernel.slope;
        let additive = pull * variances.additive * 2.0 / dimensions;
        let slope = |gap: f64| gap * (joint + additive / ((1.0 + gap) * (1.0 + gap)));
        for (sum, (a, b)) in self.numbers.iter_mut().zip(a.numbers.iter().zip(&b.numbers)) {
            *sum += slope((a - b) * (a - b));
        }
        let words = a.words.iter().zip(&b.words).zip(&scales.words);
        for (sum, ((a, b), far)) in self.words.iter_mut().zip(words) {
            *sum += slope(f64::from(a != b) * far);
        }
    }

    fn all(self) -> Vec<f64> {
        let mut res = self.numbers;
        res.extend(self.words);
        res.extend([self.joint, self.additive, self.noise]);
        res
    }
}

/// The logarithm of evidence times prior, with its gradient.
fn evidence(seen: &Observations, unit: &Unit, hyper: &Hyper) -> Option<(f64, Vec<f64>)> {
    let (_, variances) = hyper.parts();
    let fitted = Fitted::of(seen, unit, hyper)?;
    let mut gradient = Gradient::of(&fitted, variances).all();
    let mut res = -0.5 * fitted.misfit - fitted.factor.half_log_det;
    for ((at, value), slope) in hyper.0.iter().enumerate().zip(&mut gradient) {
        let ((mean, variance), _) = hyper.law(at);
        res -= 0.5 * (value - mean).powi(2) / variance;
        *slope -= (value - mean) / variance;
    }
    res.is_finite().then_some((res, gradient))
}

/// Hyperparameters of more evidence than `start` has, by `steps` steps along the signs of
/// the gradient (iRprop⁻, Igel and Hüsken 2003), with the evidence.
pub(crate) fn fit(seen: &Observations, start: &Hyper, steps: usize) -> (Hyper, f64) {
    let unit = Unit::of(&seen.values);
    let mut best = (start.clone(), f64::NEG_INFINITY);
    let mut now = start.clone();
    let mut strides = vec![0.3; now.0.len()];
    let mut before = vec![0.0; now.0.len()];
    for _ in 0..steps {
        let Some((value, gradient)) = evidence(seen, &unit, &now) else { break };
        if value > best.1 {
            best = (now.clone(), value);
        }
        let laws: Vec<_> = (0..now.0.len()).map(|at| now.law(at).1).collect();
        let numbers = now.0.iter_mut().zip(laws);
        let memory = strides.iter_mut().zip(&mut before);
        for (((number, (least, most)), (stride, before)), slope) in
            numbers.zip(memory).zip(gradient)
        {
            let agreement = slope * *before;
            let factor = if agreement > 0.0 { 1.3 } else { 1.0 };
            let factor = if agreement < 0.0 { 0.4 } else { factor };
            *stride = f64::clamp(*stride * factor, 1e-3, 1.0);
            *before = if agreement < 0.0 { 0.0 } else { slope };
            *number = (*number + before.signum() * *stride * f64::from(*before != 0.0))
                .clamp(least, most);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::random::Stream;

    /// Values of a smooth function at places with one number and a word of two.
    fn observations(count: usize) -> Observations {
        let mut random = Stream::new(1, 0, 0);
        let mut seen = Observations::default();
        for at in 0..count {
            let (x, word) = (random.uniform(), at % 2);
            seen.places.push(Place { numbers: vec![x], words: vec![word] });
            seen.values.push((5.0 * x).sin() + float(word) + 0.05 * random.normal());
            seen.variances.push(0.01 * x);
        }
        seen
    }

    #[test]
    fn the_gradient_is_that_of_the_evidence() {
        let seen = observations(12);
        let unit = Unit::of(&seen.values);
        let hyper = Hyper(vec![-0.7, 0.2, 0.3, -0.4, -3.0]);
        let (_, gradient) = evidence(&seen, &unit, &hyper).unwrap();
        for (at, slope) in gradient.iter().enumerate() {
            let moved = |by: f64| {
                let mut hyper = hyper.clone();
                hyper.0[at] += by;
                evidence(&seen, &unit, &hyper).unwrap().0
            };
            let found = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((found - slope).abs() < 1e-5 * (1.0 + slope.abs()), "{at}: {found} {slope}");
        }
    }

    #[test]
    fn a_fit_is_more_probable_and_predicts() {
        let seen = observations(25);
        let unit = Unit::of(&seen.values);
        let start = Hyper::prior(2);
        let before = evidence(&seen, &unit, &start).unwrap().0;
        let (hyper, after) = fit(&seen, &start, 40);
        assert!(after > before + 1.0, "{after} {before}");
        let gp = Gp::given(&seen, &hyper).unwrap();
        let at = |x| gp.at(&Place { numbers: vec![x], words: vec![1] });
        let found = at(0.31);
        let expected = (5.0_f64 * 0.31).sin() + 1.0;
        assert!((found.mean - expected).abs() < 0.15, "{found:?} for {expected}");
        assert!(found.sd < 0.2, "{found:?}");
        assert!(at(9.0).sd > 0.3, "far away nothing is known");
    }

    #[test]
    fn degenerate_observations() {
        assert!(Gp::given(&Observations::default(), &Hyper::prior(0)).is_none());
        let mut seen = observations(4);
        seen.values.fill(3.0);
        let gp = Gp::given(&seen, &fit(&seen, &Hyper::prior(2), 10).0).unwrap();
        assert!((gp.at(&seen.places[0]).mean - 3.0).abs() < 1e-9);
        // The same place twice, with two values.
        let (place, value) = (seen.places[0].clone(), 4.0);
        seen.places.push(place);
        seen.values.push(value);
        seen.variances.push(0.0);
        assert!(Gp::given(&seen, &Hyper::prior(2)).is_some());
    }
}

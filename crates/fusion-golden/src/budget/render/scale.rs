/// A range of numbers on a line.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    pub(super) least: f64,
    pub(super) most: f64,
    /// The length of the line.
    pub(super) length: f64,
}

impl Scale {
    /// A line that holds every finite number of `values`, with a margin at both ends.
    pub(super) fn over(values: impl Iterator<Item = f64>, length: f64) -> Self {
        let mut scale = Self { least: 0.0, most: 0.0, length };
        for value in values.filter(|it| it.is_finite()) {
            scale.least = scale.least.min(value);
            scale.most = scale.most.max(value);
        }
        if scale.most - scale.least < 1e-9 {
            scale.most = scale.least + 1.0;
        }
        let margin = 0.04 * (scale.most - scale.least);
        scale.least -= if scale.least < 0.0 { margin } else { 0.0 };
        scale.most += margin;
        scale
    }

    /// Where a number stands; what is outside stands at the end.
    pub(super) fn at(self, value: f64) -> f64 {
        let value = if value.is_nan() { 0.0 } else { value };
        let share = (value.clamp(self.least, self.most) - self.least) / (self.most - self.least);
        share * self.length
    }

    /// Round numbers on the line, about `wanted` of them.
    pub(super) fn ticks(self, wanted: f64) -> Vec<f64> {
        let raw = (self.most - self.least) / wanted;
        let power = 10_f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|it| it * power);
        let step = step.into_iter().find(|it| *it >= raw).unwrap_or(raw);
        let mut ticks = Vec::new();
        let mut at = (self.least / step).ceil() * step;
        while at <= self.most && ticks.len() < 30 {
            // Adding up leaves a rest where there is none.
            ticks.push(if at.abs() < step * 1e-6 { 0.0 } else { at });
            at += step;
        }
        ticks
    }
}

/// A coordinate with one decimal.
pub(super) fn c(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_on_the_line() {
        let scale = Scale::over([-0.1, 0.37].into_iter(), 1000.0);
        let ticks: Vec<_> = scale.ticks(6.0).iter().map(|it| format!("{it:.1}")).collect();
        assert_eq!(ticks, ["-0.1", "0.0", "0.1", "0.2", "0.3"]);
        assert!(scale.at(f64::INFINITY) <= 1000.0 && scale.at(f64::NEG_INFINITY) >= 0.0);
        assert!(scale.at(0.0) < scale.at(0.1));
    }

    #[test]
    fn a_line_without_numbers_is_still_one() {
        let scale = Scale::over([f64::NAN, f64::INFINITY].into_iter(), 100.0);
        assert!(scale.at(0.5).is_finite() && !scale.ticks(4.0).is_empty());
    }
}

//! Estimators against SciPy 1.17 and published tables. The calls stand beside the numbers.

use fusion_golden::statistics::{
    Alpha, Bootstrap, Claim, EProcess, EProcessError, Interval, PairedCounts, Totals,
    betting_interval, clopper_pearson, clustered_mean, holm, mcnemar_worse, mean, newcombe_paired,
    non_inferiority, paired_mean_n, paired_proportion_n, proportion_n, quantile_bounds, quantile_n,
    ratio_n, ratio_of_totals, rule_of_three, wilson, zero_failures_n,
};
use proptest::prelude::{Strategy, prop};
use proptest::{prop_assert, prop_assert_eq, proptest};

const BOTH: Interval = Interval { lower: -1.0, upper: 1.0 };
const SCORES: [f64; 10] = [0.1, -0.05, 0.2, 0.0, -0.1, 0.15, 0.05, -0.2, 0.1, 0.3];

#[track_caller]
fn check(found: impl Into<Option<Interval>>, lower: f64, upper: f64) {
    check_within(found, lower, upper, 1e-9);
}

#[track_caller]
fn check_within(found: impl Into<Option<Interval>>, lower: f64, upper: f64, tolerance: f64) {
    let found: Interval = found.into().expect("an interval");
    assert!(
        (found.lower - lower).abs() <= tolerance && (found.upper - upper).abs() <= tolerance,
        "{found:?} is not [{lower}, {upper}]"
    );
}

#[track_caller]
fn check_number(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-9, "{found} is not {expected}");
}

fn counts(both: usize, only_candidate: usize, only_base: usize, neither: usize) -> PairedCounts {
    PairedCounts { both, only_candidate, only_base, neither }
}

/// `binomtest(k, n).proportion_ci(.95, 'wilson')`
#[test]
fn wilson_is_scipys() {
    check(wilson(0.0, 59, Alpha::P025), 0.0, 0.061_129_370_526_788_38);
    check(wilson(8.0, 20, Alpha::P025), 0.218_806_532_372_817_05, 0.613_418_499_237_746_7);
    check(wilson(20.0, 20, Alpha::P025), 0.838_874_841_947_180_8, 1.0);
    check(wilson(1.0, 1000, Alpha::P025), 0.000_176_546_370_626_078_1, 0.005_642_558_597_957_935);
    assert_eq!(wilson(0.0, 0, Alpha::P025), None);
    assert_eq!(wilson(2.0, 1, Alpha::P025), None);
}

/// `binomtest(k, n).proportion_ci(.95, 'exact')`
#[test]
fn clopper_pearson_is_scipys() {
    check(clopper_pearson(0, 59, Alpha::P025), 0.0, 0.060_608_900_950_339_835);
    check(clopper_pearson(8, 20, Alpha::P025), 0.191_190_060_725_570_54, 0.639_457_412_692_755_2);
    check(clopper_pearson(20, 20, Alpha::P025), 0.831_566_529_016_914_5, 1.0);
    check(
        clopper_pearson(1, 1000, Alpha::P025),
        0.000_025_317_487_491_674_634,
        0.005_558_924_279_849_9,
    );
    assert_eq!(clopper_pearson(1, 0, Alpha::P025), None);
}

#[test]
fn rule_of_three_is_close_to_exact() {
    check_number(rule_of_three(300), 0.01);
    let exact = clopper_pearson(0, 300, Alpha::P05).expect("an interval").upper;
    assert!((exact - 0.01).abs() < 1e-4, "{exact}");
    check_number(rule_of_three(0), 1.0);
}

/// Newcombe 1998, table III, (36, 12, 2, 0): 0.0569 to 0.3404. The others by his formula
/// over `binomtest(k, n).proportion_ci(.95, 'wilson')`.
#[test]
fn newcombe_is_as_published() {
    let on = |a, b, c, d| newcombe_paired(&counts(a, b, c, d), Alpha::P025);
    check(on(36, 12, 2, 0), 0.056_929_584_003_238_75, 0.340_427_602_974_940_8);
    check(on(36, 14, 0, 0), 0.152_839_517_855_857_23, 0.416_651_236_959_565_63);
    check(on(1, 1, 1, 18), -0.194_325_279_331_375_1, 0.194_325_279_331_375_1);
    check(on(0, 0, 0, 133), -0.028_072_331_688_071_665, 0.028_072_331_688_071_665);
    check(on(20, 12, 2, 16), 0.056_156_424_841_748_29, 0.329_206_995_400_140_53);
    check(on(53, 0, 1, 0), -0.097_714_374_887_819_31, 0.049_621_661_889_404_076);
    assert_eq!(on(0, 0, 0, 0), None);
}

/// `binomtest(b, b + c, .5, alternative='greater').pvalue`
#[test]
fn mcnemar_is_scipys() {
    let check = |b, c, worse| check_number(mcnemar_worse(&counts(7, b, c, 9)), worse);
    check(10, 2, 0.019_287_109_375);
    check(2, 10, 0.996_826_171_875);
    check(0, 5, 1.0);
    check(3, 3, 0.656_25);
    check(0, 0, 1.0);
}

/// Which claims of these p-values hold as a family, and the level each was asked at last.
fn held(p_values: &[f64], family: f64) -> Vec<(bool, f64)> {
    let family = Alpha::try_new(family).expect("a level");
    let ask = |at: usize, level: Alpha| {
        let holds = p_values[at] <= level.get();
        ((holds, level.get()), holds)
    };
    holm(p_values.len(), family, ask)
}

/// `multipletests(p, alpha, method='holm').reject`: adjusted they are 0.08, 0.04, 0.6, 0.045.
#[test]
fn holm_goes_down_step_by_step() {
    let p_values = [0.04, 0.01, 0.6, 0.015];
    let on = |family| held(&p_values, family).iter().map(|it| it.0).collect::<Vec<_>>();
    assert_eq!(on(0.039), [false; 4]);
    assert_eq!(on(0.041), [false, true, false, false]);
    assert_eq!(on(0.05), [false, true, false, true]);
    assert_eq!(on(0.081), [true, true, false, true]);
    assert_eq!(held(&[0.04], 0.05), [(true, 0.05)], "one claim is no family");
    assert!(held(&[], 0.05).is_empty());
}

/// `ttest_1samp(x, 0).confidence_interval(.90)`; with `np.append(x, [1, -1])` for the guard
#[test]
fn paired_means_are_scipys() {
    let found = mean(&SCORES).expect("a mean");
    check_number(found.error, 0.046_815_239_683_960_46);
    check(found.interval(Alpha::P05), -0.030_817_621_310_069_446, 0.140_817_621_310_069_42);

    let single = SCORES.map(|it| (it, None));
    let guarded = non_inferiority(&single, 1.0).expect("a mean");
    check_number(guarded.mean, 0.045_833_333_333_333_316);
    check(guarded.interval(Alpha::P05), -0.186_135_122_415_939_05, 0.277_801_789_082_605_55);
    assert_eq!(non_inferiority(&[], 1.0), None);
    assert_eq!(mean(&[1.0]), None);
}

/// `s = np.bincount(labels, x - x.mean()); sqrt(G/(G-1)*(s**2).sum())/n`
#[test]
fn clusters_count_as_one() {
    let labels = ["a", "a", "a", "b", "b", "c", "c", "c", "d", "e"];
    let clustered: Vec<_> = SCORES.into_iter().zip(labels.map(Some)).collect();
    let found = clustered_mean(&clustered).expect("a mean");
    check_number(found.error, 0.041_922_547_632_509_16);
    check_number(found.freedom, 4.0);

    let alone = clustered_mean(&SCORES.map(|it| (it, None))).expect("a mean");
    check_number(alone.error, mean(&SCORES).expect("a mean").error);
    assert_eq!(clustered_mean(&[(0.1, Some("a")), (0.2, Some("a"))]), None);
}

/// Ranks: the smallest k with `binom.cdf(k - 1, n, .95) >= .95`, the largest with `<= .01`.
#[test]
fn p95_bounds_are_order_statistics() {
    let check = |n: u32, lower: f64, upper: Option<f64>| {
        let values: Vec<_> = (1..=n).rev().map(f64::from).collect();
        let found = quantile_bounds(&values, 0.95, Alpha::P01, Alpha::P05).expect("bounds");
        assert_eq!((found.lower, found.upper), (Some(lower), upper), "n = {n}");
    };
    check(58, 51.0, None);
    check(59, 52.0, Some(59.0));
    check(60, 53.0, Some(60.0));
    check(100, 89.0, Some(99.0));
    check(500, 463.0, Some(484.0));
    assert_eq!(quantile_n(0.95, Alpha::P05), 59);
    assert_eq!(quantile_bounds(&[], 0.95, Alpha::P05, Alpha::P05), None);
    assert_eq!(quantile_bounds(&[f64::NAN], 0.95, Alpha::P05, Alpha::P05), None);
}

const BASE: [f64; 15] =
    [120., 80., 300., 45., 210., 95., 160., 60., 400., 130., 75., 220., 180., 90., 50.];
const CANDIDATE: [f64; 15] =
    [150., 70., 320., 60., 260., 80., 200., 75., 380., 170., 70., 260., 230., 85., 66.];

fn totals() -> Vec<Totals> {
    let pairs = BASE.into_iter().zip(CANDIDATE);
    pairs.map(|(base, candidate)| Totals { base, candidate }).collect()
}

/// NumPy: 400,000 resamples `ix = rng.integers(0, n, (N, n))`, studentised by the delta
/// method, `np.quantile`; no closer than `t.ppf(1 - alpha, n - 1)` standard errors. SciPy's
/// `bootstrap(…, method='BCa')` has 1.039 to 1.184, which is too narrow at this n.
#[test]
fn ratio_has_the_bounds_of_a_studentised_bootstrap() {
    let found = ratio_of_totals(&totals(), Bootstrap { draws: 100_000, seed: 7 }).expect("a ratio");
    check_number(found.ratio, 1.117_832_957_110_609_4);
    check_number(found.log_error, 0.040_688_487_142_433_91);
    check_within(found.interval(Alpha::P05), 1.011_728_6, 1.200_882_9, 0.003);
    check_within(found.interval(Alpha::P01), 0.945_270_1, 1.243_809_2, 0.006);
}

#[test]
fn ratio_depends_on_the_seed_alone() {
    let on = |seed| ratio_of_totals(&totals(), Bootstrap { draws: 200, seed });
    assert_eq!(on(1), on(1));
    assert_ne!(on(1), on(2));
}

#[test]
fn ratio_needs_two_units_and_totals() {
    let on = |units: &[(f64, f64)]| {
        let units = units.iter().map(|it| Totals { base: it.0, candidate: it.1 });
        ratio_of_totals(&units.collect::<Vec<_>>(), Bootstrap { draws: 50, seed: 1 })
    };
    assert_eq!(on(&[]), None);
    assert_eq!(on(&[(1.0, 2.0)]), None);
    assert_eq!(on(&[(0.0, 1.0), (0.0, 1.0)]), None);
    assert_eq!(on(&[(1.0, 0.0), (1.0, 0.0)]), None);
    assert_eq!(on(&[(f64::NAN, 1.0), (1.0, 1.0)]), None);
    assert_eq!(on(&[(-1.0, 1.0), (3.0, 1.0)]), None);
    let exact = on(&[(10.0, 11.0), (30.0, 33.0), (7.0, 7.7)]).expect("a ratio");
    check(exact.interval(Alpha::P01), 1.1, 1.1);
}

fn process(null: f64, claim: Claim, values: &[f64]) -> EProcess {
    let mut process = EProcess::try_new(BOTH, null, claim).expect("a process");
    values.iter().try_for_each(|it| process.observe(*it)).expect("values within");
    process
}

/// NumPy: `log(mean over k of prod(1 - k + k*u))`, `u = (x + 1)/(null + 1)` or
/// `(1 - x)/(1 - null)`; the interval by `scipy.optimize.brentq` on the largest so far
/// over `np.tile(x, 20)`.
#[test]
fn evidence_is_the_mean_wealth() {
    let above = process(-0.05, Claim::Above, &SCORES);
    let below = process(0.0, Claim::Below, &SCORES);
    check_number(above.log_evidence(), 0.333_170_109_838_891_1);
    check_number(below.log_evidence(), -0.161_251_795_026_682_27);
    let many = SCORES.repeat(20);
    let found = betting_interval(&many, BOTH, Alpha::P05);
    check_within(found, 0.019_236_504_730_7, 0.087_393_303_158_8, 1e-8);
}

#[test]
fn evidence_continues_where_it_was_saved() {
    let (first, rest) = SCORES.split_at(4);
    let saved = serde_json::to_string(&process(0.0, Claim::Above, first)).expect("JSON");
    let mut continued: EProcess = serde_json::from_str(&saved).expect("a process");
    rest.iter().try_for_each(|it| continued.observe(*it)).expect("values within");
    assert_eq!(continued, process(0.0, Claim::Above, &SCORES));

    let broken = saved.replace("\"null\":0.0", "\"null\":2.0");
    assert_ne!(broken, saved);
    assert!(serde_json::from_str::<EProcess>(&broken).is_err());
}

/// Bad ones first and good ones after them: within a look the order means nothing.
#[test]
fn a_look_is_taken_at_its_end() {
    let scores = [-0.9; 12].into_iter().chain([0.9; 12]);
    let scores: Vec<_> = scores.collect();
    let (mut looks, mut once) = (process(0.0, Claim::Below, &[]), process(0.0, Claim::Below, &[]));
    scores.iter().try_for_each(|it| looks.observe(*it)).expect("values within");
    once.observe_look(&scores).expect("values within");
    assert!(looks.holds(Alpha::P05), "twelve bad ones in a row");
    assert!(!once.holds(Alpha::P05), "and as many good ones");
    assert!((looks.log_evidence() - once.log_evidence()).abs() < 1e-9);
    let before = once.clone();
    assert!(once.observe_look(&[0.1, 2.0]).is_err());
    assert_eq!(once, before);
}

#[test]
fn evidence_takes_no_value_outside() {
    let mut watched = process(0.0, Claim::Above, &SCORES);
    let before = watched.clone();
    for value in [1.5, -1.01, f64::NAN, f64::INFINITY] {
        assert!(matches!(watched.observe(value), Err(EProcessError::Value { .. })));
    }
    assert_eq!(watched, before);
    assert!(EProcess::try_new(BOTH, 1.0, Claim::Above).is_err());
    assert!(EProcess::try_new(BOTH, f64::NAN, Claim::Above).is_err());
}

/// `((norm.ppf(.95) + norm.ppf(.8))*sd/delta)**2` and its kin: 84.6, 193.9, 140.4, 149.3,
/// 121.5, 597.6, 58.4.
#[test]
fn sample_sizes_are_scipys() {
    assert_eq!(paired_mean_n(0.185, 0.05, Alpha::P05, 0.8), 85);
    assert_eq!(paired_mean_n(0.28, 0.05, Alpha::P05, 0.8), 194);
    assert_eq!(ratio_n(0.54, 1.12, Alpha::P05, 0.8), 141);
    assert_eq!(proportion_n(0.05, 0.1, Alpha::P05, 0.8), 150);
    assert_eq!(paired_proportion_n(0.2, 0.1, Alpha::P05, 0.8), 122);
    assert_eq!(zero_failures_n(0.005, Alpha::P05), 598);
    assert_eq!(paired_mean_n(0.2, 0.0, Alpha::P05, 0.8), 1_000_000);
}

#[test]
fn alpha_is_a_probability() {
    for refused in [0.0, -0.1, 0.51, f64::NAN] {
        assert!(Alpha::try_new(refused).is_err(), "{refused}");
    }
    assert_eq!(Alpha::try_new(0.05), Ok(Alpha::P05));
}

fn units() -> impl Strategy<Value = Vec<Totals>> {
    let unit = (1.0..500.0, 1.0..500.0).prop_map(|(base, candidate)| Totals { base, candidate });
    prop::collection::vec(unit, 2..20)
}

proptest! {
    #[test]
    fn bounds_enclose_the_share(n in 1_usize..300, part in 0.0..=1.0) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
        let hits = (part * n as f64) as usize;
        let share = hits as f64 / n as f64;
        for alpha in [Alpha::P05, Alpha::P01] {
            let exact = clopper_pearson(hits, n, alpha).expect("an interval");
            prop_assert!(exact.contains(share));
            prop_assert!(wilson(hits as f64, n, alpha).expect("an interval").contains(share));
        }
    }

    #[test]
    fn bounds_enclose_the_ratio_and_turn_over(units in units()) {
        let on = |units: &[Totals]| ratio_of_totals(units, Bootstrap { draws: 200, seed: 3 });
        let turned: Vec<_> =
            units.iter().map(|it| Totals { base: it.candidate, candidate: it.base }).collect();
        let (found, turned) = (on(&units).expect("a ratio"), on(&turned).expect("a ratio"));
        let interval = found.interval(Alpha::P05);
        prop_assert!(interval.contains(found.ratio) && interval.lower >= 0.0);
        prop_assert!((found.ratio * turned.ratio - 1.0).abs() < 1e-9);
        prop_assert!((found.log_error - turned.log_error).abs() < 1e-9);
    }

    #[test]
    fn evidence_knows_no_order(mut values in prop::collection::vec(-1.0..=1.0, 1..40)) {
        let one = process(0.0, Claim::Above, &values).log_evidence();
        values.reverse();
        let other = process(0.0, Claim::Above, &values).log_evidence();
        prop_assert!((one - other).abs() < 1e-9);
    }

    #[test]
    fn holm_holds_less_than_each_alone(values in prop::collection::vec(0.0..=0.2, 0..10)) {
        let found = held(&values, 0.05);
        prop_assert_eq!(found.len(), values.len());
        let claims = values.len() as f64;
        prop_assert!(values.iter().zip(&found).all(|(p, it)| !it.0 || *p <= 0.05));
        prop_assert!(values.iter().zip(&found).all(|(p, it)| it.0 || *p > 0.05 / claims));
    }
}

//! Gates: samples in, verdicts out.

use std::time::Duration;

use expect_test::expect;
use fusion_golden::Verdict;
use fusion_golden::statistics::calibrate::{HumanPair, Preference, calibrate, read_human_pairs};
use fusion_golden::statistics::study::{Study, quality_verdicts, token_verdicts};
use fusion_golden::statistics::{
    Alpha, Bootstrap, DEFAULT_MARGIN, Gate, Levels, Limits, Pair, QualityWatch, Reason, cost_gate,
    error_gate, latency_gate, mean_of_ratios, prompt_gate, quality_gate, read_outcomes, token_gate,
    worst,
};

const BOOTSTRAP: Bootstrap = Bootstrap { draws: 500, seed: 1 };

#[track_caller]
fn check(gate: &Gate, verdict: Verdict, reason: Reason) {
    assert_eq!((gate.verdict, gate.reason), (verdict, reason), "{gate:?}");
    assert_eq!(gate.n_needed.is_some(), verdict == Verdict::Insufficient, "{gate:?}");
    assert!(gate.n_needed.is_none_or(|it| it > gate.n as u64), "{gate:?}");
}

fn prompt(base: u64, candidate: u64) -> Gate {
    prompt_gate(base, candidate, Limits::TOKENS)
}

fn tokens(pairs: &[Pair<'_, u64>]) -> Gate {
    token_gate(pairs, Limits::TOKENS, Levels::BUDGET, BOOTSTRAP)
}

/// Answers of 40 to 400 tokens whose ratio wavers by a third around `percent`.
fn answers(n: u64, percent: u64) -> Vec<Pair<'static, u64>> {
    let pair = |it: u64| {
        let base = 40 + it * 7919 % 361;
        let waver = [70, 85, 100, 115, 130][usize::try_from(it * 31 % 5).unwrap()];
        Pair::new(base, base * percent * waver / 10_000)
    };
    (0..n).map(pair).collect()
}

#[test]
fn prompt_tokens_gate_at_one() {
    check(&prompt(100, 111), Verdict::Pass, Reason::Exact);
    check(&prompt(100, 112), Verdict::Warn, Reason::Exact);
    check(&prompt(100, 125), Verdict::Warn, Reason::Exact);
    check(&prompt(100, 126), Verdict::Fail, Reason::Exact);
    check(&prompt(100, 20), Verdict::Pass, Reason::Exact);
    check(&prompt(0, 5), Verdict::Invalid, Reason::BadValue);
    check(&prompt(0, 0), Verdict::Pass, Reason::Exact);
}

#[test]
fn output_tokens_gate_by_the_ratio_of_totals() {
    check(&tokens(&answers(15, 105)), Verdict::Insufficient, Reason::TooFew);
    check(&tokens(&answers(200, 100)), Verdict::Pass, Reason::Decided);
    check(&tokens(&answers(200, 119)), Verdict::Warn, Reason::Decided);
    check(&tokens(&answers(200, 140)), Verdict::Fail, Reason::Decided);
    check(&tokens(&answers(15, 50)), Verdict::Pass, Reason::Decided);
}

#[test]
fn cost_gates_as_tokens_do() {
    let gate =
        |pairs: &[Pair<'_, f64>]| cost_gate(pairs, Limits::TOKENS, Levels::BUDGET, BOOTSTRAP);
    let costs = |percent| -> Vec<_> {
        let pairs = answers(200, percent).into_iter();
        pairs.map(|it| Pair::new(it.base as f64 / 8.0, it.candidate as f64 / 8.0)).collect()
    };
    check(&gate(&costs(100)), Verdict::Pass, Reason::Decided);
    check(&gate(&costs(140)), Verdict::Fail, Reason::Decided);
    let bad = [Pair::new(1.0, f64::NAN), Pair::new(1.0, 1.0)];
    check(&gate(&bad), Verdict::Invalid, Reason::BadValue);
    let bad = [Pair::new(1.0, -1.0), Pair::new(1.0, 9.0)];
    check(&gate(&bad), Verdict::Invalid, Reason::BadValue);
}

#[test]
fn a_gate_is_written_with_four_decimals() {
    let pairs: Vec<_> = (0..59).map(|_| Pair::new(0.123_456_7, 0.4)).collect();
    let gate = quality_gate(&pairs, DEFAULT_MARGIN, Levels::QUALITY);
    expect![[r#"
        {
          "base": 0.1235,
          "candidate": 0.4,
          "delta": 0.2765,
          "interval": {
            "lower": 0.227,
            "upper": 0.3254
          },
          "interval_of": "delta",
          "warn": -0.05,
          "block": -0.05,
          "n": 59,
          "identical": 0,
          "missing": 0,
          "n_needed": null,
          "verdict": "pass",
          "reason": "decided"
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&gate).unwrap());
    let few = latency_gate(&latencies(15, 0, 0), Limits::LATENCY, Levels::BUDGET);
    let json = serde_json::to_string(&few.interval).unwrap();
    expect![[r#"{"lower":0.412,"upper":null}"#]].assert_eq(&json);
}

#[test]
fn the_same_request_passes_at_every_n() {
    for n in [1, 2, 15, 800] {
        let same: Vec<_> = (0..n).map(|it| Pair::identical(it * 13 + 1)).collect();
        check(&tokens(&same), Verdict::Pass, Reason::Identity);
        let same = vec![Pair::identical(0.4); n.try_into().unwrap()];
        let gate = quality_gate(&same, DEFAULT_MARGIN, Levels::QUALITY);
        check(&gate, Verdict::Pass, Reason::Identity);
        let same = vec![Pair::identical(true); n.try_into().unwrap()];
        check(&error_gate(&same, Limits::ERRORS, Levels::BUDGET), Verdict::Pass, Reason::Identity);
        let same = vec![Pair::identical(Duration::from_secs(9)); n.try_into().unwrap()];
        let gate = latency_gate(&same, Limits::LATENCY, Levels::BUDGET);
        check(&gate, Verdict::Pass, Reason::Identity);
    }
}

#[test]
fn what_did_not_change_hides_nothing() {
    let mut pairs = answers(200, 140);
    pairs.extend((0..2_000).map(|_| Pair::identical(200)));
    let gate = tokens(&pairs);
    check(&gate, Verdict::Fail, Reason::Decided);
    assert_eq!((gate.n, gate.identical), (200, 2_000));
}

#[test]
fn a_few_equal_counts_prove_nothing() {
    let equal = |n: u64| tokens(&vec![Pair::new(100, 100); n.try_into().unwrap()]).verdict;
    assert_eq!(equal(1), Verdict::Insufficient);
    assert_eq!(equal(3), Verdict::Insufficient);
    assert_eq!(equal(20), Verdict::Pass);
}

/// Rounding noise over rounding noise must not become a bound.
#[test]
fn equal_ratios_of_unequal_counts_are_exact() {
    // Counts that no binary fraction divides, as prices make them.
    let count = |it: u64| 17 + it * 7919 % 1361;
    for n in [50, 200, 400] {
        for percent in [100, 140] {
            let pairs: Vec<_> =
                (0..n).map(|it| Pair::new(count(it) * 5, count(it) * percent / 20)).collect();
            let gate = tokens(&pairs);
            let expect = if percent == 100 { Verdict::Pass } else { Verdict::Fail };
            check(&gate, expect, Reason::Decided);
            let interval = gate.interval.unwrap();
            assert!(interval.upper - interval.lower < 0.5, "{n}: {gate:?}");
        }
        let cost = |it: u64| (count(it) as f64) * 0.1 / 3.0;
        let costs: Vec<_> = (0..n).map(|it| Pair::new(cost(it), cost(it))).collect();
        let gate = cost_gate(&costs, Limits::TOKENS, Levels::BUDGET, BOOTSTRAP);
        check(&gate, Verdict::Pass, Reason::Decided);
    }
}

/// Drawn again and again, as the study of recorded outcomes does.
#[test]
fn equal_counts_pass_whatever_is_drawn() {
    let pairs: Vec<_> =
        (0..400_u64).map(|it| it * 7919 % 1361 + 3).map(|it| Pair::new(it, it)).collect();
    let study = Study { rounds: 60, draws: 200, ..Study::default() };
    for n in [50, 200] {
        assert_eq!(token_verdicts(&pairs, n, &study).gate.pass, 1.0);
    }
    let more: Vec<_> = pairs.iter().map(|it| Pair::new(it.base * 5, it.base * 7)).collect();
    assert_eq!(token_verdicts(&more, 50, &study).gate.fail, 1.0);
}

#[test]
fn samples_of_one_scenario_count_as_one() {
    let once = answers(12, 101);
    let labels: Vec<_> = (0..12).map(|it| format!("scenario {it}")).collect();
    let often: Vec<_> = (0..12 * 20).map(|it| once[it % 12].in_cluster(&labels[it % 12])).collect();
    let loose: Vec<_> = often.iter().map(|it| Pair { cluster: None, ..*it }).collect();
    check(&tokens(&often), Verdict::Insufficient, Reason::TooFew);
    check(&tokens(&loose), Verdict::Pass, Reason::Decided);
}

#[test]
fn nothing_is_never_green() {
    check(&tokens(&[]), Verdict::Invalid, Reason::NoPairs);
    check(&tokens(&[]).with_missing(3), Verdict::Stale, Reason::Missing);
    check(&tokens(&[Pair::new(0, 10), Pair::new(0, 20)]), Verdict::Invalid, Reason::BadValue);
    check(&tokens(&answers(200, 100)).with_missing(1), Verdict::Stale, Reason::Missing);
    check(&tokens(&answers(15, 105)).with_missing(1), Verdict::Stale, Reason::Missing);
    check(&tokens(&answers(200, 140)).with_missing(1), Verdict::Fail, Reason::Decided);
    let limits = Limits { warn: 0.3, block: f64::NAN };
    let gate = token_gate(&answers(200, 100), limits, Levels::BUDGET, BOOTSTRAP);
    check(&gate, Verdict::Invalid, Reason::BadLimits);
    assert_eq!(worst([]), Verdict::Invalid);
    assert_eq!(worst([Verdict::Warn, Verdict::Insufficient, Verdict::Pass]), Verdict::Insufficient);
    assert_eq!(worst([Verdict::Stale, Verdict::Fail]), Verdict::Fail);
}

/// The n asked for does what it says: with that many pairs of the same kind it passes.
#[test]
fn the_number_needed_is_enough() {
    let gate = tokens(&answers(15, 100));
    let needed = gate.n_needed.expect("too few");
    check(&tokens(&answers(needed, 100)), Verdict::Pass, Reason::Decided);

    let gate = quality_gate(&scores(15, 0.0), DEFAULT_MARGIN, Levels::QUALITY);
    let needed = gate.n_needed.expect("too few").try_into().unwrap();
    let gate = quality_gate(&scores(needed, 0.0), DEFAULT_MARGIN, Levels::QUALITY);
    check(&gate, Verdict::Pass, Reason::Decided);
}

/// Scores that differ by `by`, and waver by 0.2 around it.
fn scores(n: usize, by: f64) -> Vec<Pair<'static, f64>> {
    let waver = [-0.2, -0.1, 0.0, 0.1, 0.2];
    (0..n).map(|it| Pair::new(0.5, 0.5 + by + waver[it * 7 % 5])).collect()
}

#[test]
fn quality_passes_fails_or_asks_for_more() {
    let gate = |n, by| quality_gate(&scores(n, by), DEFAULT_MARGIN, Levels::QUALITY);
    check(&gate(15, 0.0), Verdict::Insufficient, Reason::TooFew);
    check(&gate(200, 0.0), Verdict::Pass, Reason::Decided);
    check(&gate(200, 0.2), Verdict::Pass, Reason::Decided);
    check(&gate(200, -0.08), Verdict::Fail, Reason::Decided);
    check(&gate(200, -0.05), Verdict::Fail, Reason::Decided);
    check(&gate(1, 0.0), Verdict::Insufficient, Reason::TooFew);
    let bad = [Pair::new(0.5, f64::NAN), Pair::new(0.5, 0.5)];
    check(&quality_gate(&bad, 0.05, Levels::QUALITY), Verdict::Invalid, Reason::BadValue);
    let bad = [Pair::new(0.5, 1.5)];
    check(&quality_gate(&bad, 0.05, Levels::QUALITY), Verdict::Invalid, Reason::BadValue);
    check(&quality_gate(&scores(9, 0.0), 0.0, Levels::QUALITY), Verdict::Invalid, Reason::BadValue);
}

/// Ties alone: a plain t test would pass them at n = 2.
#[test]
fn ties_pass_late() {
    let ties = |n| quality_gate(&vec![Pair::new(0.5, 0.5); n], 0.05, Levels::BUDGET).verdict;
    assert_eq!(ties(15), Verdict::Insufficient);
    assert_eq!(ties(80), Verdict::Pass);
}

#[test]
fn a_watch_may_be_read_after_every_pair_and_saved() {
    let levels = Levels::QUALITY;
    let mut watch = QualityWatch::try_new(DEFAULT_MARGIN).expect("a watch");
    assert_eq!(watch.verdict(levels), Verdict::Insufficient);
    watch.observe(Pair::identical(0.1)).expect("a pair");
    assert_eq!(watch.verdict(levels), Verdict::Pass);
    for pair in scores(60, -0.1) {
        watch.observe(pair).expect("a pair");
    }
    assert_eq!(watch.verdict(levels), Verdict::Insufficient);
    let needed = watch.needed(levels).expect("it gains");
    let saved = serde_json::to_string(&watch).expect("JSON");
    let mut watch: QualityWatch = serde_json::from_str(&saved).expect("a watch");
    for pair in scores(usize::try_from(needed - 60).unwrap(), -0.1) {
        watch.observe(pair).expect("a pair");
    }
    assert_eq!((watch.verdict(levels), watch.n()), (Verdict::Fail, needed));
    assert!(QualityWatch::try_new(0.0).is_err());
    assert!(QualityWatch::try_new(1.0).is_err());
}

/// The scores of a night: 80 pairs that waver by ten points around `shift`.
fn night(number: u64, shift: f64) -> Vec<Pair<'static, f64>> {
    let waver = |it: u64| ((it * 7919 + number * 104_729) % 201) as f64 / 1000.0 - 0.1;
    (0..80).map(|it| Pair::new(0.8, 0.8 + shift + waver(it))).collect()
}

#[test]
fn a_watch_that_passed_sees_what_turns_worse() {
    let levels = Levels::QUALITY;
    for good in [2, 40] {
        let mut watch = QualityWatch::try_new(DEFAULT_MARGIN).expect("a watch");
        let mut verdicts = Vec::new();
        for number in 0..good + 6 {
            let shift = if number < good { 0.0 } else { -0.143 };
            watch.observe_look(&night(number, shift)).expect("scores");
            verdicts.push(watch.verdict(levels));
        }
        let (before, after) = verdicts.split_at(usize::try_from(good).unwrap());
        assert_eq!(before.last(), Some(&Verdict::Pass), "{verdicts:?}");
        assert!(!after.contains(&Verdict::Pass), "{verdicts:?}");
        assert_eq!(after[1..], [Verdict::Fail; 5], "{verdicts:?}");
        // What was mended passes again.
        for number in 0..4 {
            watch.observe_look(&night(number, 0.0)).expect("scores");
        }
        assert_eq!(watch.verdict(levels), Verdict::Pass);
    }
}

/// Looked at night after night, pass or not: nothing changed is called worse at one in a
/// hundred at most, and what lies at the margin passes at one in twenty at most.
#[test]
fn a_watch_errs_as_rarely_over_all_nights() {
    const ROUNDS: u64 = 300;
    let ever = |shift: f64, wrong: Verdict| {
        let found = (0..ROUNDS).filter(|round| {
            let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(round + 1);
            let mut score = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // Two of three are ties, as scores of judges are.
                match (state >> 33) % 6 {
                    0 => 0.5 + shift * 3.0,
                    1 => -0.5 + shift * 3.0,
                    _ => 0.0,
                }
            };
            let mut watch = QualityWatch::try_new(DEFAULT_MARGIN).expect("a watch");
            (0..25).any(|_| {
                let pairs: Vec<_> = (0..30).map(|_| Pair::new(0.5, 0.5 + score())).collect();
                watch.observe_look(&pairs).expect("scores");
                watch.verdict(Levels::QUALITY) == wrong
            })
        });
        found.count()
    };
    assert!(ever(0.0, Verdict::Fail) <= 3);
    assert!(ever(-DEFAULT_MARGIN, Verdict::Pass) <= 15);
}

/// A base that is over the limit itself is no reason to block what is no slower.
#[test]
fn only_what_is_slower_than_a_slow_base_is_blocked() {
    let gate = |n: u64, before: u64, after: u64| {
        let time = |of: u64, it: u64| Duration::from_millis(of + it * 10);
        let pairs: Vec<_> =
            (0..n).map(|it| Pair::new(time(before, it), time(after, n - it))).collect();
        latency_gate(&pairs, Limits::LATENCY, Levels::BUDGET)
    };
    for n in [20, 100] {
        assert_eq!(gate(n, 20_000, 12_000).verdict, Verdict::Warn, "faster");
        assert_eq!(gate(n, 20_000, 20_000).verdict, Verdict::Warn, "equal");
        assert_eq!(gate(n, 20_000, 35_000).verdict, Verdict::Fail, "slower");
        assert_eq!(gate(n, 500, 20_000).verdict, Verdict::Fail, "newly over the limit");
    }
    let found = gate(100, 20_000, 12_000);
    assert_eq!(serde_json::to_value(&found).expect("JSON")["interval_of"], "candidate");
}

/// With nothing changed a slow suite is called worse one time in fifty at most.
#[test]
fn equal_times_over_the_limit_are_rarely_blocked() {
    for n in [15, 60, 200] {
        let mut state = 7_u64;
        let mut time = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Long tails: 6 s over the root of a share.
            let share = ((state >> 40) + 1) as f64 / (1_u64 << 24) as f64;
            Duration::from_secs_f64(6.0 / share.sqrt())
        };
        let wrong = (0..400).filter(|_| {
            let pairs: Vec<_> = (0..n).map(|_| Pair::new(time(), time())).collect();
            latency_gate(&pairs, Limits::LATENCY, Levels::BUDGET).verdict == Verdict::Fail
        });
        assert!(wrong.count() <= 8, "{n}");
    }
}

fn latencies(n: u64, slow: u64, millis: u64) -> Vec<Pair<'static, Duration>> {
    let of = |it| Duration::from_millis(if it < slow { millis } else { 400 + it % 90 });
    (0..n).map(|it| Pair::new(of(n), of(it))).collect()
}

#[test]
fn latency_gates_by_the_bounds_of_the_p95() {
    let gate = |n, slow, millis| {
        latency_gate(&latencies(n, slow, millis), Limits::LATENCY, Levels::BUDGET)
    };
    let few = gate(15, 0, 0);
    check(&few, Verdict::Insufficient, Reason::TooFew);
    assert_eq!(few.n_needed, Some(59));
    check(&gate(58, 0, 0), Verdict::Insufficient, Reason::TooFew);
    check(&gate(59, 0, 0), Verdict::Pass, Reason::Decided);
    check(&gate(59, 1, 3_000), Verdict::Insufficient, Reason::TooFew);
    check(&gate(100, 1, 3_000), Verdict::Pass, Reason::Decided);
    check(&gate(100, 20, 3_000), Verdict::Warn, Reason::Decided);
    check(&gate(100, 20, 6_000), Verdict::Fail, Reason::Decided);
    check(&gate(15, 15, 6_000), Verdict::Fail, Reason::Decided);
}

#[test]
fn errors_gate_by_what_is_new() {
    let gate = |n: usize, new: usize, old: usize| {
        let pair = |it| match it {
            it if it < new => Pair::new(false, true),
            it if it < new + old => Pair::new(true, true),
            _ => Pair::new(false, false),
        };
        let pairs: Vec<_> = (0..n).map(pair).collect();
        error_gate(&pairs, Limits::ERRORS, Levels::BUDGET)
    };
    check(&gate(15, 0, 0), Verdict::Insufficient, Reason::TooFew);
    let needed = gate(15, 0, 0).n_needed.unwrap().try_into().unwrap();
    check(&gate(needed, 0, 0), Verdict::Pass, Reason::Decided);
    check(&gate(needed - 1, 0, 0), Verdict::Insufficient, Reason::TooFew);
    check(&gate(400, 0, 100), Verdict::Pass, Reason::Decided);
    check(&gate(400, 24, 0), Verdict::Warn, Reason::Decided);
    check(&gate(400, 60, 0), Verdict::Fail, Reason::Decided);
    check(&gate(15, 15, 0), Verdict::Fail, Reason::Decided);
}

#[test]
fn the_mean_of_ratios_sees_growth_where_there_is_none() {
    let swapped = [Pair::new(10, 40), Pair::new(40, 10)];
    assert_eq!(mean_of_ratios(&swapped), Some(1.125));
    assert_eq!(tokens(&swapped).delta, Some(0.0));
    assert_eq!(mean_of_ratios(&[Pair::new(0, 5)]), None);
}

#[test]
fn studies_depend_on_the_seed_alone() {
    let study = Study { rounds: 20, draws: 100, ..Study::default() };
    let on = |seed| token_verdicts(&answers(60, 108), 30, &Study { seed, ..study });
    assert_eq!(on(4), on(4));
    assert_ne!(on(4), on(5));
    assert_eq!(on(4).rounds, 20);
    let empty = quality_verdicts(&[], 30, DEFAULT_MARGIN, &study);
    assert_eq!(empty.gate.pass, 0.0);
}

#[test]
fn outcomes_name_their_broken_rows() {
    let text = "scenario,model,score,tokens,chars\n\
        one,a,0.5,10,1\none,b,,12,1\ntwo,a,1.5,3,1\ntwo,b,0.1,x,1\none,a,0.1,1,1\nthree,a,0.1\n\
        \"four\",a,0.1,1,1\n";
    let (outcomes, findings) = read_outcomes(text);
    assert_eq!(outcomes.models().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(outcomes.token_pairs("a", "b"), [Pair::new(10, 12)]);
    assert!(outcomes.score_pairs("a", "b").is_empty());
    assert!(outcomes.token_pairs("a", "c").is_empty());
    let found: Vec<_> =
        findings.iter().map(|it| (it.code, it.at.as_ref().map_or(0, |at| at.line))).collect();
    let expected = [("GLD6002", 4), ("GLD6002", 5), ("GLD6003", 6), ("GLD6002", 7), ("GLD6002", 8)];
    assert_eq!(found, expected);
    let code = |text| read_outcomes(text).1.first().map(|it| it.code);
    assert_eq!(code(""), Some("GLD6005"));
    assert_eq!(code("model,tokens\n"), Some("GLD6001"));
    assert_eq!(code("model,scenario\n"), Some("GLD6001"));
    assert_eq!(code("model,scenario,tokens\n"), Some("GLD6005"));
}

#[test]
fn votes_are_read_with_findings() {
    let text = concat!(
        r#"{"id": 7, "response1": "a", "response2": "bb", "annotators": [1, "2", 0], "gpt35_judge": "garbage"}"#,
        "\n{\"id\": 8}\n",
        r#"{"id": "x", "response1": "a", "response2": "b", "annotators": [3]}"#,
        "\n",
        r#"{"id": "y", "response1": "a", "response2": "b", "annotators": []}"#,
    );
    let (pairs, findings) = read_human_pairs(text);
    let votes = [Preference::First, Preference::Second, Preference::Tie];
    assert_eq!(pairs.len(), 1);
    assert_eq!((pairs[0].id.as_str(), &pairs[0].votes[..]), ("7", &votes[..]));
    assert_eq!((pairs[0].judge, pairs[0].majority()), (None, None));
    let lines: Vec<_> = findings.iter().map(|it| it.at.as_ref().map(|at| at.line)).collect();
    assert_eq!(lines, [Some(2), Some(3), Some(4)]);
    assert_eq!(read_human_pairs("").1[0].code, "GLD6005");
    let line = r#"{"id": 7, "response1": "a", "response2": "bb", "annotators": [1]}"#;
    let (pairs, findings) = read_human_pairs(&format!("{line}\n{}\n", line.replace('7', "\"7\"")));
    assert_eq!((pairs.len(), findings.len(), findings[0].code), (1, 1, "GLD6003"));
}

/// Pairs where people want the answer with the `!`, which is the longer one in half.
fn voted(n: usize) -> Vec<HumanPair> {
    let pair = |it: usize| HumanPair {
        id: it.to_string(),
        question: String::new(),
        first: if it.is_multiple_of(2) { "ten of them!" } else { "ten!" }.to_owned(),
        second: if it % 4 < 2 { "ten of the" } else { "ten of them or more" }.to_owned(),
        votes: vec![Preference::First, Preference::First, Preference::Second],
        judge: None,
    };
    (0..n).map(pair).collect()
}

#[test]
fn an_evaluator_gates_only_where_it_beats_length_and_chance() {
    let shouted = |it: &HumanPair| {
        Preference::larger(it.first.ends_with('!').into(), it.second.ends_with('!').into())
    };
    let good = calibrate(&voted(80), shouted, Alpha::P05);
    assert!(good.may_gate, "{good:?}");
    assert_eq!(good.people, Some(1.0 / 3.0));
    let length = calibrate(&voted(80), HumanPair::longer, Alpha::P05);
    assert!(!length.may_gate, "{length:?}");
    let few = calibrate(&voted(4), shouted, Alpha::P05);
    assert!(!few.may_gate, "{few:?}");
    let gain = calibrate(&voted(1), shouted, Alpha::P05).all.unwrap().gain;
    assert!((gain.lower, gain.upper) == (-1.0, 1.0), "{gain:?}");
    let none = calibrate(&[], shouted, Alpha::P05);
    assert_eq!((none.all, none.people, none.may_gate), (None, None, false));
}

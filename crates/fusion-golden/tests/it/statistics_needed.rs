//! How many pairs a gate asks for, and whether that many do.

use fusion_golden::Verdict;
use fusion_golden::statistics::{
    Bootstrap, DEFAULT_MARGIN, Gate, Levels, Limits, Pair, error_gate, quality_gate, token_gate,
};

use crate::data;

fn tokens(pairs: &[Pair<'_, u64>]) -> Gate {
    let bootstrap = Bootstrap { draws: 500, seed: 1 };
    token_gate(pairs, Limits::TOKENS, Levels::BUDGET, bootstrap)
}

/// Answers whose log ratios spread by 0.58 evenly around that of `percent`.
fn stream(seed: u64, percent: f64) -> Vec<Pair<'static, u64>> {
    let mut state = seed;
    let mut share = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 40) as f64 / (1_u64 << 24) as f64
    };
    let mut pair = || {
        let base = (100.0 + 200.0 * share()).round();
        let ratio = percent / 100.0 * (2.0 * share() - 1.0).exp() / 1_f64.sinh();
        Pair::new(base as u64, (base * ratio) as u64)
    };
    (0..120).map(|_| pair()).collect()
}

#[test]
fn as_many_of_the_same_do() {
    let mut asked = 0;
    for (seed, percent) in (1..=12).flat_map(|seed| [90.0, 106.0, 122.0].map(|it| (seed, it))) {
        let few = &stream(seed, percent)[..60];
        let gate = tokens(few);
        let Some(needed) = gate.n_needed else { continue };
        let again = |n: usize| tokens(&few.repeat(n));
        let needed = usize::try_from(needed).unwrap();
        // The bounds are drawn: a third more is beyond what that does to them.
        let enough = again((needed + needed / 3).div_ceil(60));
        assert_ne!(enough.verdict, Verdict::Insufficient, "{seed} {percent} {gate:?}");
        if gate.delta.unwrap() > Limits::TOKENS.warn && needed >= 150 {
            let half = again(needed / 2 / 60);
            assert_eq!(half.verdict, Verdict::Insufficient, "{seed} {percent} {gate:?}");
        }
        asked += 1;
    }
    assert!(asked >= 10, "{asked}");
}

#[test]
fn more_of_a_stream_asks_for_about_as_many() {
    let [mut alike, mut both] = [0, 0];
    for (seed, percent) in
        (1..=30).flat_map(|seed| [104.0, 106.0, 122.0, 126.0].map(|it| (seed, it)))
    {
        let all = stream(seed, percent);
        let Some(early) = tokens(&all[..60]).n_needed else { continue };
        let Some(late) = tokens(&all[..120]).n_needed else { continue };
        assert!(early <= 610 && late <= 1210, "{seed} {percent}: {early}, {late}");
        both += 1;
        alike += usize::from(2 * early >= late && early <= 4 * late);
    }
    assert!(both >= 20 && 4 * alike >= 3 * both, "{alike} of {both}");
}

#[test]
fn at_the_line_no_number_is_said() {
    let at = |percent: [u64; 4]| {
        let pairs: Vec<_> = percent.iter().map(|it| Pair::new(100, *it)).collect();
        let gate = tokens(&pairs.repeat(10));
        assert_eq!(gate.verdict, Verdict::Insufficient, "{gate:?}");
        gate.n_needed
    };
    assert_eq!(at([12, 212, 62, 162]), None);
    assert_eq!(at([13, 213, 62, 162]), None);
    assert!(at([2, 202, 52, 152]).is_some());
    assert!(at([24, 224, 74, 174]).is_some());
}

#[test]
fn one_pair_asks_by_the_usual_spread() {
    assert_eq!(tokens(&[Pair::new(100, 4200)]).n_needed, Some(2));
    assert!(tokens(&[Pair::new(100, 100)]).n_needed.is_some_and(|it| it > 50));
}

#[test]
fn recorded_answers_ask_for_what_they_take() {
    let Some(folder) = data::folder() else { return };
    let text = std::fs::read_to_string(folder.join("eval/gsm8k_two_models.jsonl")).unwrap();
    let pair = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let count = |model: &str| row[model]["tokens_o200k"].as_u64().unwrap();
        Pair::new(count("mixtral_8x7b"), count("gpt4_1106"))
    };
    let pairs: Vec<_> = text.lines().map(pair).collect();
    // 300 decide.
    let needed = [15, 60, 64, 70, 97, 120, 180, 250].map(|n| tokens(&pairs[..n]).n_needed);
    assert!(needed.iter().flatten().all(|it| (100..1000).contains(it)), "{needed:?}");
    assert!(needed[6..].iter().all(|it| it.is_some_and(|it| it < 450)), "{needed:?}");
    assert_ne!(tokens(&pairs[..300]).verdict, Verdict::Insufficient);
}

fn errors(n: usize, new: usize, gone: usize) -> Gate {
    let pair = |it| Pair::new(it >= n - gone, it < new);
    error_gate(&(0..n).map(pair).collect::<Vec<_>>(), Limits::ERRORS, Levels::BUDGET)
}

#[test]
fn failures_ask_by_what_was_found() {
    for (n, new, gone) in [(3, 3, 0), (1, 1, 0), (15, 1, 0), (15, 2, 0), (100, 1, 0), (60, 3, 3)] {
        let needed = usize::try_from(errors(n, new, gone).n_needed.unwrap()).unwrap();
        let times = needed.div_ceil(n);
        let enough = errors(n * times, new * times, gone * times);
        assert_ne!(enough.verdict, Verdict::Insufficient, "{n} {new} {gone}: {needed}");
    }
    assert_eq!(errors(3, 3, 0).n_needed, Some(5));
    // One of fifty is the line itself.
    assert_eq!(errors(50, 1, 0).n_needed, None);
    // One failure less is no reason to ask for fewer than with none.
    assert_eq!(errors(15, 0, 1).n_needed, errors(15, 0, 0).n_needed);
}

#[test]
fn quality_asks_for_what_shows_the_nearer_claim() {
    let gate = |times: usize, by: f64| {
        let waver = [-0.2, -0.1, 0.0, 0.1, 0.2, -0.2, -0.1, 0.0, 0.1, 0.2];
        let pairs: Vec<_> = waver.iter().map(|it| Pair::new(0.5, 0.5 + by + it)).collect();
        quality_gate(&pairs.repeat(times), DEFAULT_MARGIN, Levels::QUALITY)
    };
    for by in [0.0, -0.02, -0.03, -0.05, -0.1] {
        let few = gate(2, by);
        let needed = usize::try_from(few.n_needed.unwrap()).unwrap();
        let enough = gate(needed.div_ceil(10), by);
        assert_ne!(enough.verdict, Verdict::Insufficient, "{by} {few:?}");
    }
    assert!(gate(2, -0.1).n_needed < gate(2, 0.0).n_needed);
}

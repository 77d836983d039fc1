use fusion_plan::{
    Answer, Checks, Clusters, Evidence, alignment, entropy, meaning, replay, request_key, trust,
};
use overlay_model::{Rule, RuleSeverity, Test};
use overlay_schema::{FusionMode, TrustModel};
use proptest::prelude::*;

use crate::scene::{Scene, providers};

fn model() -> impl Strategy<Value = TrustModel> {
    prop::sample::select(TrustModel::WORDS).prop_map(|it| TrustModel::from_word(it).unwrap())
}

/// Texts of the kinds that rules look into: numbers, JSON, fences, marks, any character.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("#### "),
        Just("\\boxed{"),
        Just("}"),
        Just("```\n"),
        Just("{\"a\":"),
        Just("1,234"),
        Just("-$5."),
        Just("−3"),
        Just(".5"),
        Just("\n"),
        Just("yes "),
        Just("owner "),
        Just("**"),
        Just("| "),
        Just("I can’t help with that. "),
    ]
    .prop_map(str::to_owned);
    prop::collection::vec(prop_oneof![3 => piece, 1 => ".{0,12}"], 0..12).prop_map(|it| it.concat())
}

fn rules() -> Vec<Rule> {
    let tests = [
        Test::Contains("owner".into()),
        Test::Not("no".into()),
        Test::Regex("(?i)yes".into()),
        Test::Number(5.0),
        Test::JsonSchema(serde_json::json!({"type": "object"})),
        Test::Facts(vec!["1,234".into()]),
        Test::MaxTokens(5),
        Test::Refusal(false),
        Test::Termination(true),
        Test::Repetition(false),
    ];
    let soft = |test| Rule { id: None, severity: RuleSeverity::Soft, test };
    tests.into_iter().map(soft).collect()
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let finish = prop::sample::select(vec!["", "stop", "length"]);
    (text(), finish, prop::option::of(0.0..1e5), prop::option::of(0.0..=1.0)).prop_map(
        |(text, finish, e2e_ms, judge)| Answer {
            text,
            finish_reason: finish.to_owned(),
            prompt_tokens: 10,
            completion_tokens: 7,
            e2e_ms,
            judge,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn trust_is_a_share_and_grows_with_checks(
        model in model(),
        (checks, passed) in (1_usize..40).prop_flat_map(|n| (Just(n), 0..n)),
        sizes in prop::collection::vec(1_usize..6, 1..6),
        judge in prop::option::of(0.0..=1.0),
        pace in prop::option::of(0.0..3.0),
    ) {
        let all = sizes.iter().sum();
        let at = |passed| {
            let evidence = Evidence {
                alignment: alignment(passed, checks),
                judge,
                entropy: entropy(&sizes),
                agreement: Some((sizes[0], all)),
                pace,
            };
            trust(model, &evidence).0.unwrap()
        };
        prop_assert!((0.0..=1.0).contains(&at(passed)));
        prop_assert!(at(passed) <= at(passed + 1));
        let spread = entropy(&sizes).unwrap_or(0.0);
        prop_assert!((0.0..=1.0).contains(&spread));
    }

    #[test]
    fn clustering_is_an_equivalence(texts in prop::collection::vec(text(), 0..6), n: bool) {
        let meanings: Vec<_> = texts.iter().map(|it| meaning(it, n)).collect();
        let clusters = Clusters::of(&meanings);
        prop_assert_eq!(clusters.sizes.iter().sum::<usize>(), texts.len());
        for (i, a) in meanings.iter().enumerate() {
            for (j, b) in meanings.iter().enumerate() {
                prop_assert_eq!(clusters.of[i] == clusters.of[j], a == b);
            }
        }
        let upper: Vec<_> = texts.iter().map(|it| meaning(&format!(" {it}\n"), n)).collect();
        prop_assert_eq!(meanings, upper);
    }

    #[test]
    fn checks_never_panic(answer in any_answer()) {
        let rules = rules();
        let results = Checks::compile(&rules).0.on(&answer, &|it| it.len());
        prop_assert_eq!(results.len(), rules.len());
    }

    #[test]
    fn plans_and_outcomes_are_deterministic(
        mode in prop::sample::select(FusionMode::WORDS),
        model in model(),
        samples in 1_u32..6,
        floor in 0.0..=1.0,
        answers in prop::collection::vec(any_answer(), 12),
        checked: bool,
    ) {
        let scene = Scene {
            rules: if checked { rules() } else { Vec::new() },
            pinned: vec!["owner: yes".to_owned()],
            ..Scene::of(&format!(
                "FUSION_MODE={mode}\nTRUST_SCORING_MODEL={model}\nSAMPLES={samples}\n\
                 TRUST_FLOOR={floor}\nMODEL=small,large\n\
                 CONTINUITY_ENFORCEMENT=aggressive_thread\n\
                 VOTING_POWER_MAP=energy:1,entropy:1,trust:1,continuity:1,insight:1,model/large:2\n"
            ))
        };
        let (plan, again) = (scene.plan(), scene.plan());
        prop_assert_eq!(plan.digest(), again.digest());
        let providers = providers();
        let run = || {
            let mut left = answers.iter().cycle();
            replay(&plan, &providers, &mut |call, key| {
                assert_eq!(*key, request_key(call));
                left.next().cloned()
            })
            .unwrap()
        };
        let outcome = run();
        prop_assert_eq!(&outcome, &run());
        prop_assert!(outcome.trust.is_none_or(|it| (0.0..=1.0).contains(&it)));
        prop_assert!(!outcome.accepted || outcome.checks.iter().all(|it| it.pass || !it.hard));
    }
}

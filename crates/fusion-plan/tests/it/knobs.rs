//! No decorative knob: every parameter changes a request or an outcome.

use std::collections::BTreeSet;

use fusion_plan::{Answer, Call, token_cap_exceeded};
use overlay_model::Test;
use overlay_schema::{Acts, Kind, MODEL_PARAMS, PARAMS};

use crate::scene::{Scene, answer, turn};

/// Two values of a parameter, and a scene in which they make a difference.
struct Flip {
    key: &'static str,
    values: [&'static str; 2],
    scene: Scene,
}

fn flip(key: &'static str, values: [&'static str; 2], scene: Scene) -> Flip {
    Flip { key, values, scene }
}

/// What a provider would get, what came of it, and whether it may be kept.
fn observe(scene: &Scene) -> String {
    let plan = scene.plan();
    let steps = serde_json::to_string(&plan.steps).unwrap();
    let outcome = serde_json::to_string(&scene.outcome()).unwrap();
    format!("{steps}\n{outcome}\n{}", plan.cache_key().is_some())
}

impl Flip {
    fn with(&self, value: &str) -> Scene {
        let overlay = format!("{}{}={value}\n", self.scene.overlay, self.key);
        Scene {
            overlay,
            turns: self.scene.turns.clone(),
            pinned: self.scene.pinned.clone(),
            rules: self.scene.rules.clone(),
            ledger: self.scene.ledger.clone(),
            ..self.scene
        }
    }

    fn check(&self) {
        let [a, b] = self.values.map(|value| observe(&self.with(value)));
        assert_ne!(a, b, "{} is decorative", self.key);
    }
}

const QUALITY: &str = "FUSION_MODE=quality_first\n";

fn owner() -> [Test; 2] {
    [Test::Contains("owner".into()), Test::Facts(vec!["110".into()])]
}

/// Different answers, of which the later ones are better and dearer.
fn rising(call: &Call) -> Answer {
    match call.sample {
        0 => Answer { completion_tokens: 5, ..answer("Pay 110.") },
        1 => Answer { completion_tokens: 50, ..answer("Pay 110, owner billing.") },
        _ => Answer { completion_tokens: 90, ..answer("Pay 110, the owner is billing.") },
    }
}

fn soft(scene: Scene) -> Scene {
    let mut scene = scene.with_rules(&owner()).answering(rising);
    scene.rules.iter_mut().for_each(|it| it.severity = overlay_model::RuleSeverity::Soft);
    scene
}

fn flips() -> Vec<Flip> {
    let talk = || Scene {
        turns: (0..90).map(|it| turn("user", &format!("{it} {}", "words ".repeat(20)))).collect(),
        pinned: vec!["account: AC-1".to_owned()],
        ..Scene::of(QUALITY)
    };
    let secret = || Scene { question: "Mail jane.doe@acme-bank.com", ..Scene::default() };
    let two = || Scene::of("FUSION_MODE=speed_optimized\nMODEL=small,large\n");
    let late = |_: &Call| Answer { e2e_ms: Some(4000.0), ..answer("owner 110") };
    vec![
        flip("ADAPTIVE_CACHING", ["false", "true"], Scene::of("TEMPERATURE=0\n")),
        flip("CONTINUITY_ENFORCEMENT", ["basic_thread", "enhanced_thread"], talk()),
        flip("ENTROPY_FLOOR", ["0.10", "0.50"], soft(Scene::of(QUALITY))),
        flip("ENTROPY_REDUCTION_TARGET", ["0.15", "0.50"], Scene::default()),
        flip("FREQUENCY_PENALTY", ["0", "0.5"], Scene::default()),
        flip("FUSION_MODE", ["baseline_only", "quality_first"], Scene::default()),
        flip("MAX_ENERGY_UNITS", ["10", "40"], Scene::of(QUALITY)),
        flip("MAX_TOKENS", ["100", "200"], Scene::default()),
        flip("MODEL", ["small", "large"], Scene::default()),
        flip("PERFORMANCE_MONITORING", ["off", "enhanced"], Scene::default()),
        flip("PII_DETECTION", ["off", "strict"], secret()),
        flip("PRESENCE_PENALTY", ["0", "0.5"], Scene::default()),
        flip(
            "PRIMARY_MODEL_SELECTION",
            ["single_model", "capability_weighted"],
            Scene {
                ledger: vec![fusion_plan::Observation {
                    model: "large".to_owned(),
                    scenario_type: String::new(),
                    score: 0.9,
                    hours: 1.0,
                }],
                ..two()
            },
        ),
        flip(
            "REQUEST_DEADLINE_MS",
            ["2000", "30000"],
            Scene::of("TRUST_SCORING_MODEL=performance_weighted\n")
                .with_rules(&owner())
                .answering(late),
        ),
        flip("RESPONSE_FORMAT", ["text", "json_object"], Scene::default()),
        flip("SAMPLES", ["3", "5"], Scene::of(QUALITY)),
        flip("SECURITY_MODE", ["off", "enhanced"], Scene::default()),
        flip("TEMPERATURE", ["0.1", "0.9"], Scene::default()),
        flip("TOP_P", ["0.1", "0.9"], Scene::default()),
        flip(
            "TRUST_FLOOR",
            ["0.40", "0.95"],
            Scene::default().with_rules(&owner()).answering(|_| answer("owner 110")),
        ),
        flip(
            "TRUST_SCORING_MODEL",
            ["simple_alignment", "contextual_alignment"],
            soft(Scene::of(QUALITY)),
        ),
        flip(
            "VOTING_POWER_MAP",
            ["energy:2,trust:1", "energy:1,trust:2"],
            soft(Scene::of("FUSION_MODE=quality_first\nTRUST_FLOOR=0\n")),
        ),
    ]
}

/// Parameters that act on recorded outcomes without a plan: `fusion-golden` judges them by
/// the function that is flipped below.
const JUDGED_ON_PAIRS: &[&str] = &["BASELINE_TOKEN_CAP_PCT"];

/// Parameters whose effect needs time or more than one request. The plan carries them.
const IN_TIME: &[&str] =
    &["API_CIRCUIT_BREAKER", "ARBITRATION_TIMEOUT_MS", "ENERGY_BUDGET_PER_DAY", "ENERGY_FLOOR"];

/// Parameters that say what an overlay is.
const DESCRIPTIONS: &[&str] = &[
    "AUTHOR",
    "BUDGET_DOWNGRADE_ACTIVE",
    "BUDGET_DOWNGRADE_TIMESTAMP",
    "CREATED_DATE",
    "DESCRIPTION",
    "FUSION_OVERLAY_VERSION",
    "LAST_MODIFIED",
    "OPTIMIZATION_APPLIED",
    "OPTIMIZATION_STRATEGY",
    "OVERLAY_AUTHOR",
    "OVERLAY_CREATED",
    "OVERLAY_DESCRIPTION",
    "OVERLAY_NAME",
    "OVERLAY_PINNED",
    "OVERLAY_TARGET_SCENARIOS",
    "WORKLOAD_PROFILE_HASH",
];

fn keys(acts: Acts) -> BTreeSet<&'static str> {
    PARAMS.iter().filter(|it| it.acts == acts).map(|it| it.key).collect()
}

#[test]
fn every_parameter_is_accounted_for() {
    let flipped: BTreeSet<_> = flips().iter().map(|it| it.key).collect();
    let covered: BTreeSet<_> = flipped.iter().chain(JUDGED_ON_PAIRS).copied().collect();
    assert_eq!(covered, keys(Acts::Replay));
    assert_eq!(BTreeSet::from_iter(IN_TIME.iter().copied()), keys(Acts::Time));
    assert_eq!(BTreeSet::from_iter(DESCRIPTIONS.iter().copied()), keys(Acts::Description));
}

#[test]
fn no_knob_is_decorative() {
    flips().iter().for_each(Flip::check);
}

#[test]
fn the_cap_against_the_baseline_decides() {
    assert_ne!(token_cap_exceeded(50.0, 100, 180), token_cap_exceeded(100.0, 100, 180));
}

#[test]
fn what_acts_in_time_is_in_the_plan() {
    let plan = |overlay: &str, spent_today| Scene { spent_today, ..Scene::of(overlay) }.plan();
    assert!(plan("API_CIRCUIT_BREAKER=true\n", 0.0).breaker);
    assert!(!plan("API_CIRCUIT_BREAKER=false\n", 0.0).breaker);
    assert_eq!(plan("ARBITRATION_TIMEOUT_MS=300\n", 0.0).grace_ms, 300);
    let budget = |budget: u32, floor: &str| {
        let overlay = format!("{QUALITY}ENERGY_BUDGET_PER_DAY={budget}\nENERGY_FLOOR={floor}\n");
        plan(&overlay, 90.0).mode
    };
    assert_ne!(budget(100, "0.05"), budget(100, "0.20"));
    assert_ne!(budget(1000, "0.20"), budget(100, "0.20"));
}

/// The scene of a flip with each word that the parameter takes.
fn observed_words(key: &str) -> Vec<(&'static str, String)> {
    let param = PARAMS.iter().find(|it| it.key == key).unwrap();
    let Kind::Word(words) = param.kind else { panic!("{key} takes no words") };
    let flips = flips();
    let flip = flips.iter().find(|it| it.key == key).unwrap();
    words.iter().map(|word| (*word, observe(&flip.with(word)))).collect()
}

#[test]
fn every_word_makes_a_difference() {
    for key in ["CONTINUITY_ENFORCEMENT", "PERFORMANCE_MONITORING"] {
        let seen: BTreeSet<_> = observed_words(key).into_iter().map(|(_, it)| it).collect();
        let Kind::Word(words) = PARAMS.iter().find(|it| it.key == key).unwrap().kind else {
            panic!("{key} takes no words")
        };
        assert_eq!(seen.len(), words.len(), "{key}");
    }
}

#[test]
fn every_mode_makes_other_calls() {
    let modes = overlay_schema::FusionMode::WORDS;
    let seen = modes.iter().map(|mode| {
        let overlay = format!("FUSION_MODE={mode}\nMODEL=small,large\nSAMPLES=2\n");
        serde_json::to_string(&Scene::of(&overlay).plan().steps).unwrap()
    });
    assert_eq!(seen.collect::<BTreeSet<_>>().len(), modes.len());
}

#[test]
fn caching_is_for_deterministic_plans() {
    let key = |overlay: &str, question| Scene { question, ..Scene::of(overlay) }.plan().cache_key();
    let fixed = "TEMPERATURE=0\nADAPTIVE_CACHING=";
    let exact = |question| key(&format!("{fixed}true\n"), question);
    let aggressive = |question| key(&format!("{fixed}aggressive\n"), question);
    assert!(exact("Refund?").is_some() && exact("Refund?") == exact("Refund?"));
    assert_ne!(exact("Refund?"), exact("refund? "));
    assert_eq!(aggressive("Refund?"), aggressive("refund? "));
    assert_eq!(key("ADAPTIVE_CACHING=true\n", "Refund?"), None);
}

#[test]
fn parameters_of_one_model_reach_its_requests() {
    let values: &[(&str, &str)] = &[
        ("_MAX_CONTEXT_TOKENS", "300"),
        ("_MAX_TOKENS", "50"),
        ("_TEMPERATURE", "0.9"),
        ("_TOP_P", "0.1"),
    ];
    let keys: Vec<_> = MODEL_PARAMS.iter().map(|it| it.key).collect();
    assert_eq!(keys, values.iter().map(|(key, _)| *key).collect::<Vec<_>>());
    let observed = |overlay: String| {
        let turns = (0..20).map(|_| turn("user", &"words ".repeat(20))).collect();
        observe(&Scene { turns, ..Scene::of(&overlay) })
    };
    for (key, value) in values {
        let own = observed(format!("SMALL{key}={value}\n"));
        assert_ne!(observed(String::new()), own, "{key} is decorative");
        let other = observed(format!("LARGE{key}={value}\n"));
        assert_eq!(observed(String::new()), other, "{key} of another model acts");
    }
}

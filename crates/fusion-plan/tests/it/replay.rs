use expect_test::{Expect, expect};
use fusion_plan::{Answer, Next, Run, replay, request_key};
use overlay_model::{RuleSeverity, Test};

use crate::scene::{Scene, answer, made, providers};

#[track_caller]
fn check(scene: &Scene, expect: Expect) {
    let it = scene.outcome();
    expect.assert_eq(&format!(
        "{} | {} by {} | trust {:?} entropy {:?} share {} | early {} review {}",
        made(&it),
        if it.accepted { "accepted" } else { "refused" },
        it.model,
        it.trust,
        it.entropy,
        it.share,
        it.stopped_early,
        it.review,
    ));
}

const CASCADE: &str = "FUSION_MODE=adaptive_routing\nMODEL=small,large\nSAMPLES=3\n";

fn owner() -> [Test; 1] {
    [Test::Contains("owner".into())]
}

#[test]
fn a_cascade_stops_where_the_cheap_model_passes() {
    let scene = Scene::of(CASCADE).with_rules(&owner()).answering(|_| answer("owner"));
    check(
        &scene,
        expect![
            "small#0 | accepted by small | trust Some(0.75) entropy None share 1 | early true review false"
        ],
    );
}

#[test]
fn a_cascade_escalates_on_a_veto() {
    let scene = Scene::of(CASCADE)
        .with_rules(&owner())
        .answering(|call| answer(if call.request.model == "large" { "owner" } else { "nobody" }));
    check(
        &scene,
        expect![
            "small#0 large#0 | accepted by large | trust Some(0.75) entropy None share 1 | early true review false"
        ],
    );
}

#[test]
fn a_cascade_that_fails_has_no_answer() {
    let scene = Scene::of(CASCADE).with_rules(&owner()).answering(|_| answer("nobody"));
    check(
        &scene,
        expect![
            "small#0 large#0 | refused by large | trust Some(0.25) entropy None share 1 | early true review false"
        ],
    );
    assert_eq!(scene.outcome().answer, "");
}

#[test]
fn without_checks_agreement_decides() {
    check(
        &Scene::of(CASCADE).answering(|_| answer("Yes.")),
        expect![
            "small#0 small#1 | accepted by small | trust Some(0.98) entropy Some(0.0) share 1 | early true review false"
        ],
    );
    check(
        &Scene::of(CASCADE).answering(|call| match (call.request.model.as_str(), call.sample) {
            ("small", 0) => answer("No."),
            ("small", 1) => answer("Perhaps."),
            ("small", _) => answer("Ask me later."),
            _ => answer("Yes."),
        }),
        expect![
            "small#0 small#1 small#2 large#0 large#1 | accepted by large | trust Some(0.98) entropy Some(0.0) share 1 | early true review false"
        ],
    );
}

#[test]
fn long_texts_without_checks_go_to_the_strongest_model() {
    let scene = Scene::of(CASCADE).answering(|call| {
        let word = if call.sample == 0 { "one" } else { "two" };
        answer(&format!("{word} {}", "word ".repeat(60)))
    });
    check(
        &scene,
        expect![
            "small#0 small#1 large#0 large#1 | accepted by large | trust None entropy None share 0 | early true review false"
        ],
    );
}

const QUALITY: &str = "FUSION_MODE=quality_first\nSAMPLES=5\nTRUST_FLOOR=0.3\n";

#[test]
fn sampling_stops_on_agreement() {
    check(
        &Scene::of(QUALITY).with_rules(&owner()).answering(|_| answer("owner")),
        expect![
            "small#0 small#1 | accepted by small | trust Some(0.9106) entropy Some(0.0) share 1 | early true review false"
        ],
    );
    let spread = Scene::of(QUALITY).with_rules(&owner()).answering(|call| {
        answer(["owner", "owner a", "owner b", "owner c", "owner d"][call.sample as usize])
    });
    check(
        &spread,
        expect![
            "small#0 small#1 small#2 small#3 small#4 | refused by small | trust Some(0.2526) entropy Some(1.0) share 0.2 | early false review true"
        ],
    );
}

#[test]
fn a_soft_failure_lowers_trust_and_a_hard_one_vetoes() {
    let mut scene = Scene::of("FUSION_MODE=speed_optimized\nTRUST_FLOOR=0.2\n")
        .with_rules(&owner())
        .answering(|_| answer("nobody"));
    check(
        &scene,
        expect![
            "small#0 | refused by small | trust Some(0.25) entropy None share 1 | early false review false"
        ],
    );
    scene.rules[0].severity = RuleSeverity::Soft;
    check(
        &scene,
        expect![
            "small#0 | accepted by small | trust Some(0.25) entropy None share 1 | early false review false"
        ],
    );
}

#[test]
fn efficiency_takes_the_cheapest_that_passes() {
    let scene = Scene::of("FUSION_MODE=efficiency_mode\nMODEL=large,small\n")
        .with_rules(&owner())
        .answering(|_| answer("owner"));
    check(
        &scene,
        expect![
            "small#0 | accepted by small | trust Some(0.75) entropy None share 1 | early false review false"
        ],
    );
}

#[test]
fn costs_and_times_add_up() {
    let outcome = Scene::of(CASCADE).with_rules(&owner()).outcome();
    // 100 · 0.05 + 10 · 0.15 for the small model, ten times that for the large one.
    assert_eq!((outcome.units, outcome.stage_ms), (71.5, Some(2000.0)));
    let unpriced = Scene::of("MODEL=local-gguf\n").outcome();
    assert_eq!((unpriced.units, unpriced.unpriced), (0.0, vec!["local-gguf".to_owned()]));
}

#[test]
fn a_call_without_recording_is_named() {
    let scene = Scene::of(CASCADE).with_rules(&owner());
    let plan = scene.plan();
    let missing = replay(&plan, &providers(), &mut |call, key| {
        assert_eq!(*key, request_key(call));
        (call.request.model == "small").then(|| answer("nobody"))
    });
    let missing = missing.unwrap_err();
    assert_eq!(missing.to_string(), "no recorded answer of large for sample 0");
    assert_eq!(missing.key, request_key(&plan.steps[1].calls[0]));
}

#[test]
fn answers_may_come_in_any_order_or_not_at_all() {
    let scene = Scene::of(QUALITY).with_rules(&owner());
    let (plan, providers) = (scene.plan(), providers());
    let mut run = Run::new(&plan, &providers);
    let Next::Ask(calls) = run.next() else { panic!("no calls") };
    assert_eq!(calls.len(), 2);
    run.tell(calls[1].ticket, answer("owner"));
    assert!(matches!(run.next(), Next::Wait));
    run.tell(calls[1].ticket, answer("told twice"));
    run.lose(calls[0].ticket);
    let Next::Ask(calls) = run.next() else { panic!("no replacement") };
    assert_eq!(calls.len(), 1);
    run.tell(calls[0].ticket, Answer { text: "Owner!".to_owned(), ..answer("") });
    assert!(matches!(run.next(), Next::Done));
    let outcome = run.finish();
    assert_eq!((outcome.answer.as_str(), outcome.samples_used), ("owner", 2));
    assert_eq!(outcome.stage_ms, None);
}

#[test]
fn a_run_without_answers_accepts_nothing() {
    let plan = Scene::of(CASCADE).plan();
    let providers = providers();
    let mut run = Run::new(&plan, &providers);
    let mut lost = 0;
    while let Next::Ask(calls) = run.next() {
        lost += calls.len();
        calls.iter().for_each(|it| run.lose(it.ticket));
    }
    let outcome = run.finish();
    assert_eq!((lost, outcome.accepted, outcome.model.as_str()), (2, false, ""));
}

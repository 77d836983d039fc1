use fusion_plan::{Answer, Call, Outcome};
use overlay_model::Test;

use crate::scene::{Scene, answer};

fn votes(outcome: &Outcome) -> String {
    let votes = outcome.votes.iter().map(|it| match it.candidate {
        Some(candidate) => format!("{}:{}->{candidate}", it.voter, it.weight),
        None => format!("{}:{}", it.voter, it.weight),
    });
    votes.collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(scene: &Scene, expect: (&str, &str)) {
    let outcome = scene.outcome();
    assert_eq!((votes(&outcome).as_str(), outcome.answer.as_str()), expect);
}

fn scene(voters: &str, answers: fn(&Call) -> Answer) -> Scene {
    let overlay = format!(
        "FUSION_MODE=quality_first\nSAMPLES=3\nENTROPY_FLOOR=0\nTRUST_FLOOR=0\n\
         VOTING_POWER_MAP={voters}\n"
    );
    Scene::of(&overlay).answering(answers)
}

/// Three different answers: a cheap one, a good one, one with a fact at little cost.
fn different(call: &Call) -> Answer {
    match call.sample {
        0 => Answer { completion_tokens: 5, ..answer("No.") },
        1 => Answer { completion_tokens: 40, ..answer("Refund 110 for A, owner B.") },
        _ => Answer { completion_tokens: 20, ..answer("Refund 110 for A.") },
    }
}

fn soft(scene: Scene) -> Scene {
    let tests = [Test::Facts(vec!["110".into()]), Test::Contains("owner".into())];
    let mut scene = scene.with_rules(&tests);
    scene.rules.iter_mut().for_each(|it| it.severity = overlay_model::RuleSeverity::Soft);
    scene
}

#[test]
fn each_judge_has_its_own_best() {
    let scene = soft(scene("energy:1,trust:2,continuity:1,insight:2,entropy:1", different));
    // No majority of the five that arrived: 1 for 0, 2 for 1, 2 for 2: judges tie, and the
    // trust judge ranks before the insight judge.
    check(
        &scene,
        (
            "energy:1->0 trust:2->1 continuity:1 insight:2->2 entropy:1",
            "Refund 110 for A, owner B.",
        ),
    );
}

#[test]
fn weight_flips_the_winner() {
    check(
        &soft(scene("energy:0,trust:2,insight:1", different)),
        ("energy:0->0 trust:2->1 insight:1->2", "Refund 110 for A, owner B."),
    );
    check(
        &soft(scene("energy:4,trust:2,insight:1", different)),
        ("energy:4->0 trust:2->1 insight:1->2", "No."),
    );
}

#[test]
fn one_participant_is_no_vote() {
    check(
        &soft(scene("energy:5,continuity:1", different)),
        ("energy:5->0 continuity:1", "Refund 110 for A, owner B."),
    );
}

#[test]
fn a_veto_keeps_a_candidate_out_of_the_vote() {
    let scene = scene("energy:3,trust:1,insight:1", different);
    let tests = [Test::Facts(vec!["110".into()]), Test::Not("owner".into())];
    check(&scene.with_rules(&tests), ("energy:3->2 trust:1->2 insight:1->2", "Refund 110 for A."));
}

#[test]
fn models_vote_for_their_own() {
    let mut scene = scene("model/small:2,model/large:3", |call| {
        answer(if call.request.model == "small" { "Left." } else { "Right." })
    });
    scene.overlay += "MODEL=small,large\nPRIMARY_MODEL_SELECTION=multi_model_weighted\n";
    check(&scene, ("model/small:2->1 model/large:3->0", "Right."));
}

#[test]
fn equal_answers_stand_together() {
    // Judges that are for different candidates of one meaning do not split the vote.
    let scene = scene("energy:1,entropy:1,trust:1", |call| match call.sample {
        0 => Answer { completion_tokens: 30, ..answer("Yes!") },
        1 => answer("No"),
        _ => Answer { completion_tokens: 9, ..answer("yes") },
    });
    check(&scene, ("energy:1->2 entropy:1->0 trust:1", "yes"));
}

#[test]
fn one_candidate_needs_no_vote() {
    let mut scene = scene("energy:1,trust:1", |_| answer("Yes."));
    scene.overlay = scene.overlay.replace("SAMPLES=3", "SAMPLES=1");
    check(&scene, ("", "Yes."));
}

use expect_test::{Expect, expect};
use fusion_plan::{
    CompileError, Encoding, Observation, RenderedRequest, body, prompt_tokens, request_key,
};
use overlay_model::{Rule, Turn, chain};
use overlay_schema::FusionMode;

use crate::scene::{Scene, calls, turn};

#[track_caller]
fn check_calls(overlay: &str, expect: &str) {
    assert_eq!(calls(&Scene::of(overlay).plan()), expect, "{overlay}");
}

#[test]
fn modes_lower_to_steps() {
    let with = |mode| format!("FUSION_MODE={mode}\nMODEL=small,large\nSAMPLES=3\n");
    check_calls(&with("baseline_only"), "small#0*");
    check_calls(&with("adaptive_routing"), "small#0* small#1 small#2 | large#0* large#1 large#2");
    check_calls(&with("speed_optimized"), "small#0*");
    check_calls(&with("quality_first"), "large#0* large#1* large#2");
    check_calls(&with("efficiency_mode"), "small#0* | large#0*");
    check_calls("FUSION_MODE=efficiency_mode\nMODEL=large,small\n", "small#0* | large#0*");
}

#[test]
fn weights_spread_the_samples() {
    let weighted = |mode, voters| {
        format!(
            "FUSION_MODE={mode}\nMODEL=small,large\nSAMPLES=6\n\
             PRIMARY_MODEL_SELECTION=multi_model_weighted\nVOTING_POWER_MAP={voters}\n"
        )
    };
    check_calls(
        &weighted("quality_first", "model/large:2,model/small:1"),
        "large#0* small#0* large#1 large#2 small#1 large#3",
    );
    check_calls(
        &weighted("quality_first", "energy:1,trust:1"),
        "small#0* large#0* small#1 large#1 small#2 large#2",
    );
    check_calls(&weighted("speed_optimized", "model/large:2,model/small:1"), "large#0*");
    check_calls(&weighted("baseline_only", "model/large:2,model/small:1"), "large#0*");
    check_calls(
        &weighted("efficiency_mode", "model/large:30,model/small:1"),
        "large#0* | small#0*",
    );
    check_calls(&weighted("efficiency_mode", "model/large:1,energy:1"), "large#0*");
}

#[track_caller]
fn check_capability(mode: &str, ledger: &[(&str, &str, f64, f64)], expect: &str) {
    let overlay = format!(
        "FUSION_MODE={mode}\nMODEL=small,large\nSAMPLES=2\n\
         PRIMARY_MODEL_SELECTION=capability_weighted\n"
    );
    let entries = ledger.iter().map(|(model, kind, score, hours)| Observation {
        model: (*model).to_owned(),
        scenario_type: (*kind).to_owned(),
        score: *score,
        hours: *hours,
    });
    let scene = Scene { ledger: entries.collect(), ..Scene::of(&overlay) };
    let plan = scene.plan();
    let ranking = plan.ranking.iter().map(|it| format!("{} {:?}", it.model, it.score));
    let ranking = ranking.collect::<Vec<_>>().join(", ");
    assert_eq!(format!("{} ({ranking})", calls(&plan)), expect);
}

#[test]
fn the_ledger_orders_the_models() {
    let good = [("small", "refund", 0.9, 1000.0), ("large", "refund", 0.8, 1000.0)];
    check_capability(
        "quality_first",
        &good,
        "small#0* small#1* (small Some(0.9), large Some(0.8))",
    );
    check_capability("speed_optimized", &good, "small#0* (small Some(0.9), large Some(0.8))");
    check_capability("quality_first", &[], "small#0* small#1* (small None, large None)");
    // An entry of another kind of work counts only where there is none of this kind.
    let other = [("large", "audit", 0.7, 1000.0), ("small", "refund", 0.6, 1000.0)];
    check_capability(
        "adaptive_routing",
        &[&other[..], &[("small", "audit", 0.9, 1000.0)]].concat(),
        "large#0* large#1 | small#0* small#1 (large Some(0.7), small Some(0.6))",
    );
    // A day halves the weight: (1.0 · ½ + 0.1) / 1.5.
    let aged = [("small", "", 1.0, 976.0), ("small", "", 0.1, 1000.0), ("large", "", 0.5, 1.0)];
    check_capability("speed_optimized", &aged, "large#0* (large Some(0.5), small Some(0.4))");
    check_capability(
        "efficiency_mode",
        &[("large", "", 0.5, 1.0), ("small", "", 0.02, 1.0)],
        "large#0* | small#0* (large Some(0.5), small Some(0.02))",
    );
}

#[test]
fn selection_acts_in_every_mode() {
    for mode in FusionMode::WORDS {
        let steps = |selection: &str, best: &str| {
            let overlay = format!(
                "FUSION_MODE={mode}\nMODEL=small,large\nPRIMARY_MODEL_SELECTION={selection}\n"
            );
            let score = |model: &str| Observation {
                model: model.to_owned(),
                scenario_type: String::new(),
                score: if model == best { 0.9 } else { 0.05 },
                hours: 1.0,
            };
            let ledger = vec![score("small"), score("large")];
            calls(&Scene { ledger, ..Scene::of(&overlay) }.plan())
        };
        let single = steps("single_model", "small");
        let chosen = ["small", "large"].map(|best| steps("capability_weighted", best));
        assert!(chosen.iter().any(|it| *it != single), "{mode}: {chosen:?}");
        assert_ne!(chosen[0], chosen[1], "{mode}");
    }
}

#[track_caller]
fn request(overlay: &str) -> RenderedRequest {
    Scene::of(overlay).plan().steps[0].calls[0].request.clone()
}

#[test]
fn the_target_sets_the_sampling() {
    let sampling = |overlay: &str| {
        let it = request(overlay);
        (it.temperature.unwrap(), it.top_p.unwrap())
    };
    assert_eq!(sampling("ENTROPY_REDUCTION_TARGET=0\n"), (0.4, 0.95));
    assert_eq!(sampling("ENTROPY_REDUCTION_TARGET=0.72\n"), (0.22, 0.698));
    assert_eq!(sampling("ENTROPY_REDUCTION_TARGET=1\n"), (0.15, 0.6));
    assert_eq!(sampling("TEMPERATURE=0.9\nTOP_P=0.5\n"), (0.9, 0.5));
    assert_eq!(sampling("TEMPERATURE=0.9\nSMALL_TEMPERATURE=0.1\nLARGE_TOP_P=0\n"), (0.1, 0.845));
}

#[test]
fn answers_are_limited_by_overlay_and_model() {
    assert_eq!(request("MAX_TOKENS=300\n").max_tokens, Some(300));
    assert_eq!(request("").max_tokens, Some(1000));
    assert_eq!(request("MAX_TOKENS=300\nSMALL_MAX_TOKENS=20\n").max_tokens, Some(20));
    assert_eq!(request("MODEL=local-gguf\n").max_tokens, None);
    let plan = Scene::of("MAX_TOKENS=3000\nGPT-5_TOP_P=1\n").plan();
    assert_eq!(plan.steps[0].calls[0].request.max_tokens, Some(1000));
    assert_eq!(
        plan.dropped,
        ["GPT-5_*: no such model is asked", "MAX_TOKENS: 3000 -> 1000, all that small answers"]
    );
}

#[test]
fn the_body_is_what_the_provider_gets() {
    let overlay = "FUSION_MODE=speed_optimized\nRESPONSE_FORMAT=json_object\nPRESENCE_PENALTY=1\n";
    let request = request(overlay);
    expect![[r###"
        {
          "max_tokens": 1000,
          "messages": [
            {
              "content": "## Core Directive\nName the way back.\n",
              "role": "system"
            },
            {
              "content": "Refund order 4521?",
              "role": "user"
            }
          ],
          "model": "small",
          "presence_penalty": 1.0,
          "response_format": {
            "type": "json_object"
          },
          "temperature": 0.325,
          "top_p": 0.845
        }"###]]
    .assert_eq(&serde_json::to_string_pretty(&body(&request)).unwrap());
}

#[test]
fn the_key_covers_request_and_sample() {
    let plan = Scene::of("FUSION_MODE=quality_first\n").plan();
    let [first, second] = &plan.steps[0].calls[..2] else { panic!("two samples") };
    expect!["sha256:68d4ce297f04d28daffd4cfcf0219511d13e83034079c57bcdd74cbc3f0f200e"]
        .assert_eq(&request_key(first).to_string());
    assert_ne!(request_key(first), request_key(second));
    let json = serde_json::json!({"request": first.request, "sample": first.sample}).to_string();
    assert_eq!(request_key(first), overlay_model::Digest::of(json.as_bytes()));
}

#[test]
fn the_baseline_sends_no_overlay() {
    let scene = Scene {
        prompt: Some("## Core Directive\nX\n\n## Quality Gates\n- y [check: contains \"Y\"]\n"),
        ..Scene::of("VOTING_POWER_MAP=energy:1,trust:1\n")
    };
    let plan = scene.plan();
    assert_eq!(plan.mode, FusionMode::BaselineOnly);
    assert_eq!((plan.voters.len(), plan.rules.len()), (0, 0));
    assert_eq!(plan.steps[0].calls[0].request.messages.len(), 1);
    let scene = Scene { overlay: "FUSION_MODE=speed_optimized\n".to_owned(), ..scene };
    assert_eq!(scene.plan().rules[0].id.as_deref(), Some("gate-1"));
}

#[test]
fn the_daily_budget_ends_in_the_baseline() {
    let overlay = "FUSION_MODE=quality_first\nENERGY_BUDGET_PER_DAY=1000\nENERGY_FLOOR=0.1\n";
    let at = |spent_today| Scene { spent_today, ..Scene::of(overlay) }.plan();
    assert_eq!((at(900.0).mode, at(900.0).mode_reason), (FusionMode::QualityFirst, None));
    assert_eq!(at(901.0).mode, FusionMode::BaselineOnly);
    assert_eq!(
        at(901.0).mode_reason.unwrap(),
        "0.099 of ENERGY_BUDGET_PER_DAY=1000 is left, ENERGY_FLOOR=0.1"
    );
}

fn talk(turns: usize) -> Vec<Turn> {
    let turns = (0..turns).map(|it| {
        let role = if it % 2 == 0 { "user" } else { "assistant" };
        turn(role, &format!("turn {it}: {}", "a few words more ".repeat(12)))
    });
    turns.collect()
}

#[track_caller]
fn check_context(policy: &str, turns: Vec<Turn>, expect: Expect) -> usize {
    let scene = Scene {
        turns,
        pinned: vec!["account: AC-1".to_owned()],
        ..Scene::of(&format!("CONTINUITY_ENFORCEMENT={policy}\nMAX_TOKENS=200\n"))
    };
    let plan = scene.plan();
    let request = &plan.steps[0].calls[0].request;
    let it = &plan.context;
    let counted = prompt_tokens(request, Encoding::O200k);
    expect.assert_eq(&format!(
        "{}+{} turns, {}+{} tokens, {} pinned, {} messages, {counted} in all",
        it.kept_turns,
        it.dropped_turns,
        it.kept_tokens,
        it.dropped_tokens,
        it.pinned,
        request.messages.len(),
    ));
    counted
}

#[test]
fn policies_keep_more_and_more() {
    let aggressive = check_context(
        "aggressive_thread",
        talk(80),
        expect!["2+78 turns, 0+0 tokens, 1 pinned, 4 messages, 140 in all"],
    );
    let basic = check_context(
        "basic_thread",
        talk(80),
        expect!["17+63 turns, 969+3591 tokens, 0 pinned, 18 messages, 982 in all"],
    );
    let enhanced = check_context(
        "enhanced_thread",
        talk(80),
        expect!["35+45 turns, 1995+2565 tokens, 1 pinned, 37 messages, 2021 in all"],
    );
    let comprehensive = check_context(
        "comprehensive_thread",
        talk(80),
        expect!["56+24 turns, 3192+1368 tokens, 1 pinned, 58 messages, 3218 in all"],
    );
    assert!(aggressive < basic && basic < enhanced && enhanced < comprehensive);
}

#[test]
fn a_short_conversation_needs_no_counting() {
    check_context(
        "basic_thread",
        talk(2),
        expect!["2+0 turns, 0+0 tokens, 0 pinned, 3 messages, 127 in all"],
    );
}

#[test]
fn pinned_facts_stand_behind_the_prompt() {
    let scene = Scene {
        pinned: vec!["account: AC-1".to_owned(), "plan: Team".to_owned()],
        turns: talk(1),
        ..Scene::of("FUSION_MODE=speed_optimized\nCONTINUITY_ENFORCEMENT=enhanced_thread\n")
    };
    let plan = scene.plan();
    let messages = &plan.steps[0].calls[0].request.messages;
    let roles: Vec<_> = messages.iter().map(|it| it.role.as_str()).collect();
    assert_eq!(roles, ["system", "system", "user", "user"]);
    assert_eq!(messages[1].content, "Pinned facts:\n- account: AC-1\n- plan: Team");
}

#[test]
fn a_broken_chain_is_named() {
    let mut turns = talk(3);
    let mut prev = None;
    for turn in &mut turns {
        prev = Some(chain(prev, &turn.role, &turn.content));
        turn.hash = prev;
    }
    let with = |policy: &str, turns: &[Turn]| {
        let overlay = format!("CONTINUITY_ENFORCEMENT={policy}\n");
        Scene { turns: turns.to_vec(), ..Scene::of(&overlay) }.try_plan()
    };
    assert!(with("comprehensive_thread", &turns).unwrap().context.chain_verified);
    turns[1].content.push('!');
    let broken = with("aggressive_thread", &turns).unwrap_err();
    assert_eq!(broken.to_string(), "the chain of turns is broken at turn 2");
    assert!(with("enhanced_thread", &turns).is_ok());
}

#[test]
fn what_does_not_fit_is_refused() {
    let overlay = "SMALL_MAX_CONTEXT_TOKENS=12\n";
    let refused = Scene::of(overlay).try_plan().unwrap_err();
    assert_eq!(
        refused.to_string(),
        "13 prompt tokens and 1 for the answer exceed the 12 of `small`"
    );
}

#[test]
fn personal_data_stays_here() {
    let scene = Scene {
        question: "Write to jane.doe@acme-bank.com now.",
        ..Scene::of("PII_DETECTION=strict\n")
    };
    let plan = scene.plan();
    assert_eq!(plan.redactions, 1);
    assert!(!plan.steps[0].calls[0].request.messages[0].content.contains("jane"));
}

#[track_caller]
fn refused(overlay: &str, expect: CompileError) {
    assert_eq!(Scene::of(overlay).try_plan(), Err(expect));
}

#[test]
fn unknown_names_and_prices_are_refused() {
    let unknown = |model: &str| CompileError::UnknownModel { model: model.to_owned() };
    refused("MODEL=gpt-9\n", unknown("gpt-9"));
    refused("VOTING_POWER_MAP=model/gpt-9:1,energy:1\n", unknown("gpt-9"));
    let price = |key| CompileError::UnknownPrice { model: "local-gguf".to_owned(), key };
    refused("MODEL=local-gguf\nMAX_ENERGY_UNITS=5\n", price("MAX_ENERGY_UNITS"));
    refused("MODEL=local-gguf\nENERGY_BUDGET_PER_DAY=5\n", price("ENERGY_BUDGET_PER_DAY"));
    refused(
        "MODEL=local-gguf,small\nFUSION_MODE=efficiency_mode\n",
        price("FUSION_MODE=efficiency_mode"),
    );
    assert!(Scene::of("MODEL=local-gguf\n").try_plan().is_ok());
}

#[test]
fn a_check_that_is_none_is_refused() {
    let scene = Scene {
        prompt: Some("## Quality Gates\n- x [check: contains Rollback]\n"),
        ..Scene::of("FUSION_MODE=speed_optimized\n")
    };
    let err = scene.try_plan().unwrap_err();
    assert_eq!(err.to_string(), "the micro overlay has a check that is none: `contains Rollback`");
}

#[test]
fn rules_of_the_request_come_first() {
    let rule: Rule = serde_json::from_str(r#"{"contains": "A"}"#).unwrap();
    let scene = Scene {
        prompt: Some("## Quality Gates\n- x [check: contains \"B\"]\n"),
        rules: vec![rule],
        ..Scene::of("FUSION_MODE=speed_optimized\n")
    };
    let ids: Vec<_> = scene.plan().rules.into_iter().map(|it| it.id).collect();
    assert_eq!(ids, [None, Some("gate-1".to_owned())]);
}

use expect_test::{Expect, expect};
use fusion_plan::{Answer, Checks, check_answer};
use overlay_model::{Rule, RuleSeverity, Test};

use crate::scene::{answer, hard};

#[track_caller]
fn check(test: Test, text: &str, expect: Expect) {
    expect.assert_eq(&verdict(test, &answer(text)));
}

#[track_caller]
fn verdict(test: Test, answer: &Answer) -> String {
    let results = check_answer(&[hard(&test)], &[], answer, &|_| panic!("no counting needed"));
    let [result] = results.as_slice() else { panic!("{results:?}") };
    format!("{} {}", if result.pass { "pass" } else { "fail" }, result.evidence)
}

#[track_caller]
fn concludes(text: &str, expect: &str) {
    let found = verdict(Test::Number(1e9), &answer(text));
    let found = found.trim_start_matches("fail ").trim_end_matches(", not 1000000000");
    assert_eq!(found, expect, "{text:?}");
}

#[test]
fn the_concluding_number() {
    concludes("80 * 4 = $<<80*4=320>>320.\n#### 440", "440");
    concludes("#### $1,234.50\nThat is all for 2 people.", "1234.5");
    concludes("#### 7 packs and 2 extra glue sticks", "7");
    concludes("#### **-54**", "-54");
    concludes("## 1\n#### Step 2\nso 3.", "3");
    concludes("#### 2. Costs\nThey come to 18.", "18");
    concludes("Thus \\(\\boxed{1{,}250}\\) of 8 items", "1250");
    concludes("so \\boxed{x = -3}", "-3");
    concludes("The total is $11.00.", "11");
    concludes("**Refund total in USD:** 440.", "440");
    concludes("25% of 80 is 20, a share of 25%", "25");
    concludes("160-20=140", "140");
    concludes("160-20", "20");
    concludes("it fell to -$54", "-54");
    concludes("it fell to −3.5 degrees", "-3.5");
    concludes("from 5-10", "10");
    concludes("costs .75", "0.75");
    concludes("Refund 440 USD for ORD-58213 by gpt4", "440");
    concludes("It is 12.\n\n1. Open the case\n2) Close it", "12");
    concludes("lists 1,2,3", "3");
    concludes("1,234,567", "1234567");
    concludes("nothing at all", "no number");
    concludes("version v1.2.3", "no number");
    concludes("٣٤ apples", "no number");
}

#[test]
fn a_number_is_compared_by_value() {
    check(Test::Number(11.0), "You lose $11.00.", expect!["pass 11"]);
    check(Test::Number(12.0), "You lose $11.00.", expect!["fail 11, not 12"]);
}

#[test]
fn texts_patterns_and_facts() {
    check(Test::Contains("Rollback".into()), "**Rollback:** none", expect!["pass found"]);
    check(Test::Contains("Rollback".into()), "rollback", expect!["fail `Rollback` does not occur"]);
    check(Test::Not("as an AI".into()), "as an AI", expect!["fail `as an AI` occurs"]);
    check(Test::Regex("(?i)owner:".into()), "Owner: me", expect!["pass Owner:"]);
    check(Test::Regex("^x$".into()), "y", expect!["fail `^x$` does not match"]);
    let facts = || Test::Facts(vec!["110".into(), "4521".into()]);
    check(facts(), "110 USD to the card ending 4521.", expect!["pass 2 of 2"]);
    check(facts(), "1100 USD to the card 4521", expect!["fail missing `110`"]);
    check(facts(), "110.5 USD to 4,521", expect!["fail missing `110`, `4521`"]);
}

#[test]
fn json_is_read_whole_or_from_one_fence() {
    let schema = || Test::JsonSchema(serde_json::json!({"required": ["due"], "type": "object"}));
    check(schema(), "{\"due\": 1}", expect!["pass valid"]);
    check(schema(), "```json\n{\"due\": 1}\n```", expect!["pass valid"]);
    check(schema(), "{\"owed\": 1}", expect![[r#"fail : "due" is a required property"#]]);
    check(schema(), "Here: {\"due\": 1}", expect!["fail the answer is no JSON"]);
}

#[test]
fn bad_patterns_are_findings_and_fail() {
    let rules =
        [hard(&Test::Regex("(".into())), hard(&Test::JsonSchema(serde_json::json!({"type": 3})))];
    let (checks, findings) = Checks::compile(&rules);
    let findings: String = findings.iter().map(|it| format!("{it}\n")).collect();
    expect![[r#"
        error[PLN1001]: rule regex-1: unclosed group
        error[PLN1002]: rule json_schema-2: 3 is not valid under any of the schemas listed in the 'anyOf' keyword
    "#]]
    .assert_eq(&findings);
    assert!(checks.on(&answer("("), &|_| 0).iter().all(|it| !it.pass && it.hard));
}

#[test]
fn tokens_are_recorded_proved_or_counted() {
    let recorded = answer("twelve words");
    assert_eq!(verdict(Test::MaxTokens(10), &recorded), "pass 10 tokens, 10 allowed");
    assert_eq!(verdict(Test::MaxTokens(9), &recorded), "fail 10 tokens, 9 allowed");
    let bare = Answer { text: "twelve words".to_owned(), ..Answer::default() };
    assert_eq!(verdict(Test::MaxTokens(12), &bare), "pass at most 12 tokens");
    let counted = check_answer(&[hard(&Test::MaxTokens(11))], &[], &bare, &|it| it.len());
    assert_eq!(counted[0].evidence, "12 tokens, 11 allowed");
}

#[track_caller]
fn ends(text: &str, expect: bool) {
    let found = verdict(Test::Termination(true), &answer(text));
    assert_eq!(found.starts_with("pass"), expect, "{text:?}: {found}");
}

#[test]
fn proper_endings() {
    for text in [
        "Done.",
        "Really?!",
        "so it is (see above)",
        "he said “no.”",
        "```\nlet x = 1;\n```",
        "All right, **done**",
        "Steps:\n- open\n- close it",
        "1. open\n2. close it",
        "80 + 360 = 440\n#### 440",
        "The total is 440 €",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "{\"a\": 1}",
        "以上です。",
        "Ready ✅",
        "**Refund total in USD:** 440.",
    ] {
        ends(text, true);
    }
}

#[test]
fn broken_endings() {
    for text in [
        "",
        " \n ",
        "The refund is paid as soon as the",
        "The following steps:",
        "first, second,",
        "```\nlet x = 1;",
        "1. open\n2. go to the",
        "- restart and",
        "see (above",
        "The answer speaks in **bold words and then stop",
    ] {
        ends(text, false);
    }
    let cut = Answer { finish_reason: "length".to_owned(), ..answer("Done.") };
    assert_eq!(verdict(Test::Termination(true), &cut), "fail the model stopped with `length`");
}

#[test]
fn repetitions() {
    let repeats = |text: &str| verdict(Test::Repetition(true), &answer(text));
    expect!["pass We will refund the charge"].assert_eq(&repeats(
        "We will refund the charge. Yes. We will refund the charge! Then we will refund the \
         charge. We will refund the charge.",
    ));
    expect!["pass on and on"].assert_eq(&repeats(&"on and on ".repeat(5)));
    expect!["fail no repetition"].assert_eq(&repeats("Yes. Yes. Yes. Yes. No."));
    expect!["fail no repetition"].assert_eq(&repeats(&"| 0 | 0 ".repeat(20)));
    expect!["fail no repetition"].assert_eq(&repeats("- [ ] one two three\n- [ ] four five six"));
}

#[test]
fn refusals() {
    let refuses = |text: &str| verdict(Test::Refusal(false), &answer(text));
    expect!["fail i can't help with"].assert_eq(&refuses("I’m sorry, I can’t help with that."));
    expect!["fail as an ai language model"].assert_eq(&refuses("As an AI language model, I …"));
    expect!["pass no refusal"].assert_eq(&refuses("I cannot confirm the charge. Refund it."));
    let late = format!("{} I can't help with that.", "The refund is due. ".repeat(20));
    expect!["pass no refusal"].assert_eq(&refuses(&late));
}

#[test]
fn pinned_facts_count_where_their_label_is_mentioned() {
    let pinned = ["account: AC-20931", "plan: Studio Plus", "free words"].map(str::to_owned);
    let text = "Your Account AC-20931 is on the plan Team.";
    let results = check_answer(&[], &pinned, &answer(text), &|_| 0);
    let results: String =
        results.iter().map(|it| format!("{} {} {}\n", it.id, it.pass, it.evidence)).collect();
    expect![[r#"
        pinned-1 true `account` is mentioned, `AC-20931` is kept
        pinned-2 false `plan` is mentioned, `Studio Plus` is missing
    "#]]
    .assert_eq(&results);
    assert!(check_answer(&[], &pinned, &answer("Hello."), &|_| 0).is_empty());
}

#[test]
fn rules_have_their_own_names() {
    let named = Rule {
        id: Some("cites".to_owned()),
        severity: RuleSeverity::Soft,
        test: Test::Contains("4521".to_owned()),
    };
    let rules = [named, hard(&Test::Refusal(false))];
    let results = check_answer(&rules, &[], &answer("4521"), &|_| 0);
    let names: Vec<_> = results.iter().map(|it| (it.id.as_str(), it.hard)).collect();
    assert_eq!(names, [("cites", false), ("refusal-2", true)]);
}

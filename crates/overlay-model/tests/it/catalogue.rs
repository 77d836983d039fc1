use expect_test::{Expect, expect};
use overlay_model::{
    CATALOGUE_CODES, Catalogue, Chain, Diagnostic, Rule, Turn, chain, from_yaml, verify_chain,
};

use crate::listed;

/// The findings, each with the text it is about.
#[track_caller]
fn check(text: &str, expect: Expect) -> Vec<Diagnostic> {
    let catalogue: Catalogue = from_yaml(text).unwrap();
    let findings = catalogue.findings(text);
    for finding in &findings {
        assert!(CATALOGUE_CODES.iter().any(|(code, ..)| *code == finding.code), "{}", finding.code);
    }
    expect.assert_eq(&listed(&findings));
    findings
}

#[test]
fn a_right_file_has_no_findings() {
    check(
        "schema_version: '1'\nscenarios:\n- id: a\n  prompt: what\n  complexity: 1\n  parameters: {TRUST_FLOOR: 0.5, FUSION_MODE: quality_first}\n  expect: [{contains: x}, {facts: [y], severity: soft}]\n  turns: [{role: user, content: hi}]\n",
        expect![""],
    );
}

#[test]
fn what_the_types_cannot_say() {
    let findings = check(
        r#"scenarios:
  - id: a
    prompt: what
    complexity: 1.5
    evaluation_weight: 0
    turns:
      - role: user
        content: hi
      - {role: robot, content: beep}
    parameters:
      trust: 1
      OK: 2
      BAD: "a\nb"
  - id: b
    prompt: "  "
    complexity: .nan
    evaluation_weight: .inf
    expect:
      - contains: ""
      - facts: []
      - {id: x, facts: [a, ""]}
      - {id: x, max_tokens: 0}
      - {number: .nan}
      - {json_schema: [1]}
  - id: a
    prompt: again
"#,
        expect![[r#"
            4:17: error[OVL5302]: scenario `a` has the complexity 1.5 (use a number from 0 to 1)
            5:24: error[OVL5303]: scenario `a` has the weight 0 (use a number above 0)
            9:9: error[OVL5304]: scenario `a` has a turn of the role `robot` (use user, assistant or system)
            11:7: error[OVL5305]: scenario `a` sets `BAD`: the value holds the character U+000A, which cannot be seen
            11:7: error[OVL5305]: scenario `a` sets `trust`: not a parameter name
            16:17: error[OVL5302]: scenario `b` has the complexity NaN (use a number from 0 to 1)
            17:24: error[OVL5303]: scenario `b` has the weight inf (use a number above 0)
            15:13: error[OVL5306]: scenario `b` has no prompt
            19:9: error[OVL5307]: scenario `b` has a rule `contains` without text
            20:9: error[OVL5307]: scenario `b` has a rule `facts` without facts
            21:9: error[OVL5307]: scenario `b` has a rule `facts` with an empty fact
            22:9: error[OVL5307]: scenario `b` has a rule `max_tokens` that allows no token
            22:9: error[OVL5308]: scenario `b` names rules 3 and 4 `x`
            23:9: error[OVL5307]: scenario `b` has a rule `number` whose number is not finite
            24:9: error[OVL5307]: scenario `b` has a rule `json_schema` whose schema is neither an object nor a switch
            25:9: error[OVL5301]: the scenario `a` exists already (give one of the two another identifier)
        "#]],
    );
    let last = findings.last().unwrap();
    let lines: Vec<_> = last.related.iter().map(|(at, label)| (at.line, label.as_str())).collect();
    assert_eq!(lines, [(2, "first defined here")]);
}

#[test]
fn findings_point_at_bytes() {
    let text = "# ü\nscenarios:\n  - {id: a, prompt: ü, complexity: 7}\n";
    for text in [text.to_owned(), text.replace('\n', "\r\n")] {
        let catalogue: Catalogue = from_yaml(&text).unwrap();
        let at = catalogue.findings(&text)[0].at.clone().unwrap();
        assert_eq!((text.get(at.span.clone()), at.line, at.column), (Some("7"), 3, 36));
    }
}

#[test]
fn json_and_nothing() {
    check(
        r#"{"scenarios": [{"id": "a", "prompt": ""}]}"#,
        expect![[r#"
        1:38: error[OVL5306]: scenario `a` has no prompt
    "#]],
    );
    check(
        "scenarios: []\n",
        expect![[r#"
        warning[OVL5310]: the file has no scenario
    "#]],
    );
    let catalogue: Catalogue = from_yaml("scenarios: [{id: a, prompt: ''}]").unwrap();
    let findings = catalogue.findings("not: the file");
    assert_eq!((findings[0].code, &findings[0].at), ("OVL5306", &None));
}

#[track_caller]
fn check_refused(text: &str, expect: Expect) {
    expect.assert_eq(&from_yaml::<Catalogue>(text).unwrap_err().to_string());
}

#[test]
fn what_the_types_say() {
    check_refused(
        "scenarios: [{id: ../a, prompt: x}]",
        expect![
            "1:18: invalid scenario id `../a`: use 1 to 128 letters, digits, `_`, `-` and `.`, a letter or digit first"
        ],
    );
    check_refused("scenarios: [{id: a}]", expect!["1:14: missing field `prompt`"]);
    check_refused(
        "scenarios:\n- {id: a, prompt: x, promt: y}",
        expect![
            "2:22: unknown field `promt`, expected one of id, type, category, complexity, description, context, prompt, turns, pinned, expected_capabilities, evaluation_weight, expect, severity, tags, critical, cluster, router, parameters"
        ],
    );
    check_refused(
        "scenarios:\n- {id: a, prompt: x, critical: yes}",
        expect![[
            r#"2:32: invalid type: string "yes", expected a number or a switch, without quotes"#
        ]],
    );
    check_refused(
        "scenarios:\n- id: a\n  prompt: x\n  id: b\n",
        expect!["4:3: duplicate mapping key `id` is not allowed here"],
    );
    check_refused(
        "scenarios:\n- {id: a, prompt: x, expect: [{contains: a, not: b}]}",
        expect![
            "2:31: a rule has exactly one of contains, not, regex, number, json_schema, facts, max_tokens, refusal, termination, repetition"
        ],
    );
    check_refused(
        "scenarios:\n- {id: a, prompt: x, expect: [{}]}",
        expect![
            "2:31: a rule has exactly one of contains, not, regex, number, json_schema, facts, max_tokens, refusal, termination, repetition"
        ],
    );
    check_refused("", expect!["1:1: unexpected end of file"]);
}

#[test]
fn a_scenario_asks_its_question() {
    let catalogue: Catalogue = from_yaml(
        "scenarios: [{id: a, prompt: Why?, context: \"Facts\\n\"}, {id: b, type: t, prompt: Why?}]",
    )
    .unwrap();
    let asked: Vec<_> = catalogue.scenarios.iter().map(|it| (it.kind(), it.question())).collect();
    assert_eq!(asked, [("a", "Facts\n\nWhy?".to_owned()), ("t", "Why?".to_owned())]);
}

#[test]
fn a_rule_reads_back() {
    for text in [
        r#"{"id":"r","severity":"soft","contains":"x"}"#,
        r#"{"id":null,"severity":"hard","json_schema":{"type":"object"}}"#,
        r#"{"id":null,"severity":"hard","facts":["a"]}"#,
    ] {
        let rule: Rule = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&rule).unwrap(), text);
    }
}

/// A conversation whose turns carry their digests.
fn conversation() -> Vec<Turn> {
    let mut prev = None;
    let turns = [("user", "hi"), ("assistant", "hello"), ("user", "bye")];
    turns
        .into_iter()
        .map(|(role, content)| {
            prev = Some(chain(prev, role, content));
            Turn { role: role.to_owned(), content: content.to_owned(), hash: prev }
        })
        .collect()
}

#[test]
fn a_chain_shows_what_was_changed() {
    let turns = conversation();
    assert_eq!(verify_chain(&turns), Chain::Verified);
    assert_eq!(verify_chain(&[]), Chain::Unverified);

    let mut other = turns.clone();
    other[1].content.push('!');
    assert_eq!(verify_chain(&other), Chain::Broken { turn: 2 });

    let mut other = turns.clone();
    other.remove(0);
    assert_eq!(verify_chain(&other), Chain::Broken { turn: 1 });

    let mut other = turns.clone();
    other.insert(2, Turn { hash: None, ..turns[0].clone() });
    assert_eq!(verify_chain(&other), Chain::Broken { turn: 3 });

    let mut other = turns;
    other.iter_mut().for_each(|it| it.hash = None);
    assert_eq!(verify_chain(&other), Chain::Unverified);
}

#[test]
fn the_border_between_role_and_content_counts() {
    assert_ne!(chain(None, "user", "x"), chain(None, "use", "rx"));
    assert_ne!(chain(None, "user", "x"), chain(Some(chain(None, "", "")), "user", "x"));
    // Digests of turns lie in files of other people: this one must never change.
    assert_eq!(
        chain(None, "user", "hi").to_string(),
        "sha256:71311b99177e1f470cd89728057db5bec4bd3fa2e9115f5be8f11e84b59c3c67",
    );
}

#[test]
fn a_broken_chain_is_found() {
    let mut turns = conversation();
    turns[2].content.clear();
    let turns = serde_json::to_string(&turns).unwrap();
    let text = format!("scenarios:\n- id: a\n  prompt: x\n  turns: {turns}\n");
    check(
        &text,
        expect![[r#"
        4:243: error[OVL5309]: scenario `a` has turns that their digests do not fit, from turn 3 on (a turn was changed after it was recorded)
    "#]],
    );
}

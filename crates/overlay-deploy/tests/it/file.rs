use expect_test::{Expect, expect};
use jsonschema::Validator;
use overlay_deploy::{CODES, DeployFile, EnvironmentName, Mode, deploy_file_schema};

const SHIPPED: &str = include_str!("../../../../configs/deploy.toml");

fn environment(name: &str) -> EnvironmentName {
    name.parse().unwrap()
}

#[track_caller]
fn check(text: &str, expect: Expect) {
    let (_, findings) = DeployFile::parse(text);
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    expect.assert_eq(&lines.join("\n"));
}

#[test]
fn the_shipped_file_is_read_as_it_is_meant() {
    let (file, findings) = DeployFile::parse(SHIPPED);
    assert_eq!(findings, []);
    let production = file.environment(&environment("production"));
    assert_eq!(production.mode, Mode::Staged);
    assert_eq!(production.stages.to_string(), "1,5,25,50,100");
    assert_eq!(production.bake.to_string(), "5m");
    assert_eq!(production.max_stage.to_string(), "6h");
    assert_eq!(production.limits.p95.unwrap().to_string(), "10s");
    assert_eq!(production.after, Some(environment("staging")));
    assert_eq!(file.environment(&environment("development")).mode, Mode::Direct);
}

#[test]
fn its_examples_are_read_too() {
    let open = |line: &str| match line.strip_prefix("# ") {
        Some(it) if it.contains(" = ") || it.starts_with('[') => it.to_owned(),
        _ => line.to_owned(),
    };
    let (rules, examples) = SHIPPED.split_once("# Checks of one's own").unwrap();
    let examples = examples.lines().skip(1).map(open).collect::<Vec<_>>().join("\n");
    let text = format!("{rules}\n{examples}");
    let (file, findings) = DeployFile::parse(&text);
    assert!(findings.iter().all(|it| it.code == "DEP1009"), "{findings:?}");
    assert_eq!(file.checks.len(), 3);
}

#[test]
fn all_findings_come_at_once_each_with_its_place() {
    check(
        r#"
schema = "fusion/deploy/9"
stagess = 1

[analysis]
false_abort = 0.9
p95 = "soon"

[environments.Prod]
mode = "direct"

[environments.production]
mode = "rolling"
stages = [50, 5, 100]
min_samples = 0
bake = 5
checks = ["schema", "lod", 3]
after = "staging"
max_stag = "1h"

[checks.golden]
kind = "command"
argv = []

[checks.page]
kind = "http"
url = "ftp://x"

[checks.ask]
kind = "metric"
prometheus = "http://127.0.0.1:9090"
query = "up"
"#,
        expect![[r#"
            2:10: error[DEP1010]: unknown format `fusion/deploy/9`: this program reads `fusion/deploy/1`
            3:1: error[DEP1002]: unknown key `stagess` (known are schema, analysis, environments, checks)
            6:15: error[DEP1004]: `false_abort` is from 0.000001 to 0.2, not 0.9
            7:7: error[DEP1004]: `soon` is no length of time: write `250ms`, `30s`, `5m` or `1h 30m`, at most 30 days
            9:15: error[DEP1004]: `Prod` is no name: 1 to 64 lower-case letters, digits, `_` and `-`, no mark first
            12:15: warning[DEP1008]: `production` asks for no golden verdict (add `golden` to its `checks`)
            12:15: error[DEP1007]: `production` comes after `staging`, which the file does not have
            13:8: error[DEP1004]: unknown mode `rolling`: use direct, staged or blue-green
            14:10: error[DEP1004]: `50,5,100` are no stages: write 2 to 50 growing percentages, above 0 and with at most three decimals, the last one 100
            15:15: error[DEP1004]: `min_samples` is from 1 to 10000000, not 0
            16:8: error[DEP1003]: `bake` is a text, not a number (write `"5s"` for seconds)
            17:21: error[DEP1006]: unknown check `lod` (did you mean `load`?)
            17:28: error[DEP1003]: `checks` is a list of texts, not a number
            19:1: error[DEP1002]: unknown key `max_stag` (did you mean `max_stage`?)
            21:9: error[DEP1004]: `argv` names no program
            27:7: error[DEP1004]: `url` is no http or https address
            29:9: error[DEP1004]: a metric is held to one limit: `below` or `above`"#]],
    );
}

#[test]
fn what_is_no_number_is_said_as_it_stands() {
    check(
        "[analysis]
false_abort = nan
error_ratio = -inf
tolerate_errors = 1e999
tolerate_tokens = 99999999999

[environments.development]
stages = [5, nan]
",
        expect![[r#"
            2:15: error[DEP1003]: `false_abort` is a number, not nan: write a finite number
            3:15: error[DEP1003]: `error_ratio` is a number, not -inf: write a finite number
            4:19: error[DEP1003]: `tolerate_errors` is a number, not 1e999: write a finite number
            5:19: error[DEP1004]: `tolerate_tokens` is from 1 to 100, not 99999999999
            8:14: error[DEP1003]: `stages` is a list of numbers, not nan: write a finite number"#]],
    );
}

#[test]
fn a_number_is_no_length_of_time_and_the_hint_is_one() {
    check(
        "[analysis]
p95 = 1.5

[environments.development]
bake = 60
max_stage = -1

[checks.smoke]
kind = \"command\"
argv = [\"true\"]
timeout = 0x10
",
        expect![[r#"
            2:7: error[DEP1003]: `p95` is a text, not a number (write `"1.5s"` for seconds)
            5:8: error[DEP1003]: `bake` is a text, not a number (write `"60s"` for seconds)
            6:13: error[DEP1003]: `max_stage` is a text, not a number
            8:9: warning[DEP1009]: no environment names the check `smoke` (add it to the `checks` of an environment)
            11:11: error[DEP1003]: `timeout` is a text, not a number (write `"16s"` for seconds)"#]],
    );
}

#[test]
fn what_is_no_toml_is_a_finding() {
    check(
        "mode = = 1",
        expect![[r#"
        1:1: error[DEP1002]: unknown key `mode` (known are schema, analysis, environments, checks)
        1:8: error[DEP1001]: extra `=`, expected nothing
        1:10: error[DEP1001]: unexpected key or value, expected newline, `#`"#]],
    );
    check(
        &" ".repeat(2 << 20),
        expect![[r#"error[DEP1001]: 2097152 bytes are more than the 1048576 allowed"#]],
    );
}

#[test]
fn environments_may_not_come_after_themselves() {
    let text = "[environments.a]\nafter = \"b\"\nchecks = [\"golden\"]\n\
                [environments.b]\nafter = \"a\"\nchecks = [\"golden\"]\n";
    check(
        text,
        expect![[r#"
        1:15: error[DEP1007]: `a` comes after itself
        4:15: error[DEP1007]: `b` comes after itself"#]],
    );
}

#[test]
fn without_a_file_only_development_needs_no_golden_verdict() {
    let names = |environment_name| {
        let rules = DeployFile::default().environment(&environment(environment_name));
        rules.checks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names("development"), "schema load");
    assert_eq!(names("staging"), "schema load golden");
    assert_eq!(names("production"), "schema load golden");
    assert_eq!(names("eu-west"), "schema load golden");
}

#[test]
fn an_environment_the_file_does_not_name_has_the_rules_of_production() {
    let (file, _) = DeployFile::parse("[environments.production]\nbake = \"30m\"\n");
    assert_eq!(file.environment(&environment("eu-west")).bake.to_string(), "30m");
    assert_eq!(file.environment(&environment("development")).bake.to_string(), "0s");
}

#[test]
fn schema_and_load_always_run() {
    let (file, _) = DeployFile::parse("[environments.development]\nchecks = []\n");
    let rules = file.environment(&environment("development"));
    assert_eq!(rules.checks.iter().map(|it| it.as_str()).collect::<Vec<_>>(), ["schema", "load"]);
}

fn validator() -> Validator {
    jsonschema::validator_for(&deploy_file_schema()).unwrap()
}

fn as_json(text: &str) -> serde_json::Value {
    let table: toml::Table = toml::from_str(text).unwrap();
    serde_json::to_value(table).unwrap()
}

#[test]
fn the_schema_takes_the_shipped_file_and_refuses_what_the_reader_refuses() {
    assert!(validator().is_valid(&as_json(SHIPPED)));
    for text in [
        "mode = \"direct\"",
        "[environments.production]\nmode = \"rolling\"",
        "[environments.Prod]\nmode = \"direct\"",
        "[environments.production]\nstages = [100]",
        "[environments.production]\nmin_samples = 0",
        "[checks.load]\nkind = \"command\"\nargv = [\"x\"]",
        "[checks.x]\nkind = \"command\"",
        "[checks.x]\nkind = \"metric\"\nprometheus = \"http://a\"\nquery = \"up\"",
        "[analysis]\nfalse_abort = 0.5",
    ] {
        assert!(!validator().is_valid(&as_json(text)), "{text}");
        let (_, findings) = DeployFile::parse(text);
        assert!(findings.iter().any(|it| it.is_error()), "{text}");
    }
}

#[test]
fn codes_are_sorted_and_each_stands_once() {
    assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
}

#[test]
fn no_stage_pauses_before_it_has_baked() {
    check(
        "[environments.production]\nbake = \"10m\"\nmax_stage = \"9m\"\nchecks = [\"golden\"]\n",
        expect![[
            r#"3:13: error[DEP1117]: `max_stage` is 9m, and a stage bakes for 10m at least (give a longer `max_stage`, or a shorter `bake`)"#
        ]],
    );
    // What nobody wrote follows.
    let (file, findings) = DeployFile::parse("[environments.production]\nbake = \"8h\"\n");
    assert_eq!(findings, []);
    assert_eq!(file.environment(&environment("production")).max_stage.to_string(), "8h");
}

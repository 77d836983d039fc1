//! Checks of one's own, against a program, a page and a query that are there.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use overlay_deploy::{CheckVerdict, Outcome, Request, check_tree, tree_findings};

use crate::plan::{file, overlay, overlay_text};
use crate::world::World;

/// Runs one check before a deployment; what it came to, with its message.
fn run(check: &str) -> (CheckVerdict, String) {
    let rules = format!(
        "[environments.development]\nmode = \"direct\"\nchecks = [\"own\"]\n[checks.own]\n{check}\n"
    );
    let world = World::new("development");
    let with = vec![file("deploy.toml", &rules)];
    world.deploy(&world.planned(&Request { with, ..world.request() }));
    let applied = world.execute(&world.refund("0.65")).unwrap();
    let result = applied.checks.iter().find(|it| it.name.as_str() == "own").unwrap();
    (result.verdict, result.message.clone())
}

#[track_caller]
fn check(check: &str, verdict: CheckVerdict, message: &str) {
    let (found, text) = run(check);
    assert_eq!(found, verdict, "{text}");
    assert!(text.contains(message), "{text}");
}

/// A server that answers each request with this status and text; its address.
fn server(status: u16, text: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 2048];
            let _read = stream.read(&mut head).unwrap();
            let length = text.len();
            write!(
                stream,
                "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
            )
            .unwrap();
        }
    });
    format!("http://{address}")
}

#[test]
fn a_command_passes_with_exit_code_zero() {
    let shell = |line: &str| {
        format!("kind = \"command\"\nargv = [\"sh\", \"-c\", '{line}']\ntimeout = \"10m\"")
    };
    check(
        &shell("echo $FUSION_ENVIRONMENT $FUSION_GENERATION"),
        CheckVerdict::Passed,
        "development 00000002",
    );
    check(&shell("echo no >&2; exit 3"), CheckVerdict::Failed, "exit code 3\nno");
    check(&shell("kill -9 $$"), CheckVerdict::Failed, "ended by signal 9");
    check("kind = \"command\"\nargv = [\"/no/such\"]", CheckVerdict::Missing, "cannot be run");
}

#[test]
fn a_command_that_says_much_or_stays_is_ended() {
    let (verdict, text) =
        run("kind = \"command\"\nargv = [\"sh\", \"-c\", \"yes | head -c 3000000; exit 1\"]");
    assert_eq!(verdict, CheckVerdict::Failed);
    assert_eq!(text.chars().count(), 4000);
    // The child of the shell holds the pipe, and ends too.
    check(
        "kind = \"command\"\nargv = [\"sh\", \"-c\", \"sleep 3600; true\"]\ntimeout = \"100ms\"",
        CheckVerdict::Failed,
        "no end after 100ms",
    );
}

#[test]
fn a_page_needs_its_status_and_its_text() {
    let page =
        |server: &str, more: &str| format!("kind = \"http\"\nurl = \"{server}/ready\"\n{more}");
    let ready = server(200, "status: ready");
    check(&page(&ready, "contains = \"ready\""), CheckVerdict::Passed, "HTTP 200");
    check(&page(&ready, "contains = \"green\""), CheckVerdict::Failed, "does not hold `green`");
    check(&page(&ready, "status = 204"), CheckVerdict::Failed, "HTTP 200 instead of 204");
    check(&page("http://127.0.0.1:1", ""), CheckVerdict::Missing, "127.0.0.1:1");
}

#[test]
fn a_query_needs_one_number_within_its_limit() {
    let ask = |text| {
        let server = server(200, text);
        format!("kind = \"metric\"\nprometheus = \"{server}\"\nquery = \"up\"\nbelow = 0.05")
    };
    let vector = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1767225600.0,"0.02"]}]}}"#;
    check(&ask(vector), CheckVerdict::Passed, "0.02 is below 0.05");
    let scalar =
        r#"{"status":"success","data":{"resultType":"scalar","result":[1767225600.0,"0.2"]}}"#;
    check(&ask(scalar), CheckVerdict::Failed, "0.2 is not below 0.05");
    let none = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
    check(&ask(none), CheckVerdict::Missing, "0 numbers instead of one");
    let nan =
        r#"{"status":"success","data":{"resultType":"scalar","result":[1767225600.0,"NaN"]}}"#;
    check(&ask(nan), CheckVerdict::Missing, "gives no number");
    check(&ask("<html>"), CheckVerdict::Missing, "no answer to a query");
}

/// A scenario with one rule.
fn scenarios(rule: &str) -> String {
    format!(
        "schema_version: \"2.0.0\"\nscenarios:\n  - id: duplicate\n    prompt: Decide.\n    \
         expect:\n      - id: names_invoice\n        {rule}\n"
    )
}

#[test]
fn a_rule_that_cannot_be_evaluated_keeps_a_candidate_out_and_no_way_back() {
    let world = World::new("development");
    let with = |rule: &str| {
        let with = vec![file("scenarios.yaml", &scenarios(rule))];
        world.planned(&Request { with, ..world.request() })
    };
    assert_eq!(world.deploy(&with("regex: \"INV-[0-9]+\"")).outcome, Outcome::Deployed);
    for rule in ["regex: \"(\"", "json_schema: {type: 3}"] {
        let broken = with(rule);
        let applied = world.deploy(&broken);
        assert_eq!(applied.outcome, Outcome::Refused, "{rule}");
        let start = "scenarios.yaml: error[DEP1115]: scenario `duplicate`: rule `names_invoice` \
                     cannot be evaluated: ";
        assert!(applied.reasons[0].starts_with(start), "{:?}", applied.reasons);
        let failed: Vec<_> = applied.checks.iter().filter(|it| !it.is_passed()).collect();
        assert_eq!((failed.len(), failed[0].name.as_str()), (1, "load"));
        assert_eq!(tree_findings(&broken.tree, &world.environment).len(), 1);
        // What was in force before such rules were refused can come back.
        assert!(check_tree(&broken.tree, &world.environment).iter().all(|it| it.is_passed()));
    }
}

#[test]
fn a_gate_of_a_prompt_that_cannot_be_evaluated_is_a_rule() {
    let world = World::new("development");
    let micro = "## Quality Gates\n- It is named. [check: regex \"Roll(\"]\n";
    let mut overlay = overlay("refund.txt", &overlay_text("refund", "0.6"));
    overlay.micro = Some(file("refund.md", micro));
    let planned = world.planned(&Request { overlays: vec![overlay], ..world.request() });
    let applied = world.deploy(&planned);
    assert_eq!(applied.outcome, Outcome::Refused);
    let start = "micro_overlays/refund.md: error[DEP1115]: rule `gate-1` cannot be evaluated: ";
    assert!(applied.reasons[0].starts_with(start), "{:?}", applied.reasons);
}

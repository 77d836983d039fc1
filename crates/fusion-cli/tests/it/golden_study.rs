//! `golden compare`, `calibrate` and `power`.

use crate::binary::{folder, read, run, write};
use crate::data::data;
use crate::suite::{accepted, golden};

#[test]
fn two_recordings_of_the_same_are_compared_as_recordings() {
    let (a, b) = (accepted(), accepted());
    let path = b.path().join("goldens/cassettes/duplicate_charge.jsonl");
    let text = read(&path).replace("for 30 minutes", "for 30 minutes after the charge was made");
    write(&path, text);
    let [one, two] = [&a, &b].map(|it| it.path().join("goldens").display().to_string());
    let report = golden(a.path(), &["compare", &one, &two, "--json", "-"]).json();
    // One pair says too little, though the request is the same on both sides.
    assert_eq!(report["verdict"], "insufficient", "{report:#}");
    let cassettes = format!("{two}/cassettes");
    let report = golden(a.path(), &["compare", "goldens", &cassettes, "--json", "-"]).json();
    assert_eq!(report["verdict"], "insufficient", "{report:#}");
    golden(a.path(), &["compare", "goldens", "nowhere"]).ends_with(65);
}

/// The accepted suite with a score of a judge in every recording.
fn judged(score: f64, night: u32) -> tempfile::TempDir {
    let dir = accepted();
    let path = dir.path().join("goldens/cassettes/duplicate_charge.jsonl");
    let judge = format!("\"judge\":[{{\"id\":\"night {night}\",\"score\":{score}}}],\"recorder\"");
    let text = read(&path).replace("\"recorder\"", &judge);
    write(&path, text);
    dir
}

#[test]
fn a_watch_is_kept_from_run_to_run() {
    let base = judged(0.9, 0);
    let compare = |candidate: &tempfile::TempDir| {
        let candidate = candidate.path().join("goldens").display().to_string();
        let args = ["compare", "goldens", &candidate, "--watch", "watch.json", "--json", "-"];
        golden(base.path(), &args)
    };
    let of_watch = |report: &serde_json::Value| {
        let checks = report["checks"].as_array().expect("checks");
        assert!(checks.iter().all(|it| it["name"] != "quality"), "{report:#}");
        let found = checks.iter().find(|it| it["name"] == "quality_watch");
        found.expect("the watch")["n"].clone()
    };
    for night in 1..=2 {
        let report = compare(&judged(0.2, night)).json();
        assert_eq!(of_watch(&report), night, "{report:#}");
    }
    let again = compare(&judged(0.2, 2)).json();
    assert_eq!(of_watch(&again), 2, "a recording counts once: {again:#}");
    assert!(again["notes"][0].as_str().is_some_and(|it| it.contains("counts once")), "{again:#}");
    compare(&base).ends_with(64);
    compare(&accepted()).ends_with(5);
    write(&base.path().join("watch.json"), "{}");
    compare(&judged(0.2, 3)).ends_with(65);
}

#[test]
fn none_of_anything_is_refused() {
    let dir = folder(&[("a.csv", "scenario,model,tokens\na,m,12\na,m_x,9\n")]);
    let power = ["golden", "power", "--outcomes", "a.csv"];
    for more in [
        ["--rounds", "0"],
        ["--sizes", "0"],
        ["--sizes", "15,99999999"],
        ["--draws", "0"],
        ["--json", "nowhere/report.json"],
    ] {
        run(dir.path(), &[&power[..], &more].concat()).ends_with(64);
    }
    run(dir.path(), &["golden", "mutate", "--n", "0"]).ends_with(64);
}

#[test]
fn sizes_need_no_data() {
    let dir = folder(&[]);
    let ran = run(dir.path(), &["golden", "power"]).ends_with(0);
    assert!(ran.stdout.contains("     59  latency: any upper bound of the p95"), "{ran:#?}");
    let report = run(dir.path(), &["golden", "power", "--json", "-"]).ends_with(0).json();
    assert_eq!(report["schema"], "fusion/golden-sizes/1");
}

#[test]
fn outcomes_that_are_none_are_refused() {
    let dir = folder(&[
        ("empty.csv", ""),
        ("alone.csv", "scenario,model,tokens\na,one,12\n"),
        ("broken.csv", "scenario,model,tokens\na,m,12\na,m_x,9\nb,m,many\n"),
    ]);
    let power = |file: &str| {
        let args = ["golden", "power", "--rounds", "5", "--sizes", "15", "--outcomes", file];
        run(dir.path(), &args)
    };
    let ran = power("empty.csv").ends_with(65);
    assert!(ran.stderr.contains("empty.csv:1:1: error[GLD6005]"), "{ran:#?}");
    power("nowhere.csv").ends_with(65);
    power("alone.csv").ends_with(5);
    let ran = power("broken.csv").ends_with(1);
    assert!(ran.stdout.contains("broken.csv:4:1: error[GLD6002]"), "{ran:#?}");
    let args = ["golden", "power", "--outcomes", "alone.csv", "--pair", "one:two"];
    run(dir.path(), &args).ends_with(64);
}

#[test]
fn why_a_model_is_missing_is_said() {
    let dir = folder(&[("inf.csv", "scenario,model,score,tokens\na,x,1,1\na,x_b,inf,5\n")]);
    let power = ["golden", "power", "--outcomes", "inf.csv"];
    for (more, code) in [(&[][..], 5), (&["--pair", "x:x_b"], 64)] {
        let ran = run(dir.path(), &[&power[..], more].concat()).ends_with(code);
        assert!(ran.stderr.contains("inf.csv:3:1: error[GLD6002]"), "{ran:#?}");
    }
}

#[test]
fn samples_that_cannot_be_judged_are_counted() {
    let dir = folder(&[("none.csv", "scenario,model,tokens\na,m,0\na,m_x,0\n")]);
    let power = ["golden", "power", "--outcomes", "none.csv", "--sizes", "15", "--rounds", "5"];
    let report = run(dir.path(), &[&power[..], &["--json", "-"]].concat()).ends_with(0).json();
    assert_eq!(report["rows"][0]["gate"]["invalid"], 1.0, "{report:#}");
    let ran = run(dir.path(), &power).ends_with(0);
    assert!(ran.stdout.contains("0.000 0.000 0.000         0.000    1.000"), "{ran:#?}");
}

#[test]
fn a_suite_is_refused_where_none_is_read() {
    let dir = folder(&[("pairs.jsonl", "")]);
    let power = ["golden", "power"];
    let calibrate = ["golden", "calibrate", "--pairs", "pairs.jsonl"];
    for more in [["--suite", "nowhere"], ["--scenario", "x"], ["--tag", "zz"]] {
        for command in [&power[..], &calibrate] {
            let ran = run(dir.path(), &[command, &more].concat()).ends_with(64);
            assert!(ran.stderr.contains("reads no suite"), "{ran:#?}");
        }
    }
    let ran = run(dir.path(), &["golden", "mutate", "--tag", "nope"]).ends_with(64);
    assert!(ran.stderr.contains("golden mutate is about all scenarios"), "{ran:#?}");
}

#[test]
fn a_pair_counts_once() {
    let pair = "{\"id\": 1, \"response1\": \"a\", \"response2\": \"bb\", \"annotators\": [1]}\n";
    let scores = "{\"id\": 1, \"first\": 1, \"second\": 0}\n";
    let dir = folder(&[
        ("once.jsonl", pair),
        ("twice.jsonl", &pair.repeat(2)),
        ("scores.jsonl", &scores.repeat(2)),
    ]);
    let calibrate = |pairs: &str, more: &[&str]| {
        run(dir.path(), &[&["golden", "calibrate", "--pairs", pairs], more].concat())
    };
    let ran = calibrate("twice.jsonl", &[]).ends_with(1);
    assert!(ran.stdout.starts_with("1 pair\n"), "{ran:#?}");
    assert!(ran.stdout.contains("twice.jsonl:2:1: error[GLD6003]"), "{ran:#?}");
    let ran = calibrate("once.jsonl", &[]).ends_with(0);
    assert!(ran.stdout.contains(" -100.0 to 100.0 "), "{ran:#?}");
    let ran = calibrate("once.jsonl", &["--scores", "scores.jsonl"]).ends_with(65);
    assert!(ran.stderr.contains("line 2: a second one about the pair 1"), "{ran:#?}");
}

#[test]
fn pairs_are_measured_against_people() {
    let line = |id: u32, votes: &str| {
        format!(
            "{{\"id\": {id}, \"response1\": \"short\", \"response2\": \"a longer answer\", \
             \"annotators\": {votes}}}\n"
        )
    };
    let pairs: String = (0..20).map(|it| line(it, "[1, 1, 1]")).collect();
    let scores: String =
        (0..20).map(|it| format!("{{\"id\": {it}, \"first\": 0.9, \"second\": 0.1}}\n")).collect();
    let dir = folder(&[("pairs.jsonl", &pairs), ("mine.jsonl", &scores), ("none.jsonl", "{}\n")]);
    let args =
        ["golden", "calibrate", "--pairs", "pairs.jsonl", "--scores", "mine.jsonl", "--json", "-"];
    let report = run(dir.path(), &args).ends_with(0).json();
    let share = |name: &str| {
        let rows = report["evaluators"].as_array().expect("rows");
        rows.iter().find(|it| it["name"] == name).expect("a row")["all"]["evaluator"]["share"]
            .clone()
    };
    assert_eq!((share("yours"), share("longer wins")), (1.0.into(), 0.0.into()));
    run(dir.path(), &["golden", "calibrate", "--pairs", "none.jsonl"]).ends_with(65);
    write(&dir.path().join("mine.jsonl"), "{\"id\": 1, \"first\": 1, \"second\": 0}\n");
    let ran = run(dir.path(), &args).ends_with(65);
    assert!(ran.stderr.contains("no scores for the pair 0"), "{ran:#?}");
}

#[test]
fn people_agree_with_the_recorded_judge() {
    let Some(data) = data() else { return };
    let path = data.join("eval/pandalm_human_pairs.jsonl").display().to_string();
    let dir = folder(&[]);
    let args = ["golden", "calibrate", "--pairs", &path, "--json", "-"];
    let report = run(dir.path(), &args).ends_with(0).json();
    let gates: Vec<_> = report["evaluators"].as_array().expect("rows").iter().collect();
    let may = |it: &serde_json::Value| (it["name"].clone(), it["may_gate"].clone());
    assert_eq!(may(gates[0]), ("recorded judge".into(), true.into()), "{report:#}");
    assert_eq!(may(gates[1]), ("longer wins".into(), false.into()), "{report:#}");
    assert_eq!(may(gates[3]), ("always first".into(), false.into()), "{report:#}");
}

#[test]
fn fifteen_scenarios_say_little() {
    let Some(data) = data() else { return };
    let path = data.join("eval/alpaca_eval_numeric.csv").display().to_string();
    let dir = folder(&[]);
    let same = "vicuna-13b-v1.5:vicuna-13b-v1.5-togetherai";
    let args = [
        "golden",
        "power",
        "--outcomes",
        &path,
        "--pair",
        same,
        "--sizes",
        "15",
        "--rounds",
        "40",
        "--draws",
        "200",
        "--json",
        "-",
    ];
    let report = run(dir.path(), &args).ends_with(0).json();
    let rows = report["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 2, "{report:#}");
    for row in rows {
        assert!(row["gate"]["insufficient"].as_f64() > Some(0.5), "{row:#}");
        assert!(row["gate"]["fail"].as_f64() < Some(0.05), "{row:#}");
    }
}

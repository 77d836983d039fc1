//! Asking and telling: what is asked, what is refused, what comes out.

use expect_test::expect;
use overlay_model::{Digest, Overlay};
use overlay_optimizer::{
    Aim, Ask, Basis, Candidate, Dimension, Finding, Limit, Measured, Objective, PlanError,
    Question, ResumeError, Space, Stop, TellError, TrialStatus, TunePlan, Tuner, WeightedScenario,
};

/// Two numbers and a word.
fn space() -> Space {
    let number =
        |key: &str, start| Dimension::steps(key.parse().unwrap(), (0.0, 1.0), 0.01, start).unwrap();
    let word = Dimension::words("WORD".parse().unwrap(), &["a", "b", "c"], "a").unwrap();
    Space::new(vec![number("X", "0.10"), number("Y", "0.90"), word]).unwrap()
}

fn plan(scenarios: usize, budget: usize) -> TunePlan {
    TunePlan {
        objectives: vec![Objective { name: "cost".to_owned(), aim: Aim::Least }],
        limits: vec![],
        scenarios: (0..scenarios)
            .map(|it| WeightedScenario { id: format!("s{it}"), weight: 1.0 + (it % 2) as f64 })
            .collect(),
        budget,
        seed: 7,
        stop_below: None,
        starts: vec![],
        pool: None,
        basis: None,
    }
}

fn tuner(plan: TunePlan) -> Tuner {
    Tuner::new(space(), plan).unwrap()
}

fn point(space: &Space, candidate: &Candidate) -> (f64, f64, String) {
    let values: Vec<_> = space.values(candidate).map(|(_, text)| text.to_owned()).collect();
    (values[0].parse().unwrap(), values[1].parse().unwrap(), values[2].clone())
}

/// A bowl around (0.7, 0.3) with word `b`, each scenario at its own height.
fn bowl(space: &Space, question: &Question, at: (f64, f64)) -> Vec<Measured> {
    let (x, y, word) = point(space, &question.candidate);
    let cost = (x - at.0).powi(2) + (y - at.1).powi(2) + f64::from(word != "b") * 0.2;
    let measured = |id: &String| Measured {
        scenario: id.clone(),
        objectives: vec![cost + id.len() as f64],
        limits: vec![],
    };
    question.scenarios.iter().map(measured).collect()
}

/// Answers until the run is over.
fn run(tuner: &mut Tuner, answer: impl Fn(&Space, &Question) -> Vec<Measured>) -> Stop {
    loop {
        match tuner.ask() {
            Ask::Evaluate(question) => {
                let measured = answer(tuner.space(), &question);
                tuner.tell(question.trial, &measured).unwrap();
            }
            Ask::Done(stop) => return stop,
        }
    }
}

fn question(tuner: &mut Tuner) -> Question {
    match tuner.ask() {
        Ask::Evaluate(question) => question,
        Ask::Done(stop) => panic!("{stop:?}"),
    }
}

#[test]
fn finds_an_optimum_drawn_anew_and_says_why_it_ends() {
    for (x, y) in [(0.7, 0.3), (0.05, 0.95), (0.5, 0.5), (0.93, 0.88)] {
        let mut tuner = tuner(plan(1, 30));
        assert_eq!(run(&mut tuner, |space, it| bowl(space, it, (x, y))), Stop::Budget);
        let report = tuner.report(&Overlay::default());
        assert_eq!(report.finding, Finding::Candidate);
        let best = report.trials[report.chosen.unwrap()].measured[0];
        assert!(best < 2.0 + 0.01, "{best} at {x}, {y}");
    }
}

#[test]
fn the_same_answers_give_the_same_questions_after_any_interruption() {
    let answer = |space: &Space, it: &Question| bowl(space, it, (0.7, 0.3));
    let mut whole = tuner(plan(4, 60));
    run(&mut whole, answer);
    let journal = whole.journal();
    let mut again = tuner(plan(4, 60));
    run(&mut again, answer);
    assert_eq!(again.journal(), journal);
    for kept in (1..=journal.len()).step_by(6) {
        let text: String = journal[..kept].iter().map(|it| format!("{it}\n")).collect();
        let torn = format!("{text}{{\"told\":{{\"tri");
        let mut resumed = Tuner::resume(space(), &torn).unwrap();
        assert_eq!(resumed.journal(), &journal[..kept]);
        run(&mut resumed, answer);
        assert_eq!(resumed.journal(), journal, "resumed after line {kept}");
        assert_eq!(resumed.report(&Overlay::default()), whole.report(&Overlay::default()));
    }
    let basis = Basis {
        overlay: Digest::of(b"a"),
        evaluator: "sh a.sh {overlay}".to_owned(),
        scenarios: Digest::of(b"b"),
    };
    let known = TunePlan { basis: Some(basis), ..plan(4, 60) };
    let header = format!("{}\n", tuner(known.clone()).journal()[0]);
    assert_eq!(Tuner::resume(space(), &header).unwrap().plan(), &known);
    let mut other = tuner(TunePlan { seed: 8, ..plan(4, 60) });
    run(&mut other, answer);
    assert_ne!(other.journal()[8..], journal[8..]);
}

#[test]
fn a_question_stands_until_it_is_answered() {
    let mut tuner = tuner(plan(2, 20));
    let first = question(&mut tuner);
    assert_eq!((first.trial, first.scenarios.len()), (0, 2));
    assert_eq!(first.candidate, tuner.space().start());
    assert_eq!(question(&mut tuner), first);
    assert_eq!(tuner.journal().len(), 2);
}

#[track_caller]
fn refused(change: impl Fn(&mut Vec<Measured>), message: &str) {
    let mut tuner = tuner(TunePlan {
        limits: vec![Limit { name: "p95_ms".to_owned(), at_most: 5.0 }],
        ..plan(2, 20)
    });
    let question = question(&mut tuner);
    let mut measured = bowl(tuner.space(), &question, (0.7, 0.3));
    measured.iter_mut().for_each(|it| it.limits = vec![1.0]);
    let good = measured.clone();
    change(&mut measured);
    let before = tuner.journal().len();
    assert_eq!(tuner.tell(question.trial, &measured).unwrap_err().to_string(), message);
    assert_eq!((tuner.journal().len(), tuner.runs()), (before, 0), "nothing of it is kept");
    tuner.tell(question.trial, &good).unwrap();
}

#[test]
fn answers_that_are_none() {
    refused(
        |it| it[1].objectives[0] = f64::NAN,
        "`cost` of scenario `s1` is NaN: only finite numbers can be compared",
    );
    refused(
        |it| it[0].limits[0] = f64::INFINITY,
        "`p95_ms` of scenario `s0` is inf: only finite numbers can be compared",
    );
    refused(
        |it| it[0].objectives[0] = 1e308,
        "`cost` of scenario `s0` is 1e308: nothing beyond 1e100 can be added up",
    );
    refused(
        |it| it[0].objectives.push(1.0),
        "scenario `s0` has 2 values of objectives, the plan 1",
    );
    refused(|it| it[0].limits.clear(), "scenario `s0` has 0 values of limits, the plan 1");
    refused(
        |it| drop(it.pop()),
        "the answer is about the scenarios [\"s0\"], asked were [\"s0\", \"s1\"]",
    );
    let mut tuner = tuner(plan(1, 5));
    assert_eq!(tuner.tell(0, &[]), Err(TellError::NotAsked(0)));
}

#[track_caller]
fn impossible(change: impl Fn(&mut TunePlan), expected: &str) {
    let mut plan = plan(3, 30);
    change(&mut plan);
    assert_eq!(Tuner::new(space(), plan).unwrap_err().to_string(), expected);
}

#[test]
fn plans_that_cannot_be_carried_out() {
    impossible(|it| it.objectives.clear(), "there is no objective");
    impossible(|it| it.scenarios.clear(), "there is no scenario");
    impossible(|it| it.scenarios[1].id = "s0".to_owned(), "`s0` stands twice");
    impossible(
        |it| it.scenarios[1].weight = 0.0,
        "the weight of scenario `s1` is 0, and must be more than 0",
    );
    impossible(
        |it| it.budget = 2,
        "a budget of 2 does not reach to evaluate the overlay itself on 3 scenarios",
    );
    impossible(
        |it| it.limits = vec![Limit { name: "x".to_owned(), at_most: f64::NAN }],
        "the limit of x is not a finite number",
    );
    let foreign: Candidate = serde_json::from_str("[0, 0, 9]").unwrap();
    let plan = TunePlan { pool: Some(vec![foreign]), ..plan(1, 5) };
    assert_eq!(Tuner::new(space(), plan).unwrap_err(), PlanError::Foreign);
}

#[test]
fn a_hopeless_candidate_costs_only_its_first_round() {
    let mut tuner = tuner(plan(15, 300));
    run(&mut tuner, |space, it| bowl(space, it, (0.1, 0.9)));
    let report = tuner.report(&Overlay::default());
    assert!(report.trials.len() > 40, "{} trials for 20 whole evaluations", report.trials.len());
    let stopped = |it: &TrialStatus| matches!(it, TrialStatus::Stopped(_));
    let row = report.trials.iter().find(|it| stopped(&it.status)).unwrap();
    assert_eq!(row.status, TrialStatus::Stopped("worse than trial 0 on 5 scenarios".to_owned()));
}

/// Costs fall along X, and so does what is left of the limit.
fn tight(space: &Space, question: &Question, least: f64) -> Vec<Measured> {
    let (x, y, _) = point(space, &question.candidate);
    let measured = |id: &String| Measured {
        scenario: id.clone(),
        objectives: vec![1.0 - x],
        limits: vec![least + x + 0.2 * y],
    };
    question.scenarios.iter().map(measured).collect()
}

fn limited(budget: usize) -> TunePlan {
    let limits = vec![Limit { name: "tokens".to_owned(), at_most: 0.6 }];
    TunePlan { limits, ..plan(1, budget) }
}

#[test]
fn the_choice_keeps_the_limits() {
    let mut tuner = tuner(limited(35));
    run(&mut tuner, |space, it| tight(space, it, 0.0));
    let report = tuner.report(&Overlay::default());
    let row = &report.trials[report.chosen.unwrap()];
    assert!(row.worst[0] <= 0.6 && row.measured[0] < 0.45, "{row:?}");
}

#[test]
fn a_space_without_a_lawful_candidate_is_reported() {
    let mut tuner = tuner(limited(20));
    run(&mut tuner, |space, it| tight(space, it, 1.0));
    let report = tuner.report(&Overlay::default());
    let Finding::Infeasible { nearest, exceeds } = &report.finding else {
        panic!("{:?}", report.finding)
    };
    let least = report.trials.iter().map(|it| it.worst[0]).fold(f64::MAX, f64::min);
    assert_eq!(exceeds, &[format!("{:.4} of tokens", least - 0.6)]);
    assert_eq!(report.trials[*nearest].worst[0], least);
    assert!(least < 1.1, "the search goes towards the limits: {least}");
    assert_eq!((report.chosen, report.patch.len()), (None, 0));
}

#[test]
fn the_run_ends_where_everything_was_tried() {
    let word = Dimension::words("WORD".parse().unwrap(), &["a", "b", "c"], "a").unwrap();
    let space = Space::new(vec![word]).unwrap();
    let mut tuner = Tuner::new(space, plan(1, 100)).unwrap();
    let stop = run(&mut tuner, |space, it| {
        let (_, text) = space.values(&it.candidate).next().unwrap();
        let objectives = vec![f64::from(text != "a")];
        vec![Measured { scenario: "s0".to_owned(), objectives, limits: vec![] }]
    });
    assert_eq!((stop, tuner.runs()), (Stop::Exhausted, 3));
    assert_eq!(tuner.report(&Overlay::default()).finding, Finding::StartIsBest);
}

#[test]
fn the_run_ends_where_little_is_to_be_gained() {
    let mut tuner = tuner(TunePlan { stop_below: Some(0.01), ..plan(1, 200) });
    let stop = run(&mut tuner, |space, it| bowl(space, it, (0.7, 0.3)));
    assert_eq!(stop, Stop::NoGain);
    assert!(tuner.runs() < 60, "{}", tuner.runs());
    assert_eq!(tuner.ask(), Ask::Done(Stop::NoGain));
}

/// As [`bowl`] along X alone: the other keys do nothing.
fn valley(space: &Space, question: &Question) -> Vec<Measured> {
    let (x, ..) = point(space, &question.candidate);
    let measured = |id: &String| Measured {
        scenario: id.clone(),
        objectives: vec![(x - 0.7).powi(2) + id.len() as f64],
        limits: vec![],
    };
    question.scenarios.iter().map(measured).collect()
}

#[test]
fn changes_that_do_nothing_go_back() {
    let mut tuner = tuner(plan(1, 40));
    run(&mut tuner, valley);
    let report = tuner.report(&Overlay::default());
    let keys: Vec<_> = report.patch.iter().map(|it| it.key.as_str()).collect();
    assert_eq!(keys, ["X"], "{:?}", report.reverted);
    assert!(report.trials[report.chosen.unwrap()].measured[0] < 2.01);
    let worth = &report.keys[0];
    assert_eq!(worth.key.as_str(), "X");
    assert!((worth.worth[0].0 - 0.36).abs() < 0.05, "{worth:?}");
}

/// The word c costs; all else does nothing.
fn plain(space: &Space, question: &Question) -> Vec<Measured> {
    let (.., word) = point(space, &question.candidate);
    let cost = 273.2446 + f64::from(word == "c") * 40.0;
    let measured =
        |id: &String| Measured { scenario: id.clone(), objectives: vec![cost], limits: vec![] };
    question.scenarios.iter().map(measured).collect()
}

#[test]
fn where_nothing_is_to_be_gained_nothing_is_proposed() {
    for seed in 1..4 {
        let mut tuner = tuner(TunePlan { seed, ..plan(1, 15) });
        run(&mut tuner, plain);
        let report = tuner.report(&Overlay::default());
        assert_eq!(report.finding, Finding::StartIsBest, "seed {seed}: {:?}", report.patch);
    }
}

#[test]
fn a_change_of_no_use_goes_back_among_those_of_a_pool_too() {
    let pool: Vec<Candidate> = (0..20)
        .flat_map(|x| [90, 20].map(|y| (x * 5, y)))
        .map(|(x, y)| serde_json::from_value(serde_json::json!([x, y, 0])).unwrap())
        .collect();
    let mut tuner = tuner(TunePlan { pool: Some(pool), ..plan(1, 30) });
    run(&mut tuner, valley);
    let report = tuner.report(&Overlay::default());
    let keys: Vec<_> = report.patch.iter().map(|it| it.key.as_str()).collect();
    assert_eq!(keys, ["X"]);
}

#[test]
fn only_members_of_the_pool_are_asked_and_the_missing_cost_nothing() {
    let pool: Vec<Candidate> = (0..30)
        .map(|it| serde_json::from_value(serde_json::json!([it * 3, 20, 1])).unwrap())
        .collect();
    let mut tuner = tuner(TunePlan { pool: Some(pool.clone()), ..plan(1, 100) });
    let mut asked = 0;
    let stop = loop {
        match tuner.ask() {
            Ask::Evaluate(it) if it.trial % 7 == 3 => {
                tuner.unavailable(it.trial, "no recording").unwrap();
            }
            Ask::Evaluate(it) => {
                assert!(it.trial == 0 || pool.contains(&it.candidate));
                asked += 1;
                let measured = bowl(tuner.space(), &it, (0.7, 0.3));
                tuner.tell(it.trial, &measured).unwrap();
            }
            Ask::Done(stop) => break stop,
        }
    };
    assert_eq!((stop, tuner.runs()), (Stop::Exhausted, asked));
    let report = tuner.report(&Overlay::default());
    assert_eq!(report.trials.len(), 31);
    assert_eq!(report.trials[3].status, TrialStatus::Unavailable("no recording".to_owned()));
    let text: String = tuner.journal().iter().map(|it| format!("{it}\n")).collect();
    assert_eq!(Tuner::resume(space(), &text).unwrap().report(&Overlay::default()), report);
}

#[test]
fn a_front_of_two_objectives_and_its_picture() {
    let objective = |name: &str, aim| Objective { name: name.to_owned(), aim };
    let objectives = vec![objective("a<b", Aim::Least), objective("quality", Aim::Most)];
    let mut tuner = tuner(TunePlan { objectives, ..plan(1, 30) });
    run(&mut tuner, |space, it| {
        let (x, y, _) = point(space, &it.candidate);
        let objectives = vec![x + (y - 0.4).abs(), x.sqrt() - (y - 0.4).abs()];
        vec![Measured { scenario: "s0".to_owned(), objectives, limits: vec![] }]
    });
    let report = tuner.report(&Overlay::default());
    assert!(report.front.len() >= 5, "{:?}", report.front);
    let costs: Vec<_> = report.front.iter().map(|it| report.trials[*it].measured[0]).collect();
    assert!(costs.first() < costs.last());
    let svg = report.svg();
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 400\""));
    assert!(svg.contains("a&lt;b") && !svg.contains("<script") && !svg.contains("NaN"));
    assert_eq!(svg.matches("<circle").count(), report.trials.len());
    assert_eq!(svg.matches("<polyline").count(), 1);
    let open = svg.matches("<text").count();
    assert_eq!(open, svg.matches("</text>").count());
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["trials"][0]["status"], "complete");
}

#[track_caller]
fn not_resumed(journal: &str, expected: &str) {
    let err: ResumeError = Tuner::resume(space(), journal).unwrap_err();
    assert_eq!(err.to_string(), expected);
}

#[test]
fn journals_that_are_none() {
    let mut tuner = tuner(plan(1, 10));
    run(&mut tuner, |space, it| bowl(space, it, (0.7, 0.3)));
    let lines = tuner.journal();
    let join = |lines: &[&str]| lines.iter().map(|it| format!("{it}\n")).collect::<String>();
    not_resumed("", "line 1 is no header of a tuner's journal");
    not_resumed("{}\n", "line 1 is no header of a tuner's journal");
    not_resumed(&join(&[&lines[0], "{\"x\":1}"]), "line 2 is no line of a tuner's journal");
    not_resumed(&join(&[&lines[0], &lines[2]]), "line 2 does not follow from the lines before it");
    not_resumed(
        &join(&[&lines[0], &lines[3]]),
        "line 2 asks what the lines before it do not lead to",
    );
    not_resumed(
        &join(&[&lines[0].replace("overlay-tune/1", "overlay-tune/9")]),
        "the format `overlay-tune/9` is not known: expected `overlay-tune/1`",
    );
    let other = Space::new(space().dimensions()[..1].to_vec()).unwrap();
    assert!(matches!(Tuner::resume(other, &join(&[&lines[0]])), Err(ResumeError::OtherSpace)));
    expect![[r#"
        {"schema":"overlay-tune/1","space":"sha256:53b59f0fc5c9ec5374e0a4be655cabf05f144c3d081734ee77ffcd65a326db84","plan":{"objectives":[{"name":"cost","aim":"least"}],"limits":[],"scenarios":[{"id":"s0","weight":1.0}],"budget":10,"seed":7}}
        {"asked":{"trial":0,"candidate":[10,90,0],"scenarios":["s0"],"models":[]}}
        {"told":{"trial":0,"measured":[{"scenario":"s0","objectives":[2.92],"limits":[]}]}}
    "#]].assert_eq(&join(&[&lines[0], &lines[1], &lines[2]]));
}

use std::fs;
use std::sync::OnceLock;

use fusion_golden::mutate::{CLASSES, MutateOptions, MutationReport, PRESERVED, mutate};
use fusion_golden::{Suite, import};

use crate::data;
use crate::shipped::Shipped;

/// The shipped suite, five mutants a class.
fn shipped() -> &'static MutationReport {
    static REPORT: OnceLock<MutationReport> = OnceLock::new();
    REPORT.get_or_init(|| {
        let n = 5 * CLASSES.len();
        mutate(&Shipped::new().suite(), &MutateOptions { n, seed: 1 }).unwrap()
    })
}

/// Every mutant of the class was seen, and there was one.
#[track_caller]
fn check_all(report: &MutationReport, class: &str) {
    let it = report.class(class).unwrap();
    let missed: Vec<_> = report.misses.iter().filter(|it| it.class == class).collect();
    assert_eq!((it.caught, missed), (it.tried, vec![]), "{class}");
    assert!(it.tried > 0, "{class} was not tried");
}

#[test]
fn each_class_gets_its_turn() {
    let report = shipped();
    for class in CLASSES {
        let it = report.class(class.name).unwrap();
        assert!(it.tried + it.equivalent > 0, "{}", class.name);
        assert!(
            it.share.interval.is_none_or(|interval| interval.contains(it.share.share.unwrap()))
        );
    }
    assert_eq!(report.mutants, 5 * CLASSES.len());
}

#[test]
fn what_is_written_is_seen_without_exception() {
    let classes = [
        "overlay.delete",
        "overlay.perturb",
        "overlay.swap",
        "prompt.sentence",
        "prompt.negation",
        "prompt.section",
        "prompt.order",
        "flag.kill_switch",
        "config.fact",
        "config.rule",
    ];
    for class in classes {
        check_all(shipped(), class);
    }
}

#[test]
fn another_answer_never_replays_as_the_accepted_one() {
    let report = shipped();
    for class in report.classes.iter().filter(|it| it.class.starts_with("answer.")) {
        check_all(report, class.class);
        assert_eq!(class.integrity, class.tried, "{}", class.class);
    }
}

#[test]
fn the_rules_see_what_is_grossly_wrong() {
    for class in ["answer.refusal", "answer.empty"] {
        let it = shipped().class(class).unwrap();
        assert_eq!(it.rules.hits, it.tried, "{class}");
    }
}

/// No rule knows what a sentence says: only a fact or a judge would.
#[test]
fn the_rules_hardly_see_that_an_answer_says_the_opposite() {
    let it = shipped().class("answer.negation").unwrap();
    assert!(it.tried > 0 && it.rules.hits < it.tried, "{it:?}");
}

#[test]
fn a_changed_key_is_named() {
    for class in ["overlay.delete", "overlay.perturb", "overlay.swap"] {
        let named = shipped().class(class).unwrap().named.unwrap();
        assert!(named.hits * 10 >= named.n * 8, "{class}: {named:?} {:?}", shipped().misnamed);
    }
}

#[test]
fn what_changes_nothing_raises_no_alarm() {
    assert_eq!(shipped().alarms, []);
    for class in PRESERVED {
        assert!(shipped().class(class.name).unwrap().tried > 0, "{}", class.name);
    }
}

#[test]
fn the_same_seed_gives_the_same_mutants() {
    let row = |id: u32| {
        format!(
            "{{\"id\": {id}, \"prompt\": \"What is {id} + 3?\", \"gold\": \"{gold}\", \
             \"mixtral_8x7b\": {{\"answer\": \"It is {gold}.\", \"correct\": true}}, \
             \"gpt4_1106\": {{\"answer\": \"It is 1.\", \"correct\": false}}}}",
            gold = id + 3,
        )
    };
    let rows: Vec<_> = (1..8).map(row).collect();
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("sums");
    import::gsm8k(&rows.join("\n"), &dir).unwrap();
    let suite = Suite::open(&dir).unwrap();
    let of = |seed| mutate(&suite, &MutateOptions { n: 40, seed }).unwrap();
    let seventh = of(7);
    assert_eq!(seventh, of(7));
    assert_ne!(seventh, of(8));
}

#[test]
fn recorded_answers_of_models_are_mutated() {
    let Some(data) = data::folder() else { return };
    let all = fs::read_to_string(data.join("eval/gsm8k_two_models.jsonl")).unwrap();
    let some: Vec<_> = all.lines().take(30).collect();
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("sums");
    import::gsm8k(&some.join("\n"), &dir).unwrap();
    let report = mutate(&Suite::open(&dir).unwrap(), &MutateOptions { n: 130, seed: 1 }).unwrap();
    assert_eq!(report.alarms, []);
    let rules = |class: &str| report.class(class).unwrap().rules;
    assert!(rules("answer.refusal").share >= Some(0.8), "{:?}", rules("answer.refusal"));
    assert!(rules("answer.negation").share <= Some(0.1), "{:?}", rules("answer.negation"));
}

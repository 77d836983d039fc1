use fusion_plan::{Clusters, meaning};

#[track_caller]
fn check(texts: &[&str], concludes: bool, expect: (&[usize], bool)) {
    let meanings: Vec<_> = texts.iter().map(|it| meaning(it, concludes)).collect();
    let clusters = Clusters::of(&meanings);
    assert_eq!((clusters.of.as_slice(), clusters.measured), expect);
}

#[test]
fn json_by_value() {
    let texts = ["{\"a\": 1, \"b\": [2.0]}", "```json\n{\"b\":[2],\"a\":1.0}\n```", "{\"a\":2}"];
    check(&texts, false, (&[0, 0, 1], true));
}

#[test]
fn numbers_where_one_is_asked_for() {
    let texts = ["So it is 440.", "After 3 steps: $440.00", "#### 439", "no idea"];
    check(&texts, true, (&[0, 0, 1, 2], true));
    check(&texts, false, (&[0, 1, 2, 3], true));
}

#[test]
fn short_texts_by_their_words() {
    check(&["Yes, refund it!", "yes – refund  it.", "Do not."], false, (&[0, 0, 1], true));
    check(&["-5", "5", "1.5", "15", "10%", "10"], false, (&[0, 1, 2, 3, 4, 5], true));
}

#[test]
fn long_texts_that_all_differ_say_nothing() {
    let (a, b) = ("one way ".repeat(40), "other words ".repeat(40));
    check(&[&a, &b], false, (&[0, 1], false));
    check(&[&a, &b, &a], false, (&[0, 1, 0], true));
    check(&[&a, "short"], false, (&[0, 1], true));
    check(&[&a], false, (&[0], false));
}

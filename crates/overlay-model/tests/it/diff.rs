use expect_test::{Expect, expect};
use overlay_model::{Shape, Value, diff};

fn entries(text: &str) -> Vec<(&str, Value)> {
    let pairs = text.split_whitespace().map(|it| it.split_once('=').unwrap());
    pairs
        .map(|(key, value)| {
            let number = Value::parse(Shape::Number, value);
            (key, number.unwrap_or_else(|_| Value::parse(Shape::Weights, value).unwrap()))
        })
        .collect()
}

#[track_caller]
fn check(a: &str, b: &str, expect: Expect) {
    let changes = diff(&entries(a), &entries(b));
    let lines: Vec<_> = changes.iter().map(|it| serde_json::to_string(it).unwrap()).collect();
    expect.assert_eq(&lines.join("\n"));
    let back = diff(&entries(b), &entries(a));
    let flipped: Vec<_> = changes
        .into_iter()
        .map(|it| overlay_model::Change { from: it.to, to: it.from, key: it.key })
        .collect();
    assert_eq!(back, flipped);
}

#[test]
fn what_changes_is_listed_by_key() {
    check(
        "B=0.30 C=1 D=x:1",
        "D=x:2 A=5 B=0.31",
        expect![[r#"
        {"key":"A","from":null,"to":"5"}
        {"key":"B","from":"0.30","to":"0.31"}
        {"key":"C","from":"1","to":null}
        {"key":"D","from":"x:1","to":"x:2"}"#]],
    );
}

#[test]
fn another_way_to_write_it_is_no_change() {
    check("B=0.30 W=x:1,y:2", "W=y:2,x:1 B=3e-1", expect![""]);
    check("", "", expect![""]);
}

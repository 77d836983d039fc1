use fusion_flags::{FlagFile, MAX_FLAG_BYTES};

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(FlagFile::parse(text).unwrap_err().to_string(), expected);
}

#[test]
fn yaml_and_json_mean_the_same() {
    let yaml = FlagFile::parse("features:\n  a: {rollout_percentage: 0.25}\n").unwrap();
    let json = FlagFile::parse(r#"{"features": {"a": {"rollout_percentage": 0.25}}}"#).unwrap();
    let flow = FlagFile::parse("{features: {a: {rollout_percentage: 0.25}}}").unwrap();
    assert_eq!((&yaml, &yaml), (&json, &flow));
    let again = serde_json::to_string(&yaml).unwrap();
    assert_eq!(FlagFile::parse(&again).unwrap(), yaml);
}

#[test]
fn a_key_stands_once() {
    check(
        "{\"features\": {\"a\": {}, \"a\": {}}}",
        "1:24: duplicate mapping key `a` is not allowed here",
    );
    check(
        "{\"environments\": {\"x\": {}, \"x\": {}}}",
        "1:28: duplicate mapping key `x` is not allowed here",
    );
    assert!(FlagFile::parse("features:\n  a: {}\n  a: {}\n").is_err());
}

#[test]
fn an_empty_file_is_none() {
    for text in ["", "\n \n", "# flags\n"] {
        check(text, "1:1: the file is empty");
    }
}

#[test]
fn files_that_are_too_large_are_refused() {
    let large = format!("features: {{}}\n#{}", "x".repeat(MAX_FLAG_BYTES));
    assert!(FlagFile::parse(&large).is_err());
    let json = format!("{{\"features\": {{}}}}{}", " ".repeat(MAX_FLAG_BYTES));
    assert!(FlagFile::parse(&json).is_err());
}

#[test]
fn bombs_are_refused() {
    let aliases = "features:\n  a: &a {owner: x}\n  b: *a\n";
    assert!(FlagFile::parse(aliases).is_err());
    let deep = format!("features: {}{}", "[".repeat(5_000), "]".repeat(5_000));
    assert!(FlagFile::parse(&deep).is_err());
    let deep = format!("{{\"features\": {}", "[".repeat(5_000));
    assert!(FlagFile::parse(&deep).is_err());
}

#[test]
fn wrong_types_have_a_place() {
    let text = "features:\n  a:\n    rollout_percentage: many\n";
    let err = FlagFile::parse(text).unwrap_err();
    assert_eq!(err.line, 3, "{err}");
}

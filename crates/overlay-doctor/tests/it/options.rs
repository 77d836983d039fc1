use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use fusion_metrics::Limits;
use overlay_doctor::{OPTIONS, Options, Thresholds, option};
use proptest::prelude::*;

/// Reads `text` under `variables`: the findings, then what is not by default.
#[track_caller]
fn check(text: &str, variables: &[(&str, &str)], expect: Expect) {
    let (options, findings) = Options::read(Some(text), &map(variables));
    let mut shown: Vec<String> = findings.iter().map(ToString::to_string).collect();
    let set = options.iter().filter(|it| it.origin.to_string() != "default");
    shown.extend(
        set.map(|it| format!("{}.{} = {} ({})", it.row.section, it.row.key, it.value, it.origin)),
    );
    expect.assert_eq(&(shown.join("\n") + "\n"));
}

fn map(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn every_value_knows_who_set_it() {
    check(
        "schema = \"fusion/options/1\"\n\n[service]\npool = 64\nlisten = \"[::1]:80\"\n\n\
         [adapters]\nuse = [\"flagd\"]\n",
        &[
            ("RESON__SERVICE__POOL", "7"),
            ("RESON__DOCTOR__FAIL_ON", "disk, port"),
            ("RESON_ENV", "x"),
        ],
        expect![[r#"
            adapters.use = ["flagd"] (fusion.toml:8:1)
            doctor.fail_on = ["disk", "port"] (RESON__DOCTOR__FAIL_ON)
            service.listen = "[::1]:80" (fusion.toml:5:1)
            service.pool = 7 (RESON__SERVICE__POOL)
        "#]],
    );
}

#[test]
fn everything_that_is_wrong_is_found_with_its_place() {
    check(
        "schema = \"fusion/options/9\"\npool = 3\n[servce]\npool = 1\n[service]\npol = 3\n\
         pool = \"many\"\nlisten = \"9630\"\n[health]\npool_pct = 101\nlatency_mean_ms = 1.5\n\
         pool = 1\n[metrics]\nsink = \"a b\"\n[doctor]\nfail_on = [\"disk\", 3]\n[audit]\n\
         sink = \"File\"\n",
        &[],
        expect![[r#"
            1:10: error[DOC1005]: unknown format: this program reads `fusion/options/1`
            2:1: error[DOC1002]: unknown section `pool` (docs/reference/options.md lists them all)
            3:2: error[DOC1002]: unknown section `servce` (did you mean `service`?)
            6:1: error[DOC1002]: unknown option `pol` in `[service]` (did you mean `pool`?)
            7:8: error[DOC1003]: `service.pool` is a whole number, not a text (the default 100 is in force)
            8:10: error[DOC1004]: `service.listen`: `9630` is not an address with a port, as `127.0.0.1:9630` (the default "127.0.0.1:9630" is in force)
            10:12: error[DOC1004]: `health.pool_pct`: 101 is not a whole number from 1 to 100 (the default 90 is in force)
            11:19: error[DOC1003]: `health.latency_mean_ms` is a whole number, not a number with a fraction (the default 1000 is in force)
            12:1: error[DOC1002]: unknown option `pool` in `[health]` (did you mean `service.pool`?)
            14:8: error[DOC1004]: `metrics.sink`: `a b` is no adapter for this: use `null` or `prometheus` (the default "prometheus" is in force)
            16:11: error[DOC1003]: `doctor.fail_on` is a list of texts, not a whole number (the default ["models", "open-files", "permissions"] is in force)
            18:8: error[DOC1004]: `audit.sink`: `File` is no adapter for this: use `file` or `null` (the default "file" is in force)
        "#]],
    );
}

#[test]
fn what_is_no_toml_leaves_the_defaults() {
    check(
        "[service\npool = 3\n",
        &[],
        expect![[r#"
            1:9: error[DOC1001]: unclosed table, expected `]`
            2:1: error[DOC1002]: unknown section `pool` (docs/reference/options.md lists them all)
        "#]],
    );
    check(
        "[service]\npool = \n",
        &[],
        expect![[r#"
            2:8: error[DOC1001]: string values must be quoted, expected literal string
        "#]],
    );
    check(
        "service = 3\n",
        &[],
        expect![[r#"
            1:1: error[DOC1003]: `service` is a table, written `[service]`
        "#]],
    );
}

#[test]
fn a_variable_that_is_none_has_no_effect() {
    check(
        "",
        &[
            ("RESON__SERVICE__POL", "3"),
            ("RESON__SERVICE__POOL", "lots"),
            ("RESON__HEALTH__MEMORY_MB", "0"),
        ],
        expect![[r#"
            error[DOC1007]: RESON__HEALTH__MEMORY_MB has no effect: 0 is not a whole number from 16 to 1048576
            warning[DOC1006]: RESON__SERVICE__POL has no effect: there is no such option (did you mean `RESON__SERVICE__POOL`?)
            error[DOC1007]: RESON__SERVICE__POOL has no effect: `lots` is not a whole number from 1 to 1000000
        "#]],
    );
}

#[test]
fn the_table_is_sorted_and_its_defaults_are_values() {
    assert!(OPTIONS.is_sorted_by_key(|it| (it.section, it.key)));
    for row in OPTIONS {
        let (options, findings) =
            Options::read(None, &BTreeMap::from([(row.variable(), row.default.to_owned())]));
        assert_eq!(findings, [], "{}.{}", row.section, row.key);
        let read = options.get(row.section, row.key).map(|it| &it.value);
        assert_eq!(read, Some(&row.default_value()));
    }
    assert_eq!(
        option("service", "pool").map(|it| it.variable()).as_deref(),
        Some("RESON__SERVICE__POOL")
    );
}

#[test]
fn the_thresholds_of_the_defaults_are_the_default_thresholds() {
    let (options, _) = Options::read(None, &BTreeMap::new());
    assert_eq!(Thresholds::of(&options), Thresholds::default());
    assert_eq!(options.retention().as_secs(), 90 * 86_400);
    assert_eq!(options.series_limits(), Ok(Limits::default()));
    assert_eq!(options.metrics_sink(), "prometheus");
    assert_eq!(options.listen().map(|it| it.port()), Some(9630));
}

#[test]
fn limits_of_series_that_cannot_be_kept_are_none() {
    let text = "[metrics]\nseries_per_metric = 500\nseries_overall = 300\n";
    let (options, findings) = Options::read(Some(text), &BTreeMap::new());
    assert_eq!(findings, []);
    let why = options.series_limits().map_err(|err| err.to_string());
    assert_eq!(
        why.unwrap_err(),
        "limit of 500 series a metric: use 16 to the overall limit of 300"
    );
}

proptest! {
    #[test]
    fn nothing_makes_the_reader_panic(text in "\\PC{0,80}", value in "\\PC{0,12}") {
        let variables = map(&[("RESON__SERVICE__POOL", &value), ("RESON__ADAPTERS__USE", &value)]);
        let (options, _) = Options::read(Some(&format!("[service]\npool = {text}\n")), &variables);
        prop_assert_eq!(options.iter().count(), OPTIONS.len());
    }

    #[test]
    fn what_is_written_is_read(pool in 1..=1_000_000_u64, words in proptest::collection::vec("[a-z0-9_-]{1,9}", 0..4)) {
        let list = words.iter().map(|it| format!("{it:?}")).collect::<Vec<_>>().join(", ");
        let text = format!("[service]\npool = {pool}\n[adapters]\nuse = [{list}]\n");
        let (options, findings) = Options::read(Some(&text), &BTreeMap::new());
        prop_assert_eq!(findings, []);
        prop_assert_eq!(options.pool(), pool);
        let shown = options.get("adapters", "use").map(|it| it.value.to_string());
        prop_assert_eq!(shown, Some(format!("[{list}]")));
    }
}

//! Profiles from texts and from what was measured.

use expect_test::{Expect, expect};
use overlay_model::TextFormat;
use overlay_optimizer::{Sample, WorkloadProfile};

#[track_caller]
fn check(format: TextFormat, text: &str, expect: Expect) {
    let (_, findings) = WorkloadProfile::read(format, text);
    let lines: Vec<_> = findings.iter().map(|it| format!("{it}\n")).collect();
    expect.assert_eq(&lines.concat());
}

const YAML: &str = "requests_per_minute: 120
average_latency_ms: 250.5
quality_score_minimum: 0.95
resource_constraints: {max_memory_mb: 512, max_energy_units: 40}
peak_hours: [\"09:00-12:00\", 14]
timezone: Europe/Berlin
";

#[test]
fn the_three_formats_say_the_same() {
    let toml = "requests_per_minute = 120
average_latency_ms = 250.5
quality_score_minimum = 0.95
peak_hours = [\"09:00-12:00\", 14]
timezone = \"Europe/Berlin\"
[resource_constraints]
max_memory_mb = 512
max_energy_units = 40
";
    let (yaml, findings) = WorkloadProfile::read(TextFormat::Yaml, YAML);
    assert_eq!(findings, []);
    assert_eq!(WorkloadProfile::read(TextFormat::Toml, toml), (yaml.clone(), vec![]));
    let json = serde_json::to_string(&yaml).unwrap();
    assert_eq!(WorkloadProfile::read(TextFormat::Json, &json), (yaml.clone(), vec![]));
    expect![[
        r#"{"requests_per_minute":120.0,"average_latency_ms":250.5,"quality_score_minimum":0.95,"resource_constraints":{"max_memory_mb":512.0,"max_energy_units":40.0},"peak_hours":["09:00-12:00","14:00-15:00"],"timezone":"Europe/Berlin"}"#
    ]]
    .assert_eq(&json);
    let mut other = yaml.clone();
    other.requests_per_minute = 121.0;
    assert_ne!(other.digest(), yaml.digest());
}

#[test]
fn every_finding_has_its_place() {
    check(
        TextFormat::Yaml,
        "requests_per_minuet: 5\naverage_latency_ms: fast\nquality_score_minimum: 1.5\n\
         resource_constraints: {max_memory_mb: -1, max_cpu: 3}\npeak_hours: [25, \"9-12\"]\n\
         timezone: Mars/Base\n",
        expect![[r#"
            1:1: error[OVL7002]: unknown field `requests_per_minuet` (did you mean `requests_per_minute`?)
            2:1: error[OVL7003]: average_latency_ms is not a number (write a number, or leave the field out)
            3:1: error[OVL7004]: quality_score_minimum is 1.5, and must be from 0 to 1 (correct the number, or leave the field out)
            4:24: error[OVL7004]: max_memory_mb is -1, and must be finite and not negative (correct the number, or leave the field out)
            4:43: error[OVL7002]: unknown field `max_cpu` (fields are max_memory_mb, max_energy_units)
            5:1: error[OVL7005]: `25` is no range of hours (write `09:00-12:00`, or an hour from 0 to 23)
            5:1: error[OVL7005]: `9-12` is no range of hours (write `09:00-12:00`, or an hour from 0 to 23)
            6:1: error[OVL7006]: the time zone `Mars/Base` is not known (name it as the IANA database does: `Europe/Berlin`)
        "#]],
    );
}

#[test]
fn a_number_that_is_none_is_named() {
    check(
        TextFormat::Toml,
        "requests_per_minute = nan # or so\nquality_score_minimum = 2\n\
         resource_constraints = { max_memory_mb = -inf, max_energy_units = 4 }\n",
        expect![[r#"
            1:1: error[OVL7004]: requests_per_minute is nan, and must be finite and not negative (correct the number, or leave the field out)
            2:1: error[OVL7004]: quality_score_minimum is 2, and must be from 0 to 1 (correct the number, or leave the field out)
            3:26: error[OVL7004]: max_memory_mb is -inf, and must be finite and not negative (correct the number, or leave the field out)
        "#]],
    );
    check(
        TextFormat::Yaml,
        "requests_per_minute: 3\nquality_score_minimum: .NaN\n",
        expect![[r#"
            2:1: error[OVL7004]: quality_score_minimum is .NaN, and must be from 0 to 1 (correct the number, or leave the field out)
        "#]],
    );
    let text = "average_latency_ms: .inf\nresource_constraints: {max_memory_mb: +.inf}\n";
    let (profile, findings) = WorkloadProfile::read(TextFormat::Yaml, text);
    assert_eq!((profile, findings.len()), (WorkloadProfile::default(), 2));
}

#[test]
fn texts_that_are_no_profile() {
    check(
        TextFormat::Json,
        "{\"requests_per_minute\": 5, \"requests_per_minute\": 6}",
        expect![[r#"
            1:48: error[OVL7001]: duplicate key `requests_per_minute` (write a table of the profile's fields)
        "#]],
    );
    check(
        TextFormat::Yaml,
        "[]",
        expect![[r#"
            1:1: error[OVL7001]: expected mapping start (write a table of the profile's fields)
        "#]],
    );
    check(
        TextFormat::Yaml,
        "average_latency_ms: 5\ntimezone: UTC\n",
        expect![[r#"
            2:1: note[OVL7008]: a time zone without peak hours (add `peak_hours`, or leave it out)
            warning[OVL7007]: the profile says nothing that a rule asks for (say how many requests a minute come, how good answers must be, or how much memory there is)
        "#]],
    );
}

#[test]
fn measured_requests_give_rate_latency_and_peak() {
    let hour = 3_600_000;
    let at = |hours: i64, number: i64| {
        (0..number).map(move |it| Sample {
            at_ms: hours * hour + it * 1000,
            latency_ms: 100.0 + 100.0 * (it % 2) as f64,
        })
    };
    // Two days: busy from 22 to 2, a trickle else.
    let mut samples = Vec::new();
    for hour in 0..48 {
        let is_busy = matches!(hour % 24, 22 | 23 | 0 | 1);
        samples.extend(at(hour, if is_busy { 60 } else { 2 }));
    }
    let profile = WorkloadProfile::from_samples(&samples, 48.0 * 60.0, "UTC").unwrap();
    assert_eq!(profile.requests_per_minute, 0.1944);
    assert_eq!(profile.average_latency_ms, 150.0);
    let active = profile.active().unwrap();
    assert_eq!(active.hours, ["22:00-02:00".parse().unwrap()]);
    let berlin = WorkloadProfile::from_samples(&samples, 48.0 * 60.0, "Etc/GMT-1").unwrap();
    assert_eq!(berlin.peak_hours, ["23:00-03:00".parse().unwrap()]);
    assert_eq!(WorkloadProfile::from_samples(&[], 60.0, "UTC"), None);
    assert_eq!(WorkloadProfile::from_samples(&samples, 0.0, "UTC"), None);
}

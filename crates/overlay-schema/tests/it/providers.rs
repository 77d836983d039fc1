//! Findings about `providers.toml`.

use expect_test::{Expect, expect};
use overlay_schema::Providers;

use crate::lines;

#[track_caller]
fn check(text: &str, expect: Expect) {
    expect.assert_eq(&lines(&Providers::parse(text).unwrap().findings()));
}

#[test]
fn a_sound_file_has_no_findings() {
    check(
        r#"
        schema = "fusion/providers/1"
        default_models = ["small"]
        [[providers]]
        name = "here"
        endpoint = "http://127.0.0.1:8080/v1"
        api_key = "file:secrets/key"
        [[models]]
        id = "small"
        provider = "here"
        encoding = "cl100k_base"
        context_tokens = 8192
        max_output_tokens = 2048
        input_usd_per_mtok = 0
        output_usd_per_mtok = 0.01
        retires = "2027-12-31"
        "#,
        expect![[""]],
    );
}

#[test]
fn every_finding_is_reported_at_once() {
    check(
        r#"
        schema = "fusion/providers/2"
        default_models = ["large", "Small"]
        [[providers]]
        name = "here"
        endpoint = "ftp://here"
        api_key = "plain text"
        [[providers]]
        name = "here"
        endpoint = "http://there.example.com"
        api_key = "${1BAD}"
        [[models]]
        id = "small"
        provider = "where"
        encoding = "p50k_base"
        context_tokens = 0
        input_usd_per_mtok = nan
        [[models]]
        id = "SMALL"
        provider = "here"
        encoding = "o200k_base"
        context_tokens = 10
        max_output_tokens = 20
        input_usd_per_mtok = 1
        output_usd_per_mtok = -1
        retires = "2027-13-01"
        "#,
        expect![[r#"
            warning[OVL4111]: unknown format `fusion/providers/2` (this program reads `fusion/providers/1`)
            error[OVL4107]: `default_models` names no model: `large` (name the id of a model of this file)
            error[OVL4106]: the endpoint of `here` is no http or https address (write the base URL, as `https://api.example.com/v1`)
            error[OVL8003]: the api_key of `here` stands in plain text (write `${VARIABLE}` or `file:PATH`, and revoke this key)
            error[OVL4101]: two providers are named `here` (case, `-` and `_` make no difference between models)
            error[OVL8003]: the api_key of `here` stands in plain text (write `${VARIABLE}` or `file:PATH`, and revoke this key)
            warning[OVL4112]: the api_key of `here` is sent without encryption (use https)
            error[OVL4102]: the provider `where` of model `small` is unknown (add it under `[[providers]]`)
            error[OVL4105]: the encoding `p50k_base` of model `small` is unknown (write `o200k_base` or `cl100k_base`)
            warning[OVL4103]: model `small` has no price (an overlay that names it does not load: an unknown price is never 0)
            error[OVL4104]: a price of model `small` is below zero or no number (write US dollars a million tokens)
            error[OVL4108]: model `small` has a size of zero tokens (write what the vendor's page says)
            error[OVL4101]: two models are named `SMALL` (case, `-` and `_` make no difference between models)
            error[OVL4104]: a price of model `SMALL` is below zero or no number (write US dollars a million tokens)
            warning[OVL4108]: model `SMALL` answers with more tokens than its context holds (compare with the vendor's page)
            error[OVL4109]: the day model `SMALL` retires is no date (write `YYYY-MM-DD`)
        "#]],
    );
}

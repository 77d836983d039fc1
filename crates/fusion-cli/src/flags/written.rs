//! A flag file as a person would write it: without what says nothing.

use fusion_flags::{
    AttributeTest, Conditions, Defaults, Feature, FlagFile, FlagKind, Ordered, Ramp, Variant,
};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct WrittenFile<'a> {
    schema_version: Option<u32>,
    #[serde(skip_serializing_if = "is_usual")]
    defaults: &'a Defaults,
    features: Ordered<WrittenFeature<'a>>,
}

fn is_usual(defaults: &&Defaults) -> bool {
    **defaults == Defaults::default()
}

#[derive(Serialize)]
struct WrittenFeature<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<FlagKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    enabled_overlays: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback_strategy: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rollout_percentage: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ramp: Option<&'a Ramp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variants: Option<&'a Ordered<Variant>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conditions: Option<WrittenConditions<'a>>,
}

#[derive(Serialize)]
struct WrittenConditions<'a> {
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    scenario_types: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence_threshold: Option<f64>,
    #[serde(rename = "where", skip_serializing_if = "BTreeMap::is_empty")]
    attributes: &'a BTreeMap<String, AttributeTest>,
}

/// The flag file as YAML, with the fields that an import sets.
pub(super) fn to_yaml(file: &FlagFile) -> String {
    let features = file.features.0.iter().map(|(name, it)| (name.clone(), feature(it)));
    let written = WrittenFile {
        schema_version: file.schema_version,
        defaults: &file.defaults,
        features: Ordered(features.collect()),
    };
    serde_yaml::to_string(&written).unwrap_or_default()
}

fn feature(it: &Feature) -> WrittenFeature<'_> {
    WrittenFeature {
        description: it.description.as_deref(),
        owner: it.owner.as_deref(),
        kind: it.kind,
        expires: it.expires.as_deref(),
        enabled: it.enabled,
        enabled_overlays: &it.enabled_overlays,
        fallback_strategy: it.fallback_strategy.as_deref(),
        rollout_percentage: it.rollout_percentage,
        ramp: it.ramp.as_ref(),
        variants: Some(&it.variants).filter(|it| !it.is_empty()),
        conditions: (it.conditions != Conditions::default()).then(|| WrittenConditions {
            scenario_types: &it.conditions.scenario_types,
            confidence_threshold: it.conditions.confidence_threshold,
            attributes: &it.conditions.attributes,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written reads as what it was written from.
    #[test]
    fn words_that_yaml_takes_for_something_else_stay_words() {
        let odd = [
            "on",
            "no",
            "null",
            "~",
            "1",
            "0x1f",
            "1_000",
            "007",
            ".nan",
            "- a",
            "a: b",
            "# c",
            "",
            " d ",
            "é\u{1F600}",
            "\"'",
            "a\nb",
            "{",
            "2026-12-01",
            "=",
            "<<",
            "!x",
            "&y",
            "*z",
            "true",
            "1e3",
            "\t",
            "@corp.example",
        ];
        let words = odd.map(str::to_owned);
        let test = AttributeTest { one_of: Some(words.to_vec()), ..AttributeTest::default() };
        let attributes = odd.iter().map(|it| ((*it).to_owned(), test.clone())).collect();
        let feature = Feature {
            description: Some("one: two # three\nfour".to_owned()),
            conditions: Conditions { attributes, ..Conditions::default() },
            rollout_percentage: Some(0.001),
            ..Feature::default()
        };
        let names = ["on", "1.5", "null", "0x1f", "plain"];
        let features = names.map(|it| (it.to_owned(), feature.clone()));
        let file = FlagFile {
            schema_version: Some(2),
            features: Ordered(features.to_vec()),
            ..FlagFile::default()
        };
        let yaml = to_yaml(&file);
        assert_eq!(FlagFile::parse(&yaml).as_ref(), Ok(&file), "{yaml}");
    }
}

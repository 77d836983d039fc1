use fusion_flags::{
    AttributeTest, BUCKETS, Feature, FlagFile, FlagKind, Matching, MissingConfidence,
    buckets_of_percent,
};
use overlay_model::Diagnostic;
use serde_json::{Map, Value, json};

use crate::codes::UNSAID;

/// Writes a flag file for `environment` as flagd's JSON.
///
/// Each flag becomes a boolean one, to be asked with `targetingKey` (the unit),
/// `scenario_type`, `confidence` and the attributes; its overlays and its position stand in its metadata. A
/// flag with variants gets a second one, `<flag>#split`, whose value is the overlay of the
/// unit: two flags, since a ramp must not move units between variants. What flagd's rules
/// cannot say is in the findings, and such a flag is off there.
pub fn export(file: &FlagFile, environment: Option<&str>) -> (Value, Vec<Diagnostic>) {
    let settings = environment.and_then(|it| file.environments.get(it));
    let scale = settings.and_then(|it| it.global_rollout_percentage).unwrap_or(100.0);
    let mut writer = Writer { file, scale, findings: Vec::new() };
    let mut flags = Map::new();
    for (position, (name, flag)) in (1..).zip(&file.features.0) {
        let rule = writer.rule(name, flag);
        flags.insert(name.clone(), writer.flag(position, flag, &rule));
        if let Some(split) = split(name, flag) {
            flags.insert(format!("{name}#split"), split);
        }
    }
    (json!({ "flags": flags }), writer.findings)
}

struct Writer<'a> {
    file: &'a FlagFile,
    /// Share of the environment, in percent.
    scale: f64,
    findings: Vec<Diagnostic>,
}

impl Writer<'_> {
    fn flag(&self, position: u32, flag: &Feature, rule: &Value) -> Value {
        let on = flag.enabled != Some(false) && !self.file.global.kill_switch;
        let overlays = flag.enabled_overlays.join(",");
        // flagd's map has no order; ours says which overlay is best.
        let mut metadata = Map::from_iter([("position".to_owned(), json!(position))]);
        let texts = [
            ("description", flag.description.as_deref()),
            ("owner", flag.owner.as_deref()),
            ("fallback_strategy", flag.fallback_strategy.as_deref()),
            ("kind", flag.kind.map(kind_word)),
            ("expires", flag.expires.as_deref()),
            ("overlays", Some(overlays.as_str()).filter(|it| !it.is_empty())),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                metadata.insert(key.to_owned(), json!(text));
            }
        }
        json!({
            "state": if on { "ENABLED" } else { "DISABLED" },
            "variants": { "on": true, "off": false },
            "defaultVariant": "off",
            "targeting": { "if": [rule, "on", "off"] },
            "metadata": metadata,
        })
    }

    /// The rule that holds where the flag is on.
    fn rule(&mut self, name: &str, flag: &Feature) -> Value {
        if let Some(what) = self.inexpressible(name, flag) {
            let said = format!("`{name}` {what}, which flagd's rules cannot say; it is off there");
            self.findings.push(Diagnostic::warning(UNSAID, said));
            return json!(false);
        }
        let mut all = Vec::new();
        all.extend(self.scenarios(flag));
        all.extend(self.confidence(flag));
        let tests = &flag.conditions.attributes;
        all.extend(tests.iter().map(|(attribute, test)| attribute_rule(attribute, test)));
        all.extend(self.rollout(flag));
        match all.len() {
            0 => json!(true),
            1 => all.pop().unwrap_or_default(),
            _ => json!({ "and": all }),
        }
    }

    fn inexpressible(&self, name: &str, flag: &Feature) -> Option<&'static str> {
        let partial = flag.ramp.is_some() || self.scaled(flag, flag.rollout_percentage) < BUCKETS;
        let bucket_by = self.file.defaults.bucket_by.as_deref();
        let other_key = bucket_by.is_some_and(|it| it != "targetingKey");
        let salted = flag.salt.as_deref().is_some_and(|it| it != name);
        let tests = &flag.conditions.attributes;
        let draws = partial || !flag.variants.is_empty();
        match () {
            () if flag.active.is_some() => Some("applies by the hour"),
            () if !flag.requires.is_empty() => Some("requires other flags"),
            () if tests.values().any(|it| it.semver.is_some()) => Some("has a range of versions"),
            () if tests.keys().any(|it| is_path(it)) => Some("tests an attribute with a dot"),
            () if draws && salted => Some("has a salt of its own"),
            () if draws && other_key => Some("buckets another attribute"),
            () => None,
        }
    }

    fn scenarios(&self, flag: &Feature) -> Option<Value> {
        let types = &flag.conditions.scenario_types;
        if types.is_empty() {
            return None;
        }
        let given = json!({ "var": ["scenario_type", ""] });
        Some(match self.file.matching() {
            Matching::Exact => json!({ "in": [given, types] }),
            Matching::Substring => {
                let parts: Vec<Value> =
                    types.iter().map(|it| json!({ "in": [it, given] })).collect();
                json!({ "or": parts })
            }
        })
    }

    fn confidence(&self, flag: &Feature) -> Option<Value> {
        let least = flag.conditions.confidence_threshold?;
        let usual = match self.file.schema_version {
            None => MissingConfidence::Allow,
            Some(_) => MissingConfidence::Deny,
        };
        let missing = self.file.defaults.missing_confidence.unwrap_or(usual);
        // Below and above every threshold.
        let missing = if missing == MissingConfidence::Allow { 2 } else { -1 };
        Some(json!({ ">=": [{ "var": ["confidence", missing] }, least] }))
    }

    fn rollout(&self, flag: &Feature) -> Option<Value> {
        let Some(ramp) = &flag.ramp else {
            return drawn(self.scaled(flag, flag.rollout_percentage));
        };
        let now = json!({ "var": "$flagd.timestamp" });
        let mut rule = vec![];
        for (at_ms, step) in ramp.moments_ms().into_iter().zip(&ramp.steps).rev() {
            let share = drawn(self.scaled(flag, Some(step.percent))).unwrap_or(json!(true));
            // flagd's clock has seconds.
            let at_s = at_ms.div_euclid(1000) + i64::from(at_ms.rem_euclid(1000) > 0);
            rule.push(json!({ ">=": [now, at_s] }));
            rule.push(share);
        }
        rule.push(json!(false));
        Some(json!({ "if": rule }))
    }

    fn scaled(&self, flag: &Feature, percent: Option<f64>) -> u32 {
        let scale = if flag.kind == Some(FlagKind::KillSwitch) { 100.0 } else { self.scale };
        buckets_of_percent(percent.unwrap_or(100.0) * scale / 100.0).unwrap_or(0)
    }
}

/// Whether flagd would look inside an attribute for it.
fn is_path(attribute: &str) -> bool {
    attribute.is_empty() || attribute.contains('.')
}

/// The kind as a flag file writes it.
fn kind_word(kind: FlagKind) -> &'static str {
    match kind {
        FlagKind::Release => "release",
        FlagKind::Ops => "ops",
        FlagKind::KillSwitch => "kill_switch",
        FlagKind::Experiment => "experiment",
    }
}

/// The rule that the first `share` buckets are in; none where all are.
fn drawn(share: u32) -> Option<Value> {
    match share {
        0 => Some(json!(false)),
        BUCKETS.. => None,
        _ => Some(json!({
            "==": [{ "fractional": [["in", share], ["out", BUCKETS - share]] }, "in"]
        })),
    }
}

fn attribute_rule(attribute: &str, test: &AttributeTest) -> Value {
    let value = json!({ "var": attribute });
    let known = |rule: Value| json!({ "and": [{ "!==": [value, null] }, rule] });
    match test {
        AttributeTest { one_of: Some(words), .. } => json!({ "in": [value, words] }),
        AttributeTest { not_in: Some(words), .. } => {
            known(json!({ "!": [{ "in": [value, words] }] }))
        }
        AttributeTest { starts_with: Some(part), .. } => json!({ "starts_with": [value, part] }),
        AttributeTest { ends_with: Some(part), .. } => json!({ "ends_with": [value, part] }),
        AttributeTest { at_least: Some(bound), .. } => known(json!({ ">=": [value, bound] })),
        AttributeTest { less_than: Some(bound), .. } => known(json!({ "<": [value, bound] })),
        _ => json!(false),
    }
}

/// The flag that gives a unit its variant; none where there are no variants.
fn split(name: &str, flag: &Feature) -> Option<Value> {
    let salted = flag.salt.as_deref().is_some_and(|it| it != name);
    if flag.variants.is_empty() || salted {
        return None;
    }
    let arms = flag.variants.0.iter();
    let values: Map<String, Value> = arms
        .clone()
        .map(|(name, it)| (name.clone(), json!(it.overlay.as_deref().unwrap_or(""))))
        .collect();
    let weights: Vec<Value> = arms.map(|(name, it)| json!([name, it.weight])).collect();
    Some(json!({
        "state": "ENABLED",
        "variants": values,
        "defaultVariant": null,
        "targeting": { "fractional": weights },
    }))
}

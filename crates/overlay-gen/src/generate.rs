use std::collections::BTreeMap;

use overlay_model::{DesignSpec, Diagnostic, Digest, Overlay, format, header, one_line};
use overlay_schema::{PARAMS, Profile, Required, Subject};
use serde::Serialize;

use crate::design::check_design;
use crate::rules::{
    RULES, Rule, SENSITIVE, Stage, has_large_memory, is_energy_cap, named_author,
    performance_scenario,
};
use crate::template::Template;
use crate::text::{part_of_word, whole_word};

/// An overlay made from a design spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// The overlay; it passes the profile `deploy`.
    pub overlay: Overlay,
    /// For each of its keys, the rule that set it and why.
    pub origins: BTreeMap<String, KeyOrigin>,
    /// The digest of its settings.
    pub digest: Digest,
    /// Notes and warnings about the spec, then about the overlay, without places: neither of
    /// the two is a file here. The first are those of [`check_design`], which tells places.
    pub diagnostics: Vec<Diagnostic>,
}

/// Why a key has its value.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct KeyOrigin {
    /// The rule: a row of [`RULES`], or `gen.template`, `gen.default`, `gen.created`,
    /// `gen.pins`.
    pub rule: String,
    /// Why it applied.
    pub because: String,
}

/// Generates the overlay that `spec` asks for, from the keys of `template`.
///
/// The same spec and template give the same bytes: no clock is read.
///
/// # Errors
///
/// With all findings, where an error is among them: the spec has issues, or the template
/// holds what no overlay may hold.
pub fn generate(spec: &DesignSpec, template: &Template) -> Result<Generated, Vec<Diagnostic>> {
    build(spec, template, None)
}

/// [`generate`], with the moment it is made in `OVERLAY_CREATED`, as RFC 3339 writes it.
/// The digest does not cover it. Another text is written as it is, and warned of.
///
/// # Errors
///
/// As [`generate`].
pub fn generate_at(
    spec: &DesignSpec,
    template: &Template,
    created: &str,
) -> Result<Generated, Vec<Diagnostic>> {
    build(spec, template, Some(created))
}

fn build(
    spec: &DesignSpec,
    template: &Template,
    created: Option<&str>,
) -> Result<Generated, Vec<Diagnostic>> {
    let mut diagnostics = check_design(spec, None).diagnostics;
    if diagnostics.iter().any(Diagnostic::is_error) {
        return Err(diagnostics);
    }
    let draft = Draft::of(spec, template, created);
    diagnostics.extend(remarks(spec));
    diagnostics.extend(draft.beyond_the_original(spec));

    let (overlay, syntax) = Overlay::parse(&draft.laid_out());
    let checked = overlay_schema::check(&overlay, syntax, Profile::Deploy, &Subject::default());
    diagnostics.extend(checked.diagnostics.into_iter().map(without_place));
    if diagnostics.iter().any(Diagnostic::is_error) {
        return Err(diagnostics);
    }
    let digest = overlay_schema::digest(&overlay);
    Ok(Generated { overlay, origins: draft.origins(), digest, diagnostics })
}

/// A finding about an overlay that nobody has seen yet: a place in it says nothing.
fn without_place(finding: Diagnostic) -> Diagnostic {
    Diagnostic { at: None, related: Vec::new(), fix: None, ..finding }
}

/// An overlay in the making.
#[derive(Default)]
struct Draft {
    lines: Vec<Line>,
    pinned: Vec<&'static str>,
}

struct Line {
    key: String,
    value: String,
    origin: KeyOrigin,
}

impl Draft {
    fn of(spec: &DesignSpec, template: &Template, created: Option<&str>) -> Self {
        let mut res = Self::default();
        let (metadata, goals) =
            RULES.split_at(RULES.partition_point(|it| it.stage == Stage::Metadata));
        metadata.iter().for_each(|it| res.apply(it, spec));
        if let Some(moment) = created {
            res.created(moment);
        }
        res.template(template);
        goals.iter().for_each(|it| res.apply(it, spec));
        res.pin();
        res
    }

    fn set(&mut self, key: &str, value: &str, rule: &str, because: String) {
        let value = value.to_owned();
        let origin = KeyOrigin { rule: rule.to_owned(), because };
        match self.lines.iter_mut().find(|it| it.key == key) {
            Some(line) => (line.value, line.origin) = (value, origin),
            None => self.lines.push(Line { key: key.to_owned(), value, origin }),
        }
    }

    fn apply(&mut self, rule: &'static Rule, spec: &DesignSpec) {
        let Some(because) = rule.because(spec) else { return };
        for (key, set) in rule.keys {
            self.set(key, &set.value(spec), rule.id, because.clone());
            if rule.pins && !self.pinned.contains(key) {
                self.pinned.push(key);
            }
        }
    }

    fn created(&mut self, moment: &str) {
        let because = "the moment given".to_owned();
        self.set("OVERLAY_CREATED", &one_line(moment), "gen.created", because);
    }

    /// Sets the keys of `template`, and the keys each overlay must have that are left.
    fn template(&mut self, template: &Template) {
        for (key, value) in template.entries() {
            let because = format!("template {}", template.name());
            self.set(key, value, "gen.template", because);
        }
        for param in
            PARAMS.iter().filter(|it| loader_asks_for(it.key) || it.required != Required::No)
        {
            let Some(default) = param.default else { continue };
            if self.value(param.key).is_none() {
                let because = format!("not in template {}: the default", template.name());
                self.set(param.key, default, "gen.default", because);
            }
        }
    }

    fn pin(&mut self) {
        if !self.pinned.is_empty() {
            let keys = self.pinned.join(",");
            let because = "keys that follow from the goals of the spec".to_owned();
            self.set("OVERLAY_PINNED", &keys, "gen.pins", because);
        }
    }

    fn value(&self, key: &str) -> Option<&str> {
        self.lines.iter().find(|it| it.key == key).map(|it| it.value.as_str())
    }

    /// The file: comments that say what it is, then a section a group of keys.
    fn laid_out(&self) -> String {
        let value = |key| self.value(key).unwrap_or_default();
        let scenarios = value("OVERLAY_TARGET_SCENARIOS");
        let mut text = header(value("OVERLAY_NAME"), value("OVERLAY_DESCRIPTION"), scenarios);
        text.push('\n');
        for Line { key, value, .. } in &self.lines {
            text.extend([key, "=", value, "\n"]);
        }
        let (overlay, findings) = Overlay::parse(&text);
        // What is no overlay is checked, and refused, as it is.
        let is_broken = findings.iter().any(Diagnostic::is_error);
        if is_broken { text } else { format(&overlay, &overlay_schema::place) }
    }

    fn origins(self) -> BTreeMap<String, KeyOrigin> {
        self.lines.into_iter().map(|it| (it.key, it.origin)).collect()
    }

    /// Names the keys that the original would not have written, or not so.
    fn beyond_the_original(&self, spec: &DesignSpec) -> Option<Diagnostic> {
        let is_ours = |line: &&Line| match line.origin.rule.as_str() {
            "gen.default" | "gen.energy.cap" | "gen.pins" => true,
            "gen.author" => named_author(spec).is_some(),
            _ => false,
        };
        let keys: Vec<_> = self.lines.iter().filter(is_ours).map(|it| it.key.as_str()).collect();
        let message = format!("beyond the keys of the original: {}", keys.join(", "));
        (!keys.is_empty()).then(|| Diagnostic::note("OVL6015", message))
    }
}

/// Keys that the original's loader asks for and its generator left out.
fn loader_asks_for(key: &str) -> bool {
    matches!(key, "PRIMARY_MODEL_SELECTION" | "VOTING_POWER_MAP" | "ARBITRATION_TIMEOUT_MS")
}

/// Notes where the original would have done something else.
fn remarks(spec: &DesignSpec) -> Vec<Diagnostic> {
    let mut res = Vec::new();
    if let Some(scenario) = performance_scenario(spec).filter(|_| has_large_memory(spec)) {
        let scenario = scenario.trim();
        let message = format!("ADAPTIVE_CACHING stays `aggressive`: {scenario} asks for less");
        res.push(Diagnostic::note("OVL6016", message));
    }
    let inside = part_of_word(&spec.purpose, SENSITIVE);
    if let Some(word) = inside.filter(|_| whole_word(&spec.purpose, SENSITIVE).is_none()) {
        let message = format!("`{word}` is only a part of a word of the purpose");
        let hint = format!("write `{word}` as a word of its own to switch SECURITY_MODE on");
        res.push(Diagnostic::note("OVL6017", message).hint(hint));
    }
    let energy = spec.resource_constraints.max_energy_units;
    if let Some(units) = energy.filter(|it| !is_energy_cap(*it)) {
        let message =
            format!("max_energy_units {units} sets ENERGY_FLOOR, but no cap of a request");
        let hint = "MAX_ENERGY_UNITS takes whole numbers from 1 on";
        res.push(Diagnostic::warning("OVL6018", message).hint(hint));
    }
    res
}

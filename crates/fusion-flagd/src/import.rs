use std::ops::Range;

use fusion_flags::{
    AttributeTest, BUCKETS, Conditions, Defaults, Feature, FlagFile, FlagKind, Matching,
    MissingConfidence, Ordered, Snapshot, Variant,
};
use overlay_model::Diagnostic;

use crate::choice::{Choice, Meaning, Variants};
use crate::codes::{DRAWN_ANEW, NARROWER, NO_COUNTERPART, NOT_KEPT};
use crate::document::Document;
use crate::gate::{Gate, Refusal, Share, refuse};
use crate::incoming::Incoming;
use crate::ramp::ramp_of;
use crate::spot::Findings;

/// Reads flagd's JSON as a flag file of ours, with what is wrong with it and what cannot be
/// said here, in the order of the text.
///
/// A boolean flag becomes one that is on where it gives `true`; its overlays are read from
/// its metadata, where [`crate::export`] puts them. A flag of texts becomes one that offers
/// the overlays of these names: by condition, or by weight as variants; an empty text is
/// the baseline. `<flag>#split` becomes the variants of `<flag>`. `fractional` over the flag
/// and the unit is a rollout that draws the same units; conditions that all hold are
/// `scenario_types`, `confidence_threshold` and `where`; moments are a ramp.
///
/// A flag whose rule says more than that is off here, with the finding FLG7005. A flag that
/// is none in flagd either (FLG7003, FLG7004) is left out, and so is the file as a whole
/// where the text is no flagd configuration (FLG7002). What comes back always compiles.
pub fn import(text: &str) -> (FlagFile, Vec<Diagnostic>) {
    let mut findings = Findings::default();
    let document = Document::read(text, &mut findings);
    let mut importer = Importer { flags: Vec::new(), findings: &mut findings };
    if let Some(document) = document {
        importer.flags(document);
    }
    let file = importer.file();
    (file, findings.placed(text))
}

/// A flag on its way.
struct Import {
    name: String,
    span: Range<usize>,
    feature: Feature,
    /// How it compares scenario types, where it asks for some.
    matching: Option<Matching>,
    /// What a missing confidence means to it, where it asks for one.
    missing: Option<MissingConfidence>,
    /// Its place among the flags, where its metadata says so.
    position: Option<u64>,
}

struct Importer<'f> {
    flags: Vec<Import>,
    findings: &'f mut Findings,
}

impl Importer<'_> {
    fn flags(&mut self, document: Document<'_>) {
        let Document { shared, flags } = document;
        let (splits, flags): (Vec<_>, Vec<_>) =
            flags.into_iter().partition(|(key, _)| key.ends_with("#split"));
        for (key, spot) in flags {
            let Some(incoming) = Incoming::read(&key, spot, &shared, self.findings) else {
                continue;
            };
            let import = self.import(&key, &incoming);
            self.add(import);
        }
        for (key, spot) in splits {
            if let Some(incoming) = Incoming::read(&key, spot, &shared, self.findings) {
                self.split(&key, &incoming);
            }
        }
    }

    /// The flag as it is here; off where that cannot be said.
    fn import(&mut self, key: &str, incoming: &Incoming<'_>) -> Import {
        let mut import = Import {
            name: key.to_owned(),
            span: incoming.span.clone(),
            feature: self.described(key, incoming),
            matching: None,
            missing: None,
            position: incoming.number("position"),
        };
        import.feature.enabled = (!incoming.enabled).then_some(false);
        let chosen = incoming.meanings().and_then(|it| {
            let choice = match &incoming.rule {
                Some(rule) => it.choose(rule)?,
                None => it.default_choice(),
            };
            Ok((it, choice))
        });
        let result = chosen.and_then(|(variants, choice)| {
            self.gated(&mut import, &choice.gate)?;
            self.offered(&mut import, &variants, &choice);
            Ok(())
        });
        if let Err(refusal) = result {
            self.cannot(&mut import, &refusal);
        }
        import
    }

    fn cannot(&mut self, import: &mut Import, refusal: &Refusal) {
        let said = format!("`{}` {}; it is off here", import.name, refusal.said);
        let hint = "keep it in flagd, or write by hand what is meant";
        self.findings.advise(NO_COUNTERPART, refusal.span.clone(), said, hint);
        let Feature {
            description, owner, fallback_strategy, kind, expires, enabled_overlays, ..
        } = std::mem::take(&mut import.feature);
        import.feature = Feature {
            description,
            owner,
            fallback_strategy,
            kind,
            expires,
            enabled_overlays,
            enabled: Some(false),
            ..Feature::default()
        };
        (import.matching, import.missing) = (None, None);
    }

    /// A feature with what the metadata says.
    fn described(&mut self, key: &str, incoming: &Incoming<'_>) -> Feature {
        let overlays = incoming.text("overlays").unwrap_or_default();
        let overlays = overlays.split(',').map(str::trim).filter(|it| !it.is_empty());
        let kind = incoming.text("kind");
        let feature = Feature {
            description: incoming.text("description"),
            owner: incoming.text("owner"),
            fallback_strategy: incoming.text("fallback_strategy"),
            kind: kind.as_deref().and_then(kind_of),
            expires: incoming.text("expires"),
            enabled_overlays: overlays.map(str::to_owned).collect(),
            ..Feature::default()
        };
        for (name, it) in &incoming.metadata {
            let kept = match name.as_str() {
                "description" | "owner" | "fallback_strategy" | "expires" | "overlays" => {
                    it.value().is_string()
                }
                "kind" => feature.kind.is_some(),
                "position" => it.value().is_u64(),
                _ => false,
            };
            if !kept {
                let said = format!("`{key}`: the metadata `{name}` is not kept");
                self.findings.add(NOT_KEPT, it.span(), said);
            }
        }
        feature
    }

    /// Gives the flag the conditions of a gate.
    fn gated(&mut self, import: &mut Import, gate: &Gate) -> Result<(), Refusal> {
        let feature = &mut import.feature;
        match &gate.share {
            Share::Of(BUCKETS) => {}
            Share::Of(share) => feature.rollout_percentage = Some(f64::from(*share) / 1000.0),
            Share::Ramp(steps) => match ramp_of(steps) {
                Some(ramp) => feature.ramp = Some(ramp),
                None => return refuse(&import.span, "has a schedule out of range"),
            },
        }
        let mut attributes = gate.tests.clone();
        for name in &gate.present {
            let test = AttributeTest { not_in: Some(Vec::new()), ..AttributeTest::default() };
            attributes.entry(name.clone()).or_insert(test);
        }
        let (matching, types) = gate.scenarios.clone().unzip();
        let (threshold, missing) = gate.confidence.unzip();
        (import.matching, import.missing) = (matching, missing);
        let on_unit = attributes.contains_key("targetingKey");
        feature.conditions = Conditions {
            scenario_types: types.unwrap_or_default(),
            confidence_threshold: threshold,
            attributes,
        };
        for remark in &gate.remarks {
            if remark.without.as_ref().is_none_or(|it| !gate.present.contains(it)) {
                let said = format!("`{}`: {}", import.name, remark.said);
                let span = remark.span.clone();
                match remark.without {
                    Some(_) => {
                        let hint = "test in flagd that it is there too: {\"!==\": [it, null]}";
                        self.findings.advise(remark.code, span, said, hint);
                    }
                    None => self.findings.add(remark.code, span, said),
                }
            }
        }
        if on_unit {
            let said =
                format!("`{}`: the unit must be an attribute `targetingKey` too", import.name);
            self.findings.add(NARROWER, import.span.clone(), said);
        }
        Ok(())
    }

    /// Gives the flag the overlays of what was chosen.
    fn offered(&mut self, import: &mut Import, variants: &Variants, choice: &Choice) {
        let feature = &mut import.feature;
        match choice.arms.as_slice() {
            [] => feature.rollout_percentage = Some(0.0),
            [(name, _)] => {
                if let Meaning::Overlay(overlay) = variants.meaning(name) {
                    feature.enabled_overlays = vec![overlay];
                }
            }
            arms => {
                feature.enabled_overlays.clear();
                feature.variants = weighted(variants, arms);
                let said = format!("`{}`: the variants are drawn anew", import.name);
                self.findings.add(DRAWN_ANEW, import.span.clone(), said);
            }
        }
    }

    /// Puts a flag that only draws variants into the flag it is the split of.
    fn split(&mut self, key: &str, incoming: &Incoming<'_>) {
        let base = key.strip_suffix("#split").unwrap_or(key);
        for (name, it) in &incoming.metadata {
            let said = format!("`{key}`: the metadata `{name}` is not kept");
            self.findings.add(NOT_KEPT, it.span(), said);
        }
        let drawn = incoming.meanings().and_then(|variants| {
            let choice = match &incoming.rule {
                Some(rule) => variants.choose(rule)?,
                None => variants.default_choice(),
            };
            let plain = choice.gate.is_open() && !variants.switches && !choice.arms.is_empty();
            if !plain {
                return refuse(&incoming.span, "does more than draw variants");
            }
            Ok(weighted(&variants, &choice.arms))
        });
        let flag = self.flags.iter_mut().find(|it| it.name == base);
        let refusal = match (drawn, flag) {
            (Ok(variants), Some(flag)) if incoming.enabled => {
                flag.feature.variants = variants;
                return;
            }
            (Err(refusal), _) => refusal,
            (_, None) => Refusal {
                span: incoming.span.clone(),
                said: format!("is the split of `{base}`, which there is not"),
            },
            _ => Refusal { span: incoming.span.clone(), said: "is off".to_owned() },
        };
        self.left_out(key, &refusal);
    }

    fn left_out(&mut self, key: &str, refusal: &Refusal) {
        let said = format!("`{key}` {}; it is left out", refusal.said);
        let hint = "keep it in flagd, or write by hand what is meant";
        self.findings.advise(NO_COUNTERPART, refusal.span.clone(), said, hint);
    }

    /// Keeps a flag; one that would not compile is off, and one without a name left out.
    fn add(&mut self, mut import: Import) {
        let span = import.span.clone();
        if let Some(said) = fault(&import.name, &Feature::default()) {
            return self.left_out(&import.name, &Refusal { span, said });
        }
        if let Some(said) = fault(&import.name, &import.feature) {
            self.cannot(&mut import, &Refusal { span, said });
            // What is wrong may be what the metadata says.
            if fault(&import.name, &import.feature).is_some() {
                import.feature = Feature { enabled: Some(false), ..Feature::default() };
            }
        }
        self.flags.push(import);
    }

    /// The file, which compares scenario types in one way only.
    fn file(mut self) -> FlagFile {
        let mut asked = self.flags.iter().filter_map(|it| it.matching);
        let exact = asked.clone().any(|it| it == Matching::Exact);
        let matching = (!exact && asked.next().is_some()).then_some(Matching::Substring);
        let mut asked = self.flags.iter().filter_map(|it| it.missing);
        let denies = asked.clone().any(|it| it == MissingConfidence::Deny);
        let missing = (!denies && asked.next().is_some()).then_some(MissingConfidence::Allow);
        let mut flags = std::mem::take(&mut self.flags);
        flags.sort_by_key(|it| it.position.unwrap_or(u64::MAX));
        for it in &mut flags {
            if exact && it.matching == Some(Matching::Substring) {
                let said = "looks for parts of scenario types, and other flags for whole ones";
                let refusal = Refusal { span: it.span.clone(), said: said.to_owned() };
                self.cannot(it, &refusal);
            }
            if denies && it.missing == Some(MissingConfidence::Allow) {
                let said = format!("`{}`: without a confidence it is off here", it.name);
                self.findings.add(NARROWER, it.span.clone(), said);
            }
        }
        FlagFile {
            schema_version: Some(2),
            defaults: Defaults { matching, missing_confidence: missing, ..Defaults::default() },
            features: Ordered(flags.into_iter().map(|it| (it.name, it.feature)).collect()),
            ..FlagFile::default()
        }
    }
}

/// Why a file with this flag alone would not compile.
fn fault(name: &str, feature: &Feature) -> Option<String> {
    let features = Ordered(vec![(name.to_owned(), feature.clone())]);
    let file = FlagFile { schema_version: Some(2), features, ..FlagFile::default() };
    let errors = Snapshot::compile(&file, None).err()?;
    let said = &errors.first()?.message;
    let own = said.strip_prefix(&format!("`{name}`: ")).unwrap_or(said);
    Some(format!("would not be valid here: {own}"))
}

fn weighted(variants: &Variants, arms: &[(String, u64)]) -> Ordered<Variant> {
    let arm = |(name, weight): &(String, u64)| {
        let overlay = match variants.meaning(name) {
            Meaning::Overlay(overlay) => Some(overlay),
            _ => None,
        };
        (name.clone(), Variant { overlay, weight: u32::try_from(*weight).unwrap_or(u32::MAX) })
    };
    Ordered(arms.iter().map(arm).collect())
}

fn kind_of(word: &str) -> Option<FlagKind> {
    match word {
        "release" => Some(FlagKind::Release),
        "ops" => Some(FlagKind::Ops),
        "kill_switch" => Some(FlagKind::KillSwitch),
        "experiment" => Some(FlagKind::Experiment),
        _ => None,
    }
}

use overlay_model::{Diagnostic, Overlay, nearest};
use overlay_schema::{Group, Profile, Subject, param};
use thiserror::Error;

use crate::text::visible;

/// The built-in templates, in the order of the reference. Their constants are the
/// original's.
const BUILT_IN: &[(&str, &str)] = &[
    ("performance_optimized", include_str!("../templates/performance_optimized.txt")),
    ("quality_focused", include_str!("../templates/quality_focused.txt")),
    ("balanced", include_str!("../templates/balanced.txt")),
    ("resource_constrained", include_str!("../templates/resource_constrained.txt")),
];

/// The keys an overlay starts from, before the rules of the generator.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Template {
    name: String,
    overlay: Overlay,
}

impl Template {
    /// The names of the built-in templates.
    pub fn known() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// The built-in template `name`.
    ///
    /// # Errors
    ///
    /// Where there is none. The original took `balanced` then, without a word.
    pub fn named(name: &str) -> Result<Self, UnknownTemplate> {
        let (name, text) = BUILT_IN
            .iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| UnknownTemplate::among(name, Self::known()))?;
        Ok(Self { name: (*name).to_owned(), overlay: Overlay::parse(text).0 })
    }

    /// The template in `text`, which is written like an overlay file, with every
    /// finding about it. With an error among them it is not fit for use.
    ///
    /// Its keys are checked against the one table. Metadata say what an overlay is, and
    /// come from the design spec: a template must not set them.
    pub fn parse(name: &str, text: &str) -> (Self, Vec<Diagnostic>) {
        let (overlay, syntax) = Overlay::parse(text);
        let checked = overlay_schema::check(&overlay, syntax, Profile::Deploy, &Subject::default());
        let mut findings = checked.diagnostics;
        // A template is a part of an overlay, so nothing can be missing.
        findings.retain(|it| it.code != "OVL2001");
        findings.extend(metadata(&overlay));
        findings.sort_by_key(|it| it.at.as_ref().map_or(usize::MAX, |at| at.span.start));
        (Self { name: name.to_owned(), overlay }, findings)
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The keys with their values, in file order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.overlay.entries().map(|it| (it.key, it.value))
    }
}

/// A finding for each key of `overlay` that says what an overlay is.
fn metadata(overlay: &Overlay) -> impl Iterator<Item = Diagnostic> {
    let is_metadata = |key: &str| param(key).is_some_and(|it| it.group == Group::Metadata);
    overlay.entries().filter(move |it| is_metadata(it.key)).map(|it| {
        Diagnostic::error("OVL6013", format!("a template must not set {}", it.key))
            .located(overlay.location(it.key_span()))
            .hint("remove the line: the design spec says what the overlay is")
    })
}

/// A name that no template has.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("there is no template `{name}`")]
pub struct UnknownTemplate {
    /// The name asked for.
    pub name: String,
    /// The known name most like it, where one is like it.
    pub nearest: Option<String>,
    /// All names there are.
    pub known: Vec<String>,
}

impl UnknownTemplate {
    /// The error about `name`, where there are `known` templates.
    pub fn among<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<String> = known.into_iter().map(str::to_owned).collect();
        let nearest = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
        Self { name: name.to_owned(), nearest, known }
    }

    /// The error as a finding.
    pub fn diagnostic(&self) -> Diagnostic {
        let known = self.known.join(", ");
        let hint = match &self.nearest {
            Some(nearest) => format!("did you mean `{nearest}`? There are: {known}"),
            None => format!("there are: {known}"),
        };
        Diagnostic::error("OVL6001", format!("there is no template `{}`", visible(&self.name)))
            .hint(hint)
    }
}

use std::collections::BTreeSet;

use jiff::civil::Date;
use overlay_model::{Diagnostic, Overlay, plural};

use crate::codes;
use crate::decision::Decisions;
use crate::draft::{Deed, Draft};
use crate::finding::Finding;
use crate::foreign;
use crate::kind::Kind;
use crate::order::OrderError;
use crate::plan::Plan;
use crate::retired::Retired;
use crate::rules::ground::Ground;
use crate::rules::layout::Used;
use crate::rules::{
    OVERLAYS, choices, file_name, is_overlay, layout, models, older, origin, remaining,
};
use crate::step::Replace;
use crate::tree::Tree;

/// What a plan is made with, beside the tree.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The day for which models are judged.
    pub today: Date,
    /// What a person has decided.
    pub decisions: &'a Decisions,
    /// The models that have retired.
    pub retired: &'a Retired,
}

/// What takes `tree` to this format, and everything there is to say about it.
///
/// Nothing is guessed: what has no counterpart here is a finding, and an error among them is
/// a step for a person. The same tree, day and decisions give the same plan.
///
/// # Errors
///
/// Where the steps cannot be put in an order; a plan of these rules always can.
pub fn plan(tree: &Tree, options: Options<'_>) -> Result<(Plan, Vec<Finding>), OrderError> {
    let mut planning = Planning {
        draft: Draft::new(tree),
        options,
        ground: Ground::default(),
        used: Used::default(),
        findings: tree.findings().to_vec(),
    };
    let Planning { draft, used, findings, .. } = &mut planning;
    let open = layout::place(draft, tree, options.decisions, used, findings);
    planning.ground = Ground::of(&planning.draft);
    planning.overlays(&open);
    planning.providers();
    planning.foreign_files();
    planning.unused();
    let Planning { draft, mut findings, .. } = planning;
    findings.sort_by(|a, b| {
        let line = |it: &Finding| it.diagnostic.at.as_ref().map_or(usize::MAX, |at| at.span.start);
        (&a.path, line(a), a.diagnostic.code).cmp(&(&b.path, line(b), b.diagnostic.code))
    });
    Ok((Plan::new(draft.steps)?, findings))
}

struct Planning<'a> {
    draft: Draft<'a>,
    options: Options<'a>,
    ground: Ground,
    used: Used,
    findings: Vec<Finding>,
}

impl Planning<'_> {
    fn overlays(&mut self, open: &BTreeSet<String>) {
        for path in self.draft.paths() {
            let folder = path.strip_suffix(file_name(&path)).unwrap_or_default();
            let is_ours = matches!(folder, "" | "fusion/" | OVERLAYS) && is_overlay(&path);
            if is_ours && !open.contains(&path) {
                self.overlay(&path);
            }
        }
    }

    /// Takes one overlay through the rules; each sees what the one before left.
    fn overlay(&mut self, path: &str) {
        let Some(text) = self.draft.text(path) else { return };
        let (overlay, _) = Overlay::parse(text);
        if origin::is_origin(&overlay) {
            let (edits, notes) = origin::edits(path, &overlay, &self.ground.providers);
            self.findings.extend(notes);
            let summary = format!("{path}: {} of v0.3 to this format", plural(edits.len(), "line"));
            self.edit(path, "origin", Kind::PARAMS, summary, edits);
        }
        let (edits, notes) =
            self.checked(path, |overlay, checked| older::edits(path, overlay, checked));
        self.findings.extend(notes);
        self.edit(path, "older", Kind::PARAMS, format!("{path}: newer names"), edits);
        self.choices(path);
        self.models(path);
        let errors =
            self.checked(path, |overlay, checked| remaining::errors(path, overlay, checked));
        self.findings.extend(errors);
    }

    fn choices(&mut self, path: &str) {
        let paths = [path, self.draft.came_from(path)];
        let Some(text) = self.draft.text(path) else { return };
        let (overlay, checked) = self.ground.check(path, text);
        let (decisions, used) = (self.options.decisions, &mut self.used);
        let (edits, set) = choices::edits(paths, &overlay, &checked, decisions, used);
        let summary = format!("{path}: {}, as decided", set.join(", "));
        self.edit(path, "decided", Kind::PARAMS, summary, edits);
    }

    fn models(&mut self, path: &str) {
        let Some(text) = self.draft.text(path) else { return };
        let (overlay, _) = Overlay::parse(text);
        let table = (self.options.retired, self.options.today);
        let providers = &self.ground.providers;
        let (edits, notes) = models::edits(path, &overlay, providers, table);
        self.findings.extend(notes);
        self.findings.extend(models::keys(path, &overlay, providers, table));
        let summary = format!("{path}: successors of retired models");
        self.edit(path, "models", Kind::PROVIDER, summary, edits);
    }

    fn providers(&mut self) {
        let Some(text) = self.draft.text("providers.toml") else { return };
        let table = (self.options.retired, self.options.today);
        self.findings.extend(models::rows(text, &self.ground.providers, table));
    }

    fn foreign_files(&mut self) {
        let table = (self.options.retired, self.options.today);
        for path in self.draft.paths() {
            let Some(text) = self.draft.text(&path) else { continue };
            self.findings.extend(foreign::findings(&path, text, &self.ground.providers, table));
        }
    }

    /// Decisions that no question took: a person expects an effect they do not have.
    fn unused(&mut self) {
        let Decisions { keep, set } = self.options.decisions;
        let keep = keep.iter().enumerate().filter(|(at, _)| !self.used.keep.contains(at));
        let keep = keep.map(|(_, it)| format!("--keep {it}"));
        let set = set.iter().enumerate().filter(|(at, _)| !self.used.set.contains(at));
        let set = set.map(|(_, it)| format!("--set {it}"));
        let unused: Vec<_> = keep.chain(set).collect();
        self.findings.extend(unused.into_iter().map(|decision| {
            let message = format!("`{decision}` answers no question of this plan");
            Finding::new("", Diagnostic::warning(codes::UNUSED_DECISION, message))
        }));
    }

    fn checked<T: Default>(
        &self,
        path: &str,
        look: impl FnOnce(&Overlay, &overlay_schema::Checked) -> T,
    ) -> T {
        let Some(text) = self.draft.text(path) else { return T::default() };
        let (overlay, checked) = self.ground.check(path, text);
        look(&overlay, &checked)
    }

    fn edit(&mut self, path: &str, rule: &str, kind: Kind, summary: String, edits: Vec<Replace>) {
        // Models before parameters before places, where dependencies leave the choice.
        let priority = if kind == Kind::PROVIDER { 10 } else { 15 };
        self.draft.edit(path, Deed { rule, kind, priority, summary }, edits);
    }
}

//! What a deployment will do, before it does anything.

mod assemble;
mod change;
mod expected;
mod request;
mod text;

use std::collections::BTreeMap;

use overlay_loader::FileFinding;
use overlay_model::{Diagnostic, Digest, Overlay, Severity};
use overlay_store::{GenerationRef, Phase, Pointer, Tree};
use serde::{Deserialize, Serialize};

use self::assemble::{Assembly, assemble};
pub(crate) use self::assemble::{name_of, overlay_files};
pub use self::change::{FileChange, changes};
use self::expected::expected;
pub use self::expected::{Expected, ExpectedStage};
pub use self::request::{Base, NamedFile, OverlayFile, Request};
use crate::code;
use crate::file::{CheckKind, CheckSpec, DeployFile, Environment, PROMOTED, When};
use crate::mode::Mode;
use crate::span::Span;
use crate::word::{CheckName, EnvironmentName};

/// What a deployment will do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// The version of this format: `fusion/deploy-plan/1`.
    pub schema: &'static str,
    /// Where to.
    pub environment: EnvironmentName,
    /// How.
    pub mode: Mode,
    /// The epoch it was made for, 0 where nothing is deployed: with any other the plan is
    /// void.
    pub base_epoch: u64,
    /// The generation it was made for.
    pub base: Option<GenerationRef>,
    /// The digest of the candidate's tree.
    pub tree: Digest,
    /// The names of the overlays that were given.
    pub overlays: Vec<String>,
    /// What changes.
    pub changes: Vec<FileChange>,
    /// Whether what is in force has these files already, and its deployment did not end well:
    /// its checks run once more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// Which checks run, in their order.
    pub checks: Vec<PlannedCheck>,
    /// The rules it is judged by.
    pub rules: Environment,
    /// The checks of one's own among [`Self::checks`].
    #[serde(skip)]
    pub specs: BTreeMap<CheckName, CheckSpec>,
    /// How long it takes.
    pub expected: Expected,
    /// What is worth knowing before.
    pub warnings: Vec<Warning>,
}

/// A check that will run.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct PlannedCheck {
    /// Its name.
    pub name: CheckName,
    /// What it looks at.
    pub kind: CheckKind,
    /// When it runs.
    pub when: Vec<When>,
}

/// A finding that does not stop a deployment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Warning {
    /// The file, as it was given; empty for the deployment as a whole.
    pub path: String,
    /// The finding.
    #[serde(flatten)]
    pub diagnostic: Diagnostic,
}

/// A plan, and the tree it puts in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The candidate's files.
    pub tree: Tree,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.base.is_some() && !self.again
    }
}

/// The tree of the installation without any file: the built-in overlay as `baseline`.
pub fn minimal_tree() -> Tree {
    let (mut overlay, _) = Overlay::parse(overlay_schema::EMBEDDED_OVERLAY);
    if let Ok(key) = "OVERLAY_NAME".parse() {
        // The text is ours and has the key; were it refused, the load check would say so.
        overlay.set(&key, "baseline").ok();
    }
    let mut tree = Tree::new();
    tree.insert("overlays/fusion_overlay.baseline.txt", overlay.source()).ok();
    tree
}

/// The rules in the `deploy.toml` of a tree, with every finding about it; without the file
/// those that need none.
pub fn rules_of(tree: &Tree) -> (DeployFile, Vec<FileFinding>) {
    let Some(bytes) = tree.get("deploy.toml") else { return Default::default() };
    let path = || "deploy.toml".to_owned();
    let Ok(text) = std::str::from_utf8(bytes) else {
        let diagnostic = Diagnostic::error(code::NO_TOML, "the file is no UTF-8");
        return (DeployFile::default(), vec![FileFinding { path: path(), diagnostic }]);
    };
    let (file, found) = DeployFile::parse(text);
    let findings =
        found.into_iter().map(|diagnostic| FileFinding { path: path(), diagnostic }).collect();
    (file, findings)
}

/// Plans the deployment of `request` above `base`, judged by `rules`.
///
/// Nothing is read or written. Without errors there is a plan; its warnings are among the
/// findings.
pub fn plan(
    base: &Base,
    request: &Request,
    rules: &DeployFile,
) -> (Option<Planned>, Vec<FileFinding>) {
    let assembly = assemble(&base.tree, request);
    let overlays = assembly.overlays.iter().map(ToString::to_string).collect();
    planned(base, request, rules, overlays, assembly)
}

/// Plans the deployment of a whole tree, which passed elsewhere.
pub fn plan_tree(
    base: &Base,
    request: &Request,
    rules: &DeployFile,
    tree: &Tree,
) -> (Option<Planned>, Vec<FileFinding>) {
    let assembly = assemble(tree, &Request::to(request.environment.clone()));
    let named = changes(&base.tree, tree).into_iter().filter_map(|it| {
        let bytes = tree.get(&it.path).filter(|_| assemble::is_overlay(&it.path))?;
        name_of(&Overlay::read(bytes).0, &it.path)
    });
    let overlays = named.map(|it| it.to_string()).collect();
    planned(base, request, rules, overlays, assembly)
}

fn planned(
    base: &Base,
    request: &Request,
    rules: &DeployFile,
    overlays: Vec<String>,
    assembly: Assembly<'_>,
) -> (Option<Planned>, Vec<FileFinding>) {
    let Assembly { tree, mut findings, .. } = assembly;
    let mut find = |diagnostic| findings.push(FileFinding { path: String::new(), diagnostic });
    let environment = effective(request, rules, &mut find);
    let (checks, specs) = checks(&environment, request, rules, &mut find);
    let changes = changes(base.pointer.as_ref().map_or(&Tree::new(), |_| &base.tree), &tree);
    let again = changes.is_empty() && base.pointer.as_ref().is_some_and(is_unsettled);
    let mode = match mode(base, request, &environment, &mut find) {
        // There are no two generations to share the units.
        _ if again => Mode::Direct,
        mode => mode,
    };
    let expected = expected(mode, &environment, request.requests_per_hour);
    if mode != Mode::Staged && base.pointer.is_some() && !again {
        without_stages(mode, request, &mut find);
    }
    if !findings.iter().any(|it| it.diagnostic.is_error()) {
        remarks(base, &tree, &changes, &expected, &mut findings);
    }
    if findings.iter().any(|it| it.diagnostic.is_error()) {
        return (None, findings);
    }
    let warnings = findings.iter().filter(|it| it.diagnostic.severity >= Severity::Note);
    let plan = Plan {
        schema: "fusion/deploy-plan/1",
        environment: request.environment.clone(),
        mode,
        base_epoch: base.pointer.as_ref().map_or(0, |it| it.epoch),
        base: base.pointer.as_ref().map(|it| it.stable),
        tree: tree.digest(),
        overlays,
        changes,
        again,
        checks,
        rules: environment,
        specs,
        expected,
        warnings: warnings.cloned().map(Warning::from).collect(),
    };
    (Some(Planned { plan, tree }), findings)
}

/// Whether the deployment of what is in force has not ended well, or not yet.
fn is_unsettled(pointer: &Pointer) -> bool {
    matches!(pointer.phase, Phase::PostCheck | Phase::Frozen)
}

impl From<FileFinding> for Warning {
    fn from(FileFinding { path, diagnostic }: FileFinding) -> Self {
        Self { path, diagnostic }
    }
}

/// The rules of the environment, with what the request says otherwise.
fn effective(
    request: &Request,
    rules: &DeployFile,
    find: &mut impl FnMut(Diagnostic),
) -> Environment {
    let name = &request.environment;
    let known = ["development", "staging", "production"].contains(&name.as_str());
    if !known && !rules.environments.contains_key(name) {
        let message = format!("the rules do not name `{name}`: those of production hold");
        find(Diagnostic::warning(code::UNKNOWN_ENVIRONMENT, message));
    }
    let mut environment = rules.environment(name);
    environment.stages = request.stages.clone().unwrap_or(environment.stages);
    environment.bake = request.bake.unwrap_or(environment.bake);
    environment.max_stage = longest(request, &environment, find);
    environment
}

/// After which time a stage without verdict pauses: never before it has baked.
fn longest(
    request: &Request,
    environment: &Environment,
    find: &mut impl FnMut(Diagnostic),
) -> Span {
    let Environment { bake, max_stage, .. } = environment;
    if let Some(wanted) = request.max_stage.filter(|it| it < bake) {
        let message = format!("a stage cannot pause after {wanted}: it bakes for {bake} at least");
        let hint = "give a longer `--max-stage`, or a shorter `--bake`";
        find(Diagnostic::error(code::MAX_STAGE, message).hint(hint));
    }
    request.max_stage.unwrap_or(*max_stage).max(*bake)
}

/// What was said of stages would be passed over in silence.
fn without_stages(mode: Mode, request: &Request, find: &mut impl FnMut(Diagnostic)) {
    let given = match (&request.stages, request.max_stage) {
        (Some(_), _) => "stages were given",
        (None, Some(_)) => "the longest time of a stage was given",
        (None, None) => return,
    };
    let message = format!("{given}, and the deployment is {mode}");
    let hint = "give `--mode staged`, or neither `--stages` nor `--max-stage`";
    find(Diagnostic::error(code::STAGES, message).hint(hint));
}

/// The checks of the environment and of the request, each once.
fn checks(
    environment: &Environment,
    request: &Request,
    rules: &DeployFile,
    find: &mut impl FnMut(Diagnostic),
) -> (Vec<PlannedCheck>, BTreeMap<CheckName, CheckSpec>) {
    let mut res: Vec<PlannedCheck> = Vec::new();
    let mut specs = BTreeMap::new();
    let before = |name: CheckName, kind| PlannedCheck { name, kind, when: vec![When::Pre] };
    if environment.after.is_some() {
        res.extend(PROMOTED.parse().ok().map(|name| before(name, CheckKind::Promoted)));
    }
    for name in environment.checks.iter().chain(&request.checks) {
        if res.iter().any(|it| it.name == *name) {
            continue;
        }
        if let Some(kind) = CheckKind::built_in(name.as_str()) {
            res.push(before(name.clone(), kind));
        } else if let Some(spec) = rules.checks.get(name) {
            let when = spec.when.iter().copied().collect();
            res.push(PlannedCheck { name: name.clone(), kind: spec.probe.kind(), when });
            specs.insert(name.clone(), spec.clone());
        } else {
            let hint = format!("define it under `[checks.{name}]` of deploy.toml");
            let message = format!("unknown check `{name}`");
            find(Diagnostic::error(code::UNKNOWN_CHECK, message).hint(hint));
        }
    }
    (res, specs)
}

/// The mode of the request, else of the rules; the first deployment has nothing to share
/// units with.
fn mode(
    base: &Base,
    request: &Request,
    environment: &Environment,
    find: &mut impl FnMut(Diagnostic),
) -> Mode {
    let mode = request.mode.unwrap_or(environment.mode);
    if base.pointer.is_none() && mode != Mode::Direct {
        let message = format!("the first deployment is direct, not {mode}");
        find(Diagnostic::note(code::FIRST, message));
        return Mode::Direct;
    }
    mode
}

fn remarks(
    base: &Base,
    tree: &Tree,
    changes: &[FileChange],
    expected: &Expected,
    findings: &mut Vec<FileFinding>,
) {
    let mut find = |diagnostic| findings.push(FileFinding { path: String::new(), diagnostic });
    if tree.is_empty() {
        let hint = "give an overlay file, or a tree to begin with";
        find(Diagnostic::error(code::NOTHING, "there is nothing to deploy").hint(hint));
    }
    if changes.is_empty() {
        find(Diagnostic::note(code::NO_CHANGE, "the tree in force has these files already"));
    }
    let unread: Vec<&str> = changes
        .iter()
        .filter(|it| it.to.is_some() && !assemble::has_place(&it.path))
        .map(|it| it.path.as_str())
        .collect();
    if !unread.is_empty() {
        let message = format!("nothing reads {}", unread.join(", "));
        let hint = "it would be in each generation and each backup: move it elsewhere";
        find(Diagnostic::warning(code::NO_PLACE, message).hint(hint));
    }
    if base.pointer.is_some() && changes.iter().any(|it| it.path == "deploy.toml") {
        let message = "deploy.toml changes: the rules in force judge this deployment";
        find(Diagnostic::warning(code::RULES_CHANGE, message));
    }
    for stage in expected.stages.iter().filter(|it| it.pauses) {
        let hours = stage.hours.unwrap_or_default();
        let message = format!(
            "at the traffic of now the stage of {} % takes {hours:.1} hours, and pauses before",
            stage.percent
        );
        let hint = "give it larger stages, or fewer `min_samples`";
        find(Diagnostic::warning(code::TOO_SLOW, message).hint(hint));
    }
}

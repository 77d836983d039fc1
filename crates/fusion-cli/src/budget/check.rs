use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use fusion_golden::budget::{Budgets, Cause, Reading, Step, Tripwire, gate};
use fusion_golden::{FileFinding, Suite};
use overlay_schema::EMBEDDED_OVERLAY;
use overlay_store::audit::Entry;
use overlay_store::vfs::RealFs;
use overlay_store::{Change, GenerationRef, Holder, Origin, Pointer, Tree, Writer};
use serde::Serialize;
use serde_json::{Value, json};

use super::base::{Opened, of_stored, open};
use super::fall::{CAUSE, CHECK, FALL, Kept, RETURN, Watched};
use super::usual::{Bases, Judged, usual};
use crate::deploy::{RootArguments, Site, deploy_error, store_error};
use crate::environment::{Environment, rfc3339};
use crate::exit::{Exit, refusal};
use crate::golden::suite_error;
use crate::output::{Output, Report};

/// Watch the token budget of what is live, and fall to the built-in minimum where it is broken
///
/// For a timer: each run compares the live generation with its bases and leaves a record in the
/// audit log of the deployment root. After three breaches of one generation in a row (tokens over
/// the limit) the root gets a generation with the built-in minimal overlay only. The former one
/// returns by itself after five good runs (less than 8 % more) and two hours; both are audited.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion budget check --root /srv/fusion --suite goldens
  fusion budget check --root /srv/fusion --base goldens/released/1.4.0.json --json

Exit codes: 0 within the budget or returned, 1 a breach, still fallen, or nothing could be compared,
6 fallen now, 11 moved, and not recorded, 75 a rollout or another writer is at work.")]
pub(super) struct Check {
    #[command(flatten)]
    root: RootArguments,
    /// What to compare with; as with `budget gate`
    #[arg(long = "base", value_name = "REF|DIR")]
    bases: Vec<String>,
    /// The suite; else FUSION_SUITE, else `goldens`
    #[arg(long, value_name = "DIR")]
    suite: Option<PathBuf>,
    /// Answer as JSON; short for --format json
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Serialize)]
struct CheckReport {
    #[serde(flatten)]
    reading: Reading,
    /// What breaks the limit; `null` where nothing does.
    cause: Option<Cause>,
    #[serde(flatten)]
    tripwire: Tripwire,
    step: Step,
    /// The generation that was compared.
    generation: u64,
    /// The generation that is in force now.
    live: u64,
    notes: Vec<String>,
    /// Findings about the `budgets.toml` of the generation.
    findings: Vec<FileFinding>,
}

/// What a run saw of a generation.
struct Seen {
    reading: Reading,
    cause: Option<Cause>,
    notes: Vec<String>,
    findings: Vec<FileFinding>,
}

impl Report for CheckReport {
    const SCHEMA: &'static str = "fusion/budget-check/1";

    fn text(&self, _width: usize) -> String {
        let verdict = if self.reading.breach { "breach" } else { "within the budget" };
        let more = self.reading.more * 100.0;
        let mut res =
            format!("{verdict}: generation {} has {more:+.1} % tokens\n", self.generation);
        if let Some(cause) = &self.cause {
            // Writing to a string cannot fail.
            let _ = writeln!(res, "{cause}");
        }
        let state = match (self.step, self.tripwire) {
            (Step::Fall, _) => {
                format!("fell to the built-in minimum: generation {} is live\n", self.live)
            }
            (Step::Return, _) => format!("returned: generation {} is live\n", self.live),
            (Step::Stay, Tripwire::Armed { breaches: 0 }) => String::new(),
            (Step::Stay, Tripwire::Armed { breaches }) => {
                format!("{breaches} of 3 breaches in a row\n")
            }
            (Step::Stay, Tripwire::Fallen { since_us, good }) => {
                let since = u64::try_from(since_us / 1_000_000).unwrap_or_default();
                format!("fallen since {}, {good} of 5 good runs\n", rfc3339(since))
            }
        };
        res.push_str(&state);
        for finding in &self.findings {
            // Writing to a string cannot fail.
            let _ = writeln!(res, "{}", of_generation(self.generation, finding));
        }
        for note in &self.notes {
            let _ = writeln!(res, "note: {note}");
        }
        res
    }
}

impl Check {
    pub(super) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let given = self.suite.clone().or_else(|| environment.path("FUSION_SUITE"));
        let dir = given.unwrap_or_else(|| PathBuf::from("goldens"));
        let site = self.root.existing(environment)?;
        // Looked at before anything is made: a lock would turn any folder into a root.
        if site.store().current().map_err(store_error)?.is_none() {
            return Err(refusal(Exit::NOTHING, "nothing is deployed in this root"));
        }
        let now = i64::try_from(environment.now()).unwrap_or(0).saturating_mul(1_000_000);
        // What an interrupted run left is put in order first. Nobody waits for the lock while
        // tokens are counted.
        let judged = Watched::of(&lock(&site, now)?)?.judged();
        let Seen { reading, cause, notes, findings } = self.reading(&site, judged, &dir, output)?;
        let mut writer = lock(&site, now)?;
        let watched = Watched::of(&writer)?;
        if watched.judged() != judged {
            let message = "another generation came into force meanwhile: run it again";
            return Err(refusal(Exit::LOCKED, message));
        }
        let Watched { pointer, kept } = watched;
        let (tripwire, step) = kept.tripwire.after(reading, now);
        let of_fall = match step {
            Step::Fall => cause.as_ref().map(told),
            Step::Stay | Step::Return => kept.cause,
        };
        let detail = moved(reading, of_fall.as_ref());
        let fell = act(&mut writer, &site, &pointer, (step, kept.fell), detail, now)?;
        let kept = Kept { tripwire, fell, cause: of_fall.filter(|_| fell.is_some()) };
        let recorded = record(&mut writer, &site, &kept, reading, judged, now);
        recorded.map_err(|err| if step == Step::Stay { err } else { unrecorded(&err) })?;
        let live = writer.current().map_or(pointer.stable, |it| it.stable);
        let report = CheckReport {
            reading,
            cause,
            tripwire,
            step,
            generation: judged.generation.0,
            live: live.generation.0,
            notes,
            findings,
        };
        output.show(&report)?;
        let is_broken = report.findings.iter().any(|it| it.diagnostic.is_error());
        Ok(match (step, tripwire) {
            (Step::Fall, _) => Exit::ROLLED_BACK,
            (_, Tripwire::Fallen { .. }) => Exit::FINDINGS,
            _ if reading.breach || is_broken => Exit::FINDINGS,
            _ => Exit::DONE,
        })
    }

    /// The tokens of a generation against its bases.
    fn reading(
        &self,
        site: &Site,
        judged: GenerationRef,
        dir: &std::path::Path,
        output: &mut Output,
    ) -> anyhow::Result<Seen> {
        let leased = site.store().read(judged).map_err(store_error)?;
        let name = format!("generation {}", judged.generation.0);
        let (name, candidate, _folders) = of_stored(&name, &leased.tree)?.into_suite()?;
        let suite = Suite::open(dir).map_err(suite_error)?;
        let Bases { opened: bases, mut notes, .. } = if self.bases.is_empty() {
            usual(Judged::Live, dir, None)?
        } else {
            let opened = self.bases.iter().map(|it| open(it, dir)).collect::<Result<_, _>>()?;
            Bases { opened, ..Bases::default() }
        };
        let (bases, _kept): (Vec<_>, Vec<_>) = bases.into_iter().map(Opened::into_base).unzip();
        let (budgets, findings) = Budgets::read(&candidate).map_err(suite_error)?;
        if findings.iter().any(|it| it.diagnostic.is_error()) {
            notes.push("the usual limits hold where budgets.toml has errors".to_owned());
        }
        let report = gate(&candidate, &name, bases, &[&suite], &budgets, 0).map_err(suite_error)?;
        let Some(reading) = Reading::of(&report) else {
            let errors = report.findings.iter().filter(|it| it.diagnostic.is_error());
            let lines = errors.map(|it| match candidate.findings().contains(it) {
                true => of_generation(judged.generation.0, it) + "\n",
                false => format!("{it}\n"),
            });
            output.remark(&lines.collect::<String>())?;
            let first = report.open_checks().first().map(|it| it.message.as_str());
            return Err(refusal(Exit::FINDINGS, first.unwrap_or("nothing was compared")));
        };
        Ok(Seen { reading, cause: Cause::of(&report), notes, findings })
    }
}

/// A finding about a file that the generation itself has.
fn of_generation(number: u64, finding: &FileFinding) -> String {
    format!("generation {number}: {finding}")
}

fn lock(site: &Site, now: i64) -> anyhow::Result<Writer<'_, RealFs>> {
    let holder = Holder {
        pid: std::process::id(),
        host: site.host().to_owned(),
        started_us: now,
        deployment: None,
    };
    site.store().lock(&holder).map_err(|err| deploy_error(err.into()))
}

/// A change that is in force, of a run that could not leave its record: that nothing happened
/// would be wrong.
fn unrecorded(err: &anyhow::Error) -> anyhow::Error {
    let what = "the pointer moved, and the record of this run is not written";
    refusal(Exit::UNKNOWN, format!("{what}: {err:#}: the next run goes on from there"))
}

/// What was over its limit, for the audit log.
fn told(cause: &Cause) -> Value {
    let Cause { check, overlay, scenario, against, more, limit, changes } = cause;
    json!({
        "check": check,
        "overlay": overlay,
        "scenario": scenario,
        "against": against,
        "more": rounded(*more),
        "limit": rounded(*limit),
        "changes": changes,
    })
}

/// What the record of a fall, or of a return, says: the share of tokens more that this run
/// saw, and what made it fall.
fn moved(reading: Reading, cause: Option<&Value>) -> Value {
    json!({ "more": rounded(reading.more), CAUSE: cause })
}

/// Rounded as everything that is written and hashed.
fn rounded(share: f64) -> String {
    format!("{share:.4}")
}

/// Falls or returns; gives what has fallen.
fn act(
    writer: &mut Writer<'_, RealFs>,
    site: &Site,
    pointer: &Pointer,
    (step, fell): (Step, Option<(GenerationRef, GenerationRef)>),
    detail: Value,
    now: i64,
) -> anyhow::Result<Option<(GenerationRef, GenerationRef)>> {
    let (action, to) = match (step, fell) {
        (Step::Stay, _) => return Ok(fell),
        (Step::Return, Some((former, _))) => (RETURN, former),
        (Step::Return, None) => return Ok(None),
        (Step::Fall, _) => {
            let leased = site.store().read(pointer.stable).map_err(store_error)?;
            let tree = minimal(&leased.tree, now)?;
            let origin = Origin { made_by: "embedded".to_owned(), ..Origin::default() };
            let made = writer.publish(&tree, origin, "budget", now);
            (FALL, made.map_err(|err| deploy_error(err.into()))?)
        }
    };
    let change = Change { deployment: pointer.deployment.clone(), ..Change::to(to) };
    let entry = Entry { detail, ..entry(site, action, to, now) };
    writer.switch(Some(pointer.epoch), change, entry).map_err(|err| deploy_error(err.into()))?;
    Ok((step == Step::Fall).then_some((pointer.stable, to)))
}

/// The tree with the built-in minimal overlay instead of its own ones and their flags.
fn minimal(tree: &Tree, now: i64) -> anyhow::Result<Tree> {
    let mut res = Tree::new();
    let is_ours = |path: &str| {
        path.starts_with("overlays/")
            || path.starts_with("micro_overlays/")
            || path == "overlay_feature_flags.yaml"
    };
    for (path, bytes) in tree.iter().filter(|(path, _)| !is_ours(path)) {
        res.insert(path, bytes).context("copying the generation")?;
    }
    let at = rfc3339(u64::try_from(now / 1_000_000).unwrap_or_default());
    let text = format!(
        "{EMBEDDED_OVERLAY}\nBUDGET_DOWNGRADE_ACTIVE=true\nBUDGET_DOWNGRADE_TIMESTAMP={at}\n"
    );
    res.insert("overlays/fusion_overlay.embedded.txt", text).context("writing the minimum")?;
    Ok(res)
}

fn record(
    writer: &mut Writer<'_, RealFs>,
    site: &Site,
    kept: &Kept,
    reading: Reading,
    judged: GenerationRef,
    now: i64,
) -> anyhow::Result<()> {
    let mut detail = serde_json::to_value(kept).context("writing the record")?;
    if let Some(detail) = detail.as_object_mut() {
        detail.insert("more".to_owned(), rounded(reading.more).into());
        detail.insert("breach".to_owned(), reading.breach.into());
    }
    let entry = Entry { detail, ..entry(site, CHECK, judged, now) };
    writer.append(entry).map_err(|err| deploy_error(err.into()))?;
    Ok(())
}

fn entry(site: &Site, action: &str, about: GenerationRef, now: i64) -> Entry {
    Entry {
        at_us: now,
        actor: site.actor().to_owned(),
        host: site.host().to_owned(),
        action: action.to_owned(),
        env: site.environment().to_string(),
        deployment: None,
        generation: Some(about.generation.0),
        base: None,
        manifest_sha256: Some(about.manifest),
        detail: Value::Null,
    }
}

//! One scenario up the ladder: integrity, replay, rules, tokens.

use std::collections::HashSet;

use fusion_plan::{BrokenRule, Encoding, count, token_cap_exceeded};
use overlay_model::{Diagnostic, Scenario, Severity};

use crate::age;
use crate::bill;
use crate::cassette::{Cassette, Recorder};
use crate::code;
use crate::compare;
use crate::files::{self, Content};
use crate::golden::{Golden, MAX_GOLDEN_BYTES, SCHEMA_VERSION, Tokens, read_golden};
use crate::observe::{Observed, Replayed, Seen, Unseen, observe};
use crate::places;
use crate::record::Side;
use crate::report::{Check, Rung, ScenarioReport, SideReport, Verdict};
use crate::rules;
use crate::sides::Sides;
use crate::suite::{Suite, SuiteError};
use crate::validate::ValidateOptions;

/// The cassette of a scenario, with a check for all that is wrong with it.
pub(crate) fn cassette(
    suite: &Suite,
    scenario: &str,
) -> Result<(Cassette, Vec<Check>), SuiteError> {
    let file = suite.cassette_name(scenario);
    let (cassette, findings) = read_cassette(suite, scenario)?;
    Ok((cassette, findings.iter().map(|it| integrity(it, &file)).collect()))
}

/// The cassette of a scenario, with all that is wrong with it.
pub(crate) fn read_cassette(
    suite: &Suite,
    scenario: &str,
) -> Result<(Cassette, Vec<Diagnostic>), SuiteError> {
    match Cassette::load(&suite.cassette_path(scenario))? {
        Some(mut cassette) => {
            let findings = std::mem::take(&mut cassette.findings);
            Ok((cassette, findings))
        }
        None => Ok((Cassette::default(), vec![too_large()])),
    }
}

/// The golden of a scenario, with a check for all that is wrong with it.
pub(crate) fn golden(
    suite: &Suite,
    scenario: &str,
) -> Result<(Option<Golden>, Vec<Check>), SuiteError> {
    let file = suite.golden_name(scenario);
    let (golden, findings) = accepted(suite, scenario)?;
    Ok((golden, findings.iter().map(|it| integrity(it, &file)).collect()))
}

/// The golden of a scenario, with the errors in it.
pub(crate) fn accepted(
    suite: &Suite,
    scenario: &str,
) -> Result<(Option<Golden>, Vec<Diagnostic>), SuiteError> {
    let text = match files::read(&suite.golden_path(scenario), MAX_GOLDEN_BYTES)? {
        Content::Bytes(bytes) => String::from_utf8(bytes),
        Content::Missing => return Ok((None, vec![no_golden()])),
        Content::TooLarge => return Ok((None, vec![too_large()])),
    };
    let Ok(text) = text else {
        return Ok((None, vec![Diagnostic::error(code::UNREADABLE, "invalid UTF-8")]));
    };
    let (golden, mut findings) = read_golden(&text);
    findings.retain(Diagnostic::is_error);
    let Some(golden) = golden else { return Ok((None, findings)) };
    if golden.schema_version != SCHEMA_VERSION {
        let finding = Diagnostic::error(code::OLD_FORM, "the golden has the original's form")
            .hint("import it with `golden import --from origin`, or accept what replays now");
        return Ok((None, vec![finding]));
    }
    if golden.scenario_id != scenario {
        let message = format!("the golden is of the scenario `{}`", golden.scenario_id);
        findings.push(Diagnostic::error(code::OTHER_SCENARIO, message));
        return Ok((None, findings));
    }
    Ok((Some(golden), findings))
}

fn no_golden() -> Diagnostic {
    Diagnostic::error(code::NO_GOLDEN, "nothing was accepted yet")
        .hint("look at the answers, then run `golden update --reason WHY`")
}

fn too_large() -> Diagnostic {
    Diagnostic::error(code::TOO_LARGE, "the file is too large")
}

/// A finding about a file of the suite as a check.
fn integrity(finding: &Diagnostic, file: &str) -> Check {
    let verdict = match finding.severity {
        Severity::Error => Verdict::Invalid,
        Severity::Warning => Verdict::Warn,
        Severity::Note => Verdict::Pass,
    };
    let place =
        finding.at.as_ref().map_or_else(String::new, |at| format!("{}:{}: ", at.line, at.column));
    let related =
        finding.related.iter().map(|(at, what)| format!("; {what}: {}:{}", at.line, at.column));
    let message = format!("{place}{}{}", finding.message, related.collect::<String>());
    let line = finding.at.as_ref().map(|at| at.line);
    let check = Check::new(Rung::Integrity, finding.code, verdict, message);
    let mut check = check.file(file).line(line);
    check.hint.clone_from(&finding.hint);
    check
}

/// A scenario with all its checks.
pub(crate) struct Climb {
    pub(crate) report: ScenarioReport,
    pub(crate) cassette: Cassette,
}

/// Takes one scenario up the ladder.
pub(crate) fn climb(
    sides: &Sides<'_>,
    scenario: &Scenario,
    options: &ValidateOptions,
) -> Result<Climb, SuiteError> {
    let id = scenario.id.as_str();
    let (cassette, mut checks) = cassette(sides.suite, id)?;
    let (golden, found) = golden(sides.suite, id)?;
    checks.extend(found);
    let report = climb_with(sides, scenario, &cassette, golden.as_ref(), checks, options);
    Ok(Climb { report, cassette })
}

/// Takes one scenario up the ladder with what was read of it; `checks` is what reading found.
pub(crate) fn climb_with(
    sides: &Sides<'_>,
    scenario: &Scenario,
    cassette: &Cassette,
    golden: Option<&Golden>,
    mut checks: Vec<Check>,
    options: &ValidateOptions,
) -> ScenarioReport {
    let suite = sides.suite;
    let id = scenario.id.as_str();
    let Some(observed) = observe(sides, scenario, cassette, options.tokens) else {
        return report(scenario, checks);
    };
    if observed.is_stale()
        && let Some(check) = checks.iter_mut().find(|it| it.code == code::NO_GOLDEN)
    {
        check.hint = Some("record the answers first, with `golden record`".to_owned());
    }
    checks.extend(age::checks(suite, id, &observed.lines(cassette), options));
    let rungs = Rungs { sides, golden, observed: &observed, options };
    checks.extend(rungs.recordings(cassette));
    checks.extend(rungs.replay(cassette));
    checks.extend(rungs.rules());
    checks.extend(rungs.tokens());
    let mut report = report(scenario, checks);
    report.selection.clone_from(&observed.selection);
    report.baseline = side_report(&observed.baseline, None);
    let name = observed.answering().settings.overlay.as_ref().map(|it| it.name.to_string());
    report.overlay = side_report(observed.answering(), name);
    if observed.overlay.is_some() && report.overlay.as_ref().is_some_and(|it| !it.accepted) {
        // The baseline answers where no step of the overlay was accepted.
        let fallen = report.baseline.as_ref().map(|it| it.answer.clone());
        if let (Some(overlay), Some(answer)) = (&mut report.overlay, fallen) {
            overlay.answer = answer;
        }
    }
    if options.bill || (options.tokens && report.verdict != Verdict::Pass) {
        report.bill = bill::bill(sides, &observed);
    }
    report
}

/// The worst first; the verdict is the worst one's.
fn report(scenario: &Scenario, mut checks: Vec<Check>) -> ScenarioReport {
    checks.sort_by_key(|it| std::cmp::Reverse(it.verdict));
    ScenarioReport {
        id: scenario.id.to_string(),
        scenario_type: scenario.kind().to_owned(),
        severity: scenario.severity,
        critical: scenario.critical,
        verdict: checks.first().map_or(Verdict::Pass, |it| it.verdict),
        checks,
        baseline: None,
        overlay: None,
        selection: Vec::new(),
        bill: Vec::new(),
    }
}

fn side_report(seen: &Seen<'_>, overlay: Option<String>) -> Option<SideReport> {
    let replayed = seen.result.as_ref().ok()?;
    let outcome = &replayed.outcome;
    Some(SideReport {
        overlay,
        mode: replayed.plan.mode.to_string(),
        model: outcome.model.clone(),
        calls: outcome.calls.len(),
        answer: replayed.answer.clone(),
        accepted: outcome.accepted,
        trust: outcome.trust,
        entropy: outcome.entropy,
        votes: outcome.votes.clone(),
        rules: outcome.checks.clone(),
        prompt_tokens: replayed.tokens.as_ref().map(|it| it.prompt),
        answer_tokens: replayed.tokens.as_ref().map(|it| it.output),
        units: outcome.units,
    })
}

/// The rungs of one scenario.
struct Rungs<'a> {
    sides: &'a Sides<'a>,
    golden: Option<&'a Golden>,
    observed: &'a Observed<'a>,
    options: &'a ValidateOptions,
}

impl Rungs<'_> {
    fn id(&self) -> &str {
        self.observed.scenario.id.as_str()
    }

    /// Whether the recordings are the ones the golden rests on.
    fn recordings(&self, cassette: &Cassette) -> Vec<Check> {
        let used = self.observed.lines(cassette);
        let file = self.sides.suite.cassette_name(self.id());
        let check = |code, verdict, message: String| {
            Check::new(Rung::Integrity, code, verdict, message).file(file.clone())
        };
        let mut checks = Vec::new();
        if let Some(golden) = self.golden {
            let there: HashSet<_> = cassette.lines.iter().map(|it| it.digest).collect();
            let accepted: HashSet<_> = golden.cassette.iter().copied().collect();
            let gone = golden.cassette.iter().filter(|it| !there.contains(it)).count();
            let mut new: Vec<_> = used.iter().filter(|it| !accepted.contains(&it.digest)).collect();
            let hint = "take the line back from version control, or accept what replays now with \
                        `golden update --reason WHY`";
            for number in 0..gone {
                let message = match new.get(number) {
                    Some(line) => format!(
                        "line {}: the recording of {}, sample {}, is not the accepted one",
                        line.number, line.interaction.request.model, line.interaction.sample
                    ),
                    None => "a recording that the golden rests on is gone".to_owned(),
                };
                let check = check(code::CHANGED_LINE, Verdict::Invalid, message).hint(hint);
                checks.push(check.line(new.get(number).map(|it| it.number)));
            }
            new.drain(..gone.min(new.len()));
            for line in new.iter().filter(|_| !self.observed.is_stale()) {
                let message = format!("line {} was recorded since", line.number);
                let check = check(code::NEW_RECORDING, Verdict::Warn, message).hint(hint);
                checks.push(check.line(Some(line.number)));
            }
        }
        if !self.observed.is_stale() && used.len() < cassette.lines.len() {
            let used: HashSet<_> = used.iter().map(|it| it.number).collect();
            let unused = cassette.lines.iter().filter(|it| !used.contains(&it.number));
            for line in unused.filter(|it| !self.observed.is_spare(it)) {
                let message = format!("line {}: no plan makes this call", line.number);
                let check = check(code::UNREFERENCED, Verdict::Warn, message);
                let check = check.line(Some(line.number));
                checks.push(check.hint("remove it with `golden prune`"));
            }
        }
        checks
    }

    fn replay(&self, cassette: &Cassette) -> Vec<Check> {
        let stale = self.observed.is_stale();
        let changed = if stale { Verdict::Stale } else { Verdict::Fail };
        let suite = self.sides.suite;
        let inputs = self
            .golden
            .map(|golden| compare::inputs(suite, golden, self.observed, changed))
            .unwrap_or_default();
        let mut checks = Vec::new();
        for (side, seen) in self.both() {
            checks.extend(self.unseen(side, seen, &inputs, cassette));
        }
        if let Some(was) = self.golden.and_then(|it| it.sides.as_ref()) {
            let is = |seen: &Seen<'_>| seen.result.as_ref().ok().map(Replayed::golden);
            let explained = !inputs.is_empty();
            let overlay = self.observed.overlay.as_ref().and_then(is);
            let both = [
                (Side::Baseline, &was.baseline, is(&self.observed.baseline)),
                (Side::Overlay, &was.overlay, overlay),
            ];
            for (side, was, is) in both {
                let Some(is) = &is else { continue };
                checks.extend(compare::outcome(suite, self.id(), side, [was, is], explained));
            }
        }
        checks.extend(inputs);
        checks
    }

    /// The sides that there are.
    fn both(&self) -> impl Iterator<Item = (Side, &Seen<'_>)> {
        let overlay = self.observed.overlay.as_ref().map(|it| (Side::Overlay, it));
        std::iter::once((Side::Baseline, &self.observed.baseline)).chain(overlay)
    }

    /// Why a side came to nothing, with what changed.
    fn unseen(
        &self,
        side: Side,
        seen: &Seen<'_>,
        inputs: &[Check],
        cassette: &Cassette,
    ) -> Option<Check> {
        let unseen = seen.result.as_ref().err()?;
        let (keys, missing) = match unseen {
            Unseen::Settings(why) => {
                let message = format!("{side}: {why}");
                let mut check = Check::new(Rung::Replay, code::SETTINGS, Verdict::Fail, message);
                check.file = Some(self.sides.suite.installation_file("overlays"));
                return Some(check);
            }
            Unseen::Stale { keys, missing, .. } => (keys, missing),
        };
        let recorded: HashSet<_> = cassette.lines.iter().map(|it| it.interaction.key).collect();
        let open = keys.iter().filter(|it| !recorded.contains(it)).count();
        let causes: Vec<_> = inputs.iter().filter(|it| it.verdict == Verdict::Stale).collect();
        let why: Vec<_> = causes.iter().map(|it| it.message.as_str()).collect();
        let why = if why.is_empty() { String::new() } else { format!(": {}", why.join("; ")) };
        let message = format!(
            "{side}: no recorded answer of {} for sample {} ({open} of {} calls are not \
             recorded){why}",
            missing.call.request.model,
            missing.call.sample,
            keys.len(),
        );
        let is_authored =
            cassette.lines.iter().any(|it| it.interaction.recorder == Recorder::Authored);
        let hint = match is_authored {
            true => {
                "if the authored answers still fit, run `golden update --rebind-authored --reason \
                 WHY`; else `golden record`"
            }
            false => "run `golden record --scenario ID`",
        };
        let mut check = Check::new(Rung::Replay, code::STALE, Verdict::Stale, message).hint(hint);
        let cause = causes.iter().find(|it| it.key.is_some()).or_else(|| causes.first());
        check.key = cause.and_then(|it| it.key.clone());
        let cassette_name = || self.sides.suite.cassette_name(self.id());
        check.file = cause.and_then(|it| it.file.clone()).or_else(|| Some(cassette_name()));
        check.line = cause.and_then(|it| it.line);
        Some(check)
    }

    fn rules(&self) -> Vec<Check> {
        let was = self.golden.and_then(|it| it.sides.as_ref());
        let mut checks: Vec<_> =
            self.observed.broken_rules().iter().map(|it| self.broken_rule(it)).collect();
        if let Ok(is) = &self.observed.baseline.result {
            let was = was.map(|it| it.baseline.rules.as_slice());
            checks.extend(compare::rules(Side::Baseline, was, is));
        }
        if let Some(Ok(is)) = self.observed.overlay.as_ref().map(|it| &it.result) {
            checks.extend(compare::rules(
                Side::Overlay,
                was.map(|it| it.overlay.rules.as_slice()),
                is,
            ));
            if !is.outcome.accepted {
                let message = "no step of the overlay was accepted: the baseline answers";
                let check = Check::new(Rung::Rules, code::FELL_BACK, Verdict::Pass, message);
                checks.push(check);
            }
        }
        checks
    }

    fn broken_rule(&self, rule: &BrokenRule) -> Check {
        let suite = self.sides.suite;
        let number = rule.number - 1;
        let scenario = self.observed.scenario;
        let (file, at) =
            match (scenario.expect.get(number), self.observed.answering().settings.micro) {
                (None, Some((path, micro))) => {
                    (path, places::gates(micro).get(number - scenario.expect.len()).cloned())
                }
                (it, _) => {
                    let test = it.map_or("", |it| it.test.name());
                    ("scenarios.yaml", suite.places().rule(self.id(), number, test))
                }
            };
        Check::new(Rung::Rules, code::BROKEN_RULE, Verdict::Fail, rule.to_string())
            .file(suite.installation_file(file))
            .line(at.map(|it| it.line))
            .hint(rules::HINT)
    }

    fn tokens(&self) -> Vec<Check> {
        if !self.options.tokens {
            return Vec::new();
        }
        let was = self.golden.and_then(|it| it.sides.as_ref());
        let mut checks = Vec::new();
        for (side, seen) in self.both() {
            let was = was.and_then(|it| match side {
                Side::Baseline => it.baseline.tokens.as_ref(),
                Side::Overlay => it.overlay.tokens.as_ref(),
            });
            let is = seen.result.as_ref().ok().and_then(|it| it.tokens.as_ref());
            if let (Some(was), Some(is)) = (was, is) {
                checks.extend(counts(side, was, is));
            }
        }
        checks.extend(self.cap());
        checks
    }

    /// Whether the overlay's answer keeps its own cap over the bare baseline's.
    fn cap(&self) -> Option<Check> {
        let overlay = self.observed.overlay.as_ref()?;
        let cap = overlay.settings.settings.as_ref().ok()?.baseline_token_cap_pct?;
        let is = overlay.result.as_ref().ok().filter(|it| it.outcome.accepted)?;
        let baseline = self.observed.baseline.result.as_ref().ok()?;
        let tokens = is.tokens.as_ref()?;
        // Both are counted with the overlay's vocabulary.
        let bare = match &baseline.tokens {
            Some(it) if it.encoding == tokens.encoding => it.output,
            _ => count(tokens.encoding.parse::<Encoding>().ok()?, &baseline.answer),
        };
        let (before, after) = (u64::try_from(bare).ok()?, u64::try_from(tokens.output).ok()?);
        if !token_cap_exceeded(cap, before, after) {
            return None;
        }
        let message = format!(
            "overlay: {after} tokens, the baseline has {before}: more than \
             BASELINE_TOKEN_CAP_PCT={cap} allows"
        );
        let check = Check::new(Rung::Tokens, code::CAP, Verdict::Fail, message);
        Some(check.key("BASELINE_TOKEN_CAP_PCT"))
    }
}

/// Counts of one side that are not the accepted ones.
fn counts(side: Side, was: &Tokens, is: &Tokens) -> Vec<Check> {
    let check = |code, message| Check::new(Rung::Tokens, code, Verdict::Fail, message);
    if was.encoding != is.encoding {
        let message = format!("{side}: counted with {}, now {}", was.encoding, is.encoding);
        return vec![check(code::ENCODING, message)];
    }
    let compared = [
        (code::PROMPT_TOKENS, "prompt tokens", was.prompt, is.prompt),
        (code::ANSWER_TOKENS, "answer tokens", was.output, is.output),
    ];
    let differing = compared.into_iter().filter(|(_, _, was, is)| was != is);
    differing
        .map(|(code, what, was, is)| check(code, format!("{side}: {what} {was} → {is}")))
        .collect()
}

//! A run that begins, or goes on where its journal ends.

use overlay_optimizer::{Basis, PlanError, ResumeError, TunePlan, Tuner};

use super::Tune;
use super::journal::{JournalFile, passing_path};
use super::setting::Setting;
use crate::exit::{Exit, refusal};

impl Tune {
    /// A tuner that begins, or goes on where its journal ends.
    pub(super) fn tuner(&self, setting: &Setting) -> anyhow::Result<(Tuner, JournalFile)> {
        let Setting { space, plan, .. } = setting;
        let begin = || {
            let tuner = Tuner::new(space.clone(), plan.clone());
            tuner.map_err(|err: PlanError| refusal(Exit::USAGE, err.to_string()))
        };
        if !self.resume {
            let tuner = begin()?;
            let journal = match &self.journal {
                Some(path) => JournalFile::begin(path)?,
                None => JournalFile::begin_passing(&self.file)?,
            };
            return Ok((tuner, journal));
        }
        let path = &self.journal.clone().unwrap_or_else(|| passing_path(&self.file));
        if self.journal.is_none() && !path.exists() {
            let message = format!(
                "nothing to go on with: there is no {}; a journal elsewhere is named with --journal",
                path.display()
            );
            return Err(refusal(Exit::USAGE, message));
        }
        let (journal, text) = JournalFile::resume(path, self.journal.is_none())?;
        if text.is_empty() {
            return Ok((begin()?, journal));
        }
        let tuner = Tuner::resume(space.clone(), &text).map_err(|err: ResumeError| {
            let message = format!("{:#}", anyhow::Error::new(err));
            refusal(Exit::UNREADABLE, format!("{}: {message}", path.display()))
        })?;
        match differing(tuner.plan(), plan).as_slice() {
            [] => Ok((tuner, journal)),
            parts => {
                let (path, parts) = (path.display(), parts.join(", "));
                let message = format!("{path} was begun otherwise: another run differs in {parts}");
                Err(refusal(Exit::USAGE, message))
            }
        }
    }
}

/// What two plans differ in.
fn differing(a: &TunePlan, b: &TunePlan) -> Vec<&'static str> {
    fn basis<'a, T: 'a>(plan: &'a TunePlan, of: fn(&'a Basis) -> &'a T) -> Option<&'a T> {
        plan.basis.as_ref().map(of)
    }
    let parts = [
        ("the overlay", basis(a, |it| &it.overlay) != basis(b, |it| &it.overlay)),
        ("what evaluates", basis(a, |it| &it.evaluator) != basis(b, |it| &it.evaluator)),
        ("what the scenarios say", basis(a, |it| &it.scenarios) != basis(b, |it| &it.scenarios)),
        ("objectives", a.objectives != b.objectives),
        ("limits", a.limits != b.limits),
        ("scenarios", a.scenarios != b.scenarios),
        ("budget", a.budget != b.budget),
        ("seed", a.seed != b.seed),
        ("recordings", a.pool != b.pool),
    ];
    parts.into_iter().filter(|(_, differs)| *differs).map(|(part, _)| part).collect()
}

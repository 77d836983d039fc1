//! Where results go.

use super::report::{TuneAnswer, TuneVerdict};
use super::{Tune, places};
use crate::exit::{Exit, refusal};
use crate::output::{Output, to_json};
use crate::overlay::optimize::is_same;
use crate::replace::{create, replace};

impl Tune {
    /// Says before the search, and not after it, that its result has no place.
    pub(super) fn may_write(&self) -> anyhow::Result<()> {
        let places = [
            ("--journal", &self.journal),
            ("--report", &self.report),
            ("--svg", &self.svg),
            ("--output", &self.output),
        ];
        let named = || places.iter().filter_map(|(option, path)| Some((*option, path.as_ref()?)));
        for (number, (option, path)) in named().enumerate() {
            places::may_hold(option, path)?;
            let mut earlier = named().take(number);
            let other = earlier.find(|it| it.1 == path || is_same(it.1, path)).map(|it| it.0);
            let own = (option != "--output" && is_same(path, &self.file)).then_some("the overlay");
            if let Some(other) = other.or(own) {
                let message = format!("{option} {} is {other} too", path.display());
                return Err(refusal(Exit::USAGE, message));
            }
        }
        match self.output.as_deref().filter(|_| !self.force) {
            Some(path) if path.exists() && !is_same(path, &self.file) => {
                let message = format!("{} exists: give --force to replace it", path.display());
                Err(refusal(Exit::USAGE, message))
            }
            _ => Ok(()),
        }
    }

    /// Writes what was asked for, the overlay only where it was accepted. What was paid for
    /// is shown whether or not that succeeds.
    pub(super) fn finish(
        &self,
        mut answer: TuneAnswer,
        output: &mut Output,
    ) -> anyhow::Result<Exit> {
        let written = self.write(&mut answer);
        output.show(&answer)?;
        written?;
        Ok(answer.verdict.exit())
    }

    fn write(&self, answer: &mut TuneAnswer) -> anyhow::Result<()> {
        if let (Some(path), Some(text), TuneVerdict::Accepted) =
            (&self.output, &answer.overlay, answer.verdict)
        {
            create(path, text.as_bytes(), self.force || is_same(path, &self.file))?;
            answer.written = Some(path.display().to_string());
        }
        if let Some(path) = &self.svg {
            replace(path, answer.search.svg().as_bytes())?;
        }
        match &self.report {
            Some(path) => replace(path, to_json(answer)?.as_bytes()),
            None => Ok(()),
        }
    }
}

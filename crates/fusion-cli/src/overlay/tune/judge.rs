//! What a search came to, and whether that holds.

use overlay_model::Overlay;
use overlay_optimizer::{PatchLine, Stop, Tuner};

use super::Tune;
use super::held_out::{Confirmation, confirm};
use super::journal::JournalFile;
use super::report::{TuneAnswer, TuneVerdict};
use super::search::interrupted;
use super::setting::Setting;
use crate::overlay::document::Document;

impl Tune {
    /// What the search came to, with the held-out evaluations of what it found.
    pub(super) fn judge(
        &self,
        document: &Document,
        setting: &Setting,
        (tuner, journal): (&Tuner, &JournalFile),
        stop: Stop,
    ) -> anyhow::Result<TuneAnswer> {
        let search = tuner.report(&document.overlay);
        let tuned = match search.chosen {
            Some(_) => Some(patched(&document.overlay, &search.patch)?),
            None => None,
        };
        let confirmed = tuned.as_ref().map(|tuned| {
            let Setting { evaluator, goals, held_out, repeats, .. } = setting;
            let pair = (&document.overlay, tuned);
            confirm(evaluator, goals, pair, held_out, (*repeats, self.seed))
        });
        // A confirmation fails only where somebody ended the run.
        let held_out: Option<Confirmation> =
            confirmed.transpose().map_err(|_| interrupted(journal))?;
        Ok(TuneAnswer {
            path: document.name.clone(),
            evaluation: setting.evaluator.name(),
            verdict: TuneVerdict::of(&search.finding, held_out.as_ref()),
            because: TuneAnswer::because(&search, held_out.as_ref(), &setting.goals),
            stop,
            search,
            held_out,
            overlay: tuned.map(|it| it.source().to_owned()),
            written: None,
        })
    }
}

/// The overlay with a patch, whose candidate was evaluated before.
fn patched(overlay: &Overlay, patch: &[PatchLine]) -> anyhow::Result<Overlay> {
    let mut res = overlay.clone();
    for it in patch {
        res.set(&it.key, &it.to)?;
    }
    Ok(res)
}

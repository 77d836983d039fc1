use std::cell::{Cell, RefCell};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
pub(crate) use overlay_deploy::phase_word as word;
use overlay_deploy::{CheckVerdict, Look, Progress, Verdict, Weight};
use overlay_store::{Phase, Pointer};

use crate::environment::Environment;
use crate::output::Output;
use crate::progress::is_watched;

/// Shows on standard error what happens in a rollout: a line for each step, and on a
/// terminal a bar while a stage bakes.
pub(crate) struct Watch<'a> {
    output: RefCell<&'a mut Output>,
    /// Whether somebody looks at a terminal.
    has_bar: bool,
    /// The stage that bakes now.
    bar: RefCell<Option<ProgressBar>>,
    /// Whether somebody was told already that samples cannot be read.
    is_unseen: Cell<bool>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(output: &'a mut Output, environment: &Environment) -> Self {
        let has_bar = is_watched(output, environment);
        let (output, bar) = (RefCell::new(output), RefCell::new(None));
        Self { output, has_bar, bar, is_unseen: Cell::new(false) }
    }

    pub(crate) fn tell(&self, progress: &Progress<'_>) {
        match progress {
            Progress::Moved(pointer) => {
                self.clear();
                self.line(&moved(pointer));
            }
            Progress::Checked(check) if check.verdict == CheckVerdict::Passed => {
                self.line(&format!("  {} passed", check.name));
            }
            // Why stands in the answer of the command.
            Progress::Checked(check) => self.line(&format!("  {} {}", check.name, check.verdict)),
            Progress::Looked(look) => self.look(look),
            Progress::Unseen(why) if !self.is_unseen.replace(true) => {
                self.line(&format!("  no samples: {why}"));
            }
            _ => {}
        }
    }

    /// Says something to people.
    pub(crate) fn line(&self, line: &str) {
        let mut output = self.output.borrow_mut();
        if output.is_json() {
            return;
        }
        let mut say = || output.remark(&format!("{line}\n"));
        let said = match self.bar.borrow().as_ref() {
            Some(bar) => bar.suspend(say),
            None => say(),
        };
        // A terminal that has gone must not stop a rollout.
        said.ok();
    }

    fn look(&self, look: &Look<'_>) {
        if !self.has_bar {
            return;
        }
        let millis = |it: Duration| u64::try_from(it.as_millis()).unwrap_or(u64::MAX);
        let mut bar = self.bar.borrow_mut();
        let bar = bar.get_or_insert_with(new_bar);
        bar.set_length(millis(look.bake.0).max(1));
        bar.set_position(millis(look.elapsed.0.min(look.bake.0)));
        bar.set_message(looked(look));
    }

    fn clear(&self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}

fn new_bar() -> ProgressBar {
    // A line that is too long for the terminal is cut off.
    let style = ProgressStyle::with_template("{bar:20} {wide_msg}");
    ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr())
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// `epoch 5: canary 25 %, generation 00000003 beside 00000002`.
fn moved(pointer: &Pointer) -> String {
    let Pointer { epoch, phase, stable, candidate, weight, .. } = pointer;
    let share = match phase {
        Phase::Canary | Phase::Paused => format!(" {}", Weight(*weight)),
        _ => String::new(),
    };
    let beside = match candidate {
        Some(it) => format!("{} beside {}", it.generation, stable.generation),
        None => stable.generation.to_string(),
    };
    format!("epoch {epoch}: {}{share}, generation {beside}", word(*phase))
}

fn looked(look: &Look<'_>) -> String {
    let (control, candidate) = look.samples;
    let verdict = match look.judgement.verdict {
        Verdict::Pass => "no harm",
        Verdict::Fail => "harm",
        Verdict::Inconclusive => "too little to judge",
    };
    let Look { weight, elapsed, bake, .. } = look;
    let elapsed = elapsed.0.as_secs();
    format!("{weight}, {elapsed} s of {bake}, samples {candidate} and {control}: {verdict}")
}

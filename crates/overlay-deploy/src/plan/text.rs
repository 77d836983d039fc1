//! A plan as people read it.

use std::fmt::{self, Display, Formatter};

use overlay_model::{Change, plural};

use super::{Expected, FileChange, Plan, When};
use crate::mode::Mode;

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { environment, mode, base_epoch, .. } = self;
        match self.base {
            Some(base) => writeln!(
                f,
                "{environment}: {mode}, from epoch {base_epoch} (generation {})",
                base.generation
            )?,
            None => writeln!(f, "{environment}: {mode}, the first deployment")?,
        }
        if self.again {
            writeln!(f, "  no change; what is in force goes through its checks once more")?;
        } else if self.changes.is_empty() {
            writeln!(f, "  no change")?;
        }
        for change in &self.changes {
            file(f, change)?;
        }
        writeln!(f, "tree {}", self.tree)?;
        for (when, title) in [
            (When::Pre, "checks before"),
            (When::Stage, "checks at each stage"),
            (When::Post, "checks after"),
        ] {
            checks(f, self, when, title)?;
        }
        course(f, self)?;
        for warning in &self.warnings {
            let separator = if warning.path.is_empty() { "" } else { ": " };
            writeln!(f, "{}{separator}{}", warning.path, warning.diagnostic)?;
        }
        Ok(())
    }
}

fn file(f: &mut Formatter<'_>, change: &FileChange) -> fmt::Result {
    writeln!(f, "  {} {}", change.mark(), change.path)?;
    // All keys of a file that comes or goes would hide those that change.
    let changed = change.from.is_some() && change.to.is_some();
    change.keys.iter().filter(|_| changed).try_for_each(|it| key(f, it))
}

fn key(f: &mut Formatter<'_>, Change { key, from, to }: &Change) -> fmt::Result {
    match (from, to) {
        (Some(from), Some(to)) => writeln!(f, "      {key} {from} → {to}"),
        (None, Some(to)) => writeln!(f, "      {key} is new: {to}"),
        (Some(from), None) => writeln!(f, "      {key} is gone: was {from}"),
        (None, None) => Ok(()),
    }
}

fn checks(f: &mut Formatter<'_>, plan: &Plan, when: When, title: &str) -> fmt::Result {
    let names = plan.checks.iter().filter(|it| it.when.contains(&when));
    let names: Vec<&str> = names.map(|it| it.name.as_str()).collect();
    if names.is_empty() { Ok(()) } else { writeln!(f, "{title}: {}", names.join(", ")) }
}

/// What happens when, and how long it takes.
fn course(f: &mut Formatter<'_>, plan: &Plan) -> fmt::Result {
    let rules = &plan.rules;
    if plan.mode == Mode::Staged {
        writeln!(
            f,
            "stages: {} %, each at least {} and {} an arm, pausing after {}",
            rules.stages,
            rules.bake,
            plural(rules.limits.min_samples, "sample"),
            rules.max_stage
        )?;
    }
    let Expected { at_least, at_most, hours, .. } = &plan.expected;
    match hours {
        _ if at_most.0.is_zero() => writeln!(f, "takes no longer than its checks"),
        Some(hours) if plan.mode == Mode::Staged => {
            writeln!(f, "takes about {hours:.1} hours at the traffic of now, at least {at_least}")
        }
        _ if at_least == at_most => writeln!(f, "watched for {at_least}"),
        _ => writeln!(f, "takes at least {at_least}, at most {at_most}"),
    }
}

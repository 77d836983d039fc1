use clap::Args;

use super::root::RootArguments;
use crate::consent::Consent;
use crate::environment::Environment;

/// Options of every command about a deployment root.
#[derive(Args, Debug)]
pub(crate) struct RootOptions {
    #[command(flatten)]
    pub(crate) root: RootArguments,
    #[command(flatten)]
    pub(crate) consent: Consent,
    /// Answer as JSON; short for `--format json`
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl RootOptions {
    pub(crate) fn told<'a>(&'a self, environment: &'a Environment) -> Told<'a> {
        Told { root: &self.root, consent: self.consent, environment }
    }
}

/// What every command about a deployment root is told.
#[derive(Clone, Copy)]
pub(crate) struct Told<'a> {
    /// Which root.
    pub(crate) root: &'a RootArguments,
    /// Whether to ask first.
    pub(crate) consent: Consent,
    /// Clock, terminal and variables.
    pub(crate) environment: &'a Environment,
}

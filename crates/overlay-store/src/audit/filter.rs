use super::Record;

/// Which records are wanted; all by default.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Filter {
    /// Only of this deployment.
    pub deployment: Option<String>,
    /// Only with this action.
    pub action: Option<String>,
    /// Only by this actor.
    pub actor: Option<String>,
    /// Only from this moment on, microseconds since 1970.
    pub from_us: Option<i64>,
    /// Only before this moment, microseconds since 1970.
    pub before_us: Option<i64>,
}

impl Filter {
    /// Whether `record` is wanted.
    pub fn admits(&self, record: &Record) -> bool {
        let entry = &record.entry;
        let text =
            |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|it| it == found);
        let deployment = self.deployment.is_none() || self.deployment == entry.deployment;
        deployment
            && text(&self.action, &entry.action)
            && text(&self.actor, &entry.actor)
            && self.from_us.is_none_or(|it| entry.at_us >= it)
            && self.before_us.is_none_or(|it| entry.at_us < it)
    }
}

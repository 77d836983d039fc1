use serde::Serialize;

/// How a check came out, from harmless to bad.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// There was nothing to check.
    Skip,
    /// As it should be.
    Ok,
    /// Works, but probably not as meant.
    Warn,
    /// Must be mended before anything starts.
    Fail,
}

impl CheckStatus {
    /// The mark in front of a line: `✓`, `✗`, `⚠`, or `-`.
    pub fn mark(self) -> char {
        match self {
            Self::Skip => '-',
            Self::Ok => '✓',
            Self::Warn => '⚠',
            Self::Fail => '✗',
        }
    }
}

/// Something that a check came upon.
pub(super) struct Found {
    pub(super) status: CheckStatus,
    text: String,
    hint: Option<String>,
}

impl Found {
    pub(super) fn fail(text: impl Into<String>) -> Self {
        Self { status: CheckStatus::Fail, text: text.into(), hint: None }
    }

    pub(super) fn warn(text: impl Into<String>) -> Self {
        Self { status: CheckStatus::Warn, text: text.into(), hint: None }
    }

    /// A failure where `is_bad`, else a warning.
    pub(super) fn fail_if(is_bad: bool, text: impl Into<String>) -> Self {
        if is_bad { Self::fail(text) } else { Self::warn(text) }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// What a check says.
pub(super) struct Outcome {
    pub(super) status: CheckStatus,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// Each line of what was found, where there is more than one.
    pub(super) found: Vec<String>,
}

impl Outcome {
    pub(super) fn ok(message: impl Into<String>) -> Self {
        Self { status: CheckStatus::Ok, message: message.into(), hint: None, found: Vec::new() }
    }

    pub(super) fn skip(message: impl Into<String>) -> Self {
        Self { status: CheckStatus::Skip, ..Self::ok(message) }
    }

    /// The worst of what was found, and all of it below; `fine` where it was nothing.
    pub(super) fn of(mut found: Vec<Found>, fine: impl Into<String>) -> Self {
        // Stable: within a status the order of the files stays.
        found.sort_by_key(|it| std::cmp::Reverse(it.status));
        let count = found.len();
        let Some(worst) = found.first() else { return Self::ok(fine) };
        let message = match count {
            1 => worst.text.clone(),
            _ => format!("{} (and {} more)", worst.text, count - 1),
        };
        let (status, hint) = (worst.status, worst.hint.clone());
        let lines = found.into_iter().map(|it| it.text);
        let found = if count > 1 { lines.collect() } else { Vec::new() };
        Self { status, message, hint, found }
    }
}

impl From<Found> for Outcome {
    fn from(it: Found) -> Self {
        Self { status: it.status, message: it.text, hint: it.hint, found: Vec::new() }
    }
}

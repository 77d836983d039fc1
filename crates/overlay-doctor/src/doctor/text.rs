use std::fmt::Write as _;

use super::{Check, CheckStatus, DoctorReport};

/// The most lines that are shown of one check.
const MAX_LINES: usize = 20;

impl DoctorReport {
    /// The report for people: a line a check, with what to do about it below.
    pub fn text(&self) -> String {
        let mut res = String::new();
        for check in &self.checks {
            check.write(&mut res);
        }
        let count = |status| self.checks.iter().filter(|it| it.status == status).count();
        let [ok, warned, failed, skipped] =
            [CheckStatus::Ok, CheckStatus::Warn, CheckStatus::Fail, CheckStatus::Skip].map(count);
        let verdict = match self.verdict {
            CheckStatus::Fail => "not fit",
            CheckStatus::Warn => "fit, with warnings",
            CheckStatus::Ok | CheckStatus::Skip => "fit",
        };
        let environment = self.environment;
        // Writing to a string cannot fail.
        let _ = writeln!(
            res,
            "{environment}: {verdict} ({ok} fine, {warned} warned, {failed} failed, \
             {skipped} skipped)"
        );
        res
    }

    /// Every option with its value and who set it, a line each.
    pub fn origins_text(&self) -> String {
        let name = self.options.iter().map(|it| it.option.len()).max().unwrap_or_default();
        let value = self.options.iter().map(|it| it.value.to_string().len());
        let value = value.max().unwrap_or_default();
        let mut res = String::new();
        for it in &self.options {
            let (option, shown, origin) = (&it.option, it.value.to_string(), &it.origin);
            let _ = writeln!(res, "{option:name$}  {shown:value$}  {origin}");
        }
        res
    }
}

impl Check {
    fn write(&self, res: &mut String) {
        let Self { title, status, message, hint, found, .. } = self;
        let mark = status.mark();
        // Writing to a string cannot fail.
        let _ = match found.len() {
            0 => writeln!(res, "{mark} {title}: {message}"),
            count => writeln!(res, "{mark} {title}: {count} findings"),
        };
        for line in found.iter().take(MAX_LINES) {
            let _ = writeln!(res, "    {line}");
        }
        if let Some(more) = found.len().checked_sub(MAX_LINES).filter(|it| *it > 0) {
            let _ = writeln!(res, "    … and {more} more");
        }
        if let Some(hint) = hint {
            let _ = writeln!(res, "    fix: {hint}");
        }
    }
}

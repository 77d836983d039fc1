use std::fmt::Write as _;

use fusion_flags::FlagCode;
use overlay_model::CATALOGUE_CODES;
use overlay_schema::{CodeInfo, codes_md};

/// One code of a finding, of whichever crate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Code {
    /// The stable code.
    pub(crate) code: &'static str,
    /// What is the case, as a fragment.
    pub(crate) title: &'static str,
    /// Why it matters, and what to do.
    pub(crate) explanation: &'static str,
    /// Lines that call it forth; empty where there are none.
    pub(crate) example: &'static str,
}

/// A file cannot be read at all.
pub(crate) const UNREADABLE: &str = "OVL1010";
/// The text is no TOML, YAML or JSON of an overlay.
pub(crate) const NO_OVERLAY: &str = "OVL1011";
/// The text is no design spec; explained by `overlay_gen`.
pub(crate) const NO_SPEC: &str = "OVL6009";

/// Codes of what only the command line meets: files and their formats.
const OWN: &[(&str, &str, &str)] = &[
    (
        UNREADABLE,
        "a file cannot be read",
        "It is missing, a folder, or may not be opened. The command ends with 65.",
    ),
    (
        NO_OVERLAY,
        "the text is no TOML, YAML or JSON of an overlay",
        "An overlay in a structured format is one table of keys with numbers, switches, texts, \
         lists of words and maps of weights. YAML is read strictly: no anchors, aliases or tags, \
         at most 16 levels; no format may repeat a key.",
    ),
];

/// All codes, sorted.
pub(crate) fn all() -> Vec<Code> {
    let plain = |(code, title, explanation): &(&'static str, &'static str, &'static str)| Code {
        code,
        title,
        explanation,
        example: "",
    };
    let full = |it: &CodeInfo| Code {
        code: it.code,
        title: it.title,
        explanation: it.explanation,
        example: it.example,
    };
    let rows = overlay_schema::CODES.iter().chain(overlay_gen::CODES);
    let mut res: Vec<_> = rows.chain(overlay_optimizer::CODES).map(full).collect();
    res.extend(fusion_flags::CODES.iter().map(row_of).map(|it| full(&it)));
    let tables = [
        OWN,
        fusion_flagd::CODES,
        overlay_loader::CODES,
        CATALOGUE_CODES,
        fusion_golden::CODES,
        fusion_golden::budget::CODES,
        fusion_golden::statistics::CODES,
        overlay_deploy::CODES,
        overlay_doctor::CODES,
        overlay_migrate::CODES,
    ];
    for table in tables {
        res.extend(table.iter().map(plain));
    }
    res.sort_by_key(|it| it.code);
    res
}

/// The code of that name, in any case.
pub(crate) fn find(code: &str) -> Option<Code> {
    all().into_iter().find(|it| it.code.eq_ignore_ascii_case(code))
}

/// The reference page of codes: `docs/reference/diagnostics.md`.
pub fn diagnostics_md() -> String {
    let mut res = overlay_schema::diagnostics_md();
    res.push_str("\n# Design specs and generator\n");
    res.push_str(&codes_md(overlay_gen::CODES));
    res.push_str("\n# Workload profiles\n");
    res.push_str(&codes_md(overlay_optimizer::CODES));
    res.push_str("\n# Flag files\n");
    res.push_str(&codes_md(&fusion_flags::CODES.iter().map(row_of).collect::<Vec<_>>()));
    let tables = [
        ("Flags of flagd's", fusion_flagd::CODES),
        ("Files and formats", OWN),
        ("Installations", overlay_loader::CODES),
        ("Scenario files", CATALOGUE_CODES),
        ("Golden suites", fusion_golden::CODES),
        ("Outcomes and votes", fusion_golden::statistics::CODES),
        ("Budgets", fusion_golden::budget::CODES),
        ("Deployments", overlay_deploy::CODES),
        ("Options of a service", overlay_doctor::CODES),
        ("Migrations", overlay_migrate::CODES),
    ];
    for (heading, table) in tables {
        // Writing to a string cannot fail.
        let _ = write!(res, "\n# {heading}\n");
        for (code, title, explanation) in table {
            let _ = write!(res, "\n## {code} {title}\n\n{explanation}\n");
        }
    }
    res
}

/// The code of a flag file as a row of the reference.
fn row_of(it: &FlagCode) -> CodeInfo {
    let FlagCode { code, severity, title, explanation, example } = *it;
    CodeInfo { code, severity, title, explanation, example }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_has_two_meanings() {
        let codes: Vec<_> = all().into_iter().map(|it| it.code).collect();
        let twice: Vec<_> = codes.windows(2).filter(|it| it[0] == it[1]).collect();
        assert_eq!(twice, [] as [&[&str]; 0]);
    }
}

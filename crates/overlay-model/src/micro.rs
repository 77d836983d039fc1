use std::ops::Range;

use crate::diagnostic::Diagnostic;
use crate::overlay::MAX_BYTES;
use crate::parser::utf8;
use crate::rule::{Rule, RuleSeverity, Test};

/// The headings of a micro overlay, in their order.
pub const SECTIONS: [&str; 7] = [
    "Core Directive",
    "Response Framework",
    "Implementation Patterns",
    "Operational Emphasis",
    "Response Structure Template",
    "Quality Gates",
    "Tone Adjustments",
];

/// The system prompt of an overlay, sent whole.
///
/// The text is split only on the seven known headings at the start of a line: a
/// template may hold headings and fences of its own. The text has no byte order mark
/// and LF for CRLF, so that its digest is the same in every checkout.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MicroOverlay {
    text: String,
    /// Index into [`SECTIONS`] and bytes of the body, in file order.
    sections: Vec<(usize, Range<usize>)>,
}

impl MicroOverlay {
    /// Reads the bytes of a micro overlay. A file that is too large or no UTF-8 comes
    /// back empty, with the reason.
    pub fn read(bytes: &[u8]) -> (Self, Vec<Diagnostic>) {
        if bytes.len() > MAX_BYTES {
            let message =
                format!("{} bytes are more than the {MAX_BYTES} a prompt may have", bytes.len());
            return (Self::parse(""), vec![Diagnostic::error("OVL1006", message)]);
        }
        match utf8(bytes) {
            Ok(text) => (Self::parse(text), Vec::new()),
            Err(finding) => (Self::parse(""), vec![*finding]),
        }
    }

    /// Parses the text of a micro overlay. Any text is one.
    pub fn parse(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
        let mut sections: Vec<(usize, Range<usize>)> = Vec::new();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            if let Some(section) = known_section(line) {
                if let Some((_, body)) = sections.last_mut() {
                    body.end = at;
                }
                sections.push((section, at + line.len()..text.len()));
            }
            at += line.len();
        }
        Self { text, sections }
    }

    /// The whole text, as it is sent.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first line that begins with `# `, in front of all sections.
    pub fn title(&self) -> Option<&str> {
        self.headings().next()
    }

    /// The second such line: what the text is for, in a sentence.
    pub fn purpose(&self) -> Option<&str> {
        self.headings().nth(1)
    }

    fn headings(&self) -> impl Iterator<Item = &str> {
        let top = self.text.lines().take_while(|line| known_section(line).is_none());
        top.filter_map(|line| line.strip_prefix("# ").map(str::trim))
    }

    /// The sections in file order: heading and body.
    pub fn sections(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.sections.iter().filter_map(|(section, body)| {
            Some((*SECTIONS.get(*section)?, self.text.get(body.clone())?))
        })
    }

    /// The body of the section under `heading`.
    pub fn section(&self, heading: &str) -> Option<&str> {
        self.sections().find(|(it, _)| *it == heading).map(|(_, body)| body)
    }

    /// The machine checks of the quality gates: bullets that end in
    /// `[check: contains "…"]`, `[check: not "…"]` or `[check: regex "…"]`.
    ///
    /// A check that is none of these is returned as its text.
    pub fn checks(&self) -> Vec<Result<Rule, String>> {
        let gates = self.section("Quality Gates").unwrap_or_default();
        let marked = gates.lines().filter_map(|line| {
            let (_, check) = line.trim_end().rsplit_once("[check:")?;
            Some(check.strip_suffix(']').unwrap_or(check).trim())
        });
        (1..).zip(marked).map(|(number, check)| rule(number, check)).collect()
    }
}

/// Which of [`SECTIONS`] begins with `line`.
fn known_section(line: &str) -> Option<usize> {
    let heading = line.strip_prefix("## ")?.trim();
    SECTIONS.iter().position(|name| *name == heading)
}

fn rule(number: usize, check: &str) -> Result<Rule, String> {
    let (name, quoted) = check.split_once(' ').ok_or_else(|| check.to_owned())?;
    let text: String = serde_json::from_str(quoted.trim()).map_err(|_| check.to_owned())?;
    let test = match name {
        "contains" => Test::Contains(text),
        "not" => Test::Not(text),
        "regex" => Test::Regex(text),
        _ => return Err(check.to_owned()),
    };
    Ok(Rule { id: Some(format!("gate-{number}")), severity: RuleSeverity::Hard, test })
}

//! What no report may repeat.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::ops::Range;

use overlay_model::{Diagnostic, Edit, Fix};
use overlay_schema::{is_secret, secret_spans};

/// What stands in the place of a secret in a message.
const HIDDEN: &str = "[secret]";

/// `text` with every secret written over with `*`, byte for byte, so that places still fit.
pub(crate) fn hidden_text<'a>(text: &'a str, findings: &[Diagnostic]) -> Cow<'a, str> {
    let spans = spans(text, findings);
    if spans.is_empty() {
        return Cow::Borrowed(text);
    }
    let (mut res, mut at) = (String::with_capacity(text.len()), 0);
    for span in spans {
        let start = span.start.max(at);
        res.push_str(text.get(at..start).unwrap_or_default());
        // A line stays a line.
        let secret = text.get(start..span.end).unwrap_or_default();
        res.extend(secret.bytes().map(|it| if it == b'\n' { '\n' } else { '*' }));
        at = at.max(span.end);
    }
    res.push_str(text.get(at..).unwrap_or_default());
    Cow::Owned(res)
}

/// The findings about `text` without the secrets that their messages quote.
pub(crate) fn hidden(text: &str, findings: &[Diagnostic]) -> Vec<Diagnostic> {
    let spans = spans(text, findings);
    let secrets = spans.into_iter().filter_map(|it| text.get(it)).filter(|it| it.len() >= 4);
    let mut secrets: Vec<_> = secrets.collect();
    // One may be a part of another.
    secrets.sort_by_key(|it| Reverse(it.len()));
    secrets.dedup();
    findings.iter().map(|it| without(it, &secrets)).collect()
}

fn without(finding: &Diagnostic, secrets: &[&str]) -> Diagnostic {
    let clean = |text: &str| {
        let known = secrets.iter().fold(text.to_owned(), |res, it| res.replace(it, HIDDEN));
        // A message may hold the head of a secret only.
        secret_spans(&known).into_iter().rev().fold(known, |mut res, span| {
            res.replace_range(span, HIDDEN);
            res
        })
    };
    let fix = finding.fix.as_ref().map(|it| Fix {
        title: clean(&it.title),
        edits: it
            .edits
            .iter()
            .map(|edit| Edit { span: edit.span.clone(), text: clean(&edit.text) })
            .collect(),
    });
    Diagnostic {
        message: clean(&finding.message),
        hint: finding.hint.as_deref().map(clean),
        fix,
        ..finding.clone()
    }
}

/// Where secrets stand, by their form and by findings; sorted by where they begin.
fn spans(text: &str, findings: &[Diagnostic]) -> Vec<Range<usize>> {
    let found = findings.iter().filter(|it| is_secret(it.code));
    let found = found.filter_map(|it| it.at.as_ref()).map(|at| at.span.clone());
    let mut res: Vec<_> = secret_spans(text).into_iter().chain(found).collect();
    res.retain(|it| text.get(it.clone()).is_some_and(|it| !it.is_empty()));
    res.sort_by_key(|it| (it.start, it.end));
    res
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AKIA2B3C4D5E6F7G2H3J";

    #[test]
    fn a_secret_is_written_over_and_all_else_stays() {
        let text = format!("# {KEY}\nMODEL={KEY}\nB=ü\n");
        let stars = "*".repeat(KEY.len());
        assert_eq!(hidden_text(&text, &[]), format!("# {stars}\nMODEL={stars}\nB=ü\n"));
        let named = Diagnostic::error("OVL8005", "x").at("A=hush\n", 2..6);
        assert_eq!(hidden_text("A=hush\n", &[named]), "A=****\n");
        let twice = [
            Diagnostic::error("OVL8004", "x").at("A=hush\n", 2..5),
            Diagnostic::error("OVL8005", "x").at("A=hush\n", 3..6),
        ];
        assert_eq!(hidden_text("A=hush\n", &twice), "A=****\n");
    }

    #[test]
    fn messages_and_edits_are_without_secrets() {
        let text = format!("TRUST_FLOOR={KEY}\n");
        let edit = Edit { span: 0..1, text: format!("# {KEY}") };
        let finding = Diagnostic::error("OVL2101", format!("no number: {KEY}"))
            .hint(format!("not {KEY}"))
            .fix(format!("write {KEY}"), vec![edit]);
        let shown = format!("{:?}", hidden(&text, &[finding]));
        assert!(!shown.contains(KEY) && shown.contains("no number: [secret]"), "{shown}");

        let text = "A=hush B=hush-hush";
        let found = [2..6, 9..18].map(|it| Diagnostic::error("OVL8005", "hush-hush").at(text, it));
        assert!(hidden(text, &found).iter().all(|it| it.message == "[secret]"));
    }
}

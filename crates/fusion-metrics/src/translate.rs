//! The exposition of another library beside ours.

use crate::render::Format;

/// Appends an exposition in the text format 0.0.4 to ours.
///
/// In OpenMetrics a counter must end in `_total`; others' counters mostly do not. They
/// keep their name, so that it does not depend on who asks, and lose their type.
pub(crate) fn append(out: &mut String, format: Format, text: &str) {
    for line in text.lines().filter(|it| !it.trim().is_empty()) {
        match format {
            Format::Text => out.push_str(line),
            Format::OpenMetrics => push_line(out, line),
        }
        out.push('\n');
    }
}

fn push_line(out: &mut String, line: &str) {
    if let Some(rest) = line.strip_prefix("# TYPE ") {
        push_type(out, rest);
    } else if let Some(rest) = line.strip_prefix("# HELP ") {
        out.push_str("# HELP ");
        push_quoted_help(out, rest);
    } else {
        out.push_str(line);
    }
}

fn push_type(out: &mut String, rest: &str) {
    let (name, kind) = rest.split_once(' ').unwrap_or((rest, ""));
    let kind = match kind.trim() {
        kind @ ("gauge" | "histogram" | "summary") => kind,
        _ => "unknown",
    };
    out.push_str("# TYPE ");
    out.push_str(name);
    out.push(' ');
    out.push_str(kind);
}

/// Quotes are escaped in OpenMetrics only; some exporters escape them in both.
fn push_quoted_help(out: &mut String, help: &str) {
    let mut escaped = false;
    for char in help.chars() {
        if char == '"' && !escaped {
            out.push('\\');
        }
        escaped = char == '\\' && !escaped;
        out.push(char);
    }
}

use std::fmt::Write;

/// The two exposition formats.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The value of the header `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// Ends the exposition.
    pub(crate) fn end(self, out: &mut String) {
        if self == Self::OpenMetrics {
            out.push_str("# EOF\n");
        }
    }
}

/// The format for the value of the header `Accept`: OpenMetrics where it is asked for in
/// version 1.0.0 or without version, and wanted at least as much as plain text.
pub fn negotiate(accept: Option<&str>) -> Format {
    let (mut text, mut open_metrics) = (0.0_f64, 0.0_f64);
    for range in accept.unwrap_or_default().split(',') {
        let (kind, weight) = media_range(range);
        match kind {
            Media::OpenMetrics => open_metrics = open_metrics.max(weight),
            Media::Text => text = text.max(weight),
            Media::Else => (),
        }
    }
    let wanted = open_metrics > 0.0 && open_metrics >= text;
    if wanted { Format::OpenMetrics } else { Format::Text }
}

enum Media {
    OpenMetrics,
    Text,
    Else,
}

/// One entry of `Accept` with its weight from 0 to 1.
fn media_range(range: &str) -> (Media, f64) {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let (mut weight, mut version) = (1.0, None);
    for (key, value) in parts.filter_map(|it| it.split_once('=')) {
        match key.trim() {
            "q" => weight = value.trim().parse().ok().filter(|it| *it <= 1.0).unwrap_or(0.0),
            "version" => version = Some(value.trim().trim_matches('"')),
            _ => (),
        }
    }
    let kind = match (name.as_str(), version) {
        ("application/openmetrics-text", None | Some("1.0.0")) => Media::OpenMetrics,
        ("text/plain", _) => Media::Text,
        _ => Media::Else,
    };
    (kind, weight)
}

/// Writes a whole number. Most of an exposition are such, and the formatter of the
/// standard library takes three times as long for them.
pub(crate) fn push_u64(out: &mut String, mut value: u64) {
    let mut digits = [b'0'; 20];
    let mut len = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
        len += 1;
        if value == 0 {
            break;
        }
    }
    let written = digits.get(digits.len() - len..).unwrap_or_default();
    out.push_str(std::str::from_utf8(written).unwrap_or_default());
}

/// Writes a number as both formats read it.
pub(crate) fn push_f64(out: &mut String, value: f64) {
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else {
        // Writing to a String cannot fail.
        let _ = write!(out, "{value}");
    }
}

/// The value of the label `le`. OpenMetrics wants `2.0` for two; older Prometheus take it
/// as a text, so the other format says the same.
pub(crate) fn bound_text(bound: f64) -> String {
    format!("{bound:?}")
}

/// Writes a help text: `\` and line breaks escaped, in OpenMetrics also `"`.
pub(crate) fn push_help(out: &mut String, text: &str, format: Format) {
    for char in text.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if format == Format::OpenMetrics => out.push_str("\\\""),
            _ => out.push(char),
        }
    }
}

//! Sets one switch of a flag file and leaves every other byte as it is.

use std::fmt;
use std::ops::Range;

use fusion_flags::{FlagFile, MAX_FLAG_BYTES};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_yaml::Spanned;

/// What a comment begins with that says why the switch is on.
const MARK: &str = "# killed: ";

/// A flag file with another kill switch.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Edited {
    pub(super) text: String,
    /// Whether the reason stands beside it.
    pub(super) has_reason: bool,
}

/// `text` with `global.kill_switch` at `on`; where it is turned on, `reason` stands behind it
/// as a comment, unless the text is JSON, which has none. `None` where no edit does just that:
/// such a file is better changed by hand.
pub(super) fn with_kill_switch(text: &str, on: bool, reason: &str) -> Option<Edited> {
    let mut wanted = FlagFile::parse(text).ok()?;
    if wanted.global.kill_switch == on {
        return Some(Edited { text: text.to_owned(), has_reason: false });
    }
    wanted.global.kill_switch = on;
    let Switched { text, end } = switched(text, on)?;
    // Whatever the form of the file: nothing but the switch has changed.
    let is_wanted = |text: &String| FlagFile::parse(text).as_ref() == Ok(&wanted);
    let is_json = || serde_json::from_str::<IgnoredAny>(&text).is_ok();
    let reason = on.then_some(reason);
    match noted(&text, end, reason).filter(|it| is_wanted(it) && !is_json()) {
        Some(text) => Some(Edited { text, has_reason: on }),
        None => is_wanted(&text).then_some(Edited { text, has_reason: false }),
    }
}

/// A text whose switch ends at `end`.
struct Switched {
    text: String,
    end: usize,
}

impl Switched {
    /// `text` with `by`, whose first bytes up to `end` end in the switch, in place of `at`.
    fn replaced(text: &str, at: Range<usize>, by: &str, end: usize) -> Option<Self> {
        let end = at.start + end;
        Some(Self { text: replaced(text, at, by)?, end })
    }
}

fn switched(text: &str, on: bool) -> Option<Switched> {
    let shape: Spanned<Shape> = overlay_model::from_yaml_of_size(text, MAX_FLAG_BYTES).ok()?;
    let Some(global) = &shape.value.global else {
        return with_global(text, &span(&shape)?, on);
    };
    let entries = &global.value.0;
    if let Some((_, value)) = entries.iter().find(|(name, _)| name.value == "kill_switch") {
        let by = on.to_string();
        return Switched::replaced(text, span(value)?, &by, by.len());
    }
    let at = span(global)?;
    if text.get(at.start..)?.starts_with('{') {
        return in_braces(text, at.start, &format!("\"kill_switch\": {on}"));
    }
    let first = span(&entries.first()?.0)?.start;
    let indent = text.get(..first)?.rsplit('\n').next()?;
    let entry = format!("kill_switch: {on}");
    let by = format!("{entry}{}{indent}", line_end(text));
    Switched::replaced(text, first..first, &by, entry.len())
}

/// There is no `global` in the map at `whole`.
fn with_global(text: &str, whole: &Range<usize>, on: bool) -> Option<Switched> {
    if text.get(whole.start..)?.starts_with('{') {
        return in_braces(text, whole.start, &format!("\"global\": {{\"kill_switch\": {on}}}"));
    }
    let end = line_end(text);
    let gap = if text.ends_with('\n') { "" } else { end };
    let entry = format!("{gap}global:{end}  kill_switch: {on}");
    Switched::replaced(text, text.len()..text.len(), &format!("{entry}{end}"), entry.len())
}

/// Puts `entry` behind the brace that opens at `open`.
fn in_braces(text: &str, open: usize, entry: &str) -> Option<Switched> {
    let inside = open + 1;
    let is_empty = text.get(inside..)?.trim_start().starts_with('}');
    let gap = if is_empty { "" } else { ", " };
    Switched::replaced(text, inside..inside, &format!("{entry}{gap}"), entry.len())
}

/// `text` with `reason` at the end of the line of a switch that ends at `end`, in place of an
/// earlier one. What else stands there, and be it a comment, stays before it.
fn noted(text: &str, end: usize, reason: Option<&str>) -> Option<String> {
    let rest = text.get(end..)?.split(['\n', '\r']).next()?;
    let kept = rest.split_once(MARK).map_or(rest, |(kept, _)| kept.trim_end());
    let reason = reason.map(|it| format!("  {MARK}{it}")).unwrap_or_default();
    replaced(text, end..end + rest.len(), &format!("{kept}{reason}"))
}

/// How the lines of `text` end.
fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

fn replaced(text: &str, at: Range<usize>, by: &str) -> Option<String> {
    let (before, after) = (text.get(..at.start)?, text.get(at.end..)?);
    Some([before, by, after].concat())
}

fn span<T>(value: &Spanned<T>) -> Option<Range<usize>> {
    let at = value.referenced.span();
    let start = usize::try_from(at.byte_offset()?).ok()?;
    let len = usize::try_from(at.byte_len().unwrap_or_default()).ok()?;
    Some(start..start.checked_add(len)?)
}

/// What of a flag file matters here.
#[derive(Deserialize)]
struct Shape {
    #[serde(default)]
    global: Option<Spanned<Entries>>,
}

/// The places of the entries of a map.
struct Entries(Vec<(Spanned<String>, Spanned<IgnoredAny>)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
        let mut res = Vec::new();
        while let Some(entry) = map.next_entry()? {
            res.push(entry);
        }
        Ok(Entries(res))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On with a reason, and off again.
    #[track_caller]
    fn check(text: &str, on: &str, off: &str) {
        let edited = |text: &str, on| with_kill_switch(text, on, "why").expect("an edit");
        let killed = edited(text, true);
        assert_eq!(killed.text, on);
        assert_eq!(killed.has_reason, on.contains("# killed: why"));
        assert_eq!(edited(on, false), Edited { text: off.to_owned(), has_reason: false });
    }

    #[test]
    fn the_value_alone_changes_where_it_stands() {
        check(
            "# top\nglobal:\n  kill_switch: false\n  default_strategy: baseline_only # why\n",
            "# top\nglobal:\n  kill_switch: true  # killed: why\n  default_strategy: \
             baseline_only # why\n",
            "# top\nglobal:\n  kill_switch: false\n  default_strategy: baseline_only # why\n",
        );
        check(
            "global:\n  kill_switch: false # keep me\n",
            "global:\n  kill_switch: true # keep me  # killed: why\n",
            "global:\n  kill_switch: false # keep me\n",
        );
        check(
            "global: {kill_switch: false, default_strategy: ß}\n",
            "global: {kill_switch: true, default_strategy: ß}  # killed: why\n",
            "global: {kill_switch: false, default_strategy: ß}\n",
        );
    }

    #[test]
    fn the_switch_is_added_where_there_is_none() {
        check(
            "features: {}\nglobal:\n    # first\n    default_strategy: a\r\n",
            "features: {}\nglobal:\n    # first\n    kill_switch: true  # killed: why\r\n    \
             default_strategy: a\r\n",
            "features: {}\nglobal:\n    # first\n    kill_switch: false\r\n    \
             default_strategy: a\r\n",
        );
        check(
            "features: {}",
            "features: {}\nglobal:\n  kill_switch: true  # killed: why\n",
            "features: {}\nglobal:\n  kill_switch: false\n",
        );
        check(
            "global: {}\nfeatures: {}\n",
            "global: {\"kill_switch\": true}  # killed: why\nfeatures: {}\n",
            "global: {\"kill_switch\": false}\nfeatures: {}\n",
        );
    }

    #[test]
    fn braces_keep_the_reason_too() {
        check(
            "{features: {a: {enabled_overlays: [x]}}}\n",
            "{\"global\": {\"kill_switch\": true}, features: {a: {enabled_overlays: [x]}}}  \
             # killed: why\n",
            "{\"global\": {\"kill_switch\": false}, features: {a: {enabled_overlays: [x]}}}\n",
        );
        check(
            "{global: {kill_switch: false,\n  default_strategy: a}, # keep me\n features: {}}",
            "{global: {kill_switch: true,  # killed: why\n  default_strategy: a}, # keep me\n \
             features: {}}",
            "{global: {kill_switch: false,\n  default_strategy: a}, # keep me\n features: {}}",
        );
        // A text that goes on behind the line is no place for it.
        check(
            "{global: {kill_switch: false, default_strategy: \"a\n  b\"}, features: {}}\n",
            "{global: {kill_switch: true, default_strategy: \"a\n  b\"}, features: {}}\n",
            "{global: {kill_switch: false, default_strategy: \"a\n  b\"}, features: {}}\n",
        );
    }

    #[test]
    fn json_stays_json() {
        check(
            "{\"features\": {}}",
            "{\"global\": {\"kill_switch\": true}, \"features\": {}}",
            "{\"global\": {\"kill_switch\": false}, \"features\": {}}",
        );
        check(
            "{\n\t\"global\": {\n\t\t\"default_strategy\": \"a\"\n\t}\n}\n",
            "{\n\t\"global\": {\"kill_switch\": true, \n\t\t\"default_strategy\": \"a\"\n\t}\n}\n",
            "{\n\t\"global\": {\"kill_switch\": false, \n\t\t\"default_strategy\": \"a\"\n\t}\n}\n",
        );
    }

    #[test]
    fn a_form_that_no_edit_fits_is_left_alone() {
        assert_eq!(with_kill_switch("features: {}\n...\n", true, "why"), None);
    }
}

//! Sets one switch of a flag file and leaves every other byte as it is.

use std::fmt;
use std::ops::Range;

use fusion_flags::{FlagFile, MAX_FLAG_BYTES};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_yaml::Spanned;

/// What a comment begins with that says why the switch is on.
const MARK: &str = "# killed: ";

/// `text` with `global.kill_switch` at `on`; where it is turned on, and the form has
/// comments, `reason` stands beside it. `None` where no edit does just that: such a file is
/// better changed by hand.
pub(super) fn with_kill_switch(text: &str, on: bool, reason: &str) -> Option<String> {
    let mut wanted = FlagFile::parse(text).ok()?;
    if wanted.global.kill_switch == on {
        return Some(text.to_owned());
    }
    wanted.global.kill_switch = on;
    let edited = edited(text, on, reason)?;
    // Whatever the form of the file: nothing but the switch has changed.
    (FlagFile::parse(&edited) == Ok(wanted)).then_some(edited)
}

fn edited(text: &str, on: bool, reason: &str) -> Option<String> {
    let shape: Spanned<Shape> = overlay_model::from_yaml_of_size(text, MAX_FLAG_BYTES).ok()?;
    let Some(global) = &shape.value.global else {
        return with_global(text, &span(&shape)?, on, reason);
    };
    let entries = &global.value.0;
    if let Some((_, value)) = entries.iter().find(|(name, _)| name.value == "kill_switch") {
        return with_value(text, &span(value)?, on, reason);
    }
    let at = span(global)?;
    if text.get(at.start..)?.starts_with('{') {
        return in_braces(text, at.start, &format!("\"kill_switch\": {on}"));
    }
    let first = span(&entries.first()?.0)?.start;
    let indent = text.get(..first)?.rsplit('\n').next()?;
    let entry = format!("kill_switch: {}{}{indent}", value(on, reason), line_end(text));
    replaced(text, first..first, &entry)
}

/// The switch stands there: its value is exchanged.
fn with_value(text: &str, at: &Range<usize>, on: bool, reason: &str) -> Option<String> {
    let rest = text.get(at.end..)?.split(['\n', '\r']).next()?;
    let before = text.get(..at.start)?.rsplit('\n').next()?;
    let comment = rest.trim_start();
    // In braces a comment would swallow what follows.
    let is_block = before.trim() == "kill_switch:";
    if is_block && (comment.is_empty() || comment.starts_with(MARK)) {
        return replaced(text, at.start..at.end + rest.len(), &value(on, reason));
    }
    replaced(text, at.clone(), &on.to_string())
}

/// There is no `global` in the map at `whole`.
fn with_global(text: &str, whole: &Range<usize>, on: bool, reason: &str) -> Option<String> {
    if text.get(whole.start..)?.starts_with('{') {
        return in_braces(text, whole.start, &format!("\"global\": {{\"kill_switch\": {on}}}"));
    }
    let (end, value) = (line_end(text), value(on, reason));
    let gap = if text.ends_with('\n') { "" } else { end };
    Some(format!("{text}{gap}global:{end}  kill_switch: {value}{end}"))
}

/// Puts `entry` behind the brace that opens at `open`.
fn in_braces(text: &str, open: usize, entry: &str) -> Option<String> {
    let inside = open + 1;
    let is_empty = text.get(inside..)?.trim_start().starts_with('}');
    let entry = if is_empty { entry.to_owned() } else { format!("{entry}, ") };
    replaced(text, inside..inside, &entry)
}

fn value(on: bool, reason: &str) -> String {
    if on { format!("true  {MARK}{reason}") } else { "false".to_owned() }
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
        let killed = with_kill_switch(text, true, "why");
        assert_eq!(killed.as_deref(), Some(on));
        assert_eq!(with_kill_switch(on, false, "why").as_deref(), Some(off));
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
            "global:\n  kill_switch: true # keep me\n",
            "global:\n  kill_switch: false # keep me\n",
        );
        check(
            "global: {kill_switch: false, default_strategy: ß}\n",
            "global: {kill_switch: true, default_strategy: ß}\n",
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
            "global: {\"kill_switch\": true}\nfeatures: {}\n",
            "global: {\"kill_switch\": false}\nfeatures: {}\n",
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

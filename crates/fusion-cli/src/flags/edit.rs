//! Sets one switch of a flag file and leaves every other byte as it is.

use std::fmt;
use std::ops::Range;

use fusion_flags::{FlagFile, MAX_FLAG_BYTES};
use overlay_loader::kill_switch;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Value, json};
use serde_yaml::Spanned;

/// What ends a line.
const ENDS: [char; 2] = ['\n', '\r'];

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
/// as a comment, unless the text is JSON, which has none. What a service refuses is turned on
/// too, since it obeys that. `None` where no edit does just that: such a file is better
/// changed by hand.
pub(super) fn with_kill_switch(text: &str, on: bool, reason: &str) -> Option<Edited> {
    if kill_switch(text).unwrap_or_default() == on {
        return Some(Edited { text: text.to_owned(), has_reason: false });
    }
    let wanted = Wanted::new(text, on)?;
    let edits = [switched(text, on), in_lines(text).filter(|_| on)];
    edits.into_iter().flatten().find_map(|Switched { text, end }| {
        let is_json = || serde_json::from_str::<IgnoredAny>(&text).is_ok();
        let reason = on.then_some(reason);
        match noted(&text, end, reason).filter(|it| wanted.is(it) && !is_json()) {
            Some(text) => Some(Edited { text, has_reason: on }),
            None => wanted.is(&text).then_some(Edited { text, has_reason: false }),
        }
    })
}

/// What an edited text must say: nothing but the switch has changed, whatever its form.
enum Wanted {
    /// A flag file, which may have a number that equals nothing.
    File(Value),
    /// No flag file, but a text with a form.
    Form(Value),
    /// The text has no form: all that counts is that the switch is thrown.
    Thrown,
}

impl Wanted {
    fn new(text: &str, on: bool) -> Option<Self> {
        if let Ok(mut file) = FlagFile::parse(text) {
            file.global.kill_switch = on;
            return serde_json::to_value(file).ok().map(Self::File);
        }
        let Some(mut form) = form(text).filter(Value::is_object) else {
            return on.then_some(Self::Thrown);
        };
        let global = form.as_object_mut()?.entry("global").or_insert(Value::Null);
        if global.is_null() {
            *global = json!({});
        }
        global.as_object_mut()?.insert("kill_switch".to_owned(), on.into());
        on.then_some(Self::Form(form))
    }

    fn is(&self, text: &str) -> bool {
        match self {
            Self::File(wanted) => {
                let file = FlagFile::parse(text).ok();
                file.and_then(|it| serde_json::to_value(it).ok()).as_ref() == Some(wanted)
            }
            Self::Form(wanted) => {
                kill_switch(text) == Some(true) && form(text).as_ref() == Some(wanted)
            }
            Self::Thrown => kill_switch(text) == Some(true),
        }
    }
}

fn form(text: &str) -> Option<Value> {
    overlay_model::from_yaml_of_size(text, MAX_FLAG_BYTES).ok()
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
    let indent = text.get(..first)?.rsplit(ENDS).next()?;
    let entry = format!("kill_switch: {on}");
    let by = format!("{entry}{}{indent}", line_end(text));
    Switched::replaced(text, first..first, &by, entry.len())
}

/// There is no `global` in the map at `whole`.
fn with_global(text: &str, whole: &Range<usize>, on: bool) -> Option<Switched> {
    if text.get(whole.start..)?.starts_with('{') {
        return in_braces(text, whole.start, &format!("\"global\": {{\"kill_switch\": {on}}}"));
    }
    at_the_end(text, on)
}

/// Puts `global` behind everything else.
fn at_the_end(text: &str, on: bool) -> Option<Switched> {
    let end = line_end(text);
    // Nothing may stand behind the end of a document but comments.
    let closed = lines(text).find(|(_, line)| line.trim_end() == "...").map(|(at, _)| at);
    let at = closed.unwrap_or(text.len());
    let gap = if text.get(..at)?.ends_with(ENDS) { "" } else { end };
    let entry = format!("{gap}global:{end}  kill_switch: {on}");
    Switched::replaced(text, at..at, &format!("{entry}{end}"), entry.len())
}

/// Throws the switch in a text whose form is not clear, line by line.
fn in_lines(text: &str) -> Option<Switched> {
    if let Some(at) = lines(text).find_map(|(start, line)| no(line, start)) {
        return Switched::replaced(text, at, "true", "true".len());
    }
    let global = lines(text).find_map(|(start, line)| Some((start, line.strip_prefix("global:")?)));
    if let Some((start, rest)) = global {
        let value = start + "global:".len() + rest.len() - rest.trim_start().len();
        if rest.trim_start().starts_with('{') {
            return in_braces(text, value, "\"kill_switch\": true");
        }
        return under_global(text, start);
    }
    let open = text.len() - text.trim_start().len();
    if text.get(open..)?.starts_with('{') {
        return in_braces(text, open, "\"global\": {\"kill_switch\": true}");
    }
    at_the_end(text, true)
}

/// Puts the switch below the line `global:` that begins at `start`, as far in as what follows.
fn under_global(text: &str, start: usize) -> Option<Switched> {
    let mut below = lines(text).skip_while(|(at, _)| *at <= start);
    let at = below.clone().next().map_or(text.len(), |(at, _)| at);
    let entry = below.find(|(_, it)| !it.trim().is_empty() && !it.trim_start().starts_with('#'));
    let indent = entry.and_then(|(_, it)| it.get(..it.len() - it.trim_start().len()));
    let indent = indent.filter(|it| !it.is_empty()).unwrap_or("  ");
    let end = line_end(text);
    let gap = if text.get(..at)?.ends_with(ENDS) { "" } else { end };
    let entry = format!("{gap}{indent}kill_switch: true");
    Switched::replaced(text, at..at, &format!("{entry}{end}"), entry.len())
}

/// Where a line that begins at `start` gives a key `kill_switch` a word for no.
fn no(line: &str, start: usize) -> Option<Range<usize>> {
    let code = line.split_once('#').map_or(line, |(code, _)| code);
    let (before, rest) = code.split_once("kill_switch")?;
    let is_key = !before.ends_with(|it: char| it.is_alphanumeric() || it == '_');
    let value = rest.trim_start_matches(['"', '\'']).trim_start().strip_prefix(':')?.trim_start();
    let len = value.find(|it: char| !it.is_alphanumeric()).unwrap_or(value.len());
    let at = start + code.len() - value.len();
    let word = value.get(..len)?;
    let is_no = ["false", "no", "off"].iter().any(|it| word.eq_ignore_ascii_case(it));
    (is_key && is_no).then_some(at..at + len)
}

/// The lines of `text`, each with its place and without its end.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> + Clone {
    let mut at = 0;
    text.split(ENDS).map(move |line| {
        let start = at;
        at += line.len() + 1;
        (start, line)
    })
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
    let rest = text.get(end..)?.split(ENDS).next()?;
    let kept = rest.split_once(MARK).map_or(rest, |(kept, _)| kept.trim_end());
    let reason = reason.map(|it| format!("  {MARK}{it}")).unwrap_or_default();
    replaced(text, end..end + rest.len(), &format!("{kept}{reason}"))
}

/// How the lines of `text` end.
fn line_end(text: &str) -> &'static str {
    match text {
        _ if text.contains("\r\n") => "\r\n",
        _ if text.contains('\r') && !text.contains('\n') => "\r",
        _ => "\n",
    }
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
    fn the_end_of_a_document_stays_its_end() {
        check(
            "features: {}\n...\n",
            "features: {}\nglobal:\n  kill_switch: true  # killed: why\n...\n",
            "features: {}\nglobal:\n  kill_switch: false\n...\n",
        );
    }

    #[test]
    fn lines_may_end_in_a_carriage_return_alone() {
        check(
            "features: {}\r",
            "features: {}\rglobal:\r  kill_switch: true  # killed: why\r",
            "features: {}\rglobal:\r  kill_switch: false\r",
        );
        check(
            "features: {}\rglobal:\r  default_strategy: a\r",
            "features: {}\rglobal:\r  kill_switch: true  # killed: why\r  default_strategy: a\r",
            "features: {}\rglobal:\r  kill_switch: false\r  default_strategy: a\r",
        );
    }

    /// Thrown in a text that a service refuses, which it obeys all the same.
    #[test]
    fn what_is_refused_is_thrown_too() {
        for (text, killed) in [
            (
                "features: {a: {rollout_percentage: .nan}}\n",
                "features: {a: {rollout_percentage: .nan}}\nglobal:\n  kill_switch: true  # killed: \
                 why\n",
            ),
            (
                "features: {a: {rollout: 5}}\nglobal: {kill_switch: false}\n",
                "features: {a: {rollout: 5}}\nglobal: {kill_switch: true}  # killed: why\n",
            ),
            (
                "features: [\nglobal:\n    # first\n    default_strategy: a\n",
                "features: [\nglobal:\n    kill_switch: true  # killed: why\n    # first\n    \
                 default_strategy: a\n",
            ),
            (
                "global:\n  kill_switch: off # sums\nfeatures: [\n",
                "global:\n  kill_switch: true # sums  # killed: why\nfeatures: [\n",
            ),
            (
                "{\"features\": {\"a\": {}, \"a\": {}}}",
                "{\"global\": {\"kill_switch\": true}, \"features\": {\"a\": {}, \"a\": {}}}",
            ),
            ("features: [", "features: [\nglobal:\n  kill_switch: true  # killed: why\n"),
            ("global:\n", "global:\n  kill_switch: true  # killed: why\n"),
        ] {
            let edited = with_kill_switch(text, true, "why").expect(text);
            assert_eq!(edited.text, killed);
            assert_eq!(kill_switch(&edited.text), Some(true), "{text}");
        }
    }

    #[test]
    fn a_form_that_no_edit_fits_is_left_alone() {
        for text in ["global: [a]\n", "features: {a: {rollout: 5}}\nglobal: 5\n"] {
            assert_eq!(with_kill_switch(text, true, "why"), None, "{text}");
        }
        // What a service refuses takes nothing back.
        let text = "global: {kill_switch: true}\nfeatures: {a: {rollout: 5}}\n";
        assert_eq!(with_kill_switch(text, false, "why"), None);
    }
}

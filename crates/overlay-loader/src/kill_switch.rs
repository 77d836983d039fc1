//! What a flag file says of its kill switch, also where it is no flag file any more.

use fusion_flags::MAX_FLAG_BYTES;
use serde::Deserialize;

/// As little of a flag file as there has to be.
#[derive(Deserialize)]
struct Little {
    global: Option<LittleGlobal>,
}

#[derive(Deserialize)]
struct LittleGlobal {
    kill_switch: Option<bool>,
}

/// What a flag file that is refused says of `global.kill_switch`; `None` where that is not
/// sure. A text that can be read as far as that says it; of one that cannot be, only that
/// the switch is thrown counts: who threw it does not lose it to a slip beside it.
#[must_use]
pub fn kill_switch(text: &str) -> Option<bool> {
    match overlay_model::from_yaml_of_size::<Little>(text, MAX_FLAG_BYTES) {
        Ok(little) => little.global.and_then(|it| it.kill_switch),
        Err(_) => text.lines().any(throws).then_some(true),
    }
}

/// Whether a line sets a key `kill_switch` to a word for yes.
fn throws(line: &str) -> bool {
    let line = line.split_once(" #").map_or(line, |(before, _)| before);
    let line = if line.trim_start().starts_with('#') { "" } else { line };
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("kill_switch") {
        rest = after;
        let is_key = !before.ends_with(|it: char| it.is_alphanumeric() || it == '_');
        let value = after.trim_start_matches(['"', '\'']).trim_start().strip_prefix(':');
        if is_key && value.is_some_and(is_yes) {
            return true;
        }
    }
    false
}

fn is_yes(value: &str) -> bool {
    let value = value.trim_start().trim_start_matches(['"', '\'']);
    let end = value.find(|it: char| !it.is_alphanumeric()).unwrap_or(value.len());
    let word = value.get(..end).unwrap_or_default();
    ["true", "yes", "on"].iter().any(|it| word.eq_ignore_ascii_case(it))
}

#[cfg(test)]
mod tests {
    use super::kill_switch;

    #[test]
    fn a_refused_file_says_what_is_sure() {
        for (text, expected) in [
            ("global: {kill_switch: true}\nfeatures: {a: {rollout: 5}}\n", Some(true)),
            ("global: {kill_switch: false}\nfeatures: {a: {rollout: 5}}\n", Some(false)),
            ("global: {kil_switch: false}\n", None),
            ("features: {}\n", None),
            ("", None),
            ("global:\n  kill_switch: true\nfeatures: [\n", Some(true)),
            ("global:\n  kill_switch: false\nfeatures: [\n", None),
            ("global:\n  kill_switch: yes\n", Some(true)),
            ("global:\n  kill_switch: \"true\"\n", Some(true)),
            ("{\"global\": {\"kill_switch\": true}, \"features\":", Some(true)),
            ("global:\n  kill_switch: true  # killed: sums\nglobal: {}\n", Some(true)),
            ("  # kill_switch: true\nfeatures: [\n", None),
            ("a: 1 # kill_switch: true\nfeatures: [\n", None),
            ("features: [ {kind: kill_switch}\n", None),
            ("no_kill_switch: true\nfeatures: [\n", None),
            ("kill_switch: trueish\nfeatures: [\n", None),
        ] {
            assert_eq!(kill_switch(text), expected, "{text}");
        }
    }
}

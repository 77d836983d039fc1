use std::fmt::Write as _;

use super::OPTIONS;

/// The reference page of options: `docs/reference/options.md`.
pub fn options_md() -> String {
    let mut res = String::from(
        "# Options\n\nWhat `fusion.toml` of an installation says about the service that runs on \
         it. An option that nobody sets has its default. A variable of the environment beats the \
         file; `fusion doctor --show-origin` prints who won.\n",
    );
    let mut section = "";
    for row in OPTIONS {
        // Writing to a string cannot fail.
        if row.section != section {
            section = row.section;
            let _ = write!(
                res,
                "\n## `[{section}]`\n\n| option | takes | default | variable | what it does \
                 |\n|---|---|---|---|---|\n"
            );
        }
        let (takes, default) = (row.kind.takes(), row.default_value());
        let (key, variable, doc) = (row.key, row.variable(), row.doc);
        let _ = writeln!(res, "| `{key}` | {takes} | `{default}` | `{variable}` | {doc} |");
    }
    res
}

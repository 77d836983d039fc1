//! The changelog, cut at a release.

use anyhow::{Context as _, ensure};
use semver::Version;

const UNRELEASED: &str = "## Unreleased";

/// Moves what stands under `Unreleased` under `version` with its date.
pub(super) fn cut(text: &str, version: &Version, date: &str) -> anyhow::Result<String> {
    ensure!(section(text, version).is_none(), "there is a section {version} already");
    let (before, rest) =
        text.split_once(&format!("{UNRELEASED}\n")).context("there is no section `Unreleased`")?;
    let (body, after) = match rest.find("\n## ") {
        Some(at) => rest.split_at(at + 1),
        None => (rest, ""),
    };
    let body = body.trim();
    ensure!(body.lines().any(|it| it.starts_with("- ")), "`Unreleased` says nothing");
    let gap = if after.is_empty() { "" } else { "\n" };
    Ok(format!("{before}{UNRELEASED}\n\n## {version} ({date})\n\n{body}\n{gap}{after}"))
}

/// What stands under `version`.
pub(super) fn section(text: &str, version: &Version) -> Option<String> {
    let heading = format!("## {version} (");
    let mut lines = text.lines().skip_while(|it| !it.starts_with(&heading));
    lines.next()?;
    let body: Vec<_> = lines.take_while(|it| !it.starts_with("## ")).collect();
    Some(body.join("\n").trim().to_owned() + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# Changelog\n\n## Unreleased\n\n### Added\n- Two.\n\n## 0.1.0 (2026-01-01)\n\n- One.\n";

    #[test]
    fn unreleased_moves_under_the_version() -> anyhow::Result<()> {
        let version = Version::new(0, 2, 0);
        let cut = cut(TEXT, &version, "2026-11-21")?;
        let expect = "# Changelog\n\n## Unreleased\n\n## 0.2.0 (2026-11-21)\n\n### Added\n- Two.\n\n\
                      ## 0.1.0 (2026-01-01)\n\n- One.\n";
        assert_eq!(cut, expect);
        assert_eq!(section(&cut, &version).as_deref(), Some("### Added\n- Two.\n"));
        Ok(())
    }

    #[track_caller]
    fn check_refused(text: &str, version: Version, expect: &str) {
        assert_eq!(
            cut(text, &version, "2026-11-21").map_err(|err| err.to_string()).err().as_deref(),
            Some(expect)
        );
    }

    #[test]
    fn what_cannot_be_cut_is_refused() {
        let next = Version::new(0, 2, 0);
        check_refused("# Changelog\n", next.clone(), "there is no section `Unreleased`");
        check_refused("## Unreleased\n\n### Added\n", next, "`Unreleased` says nothing");
        check_refused(TEXT, Version::new(0, 1, 0), "there is a section 0.1.0 already");
    }
}

//! Does the loader take it?

use overlay_model::{Data, Diagnostic, Layer, Origin, Overlay, Setting, merge};
use semver::Version;

use crate::check::found::{Found, rows};
use crate::check::semantic::unknown_voters;
use crate::check::{Findings, Phase, Profile};
use crate::embedded::EMBEDDED_OVERLAY;
use crate::params::param;
use crate::settings::Settings;
use crate::{FORMAT_VERSION, wording};

pub(super) fn check(found: &Found<'_>, findings: &mut Findings) {
    major_version(found, findings);
    let is_sound = !findings.failed.iter().any(|it| matches!(it, Phase::Schema | Phase::Semantic));
    // Values that these two phases take, settings take: they read them with the same
    // function, and a test holds them to it. So the merge is only made in doubt.
    if !is_sound && !resolves(found, findings.profile) {
        findings.fail();
    }
}

/// Whether default, embedded overlay and this one come to settings.
fn resolves(found: &Found<'_>, profile: Profile) -> bool {
    let (embedded, _) = Overlay::parse(EMBEDDED_OVERLAY);
    let entries = found.overlay.entries().filter(|it| {
        profile != Profile::Origin || is_ours(it.key, it.value) || is_read_by_origin(it.key)
    });
    let layer: Layer = entries
        .filter_map(|it| {
            let setting = Setting { value: it.value.to_owned(), origin: Origin::CommandLine };
            Some((it.key.parse().ok()?, setting))
        })
        .collect();
    Settings::resolve(&merge([&embedded.layer(""), &layer])).is_ok()
}

/// Whether we act on this value.
fn is_ours(key: &str, value: &str) -> bool {
    param(key).is_some_and(|it| match it.kind.read(value) {
        Ok(Data::Weights(pairs)) => unknown_voters(&pairs).next().is_none(),
        other => other.is_ok(),
    })
}

fn is_read_by_origin(key: &str) -> bool {
    matches!(key, "ENTROPY_REDUCTION_TARGET" | "ARBITRATION_TIMEOUT_MS")
}

/// Overlays of another major version are written for another program.
fn major_version(found: &Found<'_>, findings: &mut Findings) {
    if findings.profile == Profile::Seed {
        return;
    }
    let Some(row) = found.row(rows::FUSION_OVERLAY_VERSION) else { return };
    let Some(Data::Version(version)) = row.data() else { return };
    let major = |text: &str| Version::parse(text).map_or(0, |it| it.major);
    if major(&version) != major(FORMAT_VERSION) {
        let message = format!(
            "version `{}` is not of major version {}, which this program reads",
            wording::shorten(row.entry.value),
            major(FORMAT_VERSION),
        );
        let finding = Diagnostic::error("OVL2302", message)
            .located(found.value_at(&row.entry))
            .hint(format!("check the keys against this format, then write `{FORMAT_VERSION}`"));
        findings.push_ours(finding);
    }
}

//! Which overlay answers a scenario: by the flag file, or by what overlays say of
//! themselves where there is none.

use std::sync::Arc;

use fusion_flags::{BreakerSet, Context, Route, View};
use fusion_plan::{Availability, Candidate, SelectInput, select};
use overlay_model::{OverlayName, Scenario};

use crate::suite::Suite;

/// The moment that schedules are looked at: noon of the first day of 2100. Every ramp has
/// ended by then, so that a replay says the same on every day.
const NOON_MS: i64 = 4_102_488_000_000;

/// Which overlay answers a scenario, and why.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    pub(crate) overlay: Option<OverlayName>,
    pub(crate) reasons: Vec<String>,
}

/// Who offers overlays.
pub(crate) enum Offers<'a> {
    /// The flag file.
    Flags(Box<View>, &'a Suite),
    /// The overlays' own `OVERLAY_TARGET_SCENARIOS`, by name.
    Targets(Vec<Candidate>),
}

impl<'a> Offers<'a> {
    pub(crate) fn of(suite: &'a Suite) -> Self {
        let installation = suite.installation();
        if installation.flag_file().is_some() {
            let flags = Arc::clone(installation.flags());
            let (view, _) = View::compile(flags, &[], &BreakerSet::default(), 0);
            return Self::Flags(Box::new(view), suite);
        }
        // With an erroneous flag file a service has no flags, and offers nothing.
        if installation.flags().overlays().next().is_none() {
            return Self::Targets(Vec::new());
        }
        // The base layer is no alternative.
        let overlays = installation.overlays().iter().filter(|(it, _)| it.as_str() != "baseline");
        let candidates = overlays.filter_map(|(name, loaded)| {
            let types: Vec<_> = loaded.targets().map(str::to_owned).collect();
            (!types.is_empty()).then(|| Candidate::new(name.clone(), &types))
        });
        Self::Targets(candidates.collect())
    }

    /// What is chosen for `scenario`, whose type is named, so that its confidence is 1.
    pub(crate) fn choose(&self, scenario: &Scenario) -> Choice {
        let kind = scenario.kind();
        let candidates = match self {
            Self::Flags(view, suite) => routed(view, suite, scenario),
            Self::Targets(all) => {
                let serving = all.iter().filter(|it| it.scenario_types.iter().any(|it| it == kind));
                serving.cloned().collect()
            }
        };
        let input = SelectInput {
            scenario_type: Some(kind),
            candidates: &candidates,
            ..SelectInput::default()
        };
        let selection = select(&input);
        Choice { overlay: selection.overlay, reasons: selection.reasons }
    }
}

/// The route of `scenario` as candidates: those that flags refuse, then those they offer,
/// in their order. The unit is the scenario's id.
fn routed(view: &View, suite: &Suite, scenario: &Scenario) -> Vec<Candidate> {
    let context = Context {
        unit: Some(scenario.id.as_str()),
        scenario_type: scenario.kind(),
        confidence: Some(1.0),
        now_ms: NOON_MS,
        ..Context::default()
    };
    let mut route = Route::default();
    view.route(&context, &mut route);
    let report = view.report_route(scenario.kind(), &route);
    let file = suite.installation().flag_file();
    let offered_by = |feature: &str| {
        let flag = file.and_then(|it| it.features.get(feature));
        flag.map(|it| it.enabled_overlays.clone()).unwrap_or_default()
    };
    let refused = report.rejected.iter().flat_map(|it| {
        let overlays = it.overlay.clone().map_or_else(|| offered_by(&it.feature), |it| vec![it]);
        let why = format!("flag {}: {}", it.feature, it.reason.code());
        overlays.into_iter().map(move |overlay| (overlay, Availability::Refused(why.clone())))
    });
    let offered = report.overlay_candidates.iter().map(|overlay| {
        let by = report.enabled_features.iter().find(|it| offered_by(it).contains(overlay));
        let why =
            by.map_or_else(|| "offered by a flag".to_owned(), |it| format!("flag {it} is on"));
        let installed = suite.installation().overlays().contains_key(overlay.as_str());
        let missing = || Availability::Refused("no such overlay is installed".to_owned());
        (overlay.clone(), if installed { Availability::Ready(why) } else { missing() })
    });
    let candidate = |(overlay, availability): (String, Availability)| {
        Some(Candidate { availability, ..Candidate::new(overlay.parse().ok()?, &[]) })
    };
    refused.chain(offered).filter_map(candidate).collect()
}

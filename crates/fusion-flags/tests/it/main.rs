//! Tests of the public API, in one binary.

mod breaker;
mod bucket;
mod data;
mod decide;
mod diff;
mod diff_exact;
mod explain;
mod file;
mod lint;
mod route;
mod schedule;
mod schema;
mod statistics;
mod switches;

use fusion_flags::{
    BreakerSet, Context, Decision, FlagFile, Flags, Route, Snapshot, SwitchSource, Switches,
};

/// The flags of a file, for `environment`.
#[track_caller]
fn flags_in(text: &str, environment: Option<&str>) -> Flags {
    let file = FlagFile::parse(text).unwrap_or_else(|err| panic!("{err}\n{text}"));
    let snapshot = Snapshot::compile(&file, environment).unwrap_or_else(|it| panic!("{it:#?}"));
    Flags::new(snapshot, BreakerSet::default())
}

#[track_caller]
fn flags(text: &str) -> Flags {
    flags_in(text, None)
}

/// The same with `RESON_FEATURES` set to `switch`.
#[track_caller]
fn switched(text: &str, switch: &str) -> Flags {
    let flags = flags(text);
    flags.switch(SwitchSource::Environment, Switches::parse(Some(switch)));
    flags
}

/// `on STATIC`, `off ROLLOUT_MISS`.
fn said(decision: &Decision) -> String {
    format!("{} {}", if decision.enabled { "on" } else { "off" }, decision.reason.code())
}

/// What is in, what is out and why, and what answers otherwise.
fn routed(flags: &Flags, context: &Context<'_>) -> String {
    let (view, mut route) = (flags.view(), Route::default());
    view.route(context, &mut route);
    let candidates: Vec<_> = route.candidates.iter().map(|it| view.overlay_name(*it)).collect();
    let rejected = route.rejected.iter().map(|it| {
        let overlay = it.overlay.map_or("", |it| view.overlay_name(it));
        let place = if overlay.is_empty() { "" } else { "/" };
        format!(" -{}{place}{overlay}:{}", view.snapshot().name(it.flag), it.reason.code())
    });
    let rejected: String = rejected.collect();
    format!("[{}]{rejected} else {}", candidates.join(" "), view.fallback(&route))
}

fn scenario(scenario_type: &str) -> Context<'_> {
    Context { scenario_type, confidence: Some(0.9), unit: Some("user-1"), ..Context::default() }
}

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use fusion_flags::Context;
use fusion_plan::{Models, Request, body, compile};
use overlay_loader::Snapshot;

/// How a diagnostic request went.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// It was answered after this time.
    Within(Duration),
    /// There was no answer in time.
    Late,
    /// It was answered with an error.
    Failed(String),
}

/// Runs `work` and waits for it no longer than `limit`. Work that hangs is left behind on a
/// thread of its own.
pub fn answer_within(
    limit: Duration,
    work: impl FnOnce() -> Result<(), String> + Send + 'static,
) -> Answer {
    let (done, waiting) = channel();
    let began = Instant::now();
    let run = move || {
        // Who has stopped waiting is not told.
        let _ = done.send(work());
    };
    let thread = std::thread::Builder::new().name("fusion-diagnostic".into()).spawn(run);
    if let Err(err) = thread {
        return Answer::Failed(format!("no thread for it: {err}"));
    }
    match waiting.recv_timeout(limit) {
        Ok(Ok(())) => Answer::Within(began.elapsed()),
        Ok(Err(why)) => Answer::Failed(why),
        Err(RecvTimeoutError::Timeout) => Answer::Late,
        Err(RecvTimeoutError::Disconnected) => Answer::Failed("the request panicked".to_owned()),
    }
}

/// The way of a request through what is in force, up to the bytes that would be sent: route,
/// compile, render. Nothing is sent. An installation without models ends at the route.
///
/// # Errors
///
/// Why there would be no request.
pub fn diagnose(snapshot: &Snapshot, now_ms: i64) -> Result<(), String> {
    let switched = snapshot.pick(Some("fusion-diagnostic"));
    let (generation, view) = (switched.generation(), switched.flags());
    let installation = generation.installation();
    let scenario_type = installation.catalogue().scenarios.first().map_or("", |it| it.kind());
    let context = Context {
        unit: Some("fusion-diagnostic"),
        scenario_type,
        confidence: Some(1.0),
        now_ms,
        ..Context::default()
    };
    let route = view.explain_route(&context);
    let named = route.primary_overlay.as_deref();
    let loaded = named.and_then(|it| installation.overlays().get_key_value(it));
    let settings = generation.settings(loaded.map(|(name, _)| name));
    let Some(settings) = settings else {
        return Err("the base layer has no settings".to_owned());
    };
    if installation.providers().models.is_empty() {
        return Ok(());
    }
    let prompt = loaded.or_else(|| installation.overlays().get_key_value("baseline"));
    let prompt = prompt.and_then(|(_, it)| it.micro.as_ref()).map(|(_, it)| it);
    let models = Models { providers: installation.providers(), ledger: &[] };
    let request = Request { question: "Are you there?", scenario_type, ..Request::default() };
    let plan = compile(settings, prompt, &models, &request).map_err(|err| err.to_string())?;
    let calls = plan.steps.iter().flat_map(|it| &it.calls);
    let rendered = calls.map(|it| body(&it.request)).filter(|it| it.is_object()).count();
    if rendered == 0 { Err("the plan asks no model".to_owned()) } else { Ok(()) }
}

//! Where the tokens of a prompt go.

use fusion_plan::{Encoding, count, prompt_tokens};
use overlay_model::{Layer, MicroOverlay, Setting, merge};
use overlay_schema::Settings;

use crate::observe::{Observed, calls, encoding, plan_of};
use crate::report::BillItem;
use crate::sides::{SideSettings, Sides};

/// The tokens of the first prompt by part, the largest first: each section of the micro
/// overlay, the question, the turns, the pinned facts, and what frames them. These sum up
/// to the whole. Then, as `key …`, what each overlay key makes of it over the layers
/// below; keys overlap the parts and each other, as where a mode decides whether a prompt
/// is sent at all.
///
/// Keys and sections are measured by rendering the request without them; what changes no
/// token is left out.
pub(crate) fn bill(sides: &Sides<'_>, observed: &Observed<'_>) -> Vec<BillItem> {
    let side = observed.answering().settings;
    let Some(plan) = observed.answering().plan() else { return Vec::new() };
    let (Some(encoding), Some(call)) = (encoding(sides, plan), calls(plan).next()) else {
        return Vec::new();
    };
    let total = tokens(prompt_tokens(&call.request, encoding));
    let question = observed.scenario.question();
    let without = |changed: SideSettings<'_>| {
        let plan = plan_of(sides, &changed, observed.scenario, &question).ok()?;
        Some(tokens(prompt_tokens(&calls(&plan).next()?.request, encoding)))
    };
    let mut items = Vec::new();
    for (name, text) in without_sections(side) {
        let micro = MicroOverlay::parse(&text);
        let changed =
            SideSettings { micro: side.micro.map(|(path, _)| (path, &micro)), ..side.clone() };
        if let Some(less) = without(changed) {
            items.push(BillItem { part: format!("prompt: {name}"), tokens: total - less });
        }
    }
    items.extend(conversation(observed, call, encoding));
    let rest = total - items.iter().map(|it| it.tokens).sum::<i64>();
    let mut items = largest_first(items);
    items.extend((rest != 0).then(|| BillItem { part: "frame".to_owned(), tokens: rest }));
    let keys = own_keys(sides, side).into_iter().filter_map(|key| {
        let less = without_key(side, &key).and_then(&without)?;
        Some(BillItem { part: format!("key {key}"), tokens: total - less })
    });
    items.extend(largest_first(keys.collect()));
    items
}

/// The items that are something, the largest first.
fn largest_first(mut items: Vec<BillItem>) -> Vec<BillItem> {
    items.retain(|it| it.tokens != 0);
    items.sort_by(|a, b| b.tokens.cmp(&a.tokens).then_with(|| a.part.cmp(&b.part)));
    items
}

fn tokens(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The keys that the overlay file or the scenario sets.
fn own_keys(sides: &Sides<'_>, side: &SideSettings<'_>) -> Vec<String> {
    let Some(overlay) = &side.overlay else { return Vec::new() };
    let path = sides.suite.installation().overlays().get(&overlay.name).map(|it| &it.path);
    let keys = side.effective.iter().filter(|(_, setting)| match &setting.setting.origin {
        overlay_model::Origin::File { path: from, .. } => Some(from) == path,
        origin => matches!(origin, overlay_model::Origin::Scenario { .. }),
    });
    keys.map(|(key, _)| key.to_string()).collect()
}

/// The side where `key` has the value of the layer below, or none.
fn without_key<'a>(side: &SideSettings<'a>, key: &str) -> Option<SideSettings<'a>> {
    let settings = side.effective.iter().filter_map(|(name, setting)| {
        let setting: &Setting = match name.as_str() == key {
            true => setting.shadowed.first()?,
            false => &setting.setting,
        };
        Some((name.clone(), setting.clone()))
    });
    let effective = merge([&settings.collect::<Layer>()]);
    let settings = Settings::resolve(&effective).ok()?;
    Some(SideSettings { settings: Ok(settings), effective, ..side.clone() })
}

/// For each section, and for what stands before the first one, the text without it.
fn without_sections(side: &SideSettings<'_>) -> Vec<(String, String)> {
    let Some((_, micro)) = side.micro else { return Vec::new() };
    let text = micro.text();
    let mut cuts = Vec::new();
    let mut start = 0;
    for (name, body) in micro.sections() {
        let heading = format!("## {name}");
        let Some(at) = text.get(start..).and_then(|rest| rest.find(&heading)) else { continue };
        if cuts.is_empty() && start + at > 0 {
            cuts.push(("before the sections", 0..start + at));
        }
        let begin = start + at;
        let line = text.get(begin..).and_then(|rest| rest.find('\n')).map_or(0, |it| it + 1);
        start = (begin + line + body.len()).min(text.len());
        cuts.push((name, begin..start));
    }
    let without = |span: std::ops::Range<usize>| {
        format!(
            "{}{}",
            text.get(..span.start).unwrap_or_default(),
            text.get(span.end..).unwrap_or_default()
        )
    };
    cuts.into_iter().map(|(name, span)| (name.to_owned(), without(span))).collect()
}

/// The parts of the prompt that do not come from the overlay.
fn conversation(
    observed: &Observed<'_>,
    call: &fusion_plan::Call,
    encoding: Encoding,
) -> Vec<BillItem> {
    let messages = &call.request.messages;
    let item = |part: &str, tokens| BillItem { part: part.to_owned(), tokens };
    let question = messages.last().map_or(0, |it| tokens(count(encoding, &it.content)));
    let turns = messages.iter().rev().skip(1).filter(|it| it.role != "system");
    let turns: i64 = turns.map(|it| tokens(count(encoding, &it.content))).sum();
    let kept = observed.scenario.pinned.iter().filter(|fact| {
        messages.iter().any(|it| it.role == "system" && it.content.contains(fact.as_str()))
    });
    let pinned: i64 = kept.map(|it| tokens(count(encoding, it))).sum();
    vec![item("question", question), item("turns", turns), item("pinned", pinned)]
}

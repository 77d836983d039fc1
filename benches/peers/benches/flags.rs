//! One flag of a hundred decided by name: two kinds of work, a least confidence, and half
//! of the units by their sticky id. Contexts are made beforehand, each in the engine's own
//! type, and meet the conditions, so that everybody hashes.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use eppo_core::configuration_store::ConfigurationStore;
use eppo_core::eval::{Evaluator, EvaluatorConfig};
use eppo_core::ufc::UniversalFlagConfig;
use eppo_core::{Attributes, Configuration, SdkMetadata, Str};
use flagd_evaluation_engine::{FlagParser, Operator};
use fusion_flags::{BreakerSet, Context, FlagFile, Flags, Snapshot};
use open_feature::EvaluationContext;
use serde_json::{Map, Value, json};
use unleash_yggdrasil::EngineState;

const FLAGS: usize = 100;
const KINDS: [&str; 2] = ["refund_processing", "payment_reversal"];

fn names() -> Vec<String> {
    (0..FLAGS).map(|number| format!("refund_lot_switch_{number:05}")).collect()
}

fn units() -> Vec<String> {
    (0..256).map(|number| format!("user-{number:015}")).collect()
}

/// The document of all flags, each of them made by `flag`.
fn document(flag: impl Fn(&str) -> Value) -> Map<String, Value> {
    names().into_iter().map(|name| (name.clone(), flag(&name))).collect()
}

fn fusion() -> Flags {
    let conditions = json!({"scenario_types": KINDS, "confidence_threshold": 0.7});
    let flag = |_: &str| {
        json!({"enabled_overlays": ["rollback_first"], "rollout_percentage": 50,
            "conditions": conditions})
    };
    let file = json!({"schema_version": 2, "features": document(flag)});
    let file = FlagFile::parse(&file.to_string()).expect("a flag file");
    Flags::new(Snapshot::compile(&file, None).expect("no errors"), BreakerSet::default())
}

fn yggdrasil() -> EngineState {
    let flag = |name: &str| {
        let constraint = |name: &str, operator: &str| {
            json!({"contextName": name, "operator": operator,
                "caseInsensitive": false, "inverted": false})
        };
        let (mut kind, mut confidence) =
            (constraint("kind", "IN"), constraint("confidence", "NUM_GTE"));
        kind["values"] = json!(KINDS);
        confidence["value"] = json!("0.7");
        json!({"name": name, "enabled": true, "strategies": [{
            "name": "flexibleRollout",
            "parameters": {"rollout": "50", "stickiness": "userId", "groupId": name},
            "constraints": [kind, confidence],
        }]})
    };
    let features: Vec<Value> = document(flag).into_values().collect();
    let state = serde_json::from_value(json!({"version": 2, "features": features}));
    let engine = EngineState::default();
    let warnings = engine.apply_client_features(state.expect("its format"));
    assert!(warnings.is_none(), "{warnings:?}");
    engine
}

fn eppo() -> Evaluator {
    let flag = |name: &str| {
        json!({"key": name, "enabled": true, "variationType": "BOOLEAN", "totalShards": 10_000,
            "variations": {"on": {"key": "on", "value": true}},
            "allocations": [{"key": "half", "doLog": false,
                "rules": [{"conditions": [
                    {"attribute": "kind", "operator": "ONE_OF", "value": KINDS},
                    {"attribute": "confidence", "operator": "GTE", "value": 0.7}]}],
                "splits": [{"variationKey": "on", "shards": [
                    {"salt": name, "ranges": [{"start": 0, "end": 5_000}]}]}]}]})
    };
    let file = json!({"createdAt": "2026-01-01T00:00:00Z", "format": "SERVER",
        "environment": {"name": "test"}, "flags": document(flag)});
    let sdk_metadata = SdkMetadata { name: "peers", version: "0" };
    let flags = UniversalFlagConfig::from_json(sdk_metadata.clone(), file.to_string().into_bytes());
    let configuration_store = Arc::new(ConfigurationStore::new());
    let flags = Configuration::from_server_response(flags.expect("its format"), None);
    configuration_store.set_configuration(Arc::new(flags));
    Evaluator::new(EvaluatorConfig { configuration_store, sdk_metadata })
}

/// The rules by flag, as its provider keeps them.
fn flagd() -> Vec<String> {
    let flag = |_: &str| {
        let rule = json!({"if": [
            {"and": [{"in": [{"var": "kind"}, KINDS]}, {">=": [{"var": "confidence"}, 0.7]}]},
            {"fractional": [["on", 50], ["off", 50]]},
            "off"]});
        json!({"state": "ENABLED", "defaultVariant": "off",
            "variants": {"on": true, "off": false}, "targeting": rule})
    };
    let file = json!({"flags": document(flag)});
    let parsed = FlagParser::parse_string(&file.to_string()).expect("its format");
    names().iter().map(|it| parsed.flags[it].get_targeting()).collect()
}

fn decide(c: &mut Criterion) {
    let (names, units) = (names(), units());
    let mut group = c.benchmark_group("peers_flags");
    let mut turn = 0_usize;
    let mut next = || {
        turn = turn.wrapping_add(1);
        (turn * 7 % FLAGS, turn % 256)
    };

    let flags = fusion();
    let contexts: Vec<_> = units
        .iter()
        .map(|unit| Context {
            unit: Some(unit),
            scenario_type: KINDS[0],
            confidence: Some(0.9),
            ..Context::default()
        })
        .collect();
    let handles: Vec<_> =
        names.iter().map(|it| flags.view().snapshot().flag(it).expect("its name")).collect();
    let on = |decide: &dyn Fn(usize, usize) -> bool| {
        let on = (0..1_000).filter(|it| decide(it % FLAGS, it * 3 % 256)).count();
        assert!((400..600).contains(&on), "{on} of 1,000 are on");
    };
    on(&|flag, unit| flags.decide(&names[flag], &contexts[unit]).enabled);
    group.bench_function("fusion_name", |b| {
        b.iter(|| {
            let (flag, unit) = next();
            black_box(&flags).decide(&names[flag], &contexts[unit])
        });
    });
    group.bench_function("fusion_handle", |b| {
        b.iter(|| {
            let (flag, unit) = next();
            black_box(&flags).view().decide_flag(handles[flag], &contexts[unit])
        });
    });

    let engine = yggdrasil();
    let contexts: Vec<unleash_yggdrasil::Context> = units
        .iter()
        .map(|unit| {
            let properties = json!({"kind": KINDS[0], "confidence": "0.9"});
            let context = json!({"userId": unit, "properties": properties});
            serde_json::from_value(context).expect("a context")
        })
        .collect();
    on(&|flag, unit| engine.is_enabled(&names[flag], &contexts[unit], &None));
    group.bench_function("yggdrasil", |b| {
        b.iter(|| {
            let (flag, unit) = next();
            black_box(&engine).is_enabled(&names[flag], &contexts[unit], &None)
        });
    });

    let evaluator = eppo();
    let subjects: Vec<Str> = units.iter().map(|it| Str::from(it.as_str())).collect();
    let attributes: Attributes =
        [(Str::from("kind"), KINDS[0].into()), (Str::from("confidence"), 0.9.into())].into();
    let attributes = Arc::new(attributes);
    let assigned = |flag: usize, unit: usize| {
        let subject = &subjects[unit];
        evaluator.get_assignment(&names[flag], subject, &attributes, None).expect("no error")
    };
    on(&|flag, unit| assigned(flag, unit).is_some());
    group.bench_function("eppo", |b| {
        b.iter(|| {
            let (flag, unit) = next();
            assigned(flag, unit)
        });
    });

    let (rules, operator) = (flagd(), Operator::new());
    let contexts: Vec<_> = units
        .iter()
        .map(|unit| {
            EvaluationContext::default()
                .with_targeting_key(unit.as_str())
                .with_custom_field("kind", KINDS[0])
                .with_custom_field("confidence", 0.9)
        })
        .collect();
    let variant = |flag: usize, unit: usize| {
        operator.apply(&names[flag], &rules[flag], &contexts[unit]).expect("a rule")
    };
    on(&|flag, unit| variant(flag, unit).as_deref() == Some("on"));
    group.bench_function("flagd", |b| {
        b.iter(|| {
            let (flag, unit) = next();
            variant(flag, unit)
        });
    });
    group.finish();
}

criterion_group!(benches, decide);
criterion_main!(benches);

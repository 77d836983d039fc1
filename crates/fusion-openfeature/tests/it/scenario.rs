//! The steps of the specification's scenarios.

use open_feature::{EvaluationContextFieldValue as Field, FlagMetadataValue, StructValue, Value};

use crate::gherkin::Step;
use crate::world::{Call, Kind, World, wait};

/// Makes the steps, one after the other.
pub(crate) fn run(steps: &[Step]) {
    let mut world = World::new();
    for step in steps {
        let done = state(&mut world, step)
            || evaluation(&mut world, step)
            || outcome(&world, step)
            || deprecated(&mut world, step)
            || merging(&mut world, step);
        assert!(done, "no such step: {}", step.text);
    }
}

/// Ends a scenario that the SDK 0.3 cannot express.
fn cannot(why: &str) -> ! {
    panic!("{why}");
}

/// What stands in the places of `{}`; `None` where the text is another one.
fn parts(text: &str, pattern: &str) -> Option<Vec<String>> {
    let mut fixed = pattern.split("{}");
    let mut rest = text.strip_prefix(fixed.next()?)?;
    let mut res = Vec::new();
    let fixed: Vec<&str> = fixed.collect();
    let (last, between) = fixed.split_last()?;
    for it in between {
        let (part, tail) = rest.split_once(it)?;
        res.push(part.replace("\\\"", "\""));
        rest = tail;
    }
    res.push(rest.strip_suffix(last)?.replace("\\\"", "\""));
    Some(res)
}

/// As [`parts`], with a known number of them.
fn of<const N: usize>(step: &Step, pattern: &str) -> Option<[String; N]> {
    parts(&step.text, pattern)?.try_into().ok()
}

fn kind(word: &str) -> Kind {
    match word.to_lowercase().as_str() {
        "boolean" => Kind::Boolean,
        "string" => Kind::String,
        "integer" => Kind::Integer,
        "float" => Kind::Float,
        "object" => Kind::Object,
        _ => panic!("no type {word}"),
    }
}

/// The value that a text means, quoted or not.
fn value(kind: Kind, text: &str) -> Value {
    let text = text.trim_matches('"');
    match kind {
        Kind::Boolean => Value::Bool(text.parse().unwrap()),
        Kind::String => Value::String(text.to_owned()),
        Kind::Integer => Value::Int(text.parse().unwrap()),
        Kind::Float => Value::Float(text.parse().unwrap()),
        Kind::Object => from_json(&serde_json::from_str(text).unwrap()),
    }
}

fn from_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Bool(on) => Value::Bool(*on),
        serde_json::Value::Number(it) => it.as_i64().map(Value::Int).unwrap(),
        serde_json::Value::String(text) => Value::String(text.clone()),
        serde_json::Value::Object(fields) => {
            let fields = fields.iter().map(|(name, it)| (name.clone(), from_json(it))).collect();
            Value::Struct(StructValue { fields })
        }
        _ => panic!("no such value"),
    }
}

fn state(world: &mut World, step: &Step) -> bool {
    match step.text.as_str() {
        "a stable provider" | "a stable provider with retrievable context is registered" => {
            return true;
        }
        "a not ready provider" => cannot("the client asks a provider that is not ready"),
        "a fatal provider" => cannot("there is no state FATAL"),
        "a error provider" | "a stale provider" => cannot("a client shows no status"),
        "a client with added hook" => {
            let hook = world.hook("client");
            world.client = world.api.create_client().with_hook(hook);
            return true;
        }
        "evaluation options containing specific hooks" => {
            world.hooks_by_options(&["first", "second"]);
            return true;
        }
        "an evaluation context with modifiable data" => {
            world.context.add_custom_field("email", "ann@example.com");
            return true;
        }
        _ => {}
    }
    if let Some([of_kind, key, default]) =
        of(step, "a {}-flag with key \"{}\" and a fallback value \"{}\"")
    {
        world.kind = kind(&of_kind);
        world.key = key;
        world.default = value(world.kind, &default);
        return true;
    }
    if let Some([key, of_kind, text]) =
        of(step, "a context containing a key \"{}\", with type \"{}\" and with value \"{}\"")
    {
        let field = match value(kind(&of_kind), &text) {
            Value::Bool(on) => Field::Bool(on),
            Value::Int(number) => Field::Int(number),
            Value::Float(number) => Field::Float(number),
            Value::String(text) => Field::String(text),
            _ => panic!("no such field"),
        };
        world.context.add_custom_field(key, field);
        return true;
    }
    if of::<1>(step, "a context containing a key \"{}\" with null value").is_some() {
        cannot("a context cannot hold null");
    }
    false
}

fn evaluation(world: &mut World, step: &Step) -> bool {
    match step.text.as_str() {
        "the flag was evaluated with details"
        | "the flag was evaluated with details using the evaluation options"
        | "Some flag was evaluated" => world.evaluate(),
        "the flag was evaluated with details asynchronously" => {
            let asked = async { tokio::join!(world.ask(), world.ask()) };
            let (first, second) = wait(asked);
            assert_eq!(first.details.value, second.details.value);
            world.answer = Some(first);
        }
        _ => return false,
    }
    true
}

#[track_caller]
fn outcome(world: &World, step: &Step) -> bool {
    if of::<1>(step, "the provider status should be \"{}\"").is_some() {
        cannot("a client shows no status");
    }
    if let Some([expected]) = of(step, "the resolved details value should be \"{}\"") {
        assert_eq!(world.answer().details.value, value(world.kind, &expected));
    } else if let Some([variant, reason]) =
        of(step, "the variant should be \"{}\", and the reason should be \"{}\"")
    {
        assert_eq!(world.answer().details.variant.as_deref(), Some(variant.as_str()));
        assert_eq!(reason_of(world), reason);
    } else if let Some([reason]) = of(step, "the reason should be \"{}\"") {
        if reason == "CACHED" {
            assert_eq!(reason_of(world), "STATIC");
            cannot("nothing is cached, evaluation is local");
        }
        assert_eq!(reason_of(world), reason);
    } else if let Some([code]) = of(step, "the error-code should be \"{}\"") {
        assert_eq!(code_of(world), code);
    } else if let Some([key]) = of(step, "the flag key should be \"{}\"") {
        assert_eq!(world.answer().details.flag_key, key);
    } else if let Some([variant]) = of(step, "the variant should be \"{}\"") {
        assert_eq!(world.answer().details.variant.as_deref(), Some(variant.as_str()));
    } else if let Some([hook]) = of(step, "the \"{}\" hook should have been executed") {
        assert!(!calls(world, &hook).is_empty(), "{hook}");
    } else if let Some([stages]) =
        of(step, "the \"{}\" hooks should be called with evaluation details")
    {
        stages.split(", ").for_each(|stage| called_with(world, stage, &step.table));
    } else {
        return plain_outcome(world, step);
    }
    true
}

#[track_caller]
fn plain_outcome(world: &World, step: &Step) -> bool {
    let metadata = &world.answer.as_ref().map(|it| it.details.flag_metadata.values.clone());
    match step.text.as_str() {
        "the resolved metadata is empty" => assert!(metadata.as_ref().unwrap().is_empty()),
        "the resolved metadata should contain" => {
            for row in &step.table[1..] {
                let expected = match value(kind(&row[1]), &row[2]) {
                    Value::Bool(on) => FlagMetadataValue::Bool(on),
                    Value::Int(number) => FlagMetadataValue::Int(number),
                    Value::Float(number) => FlagMetadataValue::Float(number),
                    Value::String(text) => FlagMetadataValue::String(text),
                    _ => panic!("no such metadata"),
                };
                assert_eq!(metadata.as_ref().unwrap().get(&row[0]), Some(&expected));
            }
        }
        "the specified hooks should execute during evaluation" => {
            for stage in ["before", "after", "finally"] {
                assert_eq!(calls(world, stage).len(), 2, "{stage}");
            }
        }
        "the hook order should be maintained" => {
            let names = |stage| calls(world, stage).iter().map(name).collect::<Vec<_>>();
            assert_eq!(names("before"), ["first", "second"]);
            assert_eq!(names("after"), ["second", "first"]);
            assert_eq!(names("finally"), ["second", "first"]);
        }
        "the original evaluation context should remain unmodified" => {
            let email = world.context.custom_fields.get("email");
            assert_eq!(email, Some(&Field::String("ann@example.com".to_owned())));
            assert_eq!(
                (world.context.custom_fields.len(), &world.context.targeting_key),
                (1, &None)
            );
        }
        // They belong to the caller: no later evaluation reaches them.
        "the evaluation details should be immutable" => {
            let before = format!("{:?}", world.answer().details);
            wait(world.ask()).details.value = Value::Bool(false);
            assert_eq!(format!("{:?}", world.answer().details), before);
        }
        "the evaluation should complete without blocking" => assert!(world.answer.is_some()),
        _ => return false,
    }
    true
}

fn reason_of(world: &World) -> String {
    world.answer().details.reason.as_ref().map(ToString::to_string).unwrap_or_default()
}

fn code_of(world: &World) -> String {
    world.answer().error.as_ref().map(|it| it.code.to_string()).unwrap_or_default()
}

fn name(call: &Call) -> String {
    match call {
        Call::Before(name)
        | Call::After(name, _)
        | Call::Error(name, _)
        | Call::Finally(name, _) => name.clone(),
    }
}

/// The calls of a stage, in order.
fn calls(world: &World, stage: &str) -> Vec<Call> {
    let is_stage = |call: &Call| {
        let own = match call {
            Call::Before(_) => "before",
            Call::After(..) => "after",
            Call::Error(..) => "error",
            Call::Finally(..) => "finally",
        };
        own == stage
    };
    world.calls.lock().unwrap().iter().filter(|it| is_stage(it)).cloned().collect()
}

#[track_caller]
fn called_with(world: &World, stage: &str, table: &[Vec<String>]) {
    let found = calls(world, stage);
    let [Call::After(_, details) | Call::Finally(_, details)] = found.as_slice() else {
        panic!("{stage}: {found:?}");
    };
    // The SDK gives the code to the error stage.
    let code = calls(world, "error").iter().find_map(|it| match it {
        Call::Error(_, error) => Some(error.code.to_string()),
        _ => None,
    });
    let null = || "null".to_owned();
    for row in &table[1..] {
        let (of_kind, expected) = (kind(&row[0]), &row[2]);
        match row[1].as_str() {
            "flag_key" => assert_eq!(&details.flag_key, expected),
            "value" if details.value != value(of_kind, expected) => {
                assert_eq!(details.value, Value::String(String::new()));
                cannot("hooks see the type's default");
            }
            "value" => {}
            "variant" => assert_eq!(details.variant.clone().unwrap_or_else(null), *expected),
            "reason" => assert_eq!(details.reason.as_ref().unwrap().to_string(), *expected),
            "error_code" => assert_eq!(code.clone().unwrap_or_else(null), *expected),
            other => panic!("no field {other}"),
        }
    }
}

/// The steps of the older suite.
fn deprecated(world: &mut World, step: &Step) -> bool {
    const ASKED: [&str; 5] = [
        "a {} flag with key \"{}\" is evaluated with default value {}",
        "an {} flag with key \"{}\" is evaluated with default value {}",
        "a {} flag with key \"{}\" is evaluated with details and default value {}",
        "an {} flag with key \"{}\" is evaluated with details and default value {}",
        "a non-existent {} flag with key \"{}\" is evaluated with details and a fallback value {}",
    ];
    let asked = ASKED.iter().find_map(|it| of::<3>(step, it)).or_else(|| {
        let objects = [
            "an {} flag with key \"{}\" is evaluated with a null default value",
            "an {} flag with key \"{}\" is evaluated with details and a null default value",
        ];
        let found = objects.iter().find_map(|it| of::<2>(step, it));
        let unknown = "a flag with key \"{}\" is evaluated with default value \"{}\"";
        let mismatch =
            "a string flag with key \"{}\" is evaluated as an integer, with details and a fallback value {}";
        found
            .map(|[kind, key]| [kind, key, "{}".to_owned()])
            .or_else(|| of(step, unknown).map(|[key, it]| ["string".to_owned(), key, it]))
            .or_else(|| of(step, mismatch).map(|[key, it]| ["integer".to_owned(), key, it]))
    });
    if let Some([of_kind, key, default]) = asked {
        (world.kind, world.key) = (kind(&of_kind), key);
        world.default = value(world.kind, &default);
        world.evaluate();
        return true;
    }
    deprecated_outcome(world, step)
}

#[track_caller]
fn deprecated_outcome(world: &mut World, step: &Step) -> bool {
    let fields = "should be contain fields \"{}\", \"{}\", and \"{}\", with values \"{}\", \"{}\" and {}, respectively";
    let object = ["the resolved object value ", "the resolved object details value "];
    if let Some([a, b, c, x, y, z]) =
        object.iter().find_map(|it| of(step, &format!("{it}{fields}")))
    {
        let Value::Struct(found) = &world.answer().details.value else { panic!("no object") };
        assert_eq!(found.fields[&a], value(Kind::Boolean, &x));
        assert_eq!(found.fields[&b], value(Kind::String, &y));
        assert_eq!(found.fields[&c], value(Kind::Integer, &z));
    } else if let Some([of_kind, expected, variant, reason]) = of(
        step,
        "the resolved {} details value should be {}, the variant should be \"{}\", and the reason should be \"{}\"",
    ) {
        assert_eq!(world.answer().details.value, value(kind(&of_kind), &expected));
        assert_eq!(world.answer().details.variant, Some(variant));
        assert_eq!(reason_of(world), reason);
    } else if let Some([of_kind, expected]) = of(step, "the resolved {} value should be {}") {
        assert_eq!(world.answer().details.value, value(kind(&of_kind), &expected));
    } else if let Some([expected]) = of(step, "the resolved string response should be \"{}\"") {
        assert_eq!(world.answer().details.value, Value::String(expected));
    } else if let Some([expected]) =
        of(step, "the resolved flag value is \"{}\" when the context is empty")
    {
        world.context = Default::default();
        world.evaluate();
        assert_eq!(world.answer().details.value, Value::String(expected));
    } else if of::<1>(step, "the default {} value should be returned").is_some() {
        assert_eq!(world.answer().details.value, world.default);
    } else if let Some([_, code]) = of(
        step,
        "the reason should indicate an error and the error code should indicate a {} with \"{}\"",
    ) {
        assert_eq!((reason_of(world).as_str(), code_of(world)), ("ERROR", code));
    } else if let Some([a, b, c, d, w, x, y, z]) = of(
        step,
        "context contains keys \"{}\", \"{}\", \"{}\", \"{}\" with values \"{}\", \"{}\", {}, \"{}\"",
    ) {
        world.context.add_custom_field(a, w);
        world.context.add_custom_field(b, x);
        world.context.add_custom_field(c, y.parse::<i64>().unwrap());
        world.context.add_custom_field(d, z.parse::<bool>().unwrap());
    } else {
        return false;
    }
    true
}

/// The steps of contexts at different levels.
fn merging(world: &mut World, step: &Step) -> bool {
    if let Some([key, text, level]) =
        of(step, "A context entry with key \"{}\" and value \"{}\" is added to the \"{}\" level")
    {
        add(world, &level, &key, &text);
    } else if let Some([last, key, _]) = of(
        step,
        "Context entries for each level from API level down to the \"{}\" level, with key \"{}\" and value \"{}\"",
    ) {
        for level in ["API", "Client", "Invocation", "Before Hooks"] {
            add(world, level, &key, level);
            if level == last {
                break;
            }
        }
    } else if let Some([key, text]) =
        of(step, "The merged context contains an entry with key \"{}\" and value \"{}\"")
    {
        let seen = world.seen.lock().unwrap();
        assert_eq!(seen.custom_fields.get(&key), Some(&Field::String(text)));
    } else if step.text == "A table with levels of increasing precedence" {
        let levels: Vec<&str> = step.table.iter().map(|it| it[0].as_str()).collect();
        if levels.contains(&"Transaction") {
            cannot("there is no transaction context");
        }
        assert!(["API", "Client", "Invocation", "Before Hooks"].starts_with(&levels));
    } else {
        return false;
    }
    true
}

fn add(world: &mut World, level: &str, key: &str, text: &str) {
    let at = match level {
        "Invocation" => return world.context.add_custom_field(key, text),
        "Transaction" => cannot("there is no transaction context"),
        "API" => 0,
        "Client" => 1,
        "Before Hooks" => 2,
        other => panic!("no level {other}"),
    };
    world.levels[at].add_custom_field(key, text);
    match at {
        0 => wait(world.api.set_evaluation_context(world.levels[0].clone())),
        1 => world.client.set_evaluation_context(world.levels[1].clone()),
        _ => world.hooks_by_options(&["invocation"]),
    }
}

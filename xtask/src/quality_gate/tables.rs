use super::Defect;
use super::defects::{replaced, secrets};
use super::seed::Seed;

/// The most places of a file that one edit is made in.
const MOST_PLACES: usize = 6;

/// The kind of defect, how the line begins, and what stands there instead.
type Edit = (&'static str, &'static str, &'static str);

/// `line` without what makes it an item of a list.
fn bare(line: &str) -> &str {
    line.trim_start().trim_start_matches("- ")
}

/// Whether `line` sets the field; the id of a rule, which stands deeper, is a free name.
fn stands_in(line: &str, field: &str) -> bool {
    bare(line).starts_with(field) && (field != "id:" || line.len() - line.trim_start().len() <= 2)
}

/// Every line of `seed` that begins with the first of an edit, with the second in place.
fn edited(seed: &Seed, edits: &[Edit]) -> Vec<Defect> {
    let mut defects = Vec::new();
    let text = seed.text();
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    for (class, begins, instead) in edits {
        let places = lines.iter().enumerate().filter(|(_, it)| stands_in(it, begins));
        let places: Vec<_> = places.collect();
        let step = places.len().div_ceil(MOST_PLACES).max(1);
        for (number, line) in places.into_iter().step_by(step) {
            let indent = line.get(..line.len() - bare(line).len()).unwrap_or_default();
            // A further line belongs to the same item of a list.
            let further = indent.replace('-', " ");
            let indents = std::iter::once(indent).chain(std::iter::repeat(further.as_str()));
            let broken: String = instead
                .lines()
                .zip(indents)
                .map(|(it, indent)| format!("{indent}{it}\n"))
                .collect();
            let broken: Vec<_> = lines
                .iter()
                .enumerate()
                .map(|(at, line)| if at == number { broken.as_str() } else { line })
                .collect();
            let class = format!("{}: {class}", seed.format.name());
            defects.push(Defect::new(
                class,
                format!("line {}: {instead}", number + 1),
                broken.concat(),
            ));
        }
    }
    defects
}

/// What may be wrong in any YAML.
fn yaml(seed: &Seed) -> Vec<Defect> {
    if !seed.name.ends_with(".yaml") {
        return Vec::new();
    }
    let text = seed.text();
    let class = |what: &str| format!("{}: YAML {what}", seed.format.name());
    let bomb =
        (0..9).map(|it| format!("l{}: &l{} [*l{it}, *l{it}, *l{it}, *l{it}]\n", it + 1, it + 1));
    let bomb: String = std::iter::once("l0: &l0 [x, x]\n".to_owned()).chain(bomb).collect();
    vec![
        Defect::new(class("alias bomb"), "nine levels", format!("{bomb}{text}")),
        Defect::new(
            class("too deep"),
            "200 brackets",
            format!("{text}\ndeep: {}", "[".repeat(200)),
        ),
        Defect::new(class("tab"), "as indentation", format!("{text}\n\tmore: true\n")),
        Defect::new(class("unclosed"), "a quote", format!("{text}\nmore: \"open\n")),
        Defect::new(class("two documents"), "---", format!("{text}\n---\n{text}")),
        Defect::new(class("unknown field"), "at the top", format!("{text}\nno_such_field: 1\n")),
    ]
}

pub(super) fn flag_defects(seed: &Seed) -> Vec<Defect> {
    let mut defects = edited(
        seed,
        &[
            ("percentage out of range", "rollout_percentage:", "rollout_percentage: 101"),
            ("percentage out of range", "rollout_percentage:", "rollout_percentage: -1"),
            ("number in quotes", "rollout_percentage:", "rollout_percentage: \"50\""),
            ("number in words", "rollout_percentage:", "rollout_percentage: half"),
            ("number in words", "confidence_threshold:", "confidence_threshold: high"),
            ("number out of range", "confidence_threshold:", "confidence_threshold: 80"),
            ("number out of range", "confidence_threshold:", "confidence_threshold: .nan"),
            ("number out of range", "failure_threshold:", "failure_threshold: 0"),
            ("number out of range", "recovery_timeout:", "recovery_timeout: -5"),
            ("field misspelt", "rollout_percentage:", "rollout_percent: 50"),
            ("field misspelt", "enabled_overlays:", "enabled_overlay: [rollback_first]"),
            ("field misspelt", "conditions:", "condition:"),
            (
                "field twice",
                "rollout_percentage:",
                "rollout_percentage: 50\nrollout_percentage: 10",
            ),
            ("overlay that is none", "enabled_overlays:", "enabled_overlays: [../../etc/passwd]"),
            ("list as text", "enabled_overlays:", "enabled_overlays: rollback_first"),
            ("word of no kind", "kind:", "kind: permanent"),
            ("word of no kind", "fallback_strategy:", "fallback_strategy: guess"),
            ("word of no kind", "match:", "match: fuzzy"),
            ("switch in words", "kill_switch:", "kill_switch: yes"),
            ("switch in words", "kill_switch:", "kill_switch: \"true\""),
            ("unknown version", "schema_version:", "schema_version: 9"),
            ("version in words", "schema_version:", "schema_version: two"),
        ],
    );
    if seed.name.starts_with("configs/") {
        let references: &[Edit] = &[
            (
                "overlay that does not exist",
                "enabled_overlays:",
                "enabled_overlays: [rolback_first]",
            ),
            ("unknown scenario type", "scenario_types:", "scenario_types: [no_such_work]"),
        ];
        defects.extend(edited(seed, references));
    }
    defects.extend(yaml(seed));
    defects
}

pub(super) fn scenario_defects(seed: &Seed) -> Vec<Defect> {
    let mut defects = edited(
        seed,
        &[
            ("id that leaves the folder", "id:", "id: ../secret"),
            ("id missing", "id:", "# id"),
            ("field misspelt", "prompt:", "promt: What now?"),
            ("field misspelt", "category:", "catgory: x"),
            ("prompt empty", "prompt:", "prompt: \"\""),
            ("number out of range", "complexity:", "complexity: 1.7"),
            ("number out of range", "complexity:", "complexity: .nan"),
            ("number out of range", "evaluation_weight:", "evaluation_weight: -1"),
            ("number in words", "complexity:", "complexity: hard"),
            ("word of no kind", "severity:", "severity: dreadful"),
            ("switch in words", "critical:", "critical: yes"),
            ("rule of no kind", "contains:", "containz: Rollback"),
            ("rule with two conditions", "contains:", "contains: Rollback\nregex: x"),
            ("expression that is none", "regex:", "regex: '(('"),
            ("rule that tests nothing", "contains:", "contains: \"\""),
            ("rule that tests nothing", "facts:", "facts: []"),
            ("number in words", "max_tokens:", "max_tokens: many"),
            ("number in words", "number:", "number: forty"),
            ("switch in words", "refusal:", "refusal: never"),
        ],
    );
    let text = seed.text();
    if let Some(first) = text.lines().find_map(|it| it.trim_start().strip_prefix("- id: ")) {
        let twice = format!("{}\n  - id: {first}\n    prompt: Once more?\n", text.trim_end());
        defects.push(Defect::new("scenarios: id twice", first, twice));
    }
    defects.extend(yaml(seed));
    defects
}

pub(super) fn provider_defects(seed: &Seed) -> Vec<Defect> {
    let mut defects = edited(
        seed,
        &[
            ("price out of range", "input_usd_per_mtok", "input_usd_per_mtok = -0.15"),
            ("price out of range", "output_usd_per_mtok", "output_usd_per_mtok = nan"),
            ("price out of range", "output_usd_per_mtok", "output_usd_per_mtok = inf"),
            ("price missing", "output_usd_per_mtok", "# no price"),
            ("price in words", "input_usd_per_mtok", "input_usd_per_mtok = \"0.15 USD\""),
            ("unknown vocabulary", "encoding", "encoding = \"p99k_base\""),
            ("unknown provider", "provider =", "provider = \"nobody\""),
            ("endpoint without scheme", "endpoint", "endpoint = \"api.example.com/v1\""),
            ("endpoint without scheme", "endpoint", "endpoint = \"ftp://api.example.com\""),
            ("default model that is none", "default_models", "default_models = [\"gpt-9\"]"),
            ("field misspelt", "context_tokens", "context_token = 128000"),
            ("number out of range", "context_tokens", "context_tokens = 0"),
            ("number out of range", "context_tokens", "context_tokens = -1"),
            ("field twice", "encoding", "encoding = \"o200k_base\"\nencoding = \"o200k_base\""),
            ("day that is none", "retires", "retires = \"2026-13-40\""),
            ("unknown version", "schema", "schema = \"fusion/providers/9\""),
        ],
    );
    let key = |secret: &str| format!("api_key = \"{secret}\"\n");
    for (what, secret) in secrets() {
        let lines =
            seed.text().split_inclusive('\n').map(|line| match line.starts_with("endpoint") {
                true => format!("{line}{}", key(&secret)),
                false if line.starts_with("api_key") => String::new(),
                false => line.to_owned(),
            });
        let broken: String = lines.collect();
        if broken.contains(&secret) {
            defects.push(Defect::new("providers: secret", what, broken));
        }
    }
    defects
}

/// An overlay as TOML, YAML or JSON.
pub(super) fn typed_defects(seed: &Seed) -> Vec<Defect> {
    let text = seed.text();
    let edits = [
        ("unknown key", "FUSION_MODE", "FUSION_MOED"),
        ("unknown key", "TRUST_SCORING_MODEL", "TRUST_MODEL"),
        ("word of no kind", "adaptive_routing", "adaptive"),
        ("word of no kind", "basic_thread", "thread"),
        ("word of no kind", "simple_alignment", "alignment"),
        ("version of another form", "2.1.0", "two"),
        ("required key missing", "CONTINUITY_ENFORCEMENT", "OVERLAY_DESCRIPTION"),
        ("required key missing", "FUSION_OVERLAY_VERSION", "OVERLAY_DESCRIPTION"),
    ];
    let edits = edits.into_iter().map(|(class, from, to)| {
        let what = format!("{from} → {to}");
        Defect::new(format!("typed overlay: {class}"), what, replaced(text, from, to))
    });
    edits.collect()
}

//! A small installation, and requests to it.

use fusion_plan::{
    Answer, Call, CompileError, ExecutionPlan, Models, Observation, Outcome, Request, compile,
    replay,
};
use overlay_model::{MicroOverlay, Overlay, Rule, RuleSeverity, Test, Turn, merge};
use overlay_schema::{Providers, Settings};

const PROVIDERS: &str = r#"
default_models = ["small"]

[[models]]
id = "small"
provider = "near"
encoding = "o200k_base"
context_tokens = 4000
max_output_tokens = 1000
input_usd_per_mtok = 0.5
output_usd_per_mtok = 1.5

[[models]]
id = "large"
provider = "far"
encoding = "o200k_base"
context_tokens = 128000
max_output_tokens = 4000
input_usd_per_mtok = 5.0
output_usd_per_mtok = 15.0

[[models]]
id = "local-gguf"
provider = "here"
encoding = "cl100k_base"
context_tokens = 2000
"#;

/// Everything that goes into a plan and its replay.
pub(crate) struct Scene {
    pub(crate) overlay: String,
    pub(crate) prompt: Option<&'static str>,
    pub(crate) question: &'static str,
    pub(crate) turns: Vec<Turn>,
    pub(crate) pinned: Vec<String>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) ledger: Vec<Observation>,
    pub(crate) spent_today: f64,
    pub(crate) answers: fn(&Call) -> Answer,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            overlay: String::new(),
            prompt: Some("## Core Directive\nName the way back.\n"),
            question: "Refund order 4521?",
            turns: Vec::new(),
            pinned: Vec::new(),
            rules: Vec::new(),
            ledger: Vec::new(),
            spent_today: 0.0,
            answers: |_| answer("Yes."),
        }
    }
}

impl Scene {
    pub(crate) fn of(overlay: &str) -> Self {
        Self { overlay: overlay.to_owned(), ..Self::default() }
    }

    pub(crate) fn with_rules(self, tests: &[Test]) -> Self {
        Self { rules: tests.iter().map(hard).collect(), ..self }
    }

    pub(crate) fn answering(self, answers: fn(&Call) -> Answer) -> Self {
        Self { answers, ..self }
    }

    #[track_caller]
    pub(crate) fn plan(&self) -> ExecutionPlan {
        self.try_plan().unwrap()
    }

    pub(crate) fn try_plan(&self) -> Result<ExecutionPlan, CompileError> {
        let providers = providers();
        let prompt = self.prompt.map(MicroOverlay::parse);
        let models = Models { providers: &providers, ledger: &self.ledger };
        let request = Request {
            overlay: None,
            question: self.question,
            turns: &self.turns,
            pinned: &self.pinned,
            rules: &self.rules,
            scenario_type: "refund",
            spent_today: self.spent_today,
            now_hours: 1000.0,
        };
        compile(&settings(&self.overlay), prompt.as_ref(), &models, &request)
    }

    #[track_caller]
    pub(crate) fn outcome(&self) -> Outcome {
        run(&self.plan(), self.answers)
    }
}

pub(crate) fn run(plan: &ExecutionPlan, answers: fn(&Call) -> Answer) -> Outcome {
    replay(plan, &providers(), &mut |call, _| Some(answers(call))).unwrap()
}

pub(crate) fn providers() -> Providers {
    Providers::parse(PROVIDERS).unwrap()
}

/// The settings of an overlay text.
#[track_caller]
pub(crate) fn settings(overlay: &str) -> Settings {
    let (overlay, findings) = Overlay::parse(overlay);
    assert!(findings.is_empty(), "{findings:?}");
    Settings::resolve(&merge([&overlay.layer("test")])).unwrap()
}

/// An answer of 10 tokens to a prompt of 100.
pub(crate) fn answer(text: &str) -> Answer {
    Answer {
        text: text.to_owned(),
        finish_reason: "stop".to_owned(),
        prompt_tokens: 100,
        completion_tokens: 10,
        e2e_ms: Some(1000.0),
        judge: None,
    }
}

pub(crate) fn hard(test: &Test) -> Rule {
    Rule { id: None, severity: RuleSeverity::Hard, test: test.clone() }
}

pub(crate) fn turn(role: &str, content: &str) -> Turn {
    Turn { role: role.to_owned(), content: content.to_owned(), hash: None }
}

/// The calls of a plan: `small#0 small#1 | large#0`, with `*` behind the ones of the first
/// round of a step.
pub(crate) fn calls(plan: &ExecutionPlan) -> String {
    let steps = plan.steps.iter().map(|step| {
        let calls = step.calls.iter().enumerate().map(|(idx, call)| {
            let star = if idx < step.first { "*" } else { "" };
            format!("{}#{}{star}", call.request.model, call.sample)
        });
        calls.collect::<Vec<_>>().join(" ")
    });
    steps.collect::<Vec<_>>().join(" | ")
}

/// The calls that were made.
pub(crate) fn made(outcome: &Outcome) -> String {
    let calls = outcome.calls.iter().map(|it| format!("{}#{}", it.model, it.sample));
    calls.collect::<Vec<_>>().join(" ")
}

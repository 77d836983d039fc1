//! Models and prompts in the files of LiteLLM, promptfoo and TensorZero: reported, never
//! edited.

mod node;
mod places;

use jiff::civil::Date;
use overlay_model::{Diagnostic, Location, Severity};
use overlay_schema::Providers;

use crate::codes;
use crate::finding::Finding;
use crate::foreign::node::Node;
use crate::foreign::places::{Mention, Role, mentions};
use crate::retired::Retired;
use crate::rules::file_name;

/// A tool whose files are understood.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tool {
    LiteLlm,
    Promptfoo,
    TensorZero,
}

impl Tool {
    fn as_str(self) -> &'static str {
        match self {
            Self::LiteLlm => "LiteLLM",
            Self::Promptfoo => "promptfoo",
            Self::TensorZero => "TensorZero",
        }
    }

    /// The tool whose file this is. LiteLLM's has no name of its own, but one key that is
    /// at the top of no other tool's.
    fn of(path: &str, text: &str) -> Option<Self> {
        let name = file_name(path);
        let is_yaml = name.ends_with(".yaml") || name.ends_with(".yml");
        if is_yaml && name.contains(PROMPTFOO) || is_promptfoo_json(path) {
            return Some(Self::Promptfoo);
        }
        if name == "tensorzero.toml" {
            return Some(Self::TensorZero);
        }
        let has_models = text.lines().any(|it| it.starts_with("model_list:"));
        (is_yaml && has_models).then_some(Self::LiteLlm)
    }
}

/// What the names of promptfoo's files have in common.
const PROMPTFOO: &str = "promptfooconfig";

/// Whether this is the file of promptfoo written as JSON.
pub(crate) fn is_promptfoo_json(path: &str) -> bool {
    let name = file_name(path);
    name.ends_with(".json") && name.contains(PROMPTFOO)
}

/// What a file of another tool names; nothing where it is none of such a tool.
pub(crate) fn findings(
    path: &str,
    text: &str,
    providers: &Providers,
    table: (&Retired, Date),
) -> Vec<Finding> {
    let Some(tool) = Tool::of(path, text) else { return Vec::new() };
    // JSON is read as the YAML that it is.
    let node = if tool == Tool::TensorZero { Node::toml(text) } else { Node::yaml(text) };
    match node {
        Ok(node) => {
            let mentions = mentions(tool, &node);
            let found = mentions.iter().flat_map(|it| about(tool, it, text, providers, table));
            found.map(|it| Finding::new(path, it)).collect()
        }
        Err((at, why)) => {
            let message = format!("cannot be read as a file of {}: {why}", tool.as_str());
            let finding = Diagnostic::warning(codes::UNREAD, message).at(text, at..at);
            vec![Finding::new(path, finding)]
        }
    }
}

fn about(
    tool: Tool,
    mention: &Mention<'_>,
    text: &str,
    providers: &Providers,
    (retired, today): (&Retired, Date),
) -> Vec<Diagnostic> {
    let at = Location::of(text, mention.at..mention.at);
    match mention.role {
        Role::Prompt => {
            let message = match prompt_file(mention.text) {
                Some(file) => format!("{} takes a prompt from {file}", tool.as_str()),
                None => {
                    let length = mention.text.trim().chars().count();
                    format!("a prompt of {} ({length} characters)", tool.as_str())
                }
            };
            let hint = "its text belongs into micro_overlays/<name>.md";
            vec![Diagnostic::note(codes::PROMPT, message).hint(hint).located(at)]
        }
        Role::Model => {
            let model = Model::of(tool, mention);
            let known = providers.model(model.name);
            let hint = match known {
                Some(known) => format!("`providers.toml` has it as `{}`", known.id),
                None => "`providers.toml` has no such model".to_owned(),
            };
            let message = format!("{} asks for model `{}`", tool.as_str(), mention.text);
            let note = Diagnostic::note(codes::MODEL_NAME, message).hint(hint).located(at.clone());
            // Their files are never edited, and ours load without them: no error of ours.
            let ended = retired.find(model.platform, model.name).map(|it| {
                let finding = it.finding(today);
                Diagnostic { severity: Severity::Warning, ..finding }.located(at)
            });
            [note].into_iter().chain(ended).collect()
        }
    }
}

/// The file a prompt is read from, where the text names one.
fn prompt_file(text: &str) -> Option<&str> {
    let name = text.strip_prefix("file://").unwrap_or(text);
    let is_file = text.starts_with("file://")
        || [".txt", ".md", ".json", ".yaml", ".j2", ".minijinja", ".py", ".js"]
            .iter()
            .any(|it| name.ends_with(it) && !name.contains(char::is_whitespace));
    is_file.then_some(name)
}

/// A model as another tool names it.
struct Model<'a> {
    /// The endpoint it is asked at, where the tool says it.
    platform: Option<&'a str>,
    name: &'a str,
}

impl<'a> Model<'a> {
    fn of(tool: Tool, mention: &Mention<'a>) -> Self {
        let text = mention.text;
        let parts = match tool {
            Tool::LiteLlm => text.split_once('/'),
            Tool::TensorZero => text.split_once("::"),
            // `openai:gpt-4o` and `openai:chat:gpt-4o` are one model.
            Tool::Promptfoo => text.split_once(':').map(|(platform, rest)| {
                (platform, rest.split_once(':').map_or(rest, |(_, name)| name))
            }),
        };
        match parts {
            Some((platform, name)) => Self { platform: Some(platform), name },
            None => Self { platform: mention.platform, name: text },
        }
    }
}

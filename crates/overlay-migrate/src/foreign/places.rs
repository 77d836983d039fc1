//! Where the files of other tools name models and prompts.

use crate::foreign::Tool;
use crate::foreign::node::{Node, Shape};

/// What a text in such a file is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    Model,
    Prompt,
}

/// A text that names a model or is a prompt.
#[derive(Debug)]
pub(crate) struct Mention<'a> {
    pub(crate) role: Role,
    pub(crate) text: &'a str,
    /// Where it stands, in bytes.
    pub(crate) at: usize,
    /// The endpoint that a neighbour names.
    pub(crate) platform: Option<&'a str>,
}

/// Paths from the top: `*` is any key or element, `@` the key itself of a map of one.
const PLACES: &[(Tool, &str, Role)] = &[
    (Tool::LiteLlm, "model_list.*.litellm_params.model", Role::Model),
    (Tool::LiteLlm, "model_list.*.litellm_params.initial_prompt_value", Role::Prompt),
    (Tool::LiteLlm, "model_list.*.litellm_params.final_prompt_value", Role::Prompt),
    (Tool::LiteLlm, "model_list.*.litellm_params.roles.*.pre_message", Role::Prompt),
    (Tool::LiteLlm, "model_list.*.litellm_params.roles.*.post_message", Role::Prompt),
    (Tool::LiteLlm, "litellm_settings.fallbacks.*.*.*", Role::Model),
    (Tool::LiteLlm, "litellm_settings.context_window_fallbacks.*.*.*", Role::Model),
    (Tool::LiteLlm, "litellm_settings.content_policy_fallbacks.*.*.*", Role::Model),
    (Tool::LiteLlm, "litellm_settings.default_fallbacks.*", Role::Model),
    (Tool::LiteLlm, "router_settings.fallbacks.*.*.*", Role::Model),
    (Tool::LiteLlm, "router_settings.context_window_fallbacks.*.*.*", Role::Model),
    (Tool::LiteLlm, "router_settings.default_fallbacks.*", Role::Model),
    (Tool::LiteLlm, "router_settings.model_group_alias.*", Role::Model),
    (Tool::LiteLlm, "router_settings.model_group_alias.*.model", Role::Model),
    (Tool::LiteLlm, "general_settings.completion_model", Role::Model),
    (Tool::Promptfoo, "prompts", Role::Prompt),
    (Tool::Promptfoo, "prompts.*", Role::Prompt),
    (Tool::Promptfoo, "prompts.*.raw", Role::Prompt),
    (Tool::Promptfoo, "prompts.*.id", Role::Prompt),
    (Tool::Promptfoo, "providers", Role::Model),
    (Tool::Promptfoo, "providers.*", Role::Model),
    (Tool::Promptfoo, "providers.*.id", Role::Model),
    (Tool::Promptfoo, "providers.*.@", Role::Model),
    (Tool::Promptfoo, "providers.*.config.model", Role::Model),
    (Tool::Promptfoo, "targets.*", Role::Model),
    (Tool::Promptfoo, "targets.*.id", Role::Model),
    (Tool::Promptfoo, "targets.*.config.model", Role::Model),
    (Tool::Promptfoo, "defaultTest.options.provider", Role::Model),
    (Tool::Promptfoo, "defaultTest.options.provider.id", Role::Model),
    (Tool::Promptfoo, "defaultTest.options.provider.text", Role::Model),
    (Tool::Promptfoo, "defaultTest.options.provider.embedding", Role::Model),
    (Tool::Promptfoo, "defaultTest.options.rubricPrompt", Role::Prompt),
    (Tool::Promptfoo, "defaultTest.assert.*.provider", Role::Model),
    (Tool::Promptfoo, "tests.*.options.provider", Role::Model),
    (Tool::Promptfoo, "tests.*.options.rubricPrompt", Role::Prompt),
    (Tool::Promptfoo, "tests.*.assert.*.provider", Role::Model),
    (Tool::Promptfoo, "tests.*.assert.*.rubricPrompt", Role::Prompt),
    (Tool::Promptfoo, "redteam.provider", Role::Model),
    (Tool::TensorZero, "functions.*.variants.*.model", Role::Model),
    (Tool::TensorZero, "functions.*.variants.*.embedding_model", Role::Model),
    (Tool::TensorZero, "functions.*.variants.*.system_template", Role::Prompt),
    (Tool::TensorZero, "functions.*.variants.*.user_template", Role::Prompt),
    (Tool::TensorZero, "functions.*.variants.*.assistant_template", Role::Prompt),
    (Tool::TensorZero, "functions.*.variants.*.system_instructions", Role::Prompt),
    (Tool::TensorZero, "functions.*.variants.*.templates.*.path", Role::Prompt),
    (Tool::TensorZero, "functions.*.variants.*.evaluator.model", Role::Model),
    (Tool::TensorZero, "functions.*.variants.*.fuser.model", Role::Model),
    (Tool::TensorZero, "models.*.providers.*.model_name", Role::Model),
    (Tool::TensorZero, "embedding_models.*.providers.*.model_name", Role::Model),
    (Tool::TensorZero, "evaluations.*.evaluators.*.variants.*.model", Role::Model),
    (Tool::TensorZero, "evaluations.*.evaluators.*.variants.*.system_instructions", Role::Prompt),
];

/// Every model and prompt that a file of `tool` names, in the order of the file.
pub(crate) fn mentions(tool: Tool, node: &Node) -> Vec<Mention<'_>> {
    let mut res = Vec::new();
    for (_, path, role) in PLACES.iter().filter(|(it, ..)| *it == tool) {
        let path: Vec<&str> = path.split('.').collect();
        walk(node, None, &path, *role, &mut res);
    }
    // What is no model: a program, a script or an address that promptfoo calls.
    res.retain(|it| it.role == Role::Prompt || !is_program(it.text));
    res.sort_by_key(|it| it.at);
    res.dedup_by_key(|it| it.at);
    res
}

fn is_program(text: &str) -> bool {
    ["file:", "exec:", "python:", "http:", "https:", "ws:", "webhook:", "package:"]
        .iter()
        .any(|it| text.starts_with(it))
}

fn walk<'a>(
    node: &'a Node,
    parent: Option<&'a Node>,
    path: &[&str],
    role: Role,
    res: &mut Vec<Mention<'a>>,
) {
    let Some((first, rest)) = path.split_first() else {
        if let Shape::Text(text) = &node.shape {
            let platform = parent.and_then(|it| it.get("type")).and_then(Node::text);
            res.push(Mention { role, text, at: node.at, platform });
        }
        return;
    };
    match (&node.shape, *first) {
        (Shape::Map(pairs), "@") => {
            if let [(key, value)] = pairs.as_slice()
                && key.contains(':')
            {
                res.push(Mention { role, text: key, at: value.key_at, platform: None });
            }
        }
        (Shape::Map(pairs), "*") => {
            pairs.iter().for_each(|(_, it)| walk(it, Some(node), rest, role, res));
        }
        (Shape::List(items), "*") => {
            items.iter().for_each(|it| walk(it, Some(node), rest, role, res));
        }
        (Shape::Map(_), name) => {
            if let Some(value) = node.get(name) {
                walk(value, Some(node), rest, role, res);
            }
        }
        _ => (),
    }
}

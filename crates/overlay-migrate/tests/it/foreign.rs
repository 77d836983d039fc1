//! The files of other tools.

use std::fmt::Write;

use overlay_migrate::Tree;

use crate::{lines, planned};

#[track_caller]
fn check(path: &str, text: &str, expect: expect_test::Expect) {
    let (plan, findings) = planned(&Tree::of([(path, text)]), &[], &[]);
    assert!(plan.is_empty(), "files of other tools are never edited");
    expect.assert_eq(&lines(&findings));
}

#[test]
fn litellm() {
    check(
        "litellm/config.yaml",
        "model_list:\n  - model_name: chat # for callers\n    litellm_params:\n      model: openai/gpt-4-32k\n      \
         api_key: os.environ/KEY\n      rpm: 6\n  - model_name: other\n    litellm_params: {model: bedrock/claude-2.1}\n\
         router_settings:\n  model_group_alias:\n    best: chat\n    old: {model: other, hidden: true}\n\
         litellm_settings:\n  fallbacks: [{\"chat\": [\"other\"]}]\n",
        expect_test::expect![[r#"
            litellm/config.yaml:4:14: warning[MIG1301]: model `gpt-4-32k` was retired on 2025-06-06 (the vendor recommends `gpt-4o`: https://developers.openai.com/api/docs/deprecations)
            litellm/config.yaml:4:14: note[MIG1401]: LiteLLM asks for model `openai/gpt-4-32k` (`providers.toml` has no such model)
            litellm/config.yaml:8:29: note[MIG1401]: LiteLLM asks for model `bedrock/claude-2.1` (`providers.toml` has no such model)
            litellm/config.yaml:11:11: note[MIG1401]: LiteLLM asks for model `chat` (`providers.toml` has no such model)
            litellm/config.yaml:12:18: note[MIG1401]: LiteLLM asks for model `other` (`providers.toml` has no such model)
            litellm/config.yaml:14:25: note[MIG1401]: LiteLLM asks for model `other` (`providers.toml` has no such model)
        "#]],
    );
}

#[test]
fn promptfoo() {
    check(
        "promptfooconfig.yaml",
        "prompts:\n  - file://prompts/a.txt\n  - \"Answer: {{q}}\"\n  - |\n    Über alles\n    {{q}}\n\
         providers:\n  - openai:chat:gpt-4.5-preview\n  - id: anthropic:messages:claude-2.1\n    config: {temperature: 0}\n  \
         - openai:gpt-4o:\n      config: {max_tokens: 10}\n  - file://custom.py\n  - id: anthropic:claude-agent-sdk\n    config:\n      model: claude-sonnet-4-5-20250929\n\
         defaultTest:\n  options: {provider: openai:gpt-4o-mini}\ntests:\n  - vars: {q: 1}\n    assert:\n      - {type: llm-rubric, value: good, provider: openai:o1-mini}\n",
        expect_test::expect![[r#"
            promptfooconfig.yaml:2:5: note[MIG1402]: promptfoo takes a prompt from prompts/a.txt (its text belongs into micro_overlays/<name>.md)
            promptfooconfig.yaml:3:5: note[MIG1402]: a prompt of promptfoo (13 characters) (its text belongs into micro_overlays/<name>.md)
            promptfooconfig.yaml:5:5: note[MIG1402]: a prompt of promptfoo (16 characters) (its text belongs into micro_overlays/<name>.md)
            promptfooconfig.yaml:8:5: warning[MIG1301]: model `gpt-4.5-preview` was retired on 2025-07-14 (the vendor recommends `gpt-4.1`: https://developers.openai.com/api/docs/deprecations)
            promptfooconfig.yaml:8:5: note[MIG1401]: promptfoo asks for model `openai:chat:gpt-4.5-preview` (`providers.toml` has no such model)
            promptfooconfig.yaml:9:9: warning[MIG1301]: model `claude-2.1` was retired on 2025-07-21 (see https://platform.claude.com/docs/en/about-claude/model-deprecations)
            promptfooconfig.yaml:9:9: note[MIG1401]: promptfoo asks for model `anthropic:messages:claude-2.1` (`providers.toml` has no such model)
            promptfooconfig.yaml:11:5: warning[MIG1302]: model `gpt-4o` retires on 2027-01-14, in 54 days (the vendor recommends `gpt-6-luna`: https://developers.openai.com/api/docs/deprecations)
            promptfooconfig.yaml:11:5: note[MIG1401]: promptfoo asks for model `openai:gpt-4o` (`providers.toml` has no such model)
            promptfooconfig.yaml:14:9: note[MIG1401]: promptfoo asks for model `anthropic:claude-agent-sdk` (`providers.toml` has no such model)
            promptfooconfig.yaml:16:14: note[MIG1401]: promptfoo asks for model `claude-sonnet-4-5-20250929` (`providers.toml` has no such model)
            promptfooconfig.yaml:18:23: warning[MIG1302]: model `gpt-4o-mini` retires on 2027-01-14, in 54 days (the vendor recommends `gpt-6-luna`: https://developers.openai.com/api/docs/deprecations)
            promptfooconfig.yaml:18:23: note[MIG1401]: promptfoo asks for model `openai:gpt-4o-mini` (`providers.toml` has no such model)
            promptfooconfig.yaml:22:51: warning[MIG1301]: model `o1-mini` was retired on 2025-10-27 (the vendor recommends `o4-mini`: https://developers.openai.com/api/docs/deprecations)
            promptfooconfig.yaml:22:51: note[MIG1401]: promptfoo asks for model `openai:o1-mini` (`providers.toml` has no such model)
        "#]],
    );
}

#[test]
fn promptfoo_as_json() {
    check(
        "eval/promptfooconfig.json",
        "{\n\t\"prompts\": [\"Answer: {{q}}\"],\n\t\"providers\": [\"openai:chat:gpt-4-32k\"]\n}\n",
        expect_test::expect![[r#"
            eval/promptfooconfig.json:2:14: note[MIG1402]: a prompt of promptfoo (13 characters) (its text belongs into micro_overlays/<name>.md)
            eval/promptfooconfig.json:3:16: warning[MIG1301]: model `gpt-4-32k` was retired on 2025-06-06 (the vendor recommends `gpt-4o`: https://developers.openai.com/api/docs/deprecations)
            eval/promptfooconfig.json:3:16: note[MIG1401]: promptfoo asks for model `openai:chat:gpt-4-32k` (`providers.toml` has no such model)
        "#]],
    );
    check(
        "promptfooconfig.json",
        "{\"providers\": [\"openai:chat:gpt-4-32k\"\n",
        expect_test::expect![[r#"
            promptfooconfig.json:1:15: warning[MIG1403]: cannot be read as a file of promptfoo: unclosed bracket '[' at line 1, column 15
        "#]],
    );
}

#[test]
fn promptfoo_as_json_is_read_from_disk() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["promptfooconfig.json", "answers.json"] {
        std::fs::write(dir.path().join(name), "{\"providers\": [\"openai:gpt-4-32k\"]}").unwrap();
    }
    let tree = Tree::read(dir.path()).unwrap();
    assert_eq!(tree.files().keys().collect::<Vec<_>>(), ["promptfooconfig.json"]);
}

#[test]
fn tensorzero() {
    check(
        "config/tensorzero.toml",
        "# ünïcode\n[models.judge]\nrouting = [\"openai\"]\n[models.judge.providers.openai]\ntype = \"openai\"\nmodel_name = \"o1-preview\"\n\
         [models.judge.providers.azure]\ntype = \"azure\"\nmodel_name = \"o1-preview\"\n\
         [functions.extract.variants.a]\ntype = \"chat_completion\"\nmodel = \"openai::gpt-4o-2024-05-13\"\n\
         system_template = \"functions/extract/system.minijinja\"\ntemplates.fact.path = \"fact.minijinja\"\n",
        expect_test::expect![[r#"
            config/tensorzero.toml:6:14: warning[MIG1301]: model `o1-preview` was retired on 2025-07-28 (the vendor recommends `o3`: https://developers.openai.com/api/docs/deprecations)
            config/tensorzero.toml:6:14: note[MIG1401]: TensorZero asks for model `o1-preview` (`providers.toml` has no such model)
            config/tensorzero.toml:9:14: note[MIG1401]: TensorZero asks for model `o1-preview` (`providers.toml` has no such model)
            config/tensorzero.toml:12:9: warning[MIG1301]: model `gpt-4o-2024-05-13` was retired on 2026-10-23 (the vendor recommends `gpt-5.6-sol`: https://developers.openai.com/api/docs/deprecations)
            config/tensorzero.toml:12:9: note[MIG1401]: TensorZero asks for model `openai::gpt-4o-2024-05-13` (`providers.toml` has no such model)
            config/tensorzero.toml:13:19: note[MIG1402]: TensorZero takes a prompt from functions/extract/system.minijinja (its text belongs into micro_overlays/<name>.md)
            config/tensorzero.toml:14:23: note[MIG1402]: TensorZero takes a prompt from fact.minijinja (its text belongs into micro_overlays/<name>.md)
        "#]],
    );
}

#[test]
fn a_broken_file_is_said_once() {
    check(
        "promptfooconfig.yaml",
        "prompts: [\n",
        expect_test::expect![[r#"
        promptfooconfig.yaml:1:10: warning[MIG1403]: cannot be read as a file of promptfoo: unclosed bracket '[' at line 1, column 10
    "#]],
    );
    check(
        "tensorzero.toml",
        "[functions\n",
        expect_test::expect![[r#"
        tensorzero.toml:1:11: warning[MIG1403]: cannot be read as a file of TensorZero: unclosed table, expected `]`
    "#]],
    );
    check("scenarios.yaml", "model: gpt-4-32k\n", expect_test::expect![[""]]);
}

#[test]
fn an_alias_bomb_ends() {
    let mut text = String::from("model_list:\n  - &a0 [x, x, x, x, x, x, x, x, x]\n");
    for at in 1..20 {
        let last = at - 1;
        let part = format!("*a{last}, ").repeat(6);
        writeln!(text, "  - &a{at} [{part}]").expect("memory");
    }
    let (_, findings) = planned(&Tree::of([("config.yaml", text.as_str())]), &[], &[]);
    assert!(lines(&findings).contains("MIG1403"), "{}", lines(&findings));
}

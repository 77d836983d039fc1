//! Models that retire.

use overlay_migrate::{RETIRED_MODELS, Retired, Tree};

use crate::{TODAY, after, lines, planned};

const OVERLAY: &str = "FUSION_OVERLAY_VERSION=2.1.0\nOVERLAY_NAME=x\nENTROPY_REDUCTION_TARGET=0.3\n\
    CONTINUITY_ENFORCEMENT=basic_thread\nTRUST_SCORING_MODEL=simple_alignment\nFUSION_MODE=baseline_only\n\
    MODEL=gpt-4.5-preview, gpt-4-32k,gpt-4o-mini\n";

fn providers(endpoint: &str) -> String {
    let row = |id: &str| {
        format!(
            "[[models]]\nid = \"{id}\"\nprovider = \"one\"\nencoding = \"o200k_base\"\n\
             context_tokens = 8000\ninput_usd_per_mtok = 1\noutput_usd_per_mtok = 1\n"
        )
    };
    let rows: String = ["gpt-4.5-preview", "gpt-4-32k", "gpt-4o-mini", "gpt-4.1"].map(row).concat();
    format!("[[providers]]\nname = \"one\"\nendpoint = \"{endpoint}\"\n{rows}")
}

#[test]
fn a_successor_takes_the_place_only_where_it_is_known() {
    let providers = providers("https://api.openai.com/v1");
    let path = "overlays/fusion_overlay.x.txt";
    let tree = Tree::of([(path, OVERLAY), ("providers.toml", &providers)]);
    let (plan, findings) = planned(&tree, &[], &[]);
    let text = after(&tree, &plan, path).expect("a text");
    assert!(text.ends_with("MODEL=gpt-4.1, gpt-4-32k,gpt-4o-mini\n"), "{text}");
    expect_test::expect![[r#"
        overlays/fusion_overlay.x.txt:7:7: note[MIG1301]: model `gpt-4.5-preview` was retired on 2025-07-14; `gpt-4.1` takes its place
        overlays/fusion_overlay.x.txt:7:24: error[MIG1301]: model `gpt-4-32k` was retired on 2025-06-06 (the vendor recommends `gpt-4o`: https://developers.openai.com/api/docs/deprecations)
        overlays/fusion_overlay.x.txt:7:34: warning[MIG1302]: model `gpt-4o-mini` retires on 2027-01-14, in 54 days (the vendor recommends `gpt-6-luna`: https://developers.openai.com/api/docs/deprecations)
        providers.toml:5:7: error[MIG1301]: model `gpt-4.5-preview` was retired on 2025-07-14 (the vendor recommends `gpt-4.1`: https://developers.openai.com/api/docs/deprecations)
        providers.toml:12:7: error[MIG1301]: model `gpt-4-32k` was retired on 2025-06-06 (the vendor recommends `gpt-4o`: https://developers.openai.com/api/docs/deprecations)
        providers.toml:19:7: warning[MIG1302]: model `gpt-4o-mini` retires on 2027-01-14, in 54 days (the vendor recommends `gpt-6-luna`: https://developers.openai.com/api/docs/deprecations)
        providers.toml:26:7: warning[MIG1302]: model `gpt-4.1` retires on 2027-01-14, in 54 days (the vendor recommends `gpt-6-luna`: https://developers.openai.com/api/docs/deprecations)
    "#]]
    .assert_eq(&lines(&findings));
}

#[test]
fn the_same_name_at_another_endpoint_is_another_vendors_matter() {
    let providers = providers("https://mine.openai.azure.com/v1");
    let tree =
        Tree::of([("overlays/fusion_overlay.x.txt", OVERLAY), ("providers.toml", &providers)]);
    let (plan, findings) = planned(&tree, &[], &[]);
    assert!(plan.is_empty() && !lines(&findings).contains("retire"), "{}", lines(&findings));
}

#[test]
fn the_table_reads_and_names_each_model_once() {
    let retired = Retired::parse(RETIRED_MODELS).expect("a table");
    let found = retired.find(Some("anthropic"), "claude-2.1").expect("a model");
    assert_eq!((found.on.to_string().as_str(), found.successor), ("2025-07-21", None));
    assert_eq!(retired.find(Some("bedrock"), "claude-2.1"), None);
    let mut names: Vec<_> = RETIRED_MODELS
        .lines()
        .filter(|it| it.starts_with("names = "))
        .flat_map(|it| it.split('"').skip(1).step_by(2))
        .collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(all, names.len());
    assert!(RETIRED_MODELS.contains(&format!("noted = \"{TODAY}\"")));
    for wrong in ["schema = \"x\"\nnoted = \"2026-01-01\"\nvendors = []\nmodels = []", "schema = 1"]
    {
        assert!(Retired::parse(wrong).is_err());
    }
}

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use overlay_gen::{Generated, KeyOrigin, Template, UnknownTemplate, generate, generate_at};
use overlay_model::{Diagnostic, Digest};
use serde::Serialize;

use crate::design::Spec;
use crate::environment::{Environment, rfc3339};
use crate::excerpt;
use crate::exit::Exit;
use crate::findings::{Finding, are_fatal, views};
use crate::input;
use crate::output::{Output, Report};
use crate::replace::create;

/// Make an overlay from a design spec and a template
///
/// The spec says what the overlay is to achieve; the template gives the keys to start from.
/// Each key of the result knows the rule that set it and why. The same spec and template give
/// the same bytes: the time is written only where SOURCE_DATE_EPOCH is set.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  fusion overlay generate --spec legal.toml --template quality_focused
  fusion overlay generate --spec legal.toml --template quality_focused -o fusion_overlay.legal.txt
  fusion overlay generate --spec - --template house --template-dir templates --json < spec.yaml")]
pub(crate) struct Generate {
    /// The design spec (TOML, YAML or JSON), `-` for standard input
    #[arg(long, value_name = "FILE")]
    spec: PathBuf,
    /// The template: performance_optimized, quality_focused, balanced, resource_constrained, or
    /// a file `NAME.txt` of `--template-dir`
    #[arg(long, value_name = "NAME")]
    template: String,
    /// A folder with templates of your own, which come before the built-in ones
    #[arg(long, value_name = "DIR")]
    template_dir: Option<PathBuf>,
    /// Where the overlay goes; standard output without it
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file of `--output` where there is one
    #[arg(long)]
    force: bool,
}

#[derive(Serialize)]
struct GenerateReport {
    overlay: BTreeMap<String, String>,
    origins: BTreeMap<String, KeyOrigin>,
    digest: Option<Digest>,
    diagnostics: Vec<Finding>,
    #[serde(skip)]
    text: String,
}

impl Report for GenerateReport {
    const SCHEMA: &'static str = "fusion/overlay-generate/1";

    fn text(&self, _width: usize) -> String {
        self.text.clone()
    }
}

impl Generate {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let spec = Spec::load(&self.spec)?;
        let (made, findings) = self.make(&spec, environment)?;
        let fatal = made.is_none() || are_fatal(&findings, output.strict);
        if !output.is_json() {
            let source = spec.source();
            output.remark(&excerpt::render(&spec.name, source, &findings, output.width))?;
        }
        let report = report(made, &findings);
        if fatal {
            if output.is_json() {
                output.show(&report)?;
            }
            return Ok(Exit::FINDINGS);
        }
        match &self.output {
            Some(path) => {
                create(path, report.text.as_bytes(), self.force)?;
                if output.is_json() {
                    output.show(&report)?;
                } else {
                    output.remark(&format!("wrote {}\n", path.display()))?;
                }
            }
            None => output.show(&report)?,
        }
        Ok(Exit::DONE)
    }

    /// The overlay, or none, with all findings.
    fn make(
        &self,
        spec: &Spec,
        environment: &Environment,
    ) -> anyhow::Result<(Option<Generated>, Vec<Diagnostic>)> {
        let design = match &spec.design {
            Ok(design) => design,
            Err(finding) => return Ok((None, vec![(**finding).clone()])),
        };
        let template = match self.template()? {
            Ok(template) => template,
            Err(findings) => return Ok((None, findings)),
        };
        let made = match environment.get("SOURCE_DATE_EPOCH") {
            Some(_) => generate_at(design, &template, &rfc3339(environment.now())),
            None => generate(design, &template),
        };
        Ok(match made {
            Ok(made) => {
                let findings = made.diagnostics.clone();
                (Some(made), findings)
            }
            Err(findings) => (None, findings),
        })
    }

    /// The template of that name: one of the folder, else a built-in one.
    fn template(&self) -> anyhow::Result<Result<Template, Vec<Diagnostic>>> {
        let own = match &self.template_dir {
            Some(dir) => templates(dir)?,
            None => BTreeMap::new(),
        };
        if let Some(path) = own.get(&self.template) {
            let input = input::read(path)?;
            let (template, findings) = Template::parse(&self.template, input.text()?);
            let fatal = findings.iter().any(Diagnostic::is_error);
            return Ok(if fatal { Err(findings) } else { Ok(template) });
        }
        let known: Vec<_> = own.into_keys().chain(Template::known().map(str::to_owned)).collect();
        let known = known.iter().map(String::as_str);
        let unknown = UnknownTemplate::among(&self.template, known);
        Ok(Template::named(&self.template).map_err(|_| vec![unknown.diagnostic()]))
    }
}

/// The templates of a folder, by name.
fn templates(dir: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let is_template = |path: &Path| path.extension().is_some_and(|it| it == "txt");
    let files = input::expand(&[dir.to_path_buf()], &is_template).context("reading templates")?;
    let named = files.into_iter().filter_map(|path| {
        let name = path.file_stem()?.to_str()?.to_owned();
        Some((name, path))
    });
    Ok(named.collect())
}

fn report(made: Option<Generated>, findings: &[Diagnostic]) -> GenerateReport {
    let diagnostics = views(findings);
    match made {
        Some(Generated { overlay, origins, digest, .. }) => GenerateReport {
            overlay: overlay.entries().map(|it| (it.key.to_owned(), it.value.to_owned())).collect(),
            origins,
            digest: Some(digest),
            diagnostics,
            text: overlay.to_string(),
        },
        None => GenerateReport {
            overlay: BTreeMap::new(),
            origins: BTreeMap::new(),
            digest: None,
            diagnostics,
            text: String::new(),
        },
    }
}

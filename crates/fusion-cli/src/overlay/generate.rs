use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use overlay_gen::{
    Generated, KeyOrigin, Template, UnknownTemplate, check_design, generate, generate_at,
};
use overlay_model::{Diagnostic, Digest};
use serde::Serialize;

use super::secret::hidden;
use crate::design::Spec;
use crate::environment::{Environment, rfc3339};
use crate::excerpt;
use crate::exit::{Exit, refusal};
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
  fusion overlay generate --spec configs/examples/legal_document_analysis.toml \\
    --template quality_focused
  fusion overlay generate --spec configs/examples/legal_document_analysis.toml \\
    --template quality_focused -o fusion_overlay.legal.txt
  fusion overlay generate --spec - --template balanced --json \\
    < configs/examples/legal_document_analysis.yaml")]
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
    diagnostics: Vec<FoundInFile>,
    #[serde(skip)]
    text: String,
}

impl Report for GenerateReport {
    const SCHEMA: &'static str = "fusion/overlay-generate/1";

    fn text(&self, _width: usize) -> String {
        self.text.clone()
    }
}

/// A finding with the file it is about.
#[derive(Serialize)]
struct FoundInFile {
    file: String,
    #[serde(flatten)]
    finding: Finding,
}

/// What was made, or why nothing was.
struct Made {
    generated: Option<Generated>,
    /// About the spec, and about what was made of it.
    findings: Vec<Diagnostic>,
    template: Option<OwnTemplate>,
}

/// A template of a folder, with what was found in it.
struct OwnTemplate {
    name: String,
    text: String,
    findings: Vec<Diagnostic>,
}

/// The template asked for, or why it cannot be used.
type Asked = Result<Template, Vec<Diagnostic>>;

impl Made {
    fn nothing(findings: Vec<Diagnostic>) -> Self {
        Self { generated: None, findings, template: None }
    }

    /// All findings.
    fn all(&self) -> Vec<Diagnostic> {
        let of_template = self.template.iter().flat_map(|it| &it.findings);
        self.findings.iter().chain(of_template).cloned().collect()
    }
}

impl Generate {
    pub(crate) fn run(
        self,
        output: &mut Output,
        environment: &Environment,
    ) -> anyhow::Result<Exit> {
        let spec = Spec::load(&self.spec)?;
        let made = self.make(&spec, environment)?;
        let fatal = made.generated.is_none() || are_fatal(&made.all(), output.strict);
        if !output.is_json() {
            let source = spec.source();
            output.remark(&excerpt::render(&spec.name, source, &made.findings, output.width))?;
            if let Some(OwnTemplate { name, text, findings }) = &made.template {
                output.remark(&excerpt::render(name, text, findings, output.width))?;
            }
        }
        let report = report(made, &spec);
        if fatal {
            if output.is_json() {
                output.show(&report)?;
            }
            return Ok(Exit::FINDINGS);
        }
        self.deliver(&report, output)
    }

    fn deliver(&self, report: &GenerateReport, output: &mut Output) -> anyhow::Result<Exit> {
        let Some(path) = &self.output else {
            output.show(report)?;
            return Ok(Exit::DONE);
        };
        create(path, report.text.as_bytes(), self.force)?;
        if output.is_json() {
            output.show(report)?;
        } else {
            output.remark(&format!("wrote {}\n", path.display()))?;
        }
        Ok(Exit::DONE)
    }

    /// The overlay, or none, with all findings.
    fn make(&self, spec: &Spec, environment: &Environment) -> anyhow::Result<Made> {
        let (template, own) = self.template()?;
        let design = match &spec.design {
            Ok(design) => design,
            Err(finding) => {
                return Ok(Made { template: own, ..Made::nothing(vec![(**finding).clone()]) });
            }
        };
        let template = match template {
            Ok(template) => template,
            Err(mut findings) => {
                findings.extend(check_design(design, Some(spec.source())).diagnostics);
                return Ok(Made { template: own, ..Made::nothing(findings) });
            }
        };
        let made = match environment.get("SOURCE_DATE_EPOCH") {
            Some(_) => generate_at(design, &template, &rfc3339(environment.now())),
            None => generate(design, &template),
        };
        let (generated, mut findings) = match made {
            Ok(made) => (Some(made.clone()), made.diagnostics),
            Err(findings) => (None, findings),
        };
        // Those about the spec come first; only here is its text known.
        let placed = check_design(design, Some(spec.source())).diagnostics;
        findings.splice(..placed.len().min(findings.len()), placed);
        if let Some(own) = &own {
            let is_known = |it: &Diagnostic| {
                own.findings
                    .iter()
                    .any(|known| (known.code, &known.message) == (it.code, &it.message))
            };
            findings.retain(|it| !is_known(it));
        }
        Ok(Made { generated, findings, template: own })
    }

    /// The template of that name, or why there is none: one of the folder, with what was found
    /// in it, else a built-in one.
    fn template(&self) -> anyhow::Result<(Asked, Option<OwnTemplate>)> {
        let own = match &self.template_dir {
            Some(dir) => templates(dir)?,
            None => BTreeMap::new(),
        };
        if let Some(path) = own.get(&self.template) {
            let input = input::read(path)?;
            let text = input.text()?.to_owned();
            let (template, findings) = Template::parse(&self.template, &text);
            let fatal = findings.iter().any(Diagnostic::is_error);
            let template = if fatal { Err(Vec::new()) } else { Ok(template) };
            return Ok((template, Some(OwnTemplate { name: input.name, text, findings })));
        }
        let known: Vec<_> = own.into_keys().chain(Template::known().map(str::to_owned)).collect();
        let known = known.iter().map(String::as_str);
        let unknown = UnknownTemplate::among(&self.template, known);
        Ok((Template::named(&self.template).map_err(|_| vec![unknown.diagnostic()]), None))
    }
}

/// The templates of a folder, by name.
fn templates(dir: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    if !dir.is_dir() {
        let what = if dir.exists() { "is no folder" } else { "no such folder" };
        return Err(refusal(Exit::UNREADABLE, format!("{}: {what}", dir.display())));
    }
    let is_template = |path: &Path| path.extension().is_some_and(|it| it == "txt");
    let files = input::expand(&[dir.to_path_buf()], &is_template).context("reading templates")?;
    let named = files.into_iter().filter_map(|path| {
        let name = path.file_stem()?.to_str()?.to_owned();
        Some((name, path))
    });
    Ok(named.collect())
}

fn report(made: Made, spec: &Spec) -> GenerateReport {
    let in_file = |file: &str, text: &str, findings: &[Diagnostic]| {
        let views = views(&hidden(text, findings)).into_iter();
        views.map(|finding| FoundInFile { file: file.to_owned(), finding }).collect::<Vec<_>>()
    };
    let mut diagnostics = in_file(&spec.name, spec.source(), &made.findings);
    if let Some(OwnTemplate { name, text, findings }) = &made.template {
        diagnostics.extend(in_file(name, text, findings));
    }
    match made.generated {
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

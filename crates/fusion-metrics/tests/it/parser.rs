//! A strict reader of both exposition formats, written from their specifications.

use std::collections::{BTreeMap, BTreeSet};

use fusion_metrics::Format;

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) samples: Vec<Sample>,
    unit: Option<String>,
    help: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// Every family of the page, or what is wrong with it and where.
pub(crate) fn parse(page: &str, format: Format) -> Result<Vec<Family>, String> {
    let body = match format {
        Format::Text => page,
        Format::OpenMetrics => page.strip_suffix("# EOF\n").ok_or("no # EOF at the end")?,
    };
    if !body.is_empty() && !body.ends_with('\n') {
        return Err("the last line does not end".into());
    }
    let mut families: Vec<Family> = Vec::new();
    for (number, line) in (1..).zip(body.lines()) {
        read_line(&mut families, line, format).map_err(|it| format!("{number}: {it}: {line}"))?;
    }
    check_page(&families)?;
    for family in &families {
        check_family(family, format).map_err(|it| format!("{}: {it}", family.name))?;
    }
    Ok(families)
}

fn read_line(families: &mut Vec<Family>, line: &str, format: Format) -> Result<(), String> {
    let Some(comment) = line.strip_prefix("# ") else {
        let sample = sample(line)?;
        let family = families.last_mut().ok_or("sample before any family")?;
        family.samples.push(sample);
        return Ok(());
    };
    let (word, rest) = comment.split_once(' ').ok_or("comment without word")?;
    let (name, text) = rest.split_once(' ').ok_or("comment without text")?;
    if !is_name(name) {
        return Err(format!("bad name {name:?}"));
    }
    let new = families.last().is_none_or(|it| it.name != name || !it.samples.is_empty());
    if new {
        families.push(Family { name: name.into(), ..Family::default() });
    }
    let family = families.last_mut().ok_or("no family")?;
    match word {
        "TYPE" if family.kind.is_empty() => family.kind = text.into(),
        "UNIT" if family.unit.is_none() && format == Format::OpenMetrics => {
            family.unit = Some(text.into());
        }
        "HELP" if family.help.is_none() => family.help = Some(unescape(text)?),
        _ => return Err("repeated or unknown comment".into()),
    }
    Ok(())
}

fn sample(line: &str) -> Result<Sample, String> {
    let (name, rest) = line.split_at(line.find(['{', ' ']).ok_or("no value")?);
    if !is_name(name) {
        return Err(format!("bad name {name:?}"));
    }
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    let value = rest.strip_prefix(' ').ok_or("no blank before the value")?;
    Ok(Sample { name: name.into(), labels, value: number(value)? })
}

/// The labels up to the closing brace, and what follows it.
fn labels(mut text: &str) -> Result<(BTreeMap<String, String>, &str), String> {
    let mut res = BTreeMap::new();
    loop {
        let (key, rest) = text.split_once("=\"").ok_or("label without value")?;
        if !is_label(key) {
            return Err(format!("bad label {key:?}"));
        }
        let (value, rest) = rest.split_at(closing_quote(rest).ok_or("value without end")?);
        if res.insert(key.into(), unescape(value)?).is_some() {
            return Err(format!("label {key:?} twice"));
        }
        match (rest.strip_prefix("\","), rest.strip_prefix("\"}")) {
            (Some(more), _) => text = more,
            (_, Some(rest)) => return Ok((res, rest)),
            _ => return Err("no comma and no brace after a label".into()),
        }
    }
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, it)| {
        let end = it == '"' && !escaped;
        escaped = it == '\\' && !escaped;
        end.then_some(at)
    })
}

fn unescape(text: &str) -> Result<String, String> {
    let mut res = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match (char, char == '\\') {
            (_, true) => match chars.next() {
                Some('n') => res.push('\n'),
                Some(it @ ('\\' | '"')) => res.push(it),
                it => return Err(format!("bad escape {it:?}")),
            },
            ('\0', _) => return Err("NUL".into()),
            _ => res.push(char),
        }
    }
    Ok(res)
}

fn number(text: &str) -> Result<f64, String> {
    match text {
        "+Inf" => Ok(f64::INFINITY),
        "-Inf" => Ok(f64::NEG_INFINITY),
        "NaN" => Ok(f64::NAN),
        _ if text.starts_with(|it: char| it.is_ascii_digit() || it == '-') => {
            text.parse().map_err(|_| format!("bad number {text:?}"))
        }
        _ => Err(format!("bad number {text:?}")),
    }
}

fn is_name(text: &str) -> bool {
    is_label(&text.replace(':', "_"))
}

fn is_label(text: &str) -> bool {
    let start = text.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_');
    start && text.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
}

fn check_page(families: &[Family]) -> Result<(), String> {
    let mut names = BTreeSet::new();
    let mut series = BTreeSet::new();
    for family in families {
        if !names.insert(&family.name) {
            return Err(format!("family {} twice", family.name));
        }
        for sample in &family.samples {
            if !series.insert((&sample.name, &sample.labels)) {
                return Err(format!("series twice: {sample:?}"));
            }
        }
    }
    Ok(())
}

fn check_family(family: &Family, format: Format) -> Result<(), String> {
    let suffixes: &[&str] = match (family.kind.as_str(), format) {
        ("counter", Format::OpenMetrics) => &["_total"],
        ("info", Format::OpenMetrics) => &["_info"],
        ("counter" | "gauge", _) | ("unknown", Format::OpenMetrics) => &[""],
        ("histogram", _) => &["_bucket", "_sum", "_count"],
        ("summary", _) => &["", "_sum", "_count"],
        (kind, _) => return Err(format!("bad type {kind:?}")),
    };
    for sample in &family.samples {
        let suffix = sample.name.strip_prefix(&family.name).ok_or("sample of another family")?;
        if !suffixes.contains(&suffix) {
            return Err(format!("sample {} in a {}", sample.name, family.kind));
        }
        if family.kind == "counter" && (sample.value < 0.0 || sample.value.is_nan()) {
            return Err("counter below zero".into());
        }
    }
    if family.unit.as_ref().is_some_and(|it| !family.name.ends_with(&format!("_{it}"))) {
        return Err("the name does not end in the unit".into());
    }
    if family.kind == "histogram" { check_histogram(family, format) } else { Ok(()) }
}

fn check_histogram(family: &Family, format: Format) -> Result<(), String> {
    let mut buckets: BTreeMap<_, Vec<(f64, f64)>> = BTreeMap::new();
    for sample in family.samples.iter().filter(|it| it.name.ends_with("_bucket")) {
        let mut labels = sample.labels.clone();
        let end = labels.remove("le").ok_or("bucket without le")?;
        if !end.contains(['.', 'I']) {
            return Err(format!("le={end:?} is no canonical number"));
        }
        buckets.entry(labels).or_default().push((number(&end)?, sample.value));
    }
    for (labels, buckets) in &buckets {
        if !buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1) {
            return Err("buckets out of order or not cumulative".into());
        }
        let last = buckets.last().filter(|it| it.0.is_infinite()).ok_or("no bucket +Inf")?;
        let part = |suffix: &str| {
            let name = format!("{}{suffix}", family.name);
            family.samples.iter().find(|it| it.name == name && it.labels == *labels)
        };
        let negative = buckets[0].0 < 0.0;
        let sum_allowed = format == Format::Text || !negative;
        if part("_sum").is_some() != sum_allowed || part("_count").is_some() != sum_allowed {
            return Err("sum and count missing or not allowed".into());
        }
        if part("_count").is_some_and(|it| it.value != last.1) {
            return Err("count differs from the bucket +Inf".into());
        }
    }
    Ok(())
}

#[test]
fn refuses_what_prometheus_refuses() {
    for bad in [
        "a{x=\"1\",x=\"2\"} 1\n",
        "# TYPE a counter\na 1\na 2\n",
        "# TYPE a gauge\nb 1\n",
        "# TYPE a.b gauge\na.b 1\n",
        "# TYPE a gauge\na{x=\"\\q\"} 1\n",
        "# TYPE a gauge\na 1",
        "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na{x=\"\"} 1\n",
    ] {
        assert!(parse(bad, Format::Text).is_err(), "{bad:?}");
    }
}

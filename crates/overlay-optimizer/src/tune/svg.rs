//! The trials of a run as one picture without script.

use std::fmt::{self, Write as _};

use crate::tune::report::{TrialRow, TuneReport};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 50.0;

const STYLE: &str = "\
text{font:12px system-ui,sans-serif;fill:#222}.axis{stroke:#888;fill:none}\
.seen{fill:#5b7db1;fill-opacity:.7}.out{fill:none;stroke:#b15b5b}.start{fill:#222}\
.chosen{fill:#2e8b57;stroke:#222}.front{fill:none;stroke:#2e8b57;stroke-width:2}\
@media(prefers-color-scheme:dark){text,.start{fill:#ddd}.chosen{stroke:#ddd}\
.seen{fill:#8fb0e0}.out{stroke:#e08f8f}}";

/// A range of values, and the pixels it is drawn on.
struct Axis {
    name: String,
    least: f64,
    most: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn of(name: &str, values: impl Iterator<Item = f64>, (from, to): (f64, f64)) -> Self {
        let (least, most) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), it| {
            (least.min(it), most.max(it))
        });
        let (least, most) = if least <= most { (least, most) } else { (0.0, 1.0) };
        let margin = if most > least { 0.05 * (most - least) } else { 0.5 };
        let name = escaped(name);
        Self { name, least: least - margin, most: most + margin, from, to }
    }

    fn at(&self, value: f64) -> f64 {
        self.from + (value - self.least) / (self.most - self.least) * (self.to - self.from)
    }
}

pub(crate) fn picture(report: &TuneReport) -> String {
    let mut res = String::new();
    // Writing to a string cannot fail.
    let _ = draw(report, &mut res);
    res
}

fn draw(report: &TuneReport, to: &mut String) -> fmt::Result {
    let points: Vec<_> =
        report.trials.iter().filter_map(|it| Some((it, point(it, report)?))).collect();
    let x_name = report.objectives.first().map_or("", String::as_str);
    let names = match report.objectives.get(1) {
        Some(second) => (x_name, second.as_str()),
        None => ("trial", x_name),
    };
    let x = Axis::of(names.0, points.iter().map(|it| it.1.0), (LEFT, WIDTH - RIGHT));
    let y = Axis::of(names.1, points.iter().map(|it| it.1.1), (HEIGHT - BOTTOM, TOP));
    write!(
        to,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"trials of a tuning run\"><style>{STYLE}</style>"
    )?;
    axes(&x, &y, to)?;
    front_line(report, &points, (&x, &y), to)?;
    for (row, (left, top)) in &points {
        let class = class(row, report);
        let radius = if class == "seen" || class == "out" { 4 } else { 6 };
        let (cx, cy) = (x.at(*left), y.at(*top));
        let title = title(row);
        write!(
            to,
            "<circle class=\"{class}\" cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"{radius}\"><title>{title}\
             </title></circle>"
        )?;
    }
    to.write_str("</svg>\n")
}

/// Where a trial lies, in values of the axes.
fn point(row: &TrialRow, report: &TuneReport) -> Option<(f64, f64)> {
    let first = row.measured.first().copied()?;
    match report.objectives.len() {
        0 | 1 => Some((crate::tune::float(row.trial), first)),
        _ => Some((first, *row.measured.get(1)?)),
    }
}

fn class(row: &TrialRow, report: &TuneReport) -> &'static str {
    match row.trial {
        it if Some(it) == report.chosen => "chosen",
        0 => "start",
        _ if row.within_limits => "seen",
        _ => "out",
    }
}

fn title(row: &TrialRow) -> String {
    let set: Vec<_> = row.set.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let measured: Vec<_> = row.measured.iter().map(|it| format!("{it:.4}")).collect();
    escaped(&format!("trial {}: {}; {}", row.trial, measured.join(", "), set.join(" ")))
}

fn axes(x: &Axis, y: &Axis, to: &mut String) -> fmt::Result {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    write!(to, "<path class=\"axis\" d=\"M{LEFT} {TOP}V{bottom}H{right}\"/>")?;
    for step in 0..=4 {
        let share = f64::from(step) / 4.0;
        let (left, top) =
            (x.least + share * (x.most - x.least), y.least + share * (y.most - y.least));
        write!(
            to,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            x.at(left),
            bottom + 18.0,
            tick(left),
            LEFT - 6.0,
            y.at(top) + 4.0,
            tick(top),
        )?;
    }
    write!(
        to,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
         <text transform=\"translate(14 {:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
        f64::midpoint(LEFT, right),
        HEIGHT - 10.0,
        x.name,
        f64::midpoint(TOP, bottom),
        y.name,
    )
}

/// Three digits that count.
fn tick(value: f64) -> String {
    match value.abs() {
        it if it >= 100.0 => format!("{value:.0}"),
        it if it >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn front_line(
    report: &TuneReport,
    points: &[(&TrialRow, (f64, f64))],
    (x, y): (&Axis, &Axis),
    to: &mut String,
) -> fmt::Result {
    if report.objectives.len() < 2 {
        return Ok(());
    }
    let find = |trial: &usize| points.iter().find(|it| it.0.trial == *trial).map(|it| it.1);
    let mut line: Vec<_> = report.front.iter().filter_map(find).collect();
    line.sort_by(|a, b| a.0.total_cmp(&b.0));
    let line = line.iter().map(|(left, top)| format!("{:.1},{:.1}", x.at(*left), y.at(*top)));
    write!(to, "<polyline class=\"front\" points=\"{}\"/>", line.collect::<Vec<_>>().join(" "))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

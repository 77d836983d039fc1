//! As much of Gherkin as the specification's suites use.

/// A scenario with its background before it and its outline filled in.
#[derive(Clone, Debug)]
pub(crate) struct Pickle {
    /// The scenario's name, and the values of its row where it is an outline's.
    pub(crate) name: String,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Step {
    /// Without its keyword.
    pub(crate) text: String,
    pub(crate) table: Vec<Vec<String>>,
}

#[derive(Default)]
struct Block {
    name: String,
    steps: Vec<Step>,
    /// One for each `Examples`.
    examples: Vec<Vec<Vec<String>>>,
}

/// The scenarios of a feature, in order.
pub(crate) fn pickles(text: &str) -> Vec<Pickle> {
    let (background, scenarios) = blocks(text);
    let mut res = Vec::new();
    for block in scenarios {
        let steps = background.iter().chain(&block.steps).cloned().collect::<Vec<_>>();
        if block.examples.is_empty() {
            res.push(Pickle { name: block.name, steps });
            continue;
        }
        for (head, row) in block.examples.iter().flat_map(|it| {
            let (head, rows) = it.split_first().unwrap();
            rows.iter().map(move |row| (head, row))
        }) {
            let fill = |text: &String| {
                head.iter().zip(row).fold(text.clone(), |text, (name, value)| {
                    text.replace(&format!("<{name}>"), value)
                })
            };
            let filled = steps.iter().map(|it| Step {
                text: fill(&it.text),
                table: it.table.iter().map(|row| row.iter().map(fill).collect()).collect(),
            });
            let name = format!("{} [{}]", block.name, row.join(", "));
            res.push(Pickle { name, steps: filled.collect() });
        }
    }
    res
}

/// The steps of the background, and the scenarios.
fn blocks(text: &str) -> (Vec<Step>, Vec<Block>) {
    let mut blocks: Vec<Block> = Vec::new();
    let mut has_background = false;
    for line in text.lines().map(str::trim) {
        let named = ["Scenario Outline:", "Scenario:", "Background:"];
        if let Some(keyword) = named.iter().find(|it| line.starts_with(**it)) {
            has_background |= *keyword == "Background:";
            let name = line.trim_start_matches(keyword).trim().to_owned();
            blocks.push(Block { name, ..Block::default() });
            continue;
        }
        let Some(block) = blocks.last_mut() else { continue };
        let keyword = ["Given ", "When ", "Then ", "And ", "But "];
        if line.is_empty() || line.starts_with(['#', '@']) {
            continue;
        } else if line.starts_with("Examples:") {
            block.examples.push(Vec::new());
        } else if line.starts_with('|') {
            let table = match block.examples.last_mut() {
                Some(examples) => examples,
                None => &mut block.steps.last_mut().unwrap().table,
            };
            table.push(cells(line));
        } else if let Some(it) = keyword.iter().find_map(|it| line.strip_prefix(it)) {
            block.steps.push(Step { text: it.trim().to_owned(), ..Step::default() });
        } else {
            panic!("not understood: {line}");
        }
    }
    let background = if has_background { blocks.remove(0).steps } else { Vec::new() };
    (background, blocks)
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(|it| it.trim().replace("\\\"", "\"")).collect()
}

use std::collections::{BTreeMap, HashSet};

use crate::overlay::{Entry, LineView, MAX_BYTES, MAX_LINES, Overlay};

/// Where a key stands in a laid-out file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// The heading it stands under, without `## `.
    pub section: &'static str,
    /// Its rank among all keys; sections follow the lowest rank they hold, keys of the
    /// same rank their names.
    pub rank: u32,
}

/// Lays the file out: one `## Section` heading a group, keys by rank below it.
///
/// Comments at the top that a blank line or a heading parts from the first entry stay
/// there, comments behind the last entry stay at the end, and all others stand in front
/// of the entry they stood in front of. Headings that the layout writes itself are
/// written anew. Values are untouched; lines end in LF.
///
/// A file with a broken line, or one that would grow past the limits of a file, comes
/// back as it is.
pub fn format(overlay: &Overlay, place: &dyn Fn(&str) -> Place) -> String {
    if !overlay.is_sound() {
        return overlay.source().to_owned();
    }
    let text = Layout::of(overlay, place).write();
    let fits = text.len() <= MAX_BYTES && text.lines().count() <= MAX_LINES;
    if fits { text } else { overlay.source().to_owned() }
}

/// Comment lines without a blank line between them.
type Block<'a> = Vec<&'a str>;

struct Item<'a> {
    entry: Entry<'a>,
    comments: Block<'a>,
    place: Place,
}

#[derive(Default)]
struct Layout<'a> {
    header: Vec<Block<'a>>,
    items: Vec<Item<'a>>,
    trailer: Vec<Block<'a>>,
}

impl<'a> Layout<'a> {
    fn of(overlay: &'a Overlay, place: &dyn Fn(&str) -> Place) -> Self {
        let places: Vec<_> = overlay.entries().map(|it| place(it.key)).collect();
        let headings: HashSet<_> = places.iter().map(|it| heading(it.section)).collect();
        let mut places = places.into_iter();
        let mut reader = Reader { at_top: true, ..Reader::default() };
        for line in overlay.lines() {
            match line {
                LineView::Comment(text) if headings.contains(text) => reader.section(),
                LineView::Comment(text) => reader.comment(text),
                LineView::Entry(entry) => {
                    if let Some(place) = places.next() {
                        reader.entry(entry, place);
                    }
                }
                LineView::Blank | LineView::Broken(_) => reader.adjacent = false,
            }
        }
        reader.end()
    }

    fn write(&self) -> String {
        let mut sections: BTreeMap<&str, Vec<&Item<'a>>> = BTreeMap::new();
        for item in &self.items {
            sections.entry(item.place.section).or_default().push(item);
        }
        let mut sections: Vec<_> = sections.into_iter().collect();
        for (_, items) in &mut sections {
            items.sort_by_key(|it| (it.place.rank, it.entry.key));
        }
        sections.sort_by_key(|(_, items)| items.first().map(|it| it.place.rank));
        let mut paragraphs: Vec<String> = Vec::new();
        paragraphs.extend(self.header.iter().map(|it| it.join("\n")));
        paragraphs.extend(sections.iter().map(|(name, items)| section(name, items)));
        paragraphs.extend(self.trailer.iter().map(|it| it.join("\n")));
        match paragraphs.join("\n\n") {
            text if text.is_empty() => text,
            text => text + "\n",
        }
    }
}

/// Sorts the lines of a file into those parts.
#[derive(Default)]
struct Reader<'a> {
    layout: Layout<'a>,
    /// Comments whose place is not known yet.
    pending: Vec<Block<'a>>,
    /// Whether the last line is the last one of `pending`.
    adjacent: bool,
    /// Whether no entry and no heading has been read.
    at_top: bool,
}

impl<'a> Reader<'a> {
    fn comment(&mut self, text: &'a str) {
        // What a person wrote as a heading parts blocks as a blank line does.
        let follows = self.adjacent && !text.starts_with("##");
        match self.pending.last_mut() {
            Some(block) if follows => block.push(text),
            _ => self.pending.push(vec![text]),
        }
        self.adjacent = true;
    }

    /// A heading that the layout writes itself.
    fn section(&mut self) {
        if self.at_top {
            self.layout.header = std::mem::take(&mut self.pending);
        }
        self.at_top = false;
        self.adjacent = false;
    }

    fn entry(&mut self, entry: Entry<'a>, place: Place) {
        if self.at_top {
            let attached = usize::from(self.adjacent);
            let kept = self.pending.len().saturating_sub(attached);
            let attached = self.pending.split_off(kept);
            self.layout.header = std::mem::replace(&mut self.pending, attached);
        }
        let comments = std::mem::take(&mut self.pending).concat();
        self.layout.items.push(Item { entry, comments, place });
        self.at_top = false;
        self.adjacent = false;
    }

    fn end(self) -> Layout<'a> {
        let Self { mut layout, pending, at_top, .. } = self;
        if at_top {
            layout.header = pending;
        } else {
            layout.trailer = pending;
        }
        layout
    }
}

fn section(name: &str, items: &[&Item<'_>]) -> String {
    let mut lines = vec![heading(name)];
    for item in items {
        lines.extend(item.comments.iter().map(|it| (*it).to_owned()));
        lines.push(format!("{}={}", item.entry.key, item.entry.value));
    }
    lines.join("\n")
}

fn heading(section: &str) -> String {
    format!("## {section}").trim_end().to_owned()
}

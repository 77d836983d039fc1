//! What hangs together counts as one.

use std::collections::HashMap;

/// The items in groups, in the order in which they come: one without label is a group of its
/// own.
pub(super) fn groups<'a, T>(items: impl Iterator<Item = (T, Option<&'a str>)>) -> Vec<Vec<T>> {
    let mut groups: Vec<Vec<T>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (item, label) in items {
        let next = groups.len();
        let at = label.map_or(next, |it| *places.entry(it).or_insert(next));
        match groups.get_mut(at) {
            Some(group) => group.push(item),
            None => groups.push(vec![item]),
        }
    }
    groups
}

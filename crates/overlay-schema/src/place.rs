use overlay_model::Place;

use crate::params::{Group, PARAMS, model_param};

/// Where `key` stands in a laid-out file: in the section of its group, in the order of the
/// table; what is no parameter comes last.
pub fn place(key: &str) -> Place {
    if let Ok(at) = PARAMS.binary_search_by(|it| it.key.cmp(key)) {
        let group = PARAMS.get(at).map_or(Group::Metadata, |it| it.group);
        return Place { section: group.heading(), rank: rank(group, at) };
    }
    match model_param(key) {
        Some((_, param)) => Place { section: param.group.heading(), rank: rank(param.group, 0) },
        None => Place { section: "Other", rank: u32::MAX },
    }
}

/// Groups in their order, and the order of the table inside a group.
fn rank(group: Group, row: usize) -> u32 {
    let group = match group {
        Group::Metadata => 0,
        Group::Core => 1,
        Group::Fusion => 2,
        Group::Thresholds => 3,
        Group::Sampling => 4,
        Group::Operation => 5,
        Group::Models => 6,
    };
    group * 1_000 + u32::try_from(row).unwrap_or(999).min(999)
}

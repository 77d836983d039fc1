/// A figure to reach.
pub(super) struct Goal {
    /// The benchmark without its group.
    name: &'static str,
    /// What it is held to.
    pub(super) bound: Bound,
    /// The benchmark of the same group that it is measured against.
    pub(super) floor: Option<&'static str>,
    /// What is measured.
    pub(super) what: &'static str,
}

/// What a figure is held to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bound {
    /// At most so many nanoseconds.
    Time(f64),
    /// At least so many elements a second.
    PerSecond(f64),
    /// At most so many bytes.
    Bytes(f64),
}

const fn goal(
    name: &'static str,
    bound: Bound,
    floor: Option<&'static str>,
    what: &'static str,
) -> Goal {
    Goal { name, bound, floor, what }
}

/// The figures to reach on two cores.
const GOALS: &[Goal] = &[
    goal(
        "parse_check_60",
        Bound::Time(8e3),
        Some("peer_hash_map_60"),
        "parse and validate an overlay of 60 keys",
    ),
    goal(
        "read_check_10000",
        Bound::Time(150e6),
        Some("floor_read_10000"),
        "read, parse and validate 10,000 overlay files",
    ),
    goal("replay_rules", Bound::PerSecond(10_000.0), None, "scenarios replayed on rules"),
    goal("replay_tokens", Bound::PerSecond(3_000.0), None, "scenarios replayed with tokens"),
    goal(
        "golden_without_tokens",
        Bound::Time(150e6),
        None,
        "the shipped suite, process start to verdict, no tokens counted",
    ),
    goal("golden", Bound::Time(1e9), None, "the shipped suite, process start to verdict"),
    goal("binary_size", Bound::Bytes(20e6), None, "the binary `fusion` as released"),
];

/// The goal of the benchmark `group/name`.
pub(super) fn goal_of(name: &str) -> Option<&'static Goal> {
    let name = name.rsplit('/').next().unwrap_or(name);
    GOALS.iter().find(|it| it.name == name)
}

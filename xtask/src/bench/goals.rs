/// A figure to reach.
pub(super) struct Goal {
    /// The benchmark: `group/name`, or the name alone for that of any group.
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
    /// At most so many nanoseconds. For what is far from the noise of a machine.
    Time(f64),
    /// At most so many times the goal's floor, measured in the same run.
    Ratio {
        /// The figure of DESIGN §9 in nanoseconds, on the machine that it was set on.
        design: f64,
        /// The floor there, in nanoseconds.
        floor: f64,
    },
    /// At least so many elements a second.
    PerSecond(f64),
    /// At most so many bytes.
    Bytes(f64),
    /// At most this number, which has no unit.
    AtMost(f64),
    /// At least this number, which has no unit.
    AtLeast(f64),
}

const fn goal(
    name: &'static str,
    bound: Bound,
    floor: Option<&'static str>,
    what: &'static str,
) -> Goal {
    Goal { name, bound, floor, what }
}

/// A goal of nanoseconds, beside the nanoseconds that its floor took on the same machine.
const fn ratio(
    name: &'static str,
    (design, floor): (f64, f64),
    against: &'static str,
    what: &'static str,
) -> Goal {
    goal(name, Bound::Ratio { design, floor }, Some(against), what)
}

/// The figures to reach on two cores.
///
/// Each ratio is a figure of DESIGN §9 beside what its floor or peer took on the machine
/// that the figure was set on: `notes/config.md` has the first two pairs (fact 9),
/// `notes/flags.md` (c) those of flags and breakers, `notes/metrics.md` (b) those of
/// metrics, `notes/deploy.md` §4 that of the reload.
const GOALS: &[Goal] = &[
    ratio(
        "parse_check_60",
        (8e3, 9e3),
        "peer_hash_map_60",
        "parse and validate an overlay of 60 keys",
    ),
    ratio(
        "read_check_10000",
        (150e6, 38e6),
        "floor_read_10000",
        "read, parse and validate 10,000 overlay files",
    ),
    ratio("decide_name_100", (40.0, 27.0), "floor_name_100", "a flag by name, with reason"),
    ratio("decide_handle_100", (20.0, 13.0), "floor_handle_100", "a flag by handle, with reason"),
    ratio("decide_name_10000", (80.0, 51.0), "floor_name_10000", "one of 10,000 flags by name"),
    goal("route_exact_10000", Bound::Time(1e3), None, "a route over 10,000 flags"),
    goal("route_substring_10000", Bound::Time(1e3), None, "the same where types match by part"),
    goal(
        "load_10000",
        Bound::Time(50e6),
        Some("peer_json_10000"),
        "load and validate 10,000 flags from JSON",
    ),
    goal("breaker/closed", Bound::Time(5.0), Some("floor_two_loads"), "a breaker, all well"),
    ratio("live/snapshot_read", (15.0, 10.2), "floor_arc_swap_load", "the configuration in force"),
    ratio(
        "live/snapshot_read_cached",
        (5.0, 2.8),
        "floor_arc_swap_cache",
        "the same by a reader of its own",
    ),
    ratio(
        "live/reload_visible_p50",
        (0.5e6, 0.14e6),
        "floor_notify_p50",
        "from rename to visible, half of all",
    ),
    goal("live/reload_visible_p99", Bound::Time(10e6), None, "from rename to visible, 99 %"),
    // The peer is a lock around a map, as prometheus-client has it.
    ratio("metrics/counter", (25.0, 41.0), "peer_locked_map", "a counter with three labels"),
    ratio("metrics/histogram", (30.0, 41.0), "peer_locked_map", "a histogram with three labels"),
    ratio("metrics/counter_macro", (90.0, 25.0), "counter", "a counter through the macros"),
    ratio("metrics/histogram_macro", (90.0, 30.0), "histogram", "a histogram through the macros"),
    ratio("metrics/counter_over_limit", (80.0, 25.0), "counter", "a name beyond every limit"),
    // Two threads on a busy machine wait for a core, whatever they count in.
    ratio(
        "metrics/counter_two_threads",
        (1.3, 1.0),
        "counter_two_threads_apart",
        "by two threads in one store, beside two stores",
    ),
    ratio(
        "metrics/counter_known_in_flood",
        (1.2, 1.0),
        "counter_known_beside_calm",
        "a known name beside an attacker",
    ),
    goal(
        "metrics/scrape_10000",
        Bound::Time(1.5e6),
        Some("floor_write_10000"),
        "a page of 10,000 counters",
    ),
    goal(
        "golden_gsm8k/replay_rules",
        Bound::PerSecond(10_000.0),
        None,
        "scenarios replayed on rules",
    ),
    goal(
        "golden_gsm8k/replay_tokens",
        Bound::PerSecond(3_000.0),
        None,
        "scenarios replayed with tokens",
    ),
    goal(
        "golden_without_tokens",
        Bound::Time(150e6),
        None,
        "the shipped suite, process start to verdict, no tokens counted",
    ),
    goal("process/golden", Bound::Time(1e9), None, "the shipped suite, process start to verdict"),
    goal("binary_size", Bound::Bytes(20e6), None, "the binary `fusion` as released"),
    goal(
        "gates/bootstrap_10000_of_800",
        Bound::Time(50e6),
        None,
        "10,000 bootstrap draws of 800 pairs",
    ),
    goal("gates/suite_659", Bound::Time(1e9), None, "the gate on 659 scenarios of real answers"),
    goal("tuner/ask_100", Bound::Time(10e6), None, "what to try next, after 100 trials"),
    goal(
        "figures/alarms_one_look",
        Bound::AtMost(0.02),
        None,
        "the same called worse, at one look",
    ),
    goal(
        "figures/alarms_many_looks",
        Bound::AtMost(0.01),
        None,
        "the same called worse, over 40 looks",
    ),
    goal(
        "figures/tuner_hartmann6",
        Bound::AtMost(0.05),
        None,
        "median regret on Hartmann-6 after 60 evaluations",
    ),
    goal(
        "figures/tuner_overlay10",
        Bound::AtMost(0.25),
        None,
        "regret on a noisy overlay by that of random search",
    ),
    goal(
        "figures/tuner_zdt1",
        Bound::AtLeast(0.92),
        None,
        "hypervolume of ZDT1 after 60 evaluations",
    ),
    ratio("peers_flags/fusion_name", (40.0, 165.0), "yggdrasil", "a flag by name"),
    ratio("peers_flags/fusion_name", (40.0, 175.0), "eppo", "a flag by name"),
    ratio("peers_flags/fusion_name", (40.0, 7_360.0), "flagd", "a flag by name"),
    ratio("peers_flags/fusion_handle", (20.0, 165.0), "yggdrasil", "a flag by handle"),
    ratio("peers_breaker/fusion", (5.0, 13.0), "recloser", "a breaker, all well"),
    ratio("peers_breaker/fusion", (5.0, 19.0), "failsafe", "a breaker, all well"),
    ratio("peers_breaker/fusion", (5.0, 201.0), "tower_resilience", "a breaker, all well"),
    ratio("counter_fusion", (25.0, 41.0), "counter_prometheus_client", "a counter"),
    ratio("counter_fusion", (25.0, 84.0), "counter_opentelemetry", "a counter"),
    ratio("counter_macro_fusion", (90.0, 140.0), "counter_macro_exporter", "by the macros"),
    ratio("histogram_fusion", (30.0, 51.7), "histogram_prometheus_client", "a histogram"),
    ratio("histogram_fusion", (30.0, 97.0), "histogram_opentelemetry", "a histogram"),
    ratio("histogram_macro_fusion", (90.0, 164.0), "histogram_macro_exporter", "by the macros"),
    ratio("scrape_fusion", (1.5e6, 0.8e6), "scrape_prometheus_client", "a page of 10,000 counters"),
    ratio("scrape_fusion", (1.5e6, 8.2e6), "scrape_exporter", "a page of 10,000 counters"),
];

/// The names that goals go by.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    GOALS.iter().map(|it| it.name)
}

/// The goals of the benchmark `group/name`.
pub(super) fn goals_of(name: &str) -> impl Iterator<Item = &'static Goal> {
    let last = name.rsplit('/').next().unwrap_or(name);
    GOALS.iter().filter(move |it| it.name == name || it.name == last)
}

macro_rules! codes {
    ($($name:ident = $code:literal, $title:literal, $text:literal;)+) => {
        $(pub(super) const $name: &str = $code;)+

        /// The codes of findings about recorded outcomes and votes: code, title,
        /// explanation; sorted.
        pub const CODES: &[(&str, &str, &str)] = &[$(($code, $title, $text)),+];
    };
}

codes! {
    NO_COLUMN = "GLD6001", "column missing",
        "A file of outcomes has a first line that names its columns: `scenario`, `model` and at least one of `score` and `tokens`.";
    BAD_ROW = "GLD6002", "row is not of its form",
        "A row has another number of fields than the first line, a field in quotes, or a number that is none. It is left out.";
    ROW_TWICE = "GLD6003", "row stands twice",
        "Two rows hold the same scenario of the same model, or two lines the pair of the same `id`, and which one counts would depend on their order. The first one is kept.";
    BAD_PAIR = "GLD6004", "line is no pair with votes",
        "A line of human votes is a JSON object with `id`, `response1`, `response2` and `annotators`: votes of 0 for a tie, 1 or 2. The line is left out.";
    NO_ROWS = "GLD6005", "nothing to read",
        "The file holds no row, so nothing can be said from it.";
}

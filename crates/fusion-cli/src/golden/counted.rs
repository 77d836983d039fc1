use clap::builder::RangedU64ValueParser;

/// Reads a number of things from 1 to `most`: with none of them a command would report
/// shares of nothing.
pub(super) fn counted(most: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=most)
}

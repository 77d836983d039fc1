use std::io;
use std::path::Path;

use overlay_loader::acknowledgements;

/// The instances of the service that say, since `since_us` (microseconds since 1970), that
/// they do not follow the pointer of the root in `root`: `<name>: <reason>` each.
///
/// # Errors
///
/// Where the folder of the instances cannot be listed.
pub fn nacks(root: &Path, since_us: i64) -> io::Result<Vec<String>> {
    let all = acknowledgements(root)?.into_iter();
    let refusal = |(name, ack)| match ack {
        Ok(ack) => {
            let ack: overlay_loader::Acknowledgement = ack;
            let is_recent = ack.at_ms.saturating_mul(1000) >= since_us;
            ack.refused.filter(|_| is_recent).map(|why| (name, why))
        }
        // What cannot be read may be a refusal: it must not pass for consent.
        Err(why) => Some((name, why)),
    };
    let named =
        all.filter_map(refusal).map(
            |(name, why): (String, String)| {
                if why.is_empty() { name } else { format!("{name}: {why}") }
            },
        );
    Ok(named.collect())
}

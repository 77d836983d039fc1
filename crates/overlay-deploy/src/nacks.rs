use std::io;
use std::path::Path;

use overlay_loader::acknowledgements;

/// How many instances of the service say, since `since_us` (microseconds since 1970), that
/// they do not follow the pointer of the root in `root`.
///
/// # Errors
///
/// Where the folder of the instances cannot be listed.
pub fn nacks(root: &Path, since_us: i64) -> io::Result<u64> {
    let all = acknowledgements(root)?;
    let refuses = all.iter().filter(|(_, ack)| match ack {
        Ok(ack) => ack.refused.is_some() && ack.at_ms.saturating_mul(1000) >= since_us,
        // What cannot be read may be a refusal: it must not pass for consent.
        Err(_) => true,
    });
    Ok(refuses.count() as u64)
}

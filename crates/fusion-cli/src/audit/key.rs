use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::deploy::random;
use crate::exit::{Exit, refusal};
use crate::input;

/// The secret key in a file: 64 hexadecimal digits, blanks around them.
pub(super) fn secret(path: &Path) -> anyhow::Result<[u8; 32]> {
    let input = input::read(path)?;
    let no_key = || refusal(Exit::UNREADABLE, format!("{}: no 64 hexadecimal digits", input.name));
    unhex(input.text()?.trim()).ok_or_else(no_key)
}

/// The secret key in a file that signs. The public half of a key looks alike.
pub(super) fn signing(path: &Path) -> anyhow::Result<[u8; 32]> {
    let key = secret(path)?;
    if path.extension().is_some_and(|it| it == "pub") {
        let message = format!("{} is the public half of a key: the secret signs", path.display());
        return Err(refusal(Exit::USAGE, message));
    }
    Ok(key)
}

/// A public key as it is written on the command line: its digits, or a file that holds them.
pub(super) fn public(text: &str) -> anyhow::Result<[u8; 32]> {
    match unhex(text) {
        Some(key) => Ok(key),
        None => secret(Path::new(text)),
    }
}

/// Makes a new key: the secret in `path`, which must not be there, the public one beside it.
pub(super) fn create(path: &Path) -> anyhow::Result<[u8; 32]> {
    let secret: [u8; 32] = random()?;
    let failed = || format!("writing {}", path.display());
    if path.exists() {
        let message = format!("{} exists: a key is never overwritten", path.display());
        return Err(refusal(Exit::USAGE, message));
    }
    let mut file = private(path).map_err(|err| match err.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::PermissionDenied => {
            refusal(Exit::USAGE, format!("{}: {err}", path.display()))
        }
        _ => anyhow::Error::new(err).context(failed()),
    })?;
    writeln!(file, "{}", hex(&secret)).and_then(|()| file.sync_all()).with_context(failed)?;
    let public = hex(&overlay_store::audit::public_key(&secret)) + "\n";
    crate::replace::create(&beside(path), public.as_bytes(), true)?;
    Ok(secret)
}

/// `audit.key.pub` of `audit.key`.
pub(super) fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    PathBuf::from(name)
}

/// A new file that nobody else can read.
fn private(path: &Path) -> std::io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let is_digits = text.len() == 64 && text.bytes().all(|it| it.is_ascii_hexdigit());
    let mut res = [0; 32];
    for (at, byte) in res.iter_mut().enumerate().filter(|_| is_digits) {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    is_digits.then_some(res)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_back() {
        let key: [u8; 32] = std::array::from_fn(|at| at as u8 * 7);
        assert_eq!(unhex(&hex(&key)), Some(key));
        assert_eq!(unhex("00"), None);
        assert_eq!(unhex(&"g".repeat(64)), None);
    }
}

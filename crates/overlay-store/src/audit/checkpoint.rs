use std::fmt::Write;
use std::io;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use thiserror::Error;

use super::Head;
use super::segment::DIR;
use crate::vfs::Vfs;

const FORMAT: &str = "resontinex-audit/1";
const SIZE: &str = "size <number>";
const HEAD: &str = "head sha256:<digits>";
const AT: &str = "at_us <number>";
const SIGNATURE: &str = "ed25519 <public key> <signature>";

/// The most bytes the text of a checkpoint has.
pub const MAX_CHECKPOINT_BYTES: u64 = 1024;

/// The end of a log at some moment, to be signed and kept where who may write to the root
/// may not.
///
/// The text form is five lines, an empty one, and the signature:
///
/// ```text
/// resontinex-audit/1
/// origin production@deploy-1
/// size 1204
/// head sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
/// at_us 1764000000000000
///
/// ed25519 <public key, 64 hexadecimal digits> <signature, 128 hexadecimal digits>
/// ```
///
/// The Ed25519 signature is over the five lines, each with its line feed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checkpoint {
    /// Whose log it is; one line of 1 to 200 bytes without control characters.
    pub origin: String,
    /// How many records the log had, and the hash of the last.
    pub head: Head,
    /// When, microseconds since 1970.
    pub at_us: i64,
}

/// Why a text is no checkpoint to rely on.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The origin cannot be written on a line.
    #[error("the origin must be one line of 1 to 200 bytes")]
    Origin,
    /// The text has another form.
    #[error("line {line} of the checkpoint is not `{expected}`")]
    Form {
        /// The line, from 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// None of the trusted keys signed it.
    #[error("the checkpoint is signed by {0}, which is not trusted")]
    Untrusted(String),
    /// The signature is not one over this text.
    #[error("the signature does not fit the checkpoint")]
    Signature,
    /// 32 bytes that are no public key.
    #[error("the public key is none")]
    Key,
}

/// The public key of a secret one.
pub fn public_key(secret: &[u8; 32]) -> [u8; 32] {
    SigningKey::from_bytes(secret).verifying_key().to_bytes()
}

impl Checkpoint {
    /// The signed text. `secret` is 32 random bytes that the caller keeps.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Origin`].
    pub fn sign(&self, secret: &[u8; 32]) -> Result<String, CheckpointError> {
        let text = self.to_text()?;
        let key = SigningKey::from_bytes(secret);
        let signature = key.sign(text.as_bytes()).to_bytes();
        let public = key.verifying_key().to_bytes();
        Ok(format!("{text}\ned25519 {} {}\n", hex(&public), hex(&signature)))
    }

    /// Reads a signed text and checks that one of the `trusted` public keys signed it.
    ///
    /// # Errors
    ///
    /// Every other variant of [`CheckpointError`].
    pub fn open(text: &str, trusted: &[[u8; 32]]) -> Result<Self, CheckpointError> {
        let form = |line, expected| CheckpointError::Form { line, expected };
        let (body, signed) = text.split_once("\n\ned25519 ").ok_or(form(7, SIGNATURE))?;
        let mut lines = body.split('\n');
        let mut line = |line, word, expected| {
            let rest = lines.next().and_then(|it| it.strip_prefix(word));
            rest.ok_or(CheckpointError::Form { line, expected })
        };
        line(1, FORMAT, FORMAT)?;
        let origin = line(2, "origin ", "origin <text>")?.to_owned();
        let seq = line(3, "size ", SIZE)?.parse().map_err(|_| form(3, SIZE))?;
        let hash = line(4, "head ", HEAD)?.parse().map_err(|_| form(4, HEAD))?;
        let at_us = line(5, "at_us ", AT)?.parse().map_err(|_| form(5, AT))?;
        let res = Self { origin, head: Head { seq, hash }, at_us };
        // Compared as it would be written, so that there is one text for one checkpoint.
        let signed_text = res.to_text()?;
        if signed_text.strip_suffix('\n') != Some(body) {
            return Err(form(1, FORMAT));
        }
        check_signature(&signed_text, signed, trusted)?;
        Ok(res)
    }

    fn to_text(&self) -> Result<String, CheckpointError> {
        let Self { origin, head, at_us } = self;
        let fits = (1..=200).contains(&origin.len()) && !origin.contains(char::is_control);
        if !fits {
            return Err(CheckpointError::Origin);
        }
        let (seq, hash) = (head.seq, head.hash);
        Ok(format!("{FORMAT}\norigin {origin}\nsize {seq}\nhead {hash}\nat_us {at_us}\n"))
    }
}

fn check_signature(text: &str, signed: &str, trusted: &[[u8; 32]]) -> Result<(), CheckpointError> {
    let form = CheckpointError::Form { line: 7, expected: SIGNATURE };
    let words = signed.strip_suffix('\n').and_then(|it| it.split_once(' '));
    let (public, signature) = words.ok_or(form.clone())?;
    let key: [u8; 32] = unhex(public).ok_or(form.clone())?;
    let signature: [u8; 64] = unhex(signature).ok_or(form)?;
    if !trusted.contains(&key) {
        return Err(CheckpointError::Untrusted(public.to_owned()));
    }
    let key = VerifyingKey::from_bytes(&key).map_err(|_| CheckpointError::Key)?;
    let signature = Signature::from_bytes(&signature);
    key.verify_strict(text.as_bytes(), &signature).map_err(|_| CheckpointError::Signature)
}

/// Keeps the text of a checkpoint of a log of `size` records beside the log, durably. The
/// directory `audit/checkpoints` must exist.
///
/// # Errors
///
/// As the system gives them; one that is there already is `AlreadyExists`.
pub fn keep_checkpoint<F: Vfs + ?Sized>(fs: &F, size: u64, text: &str) -> io::Result<String> {
    let dir = format!("{DIR}/checkpoints");
    let path = format!("{dir}/{size:08}.note");
    fs.write_new(&path, text.as_bytes(), 0o444)?;
    fs.sync_file(&path)?;
    fs.sync_dir(&dir)?;
    Ok(path)
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
    let mut res = [0; N];
    for (i, byte) in res.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(res).filter(|_| digits && text.len() == 2 * N)
}

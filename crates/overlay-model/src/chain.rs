use crate::digest::Digest;
use crate::scenario::Turn;

/// The digest of a turn and all turns before it: over the tag `turn-chain/1`, the bytes
/// of `prev` (none at the first turn), and the role and content, each preceded by its
/// length in bytes (64 bits, little endian).
pub fn chain(prev: Option<Digest>, role: &str, content: &str) -> Digest {
    let prev = prev.as_ref().map_or(&[][..], |it| it.as_bytes());
    let mut bytes = b"turn-chain/1\n".to_vec();
    for part in [prev, role.as_bytes(), content.as_bytes()] {
        let len = u64::try_from(part.len()).unwrap_or(u64::MAX);
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(part);
    }
    Digest::of(&bytes)
}

/// Whether the turns of a conversation are the ones their digests were made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Chain {
    /// No turn has a digest.
    Unverified,
    /// Every turn has the right one.
    Verified,
    /// A turn was changed, taken out or put in.
    Broken {
        /// The first turn whose digest is wrong or missing, counted from 1.
        turn: usize,
    },
}

/// Compares the digests of `turns` with the ones that [`chain`] gives. Where one turn has
/// a digest all need one: a turn without was put in later.
pub fn verify_chain(turns: &[Turn]) -> Chain {
    if turns.iter().all(|it| it.hash.is_none()) {
        return Chain::Unverified;
    }
    let mut prev = None;
    for (number, turn) in (1..).zip(turns) {
        prev = Some(chain(prev, &turn.role, &turn.content));
        if turn.hash != prev {
            return Chain::Broken { turn: number };
        }
    }
    Chain::Verified
}

//! Buckets of units, bit for bit as flagd's version 3 has them.

/// The number of buckets; one is 0.001 % of the units.
pub const BUCKETS: u32 = 100_000;

/// murmur3 (x86, 32 bits, seed 0) that can stop between any two bytes and go on, so that
/// the part a flag gives is mixed once, when the flag file is compiled.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Murmur {
    hash: u32,
    tail: u32,
    tail_bytes: u32,
    len: u32,
}

impl Murmur {
    pub(crate) const START: Self = Self { hash: 0, tail: 0, tail_bytes: 0, len: 0 };

    #[inline]
    pub(crate) fn update(self, bytes: &[u8]) -> Self {
        let shift = 8 * self.tail_bytes;
        let (mut hash, mut held) = (self.hash, u64::from(self.tail));
        let (blocks, rest) = bytes.as_chunks::<4>();
        for block in blocks {
            held |= u64::from(u32::from_le_bytes(*block)) << shift;
            hash = Self::mix(hash, held as u32);
            held >>= 32;
        }
        let mut tail_bytes = self.tail_bytes;
        for byte in rest {
            held |= u64::from(*byte) << (8 * tail_bytes);
            tail_bytes += 1;
        }
        if tail_bytes >= 4 {
            hash = Self::mix(hash, held as u32);
            held >>= 32;
            tail_bytes -= 4;
        }
        let len = self.len.wrapping_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        Self { hash, tail: held as u32, tail_bytes, len }
    }

    #[inline]
    fn scramble(block: u32) -> u32 {
        block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
    }

    #[inline]
    fn mix(hash: u32, block: u32) -> u32 {
        (hash ^ Self::scramble(block)).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
    }

    #[inline]
    pub(crate) fn finish(self) -> u32 {
        let mut hash = self.hash ^ Self::scramble(self.tail) ^ self.len;
        hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
        hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
        hash ^ (hash >> 16)
    }
}

/// The head of a CBOR item of major type `major` and length `len`, shortest form (RFC
/// 8949, section 4.2.1), and how many of its bytes count.
#[inline]
fn cbor_head(major: u8, len: usize) -> ([u8; 9], usize) {
    let mut head = [0; 9];
    let major = major << 5;
    let (low, size) = match len {
        0..24 => (u8::try_from(len).unwrap_or_default(), 0),
        24..256 => (24, 1),
        256..65_536 => (25, 2),
        65_536..4_294_967_296 => (26, 4),
        _ => (27, 8),
    };
    let bytes = (len as u64).to_be_bytes();
    head[0] = major | low;
    for (to, from) in head.iter_mut().skip(1).zip(bytes.iter().skip(8 - size)) {
        *to = *from;
    }
    (head, size + 1)
}

#[inline]
fn cbor_text(state: Murmur, text: &str) -> Murmur {
    if text.len() < 24 {
        return state.update(&[0x60 | text.len() as u8]).update(text.as_bytes());
    }
    cbor_long_text(state, text)
}

#[inline(never)]
fn cbor_long_text(state: Murmur, text: &str) -> Murmur {
    let (head, size) = cbor_head(3, text.len());
    state.update(head.get(..size).unwrap_or_default()).update(text.as_bytes())
}

/// The part of a bucket that a flag, or a deployment, gives: the CBOR array head and the
/// name.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Salt(Murmur);

impl Salt {
    /// The salt of `name`: a flag's name, or `deploy/<deployment id>`.
    pub fn new(name: &str) -> Self {
        Self(cbor_text(Murmur::START.update(&[0x82]), name))
    }

    /// murmur3 (32 bits, seed 0) over deterministic CBOR `[name, unit]`.
    #[inline]
    pub fn hash(self, unit: &str) -> u32 {
        cbor_text(self.0, unit).finish()
    }

    /// The bucket of `unit`, from 0 to 99,999.
    #[inline]
    pub fn bucket(self, unit: &str) -> u32 {
        scale(self.hash(unit), BUCKETS)
    }
}

/// murmur3 (x86, 32 bits, seed 0), the hash under all buckets.
pub fn murmur3_32(bytes: &[u8]) -> u32 {
    Murmur::START.update(bytes).finish()
}

/// `hash` as a share of `total`: `hash · total / 2³²`, without bias and without floats.
#[inline]
pub(crate) fn scale(hash: u32, total: u32) -> u32 {
    ((u64::from(hash) * u64::from(total)) >> 32) as u32
}

/// The hashes below this are those that [`scale`] takes below `end` of `total`, which is not
/// zero; all are where there is none.
pub(crate) fn hashes_below(end: u32, total: u32) -> Option<u32> {
    u32::try_from((u64::from(end) << 32).div_ceil(u64::from(total.max(1)))).ok()
}

/// How many buckets a percentage takes: 0.001 is one, 100 is all.
///
/// `None` where it is below 0, above 100 or not a number.
pub fn buckets_of_percent(percent: f64) -> Option<u32> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked, and 100,000 fits"
    )]
    let buckets = |percent: f64| (percent * f64::from(BUCKETS) / 100.0).round() as u32;
    (0.0..=100.0).contains(&percent).then(|| buckets(percent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hashes_of_a_share_are_those_that_scale_into_it() {
        for total in [1, 2, 3, 7, 1_000, BUCKETS, u32::MAX] {
            for end in [0, 1, 2, total / 3, total / 2, total - 1, total] {
                let least = hashes_below(end, total);
                let edge = least.unwrap_or(u32::MAX);
                for hash in [0, 1, edge.saturating_sub(1), edge, edge.saturating_add(1), u32::MAX] {
                    let is_below = least.is_none_or(|it| hash < it);
                    let wanted = scale(hash, total) < end;
                    assert_eq!(is_below, wanted, "{hash} for {end} of {total}");
                }
            }
        }
    }
}

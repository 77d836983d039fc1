use fusion_flags::{BUCKETS, Salt, buckets_of_percent};
use proptest::prelude::*;

/// Vectors computed outside Rust from the definitions: murmur3 (x86, 32 bits, seed 0) over
/// RFC 8949 deterministic CBOR of `[flag, unit]`.
fn vectors() -> Vec<(String, String, u32, u32)> {
    let short = [
        ("refund_lot_switch", "user-1", 0xba51_ce01, 72_781),
        ("refund_lot_switch", "user-2", 0x0992_5706, 3_738),
        ("state_model_first", "user-1", 0x1224_b660, 7_087),
        ("a", "", 0x2ab7_0f3e, 16_685),
        ("", "a", 0x7b96_1f0a, 48_275),
        ("headerColor", "5590", 0x9cfb_cceb, 61_321),
        ("f", "k", 0x7cb1_1895, 48_707),
        ("deploy/2026-11-21-a", "sess_8f14e45f", 0xcd59_5938, 80_214),
        ("größe", "日本語-😀", 0x5d77_059a, 36_509),
    ];
    let long = [
        (("x", 23), ("y", 23), 0xe830_a51a, 90_699),
        (("x", 24), ("y", 24), 0x2bed_605b, 17_159),
        (("x", 255), ("y", 255), 0xc720_0d6d, 77_783),
        (("x", 256), ("y", 300), 0x180f_0bb6, 9_397),
        (("f", 1), ("z", 70_000), 0x5c4a_ddc0, 36_051),
    ];
    let short = short.map(|(flag, unit, hash, at)| (flag.to_owned(), unit.to_owned(), hash, at));
    let long =
        long.map(|(flag, unit, hash, at)| (flag.0.repeat(flag.1), unit.0.repeat(unit.1), hash, at));
    short.into_iter().chain(long).collect()
}

/// The published algorithm, byte by byte over the whole input.
fn murmur3(bytes: &[u8]) -> u32 {
    let mut hash = 0_u32;
    let scramble =
        |block: u32| block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (blocks, tail) = bytes.split_at(bytes.len() / 4 * 4);
    for block in blocks.chunks(4) {
        hash ^= scramble(u32::from_le_bytes(block.try_into().unwrap()));
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let mut last = [0; 4];
    last[..tail.len()].copy_from_slice(tail);
    hash ^= scramble(u32::from_le_bytes(last)) ^ bytes.len() as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

fn cbor_text(text: &str, out: &mut Vec<u8>) {
    let len = text.len();
    match len {
        0..=23 => out.push(0x60 + len as u8),
        24..=0xff => out.extend([0x78, len as u8]),
        0x100..=0xffff => {
            out.push(0x79);
            out.extend((len as u16).to_be_bytes());
        }
        _ => {
            out.push(0x7a);
            out.extend((len as u32).to_be_bytes());
        }
    }
    out.extend(text.bytes());
}

fn naive(flag: &str, unit: &str) -> u32 {
    let mut bytes = vec![0x82];
    cbor_text(flag, &mut bytes);
    cbor_text(unit, &mut bytes);
    murmur3(&bytes)
}

#[test]
fn murmur3_of_the_tests_is_murmur3() {
    let known = [("", 0), ("hello", 0x248b_fa47), ("hello, world", 0x149b_bb7f)];
    for (text, hash) in known {
        assert_eq!(murmur3(text.as_bytes()), hash, "{text}");
    }
}

#[test]
fn vectors_hold() {
    for (flag, unit, hash, bucket) in vectors() {
        assert_eq!(Salt::new(&flag).hash(&unit), hash, "{flag}/{unit}");
        assert_eq!(Salt::new(&flag).bucket(&unit), bucket, "{flag}/{unit}");
        assert_eq!(naive(&flag, &unit), hash, "{flag}/{unit}");
    }
}

#[test]
fn percentages_become_buckets() {
    let check = |percent, expected| assert_eq!(buckets_of_percent(percent), expected, "{percent}");
    check(0.0, Some(0));
    check(0.001, Some(1));
    check(0.25, Some(250));
    check(33.333, Some(33_333));
    check(100.0, Some(BUCKETS));
    check(-0.001, None);
    check(100.001, None);
    check(f64::NAN, None);
    check(f64::INFINITY, None);
}

proptest! {
    #[test]
    fn any_text_hashes_as_the_definition_says(flag in "\\PC{0,40}", unit in "\\PC{0,300}") {
        prop_assert_eq!(Salt::new(&flag).hash(&unit), naive(&flag, &unit));
    }

    #[test]
    fn buckets_are_in_range(flag in "[a-z]{1,8}", unit in "\\PC{0,20}") {
        prop_assert!(Salt::new(&flag).bucket(&unit) < BUCKETS);
    }
}

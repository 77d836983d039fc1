use overlay_model::Digest;
use overlay_store::audit::{
    Checkpoint, CheckpointError, Damage, Head, Log, keep_checkpoint, public_key,
};

use super::memory::Memory;
use super::write;

const SECRET: [u8; 32] = [7; 32];

fn checkpoint(head: Head) -> Checkpoint {
    Checkpoint { origin: "production@deploy-1".to_owned(), head, at_us: 1_764_000_000_000_000 }
}

#[test]
fn text_is_documented_and_reads_back() {
    let head = Head { seq: 1204, hash: Digest::of(b"x") };
    let text = checkpoint(head).sign(&SECRET).unwrap();
    let lines: Vec<_> = text.split('\n').collect();
    assert_eq!(
        &lines[..6],
        [
            "resontinex-audit/1",
            "origin production@deploy-1",
            "size 1204",
            &format!("head {}", head.hash),
            "at_us 1764000000000000",
            ""
        ]
    );
    assert_eq!(lines[6].len(), "ed25519 ".len() + 64 + 1 + 128);
    assert_eq!(Checkpoint::open(&text, &[public_key(&SECRET)]), Ok(checkpoint(head)));
}

/// The first test vector: other programs can check the signatures.
#[test]
fn key_is_the_one_of_rfc_8032() {
    let secret = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let bytes = |hex: &str| -> Vec<u8> {
        let digit = |it: u8| u8::try_from(char::from(it).to_digit(16).unwrap()).unwrap();
        hex.as_bytes().chunks(2).map(|it| digit(it[0]) << 4 | digit(it[1])).collect()
    };
    let found = public_key(&bytes(secret).try_into().unwrap());
    assert_eq!(found.to_vec(), bytes(public));
}

#[test]
fn changed_bit_is_refused() {
    let text = checkpoint(Head { seq: 3, hash: Digest::of(b"x") }).sign(&SECRET).unwrap();
    for bit in (0..8 * text.len()).step_by(51) {
        let mut bytes = text.clone().into_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(changed) = String::from_utf8(bytes) {
            let res = Checkpoint::open(&changed, &[public_key(&SECRET)]);
            assert!(res.is_err(), "{changed}");
        }
    }
    for changed in [format!("{text}\n"), format!(" {text}"), text.replace("size 3", "size 03")] {
        let res = Checkpoint::open(&changed, &[public_key(&SECRET)]);
        assert!(matches!(res, Err(CheckpointError::Form { .. })), "{res:?}");
    }
}

#[test]
fn another_key_is_not_trusted() {
    let text = checkpoint(Head::empty()).sign(&[8; 32]).unwrap();
    let res = Checkpoint::open(&text, &[public_key(&SECRET)]);
    assert!(matches!(res, Err(CheckpointError::Untrusted(_))), "{res:?}");
    assert!(Checkpoint::open(&text, &[public_key(&SECRET), public_key(&[8; 32])]).is_ok());
}

#[test]
fn origin_is_one_line() {
    for origin in ["", "a\nsize 9", &"x".repeat(201)] {
        let checkpoint = Checkpoint { origin: origin.to_owned(), ..checkpoint(Head::empty()) };
        assert_eq!(checkpoint.sign(&SECRET), Err(CheckpointError::Origin));
    }
}

#[test]
fn wholesale_rewrite_is_seen_by_a_checkpoint_only() {
    let fs = Memory::default();
    let head = write(&fs, 50);
    let exported = checkpoint(head).sign(&SECRET).unwrap();
    let kept = keep_checkpoint(&fs, head.seq, &exported).unwrap();
    assert_eq!(kept, "audit/checkpoints/00000050.note");
    write_on(&fs, head);
    let exported = Checkpoint::open(&exported, &[public_key(&SECRET)]).unwrap();
    assert_eq!(Log::new(&fs).check(&exported).unwrap().records, 51);

    // Who owns the root writes another history, HEAD and pointer with it.
    let forged = Memory::default();
    let mut other = super::entry(1);
    other.actor = "nobody".to_owned();
    let (_, first) = overlay_store::audit::append(&forged, Head::empty(), other).unwrap();
    let pointer = (2..=60).fold(first, |head, n| {
        overlay_store::audit::append(&forged, head, super::entry(n)).unwrap().1
    });
    assert_eq!(Log::new(&forged).verify(Some(pointer)).unwrap().records, 60);
    let err = Log::new(&forged).check(&exported).unwrap_err();
    let broken = err.broken().unwrap();
    assert_eq!((broken.seq, &broken.what), (50, &Damage::Unexpected { expected: head.hash }));

    let shorter = Memory::default();
    write(&shorter, 49);
    let err = Log::new(&shorter).check(&exported).unwrap_err();
    assert_eq!(err.broken().unwrap().what, Damage::Missing { until: 50 });
}

fn write_on(fs: &Memory, head: Head) {
    overlay_store::audit::append(fs, head, super::entry(51)).unwrap();
}

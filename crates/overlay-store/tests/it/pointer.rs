use overlay_model::Digest;
use overlay_store::audit::Head;
use overlay_store::{GenerationId, GenerationRef, Phase, Pointer};
use proptest::prelude::*;

fn pointer() -> Pointer {
    let generation =
        |id, of: &[u8]| GenerationRef { generation: GenerationId(id), manifest: Digest::of(of) };
    Pointer {
        v: 1,
        epoch: 7,
        phase: Phase::Canary,
        stable: generation(41, b"41"),
        candidate: Some(generation(42, b"42")),
        weight: 5000,
        deployment: Some("refunds-7".to_owned()),
        step: 1,
        step_started_us: 1_767_225_600_000_000,
        audit: Head { seq: 12, hash: Digest::of(b"12") },
    }
}

#[test]
fn the_line_is_fixed() {
    let expect = "{\"v\":1,\"epoch\":7,\"phase\":\"canary\",\
        \"stable\":{\"generation\":41,\"manifest\":\"sha256:3d914f9348c9cc0ff8a79716700b9fcd4d2f3e711608004eb8f138bcba7f14d9\"},\
        \"candidate\":{\"generation\":42,\"manifest\":\"sha256:73475cb40a568e8da8a045ced110137e159f890ac4da883b6b17dc651b3a8049\"},\
        \"weight\":5000,\"deployment\":\"refunds-7\",\"step\":1,\"step_started_us\":1767225600000000,\
        \"audit\":{\"seq\":12,\"hash\":\"sha256:6b51d431df5d7f141cbececcf79edf3dd861c3b4069f0b11661a3eefacbba918\"}";
    let line = pointer().encode().unwrap();
    assert_eq!(Pointer::decode(line.as_bytes()).unwrap(), pointer());
    let (open, sum) = line.rsplit_once(",\"sum\":\"").unwrap();
    assert_eq!(open, expect);
    assert_eq!(sum, format!("{}\"}}\n", Digest::of(format!("{open}}}").as_bytes())));
}

#[test]
fn any_flipped_bit_and_any_cut_is_found() {
    let line = pointer().encode().unwrap().into_bytes();
    for at in 0..line.len() * 8 {
        let mut flipped = line.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        assert!(Pointer::decode(&flipped).is_err(), "bit {at}");
    }
    for len in 0..line.len() {
        assert!(Pointer::decode(&line[..len]).is_err(), "{len} bytes");
    }
}

#[track_caller]
fn check(change: impl FnOnce(&mut Pointer), expect: &str) {
    let mut pointer = pointer();
    change(&mut pointer);
    assert_eq!(pointer.encode().unwrap_err().to_string(), expect);
}

#[test]
fn a_pointer_that_would_not_read_back_is_not_written() {
    check(|it| it.v = 2, "no valid pointer: unknown version 2");
    check(|it| it.weight = 100_001, "no valid pointer: a number out of range");
    check(|it| it.epoch = 0, "no valid pointer: a number out of range");
    check(|it| it.epoch = u64::MAX, "no valid pointer: a number out of range");
    let audit = "no valid pointer: no record may have the number 18446744073709551615";
    check(|it| it.audit.seq = u64::MAX, &format!("{audit} at line 1 column 379"));
    check(|it| it.deployment = Some("d".repeat(4000)), "no valid pointer: 4516 bytes are too many");
}

#[test]
fn generation_numbers() {
    let parse = |text: &str| text.parse::<GenerationId>().ok().map(|it| it.to_string());
    assert_eq!(parse("42").as_deref(), Some("00000042"));
    assert_eq!(parse("00000042").as_deref(), Some("00000042"));
    for text in ["", "0", "-1", "+1", "1.0", "x", "../1", "99999999999999999999"] {
        assert_eq!(parse(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn every_pointer_reads_back(
        epoch in 1..u64::MAX, weight in 0..=100_000_u32, deployment in ".{0,40}", step: u32,
        candidate: bool,
    ) {
        let mut pointer = pointer();
        (pointer.epoch, pointer.weight, pointer.step) = (epoch, weight, step);
        pointer.deployment = Some(deployment);
        pointer.candidate = pointer.candidate.filter(|_| candidate);
        let line = pointer.encode().unwrap();
        prop_assert_eq!(line.matches('\n').count(), 1);
        prop_assert_eq!(Pointer::decode(line.as_bytes()).unwrap(), pointer);
    }
}

use overlay_model::{Digest, Overlay, Shape, Value, canonical_bytes};
use proptest::prelude::*;

/// The digest of a text whose keys have the shape that their first letter names.
fn digest(text: &str) -> Digest {
    let (overlay, _) = Overlay::parse(text);
    let pairs = overlay.entries().map(|it| {
        let value = Value::parse(shape(it.key), it.value).unwrap();
        (it.key, value.canonical())
    });
    Digest::of(&canonical_bytes(pairs))
}

fn shape(key: &str) -> Shape {
    match key.as_bytes().first() {
        Some(b'N') => Shape::Number,
        Some(b'L') => Shape::List,
        Some(b'W') => Shape::Weights,
        Some(b'V') => Shape::Version,
        _ => Shape::Text,
    }
}

#[test]
fn canonical_bytes_are_what_they_are() {
    let bytes = canonical_bytes([("B", "2".to_owned()), ("A", "ü".to_owned())]);
    assert_eq!(bytes, b"ovl-canon/1\n\x01\0\0\0A\x02\0\0\0\xc3\xbc\x01\0\0\0B\x01\0\0\x002");
    // Digests lie in files of other people: this one must never change.
    assert_eq!(
        digest("TRUST=a\nN=0.30\n").to_string(),
        "sha256:868e909792e73336f82dcaf1f64e5efb57f0ae134dc122056683a1712f65d14b",
    );
}

#[test]
fn what_says_the_same_has_the_same_digest() {
    let text = "N1=0.30\nL=a,b\nW=x:1,y:2\nV=2.1.0\nT=text\n";
    for other in [
        "T=text\nV=2.1.0\nW=x:1,y:2\nL=a,b\nN1=0.30\n",
        "# c\n\n N1 = 0.3 \nL=a, b\nW=y:2,x:1\nV=v2.1\nT=text",
        "\u{feff}N1=3e-1\r\nL=a,b\r\nW=x:1,y:2\r\nV=2.1.0\r\nT=text\r\n",
    ] {
        assert_eq!(digest(text), digest(other), "{other}");
    }
    for other in [
        "N1=0.31\nL=a,b\nW=x:1,y:2\nV=2.1.0\nT=text\n",
        "N1=0.30\nL=b,a\nW=x:1,y:2\nV=2.1.0\nT=text\n",
        "N1=0.30\nL=a,b\nW=x:1,y:3\nV=2.1.0\nT=text\n",
        "N1=0.30\nL=a,b\nW=x:1,y:2\nV=2.1.1\nT=text\n",
        "N1=0.30\nL=a,b\nW=x:1,y:2\nV=2.1.0\nT=Text\n",
        "N2=0.30\nL=a,b\nW=x:1,y:2\nV=2.1.0\nT=text\n",
        "N1=0.30\nL=a,b\nW=x:1,y:2\nV=2.1.0\n",
    ] {
        assert_ne!(digest(text), digest(other), "{other}");
    }
}

proptest! {
    #[test]
    fn order_and_layout_leave_no_trace(
        lines in prop::collection::btree_map("[TX][A-Z0-9_]{0,6}", "[ -~]{0,12}", 1..10)
            .prop_map(|it| it.into_iter().map(|(key, value)| format!("{key}={}", value.trim())).collect::<Vec<_>>())
            .prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
        comment in "[ -~]{0,10}",
    ) {
        let (sorted, shuffled) = lines;
        let plain = sorted.join("\n");
        let other: String = shuffled.iter().map(|it| format!("# {comment}\r\n\r\n  {it} \r\n")).collect();
        prop_assert_eq!(digest(&plain), digest(&format!("\u{feff}{other}")));
    }

    #[test]
    fn one_other_value_is_another_digest(
        pairs in prop::collection::btree_map("T[A-Z]{0,3}", "[a-c]{0,3}", 1..6),
        at in any::<prop::sample::Index>(), value in "[a-c]{0,3}",
    ) {
        let text = |pairs: &std::collections::BTreeMap<String, String>| -> String {
            pairs.iter().map(|(key, value)| format!("{key}={value}\n")).collect()
        };
        let mut other = pairs.clone();
        let key = pairs.keys().nth(at.index(pairs.len())).unwrap();
        other.insert(key.clone(), value);
        prop_assert_eq!(digest(&text(&pairs)) == digest(&text(&other)), pairs == other);
    }
}

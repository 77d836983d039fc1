use overlay_model::{Overlay, header, one_line};
use proptest::prelude::*;

#[test]
fn a_line_break_does_not_leave_the_comment() {
    let text = header("x\nTRUST_FLOOR=0", "a\r\nb\u{2028}c\u{202e}", " refund\0 ");
    assert_eq!(
        text,
        "# Overlay: x\\nTRUST_FLOOR=0\n# Purpose: a\\r\\nb\\u{2028}c\\u{202e}\n# Target scenarios: refund\\u{0}\n",
    );
    assert_eq!(header("x", "", " \n "), "# Overlay: x\n");
}

proptest! {
    #[test]
    fn whatever_it_says_is_comment(name in any::<String>(), purpose in any::<String>()) {
        let (overlay, findings) = Overlay::parse(&header(&name, &purpose, ""));
        prop_assert!(overlay.is_empty() && overlay.is_sound());
        prop_assert_eq!(findings, []);
    }

    #[test]
    fn one_line_is_a_value(text in any::<String>()) {
        let mut overlay = Overlay::default();
        prop_assert_eq!(overlay.set(&"A".parse().unwrap(), &one_line(&text)), Ok(()));
    }
}

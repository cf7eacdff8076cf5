//! Any bytes in: something valid or NULL comes out, and nothing of what was hidden.

use super::super::types::Type;
use super::*;
use proptest::prelude::*;

/// Every type that masks tell apart, an array of each, a range, and one that is not built in.
fn types() -> impl Strategy<Value = u32> {
    prop::sample::select(vec![
        25, 1043, 1042, 19, 142, 114, 3802, 21, 23, 20, 26, 1700, 700, 701, 16, 17, 1082, 1083, 1114, 1184, 1186, 2950, 869, 790,
        1560, 1009, 1007, 1231, 1001, 1182, 1185, 2951, 199, 3807, 1041, 3904, 90_000,
    ])
}

proptest! {
    #[test]
    fn nothing_of_a_hidden_value_is_shown(
        oid in types(),
        modifier in prop_oneof![Just(NONE), 0..60_i32, any::<i32>()],
        binary: bool,
        value in prop_oneof![
            proptest::collection::vec(any::<u8>(), 8..60),
            "[!-~]{8,40}".prop_map(String::into_bytes),
            "[1-9][0-9]{8,30}".prop_map(String::into_bytes),
        ],
    ) {
        let format = if binary { Format::Binary } else { Format::Text };
        for transform in [Transform::Redact, Transform::Null, Transform::Pseudonym, constant("0")] {
            // The shape of an array is not hidden, and of the empty ones there is nothing else.
            if Type::of(oid).element.is_some() && !value.iter().any(u8::is_ascii_alphanumeric) {
                continue;
            }
            let shown = masked(&column(&transform, oid, modifier, format), &value).unwrap_or_default();
            prop_assert!(!shown.windows(value.len()).any(|window| window == value.as_slice()), "{:?} {}", transform, oid);
        }
        let whole = masked(&ColumnMask::whole(oid, modifier, format), &value).unwrap_or_default();
        let whole = String::from_utf8_lossy(whole.as_slice()).into_owned();
        let padded = whole.trim_end_matches(' ').trim_start_matches('\u{1}');
        prop_assert!("[masked]".starts_with(padded) || padded == "\"[masked]\"", "{}", whole);
    }

    #[test]
    fn anything_is_masked_twice_alike_and_stays_text(
        oid in types(),
        modifier in prop_oneof![Just(NONE), 0..60_i32],
        value in "\\PC{0,30}",
    ) {
        for transform in transforms() {
            let mask = column(&transform, oid, modifier, Format::Text);
            let shown = masked(&mask, value.as_bytes());
            prop_assert_eq!(&shown, &masked(&mask, value.as_bytes()));
            prop_assert!(shown.is_none_or(|shown| String::from_utf8(shown).is_ok()));
        }
    }
}

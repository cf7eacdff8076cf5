//! JSON: escapes hide nothing, and what has nothing to hide stays byte for byte.

use super::detectors;
use proptest::prelude::*;

fn json(text: &str) -> String {
    let detectors = detectors();
    let (mut out, mut hits) = (b">".to_vec(), detectors.hits());
    detectors.redact_json(text.as_bytes(), &mut detectors.scratch(), &mut out, &mut hits);
    String::from_utf8(out).expect("UTF-8").split_off(1)
}

#[test]
fn escapes_hide_nothing() {
    for (text, expected) in [
        (r#"{"mail":"ana\u0040example.com"}"#, r#"{"mail":"[email]"}"#),
        (r#"["4111 1111\u00201111 1111", "\/", 1]"#, r#"["[payment_card]", "\/", 1]"#),
        (r#"{"ssn": 536221234, "n": 536221234.5}"#, r#"{"ssn": "[us_ssn]", "n": 536221234.5}"#),
        (r#"{"ana@example.com": [true, null, -1.5e+3]}"#, r#"{"[email]": [true, null, -1.5e+3]}"#),
        (r#""say \"hi\" to\n\u0061na@example.com \u0001""#, r#""say \"hi\" to\n[email] \u0001""#),
        (r#" {"password" : "letmein"} "#, r#" {"password" : "[secret]"} "#),
        (r#"{"a":"{\"b\":\"ana@example.com\"}"}"#, r#"{"a":"{\"b\":\"[email]\"}"}"#),
        (r#""\ud83d\ude00 ana@example.com \ud83d""#, "\"😀 [email] \u{fffd}\""),
    ] {
        assert_eq!(json(text), expected, "{text}");
    }
}

#[test]
fn what_is_no_json_is_hidden_as_a_whole() {
    for text in [
        "",
        "{",
        "ana@example.com",
        r#"{"a":1,}"#,
        r#"{"a" 1}"#,
        "[1 2]",
        "01",
        "1.",
        "[1]]",
        "\"\\x\"",
        "\"\n\"",
        "nul",
        "[1}",
        "{1:2}",
        "\"\\u12\"",
    ] {
        assert_eq!(json(text), "\"[masked]\"", "{text}");
    }
    let deep = "[".repeat(2000) + &"]".repeat(2000);
    assert_eq!(json(&deep), "\"[masked]\"");
}

proptest! {
    #[test]
    fn valid_is_what_serde_takes(text in r#"[\[\]{}:,"0-9a-e.\\u tnulr+-]{0,12}"#) {
        let valid = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        let out = json(&text);
        prop_assert_eq!(valid, out == text, "{} {}", text, out);
    }
}

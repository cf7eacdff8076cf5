//! What no signature is needed for; responses with real signatures are tried where keys are, in the gateway.

use super::*;
use proptest::prelude::*;

fn check(text: &str, why: Refusal) {
    assert_eq!(xml::read(text).map(drop), Err(why), "{text:.80}");
}

#[test]
fn what_a_response_may_not_have_is_seen_before_it_is_parsed() {
    check("<!DOCTYPE a><a/>", Refusal::Dtd);
    check("<a><!-- c --></a>", Refusal::Comment);
    check("<a/><!-- c -->", Refusal::Comment);
    check("<a><![CDATA[x]]></a>", Refusal::Cdata);
    check("<a><?x y?></a>", Refusal::ProcessingInstruction);
    check(" <?xml version=\"1.0\"?><a/>", Refusal::ProcessingInstruction);
    check("<?xml version=\"1.0\" encoding=\"utf-16\"?><a/>", Refusal::NotUtf8);
    check("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>", Refusal::NotUtf8);
    assert!(xml::read("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?><a/>").is_ok());
    check("<a>&b;</a>", Refusal::NotXml);
    check("<a b=\"1\" b=\"2\"/>", Refusal::NotXml);
    check("<a></b>", Refusal::NotXml);
    check("<a/><b/>", Refusal::NotXml);
    check("<p:a/>", Refusal::NotXml);
    check("<a xmlns:p=\"z\"><p:b xmlns:p=\"\"/></a>", Refusal::NotXml);
    check("<a xmlns:p=\"\"/>", Refusal::NotXml);
    assert!(xml::read("<a xmlns=\"z\"><b xmlns=\"\"/></a>").is_ok());
    check("<a>\u{1}</a>", Refusal::NotXml);
    check("<a ID=\"x\"><b Id=\"x\"/></a>", Refusal::TwiceId);
    check(&format!("{}{}", "<a>".repeat(40), "</a>".repeat(40)), Refusal::TooDeep);
    check(&format!("<a>{}</a>", "<b/>".repeat(20_001)), Refusal::TooMany);
    let attributes: String = (0..40).map(|number| format!(" a{number}=\"\"")).collect();
    check(&format!("<a{attributes}/>"), Refusal::TooMany);
}

#[test]
fn a_bound_is_a_bound() {
    let expected = Expected {
        issuer: String::new(),
        audience: String::new(),
        recipient: String::new(),
        in_response_to: String::new(),
        now: Timestamp(0),
        skew: Duration::ZERO,
    };
    assert_eq!(verify(&vec![b'<'; LARGEST + 1], &expected, &|_, _, _| true), Err(Refusal::TooLarge));
    assert_eq!(verify(b"\xff", &expected, &|_, _, _| true), Err(Refusal::NotUtf8));
    assert_eq!(verify(b"<a/>", &expected, &|_, _, _| true), Err(Refusal::NotResponse));
}

proptest! {
    #[test]
    fn anything_is_read_or_refused(bytes: Vec<u8>) {
        fuzz_entry(&bytes);
    }

    #[test]
    fn what_is_canonical_stays_so(text in r#"(<(a:)?[ab]( xmlns(:a)?="[xy]?")?( (a:)?[cd]="[x&;<\r\n]?")?>|</(a:)?[ab]>|[x\r\n]|&lt;|&#13;){0,12}"#) {
        fuzz_entry(format!("<a xmlns:a=\"z\">{text}</a>").as_bytes());
    }
}

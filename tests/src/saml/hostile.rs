//! Responses that nobody may be let in by, each with the reason that has to be told.

use super::signer::with_signature;
use super::{Facts, Form, Signer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;

/// One of them.
#[derive(Debug)]
pub struct Case {
    /// What it tries.
    pub name: &'static str,
    /// The form's `SAMLResponse`.
    pub field: String,
    /// A part of the reason.
    pub why: &'static str,
}

/// Who is to be let in by them.
const EVIL: &str = "eve-the-admin@acme.example";

/// All of them, made of facts that are right: signed by the provider where that has signed something else, and by `other` where somebody would
/// like to be it. `certificate` is the provider's, as PEM.
pub fn hostile(facts: &Facts, provider: &Signer, other: &Signer, certificate: &str) -> Vec<Case> {
    let mut all = Vec::new();
    let mut add = |name, why, response: String| all.push(Case { name, field: STANDARD.encode(response), why });
    let good = provider.response(facts);
    let form = Form::of(facts, provider);
    let evil = Facts { name: EVIL.to_owned(), id: "_evil".to_owned(), ..facts.clone() };
    let signed = provider.assertion(facts, &form);
    let changed = |change: &dyn Fn(&mut Facts)| {
        let mut changed = facts.clone();
        change(&mut changed);
        // The response fits: what is wrong is signed.
        facts.response(&provider.assertion(&changed, &Form::of(&changed, provider)))
    };
    let formed = |change: &dyn Fn(&mut Form)| {
        let mut form = form.clone();
        change(&mut form);
        facts.response(&provider.assertion(facts, &form))
    };
    let ds = |inside: &str| format!("<ds:Object xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">{inside}</ds:Object>");

    // Signatures that are none, or somebody else's.
    add("unsigned", "is not signed", facts.response(&facts.assertion()));
    add("signed by another key", "certificate that is configured", facts.response(&other.assertion(facts, &form)));
    let der: String = certificate.lines().filter(|line| !line.starts_with("-----")).collect();
    let key_info = format!("<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{der}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>");
    let with_key = Form { key_info: key_info.clone(), ..form.clone() };
    add(
        "another key, which KeyInfo brings",
        "certificate that is configured",
        facts.response(&other.assertion(facts, &with_key)),
    );
    let value = "<ds:KeyInfo><ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus><ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></ds:KeyValue></ds:KeyInfo>";
    let with_value = Form { key_info: value.to_owned(), ..form.clone() };
    add("another key, as its numbers", "certificate that is configured", facts.response(&other.assertion(facts, &with_value)));
    add("the name changed", "changed after it was signed", good.replace(&facts.name, EVIL));
    add(
        "a group added",
        "changed after it was signed",
        good.replace("<saml:AttributeValue>dba<", "<saml:AttributeValue>dba</saml:AttributeValue><saml:AttributeValue>admin<"),
    );
    add("white space added", "changed after it was signed", good.replace("<saml:Subject>", " <saml:Subject>"));
    add(
        "no value",
        "not of the form",
        good.replace("<ds:SignatureValue>", "<ds:SignatureValue></ds:SignatureValue><x>")
            .replace("</ds:SignatureValue></ds:Signature>", "</x></ds:Signature>"),
    );
    add(
        "the response signed, and not the assertion",
        "is not signed",
        with_signature(
            &facts.response(&facts.assertion()),
            &provider.signature(&facts.assertion(), &Form { uri: " URI=\"#_response\"".to_owned(), ..form.clone() }),
        ),
    );
    add(
        "signed twice",
        "Signature where none may be",
        good.replacen("</ds:Signature>", &format!("</ds:Signature>{}", provider.signature(&facts.assertion(), &form)), 1),
    );
    add(
        "a signature somewhere else",
        "Signature where none may be",
        good.replacen(
            "<samlp:Status>",
            &format!("<samlp:Extensions>{}</samlp:Extensions><samlp:Status>", provider.signature(&facts.assertion(), &form)),
            1,
        ),
    );
    add("an object in the signature", "not of the form", good.replace("</ds:Signature>", &format!("{}</ds:Signature>", ds("x"))));

    // Facts that are signed, and not ours.
    add("expired", "is over", changed(&|facts| facts.at -= SignedDuration::from_secs(362)));
    add("not yet valid", "not good yet", changed(&|facts| facts.at += SignedDuration::from_secs(120)));
    add("another audience", "another audience", changed(&|facts| facts.audience = "https://other.example".to_owned()));
    add(
        "another audience beside ours",
        "another audience",
        changed(&|facts| facts.audience += "</saml:Audience><saml:Audience>https://other.example"),
    );
    add(
        "two restrictions of audience",
        "another audience",
        changed(&|facts| {
            facts.condition = "<saml:AudienceRestriction><saml:Audience>x</saml:Audience></saml:AudienceRestriction>".to_owned()
        }),
    );
    add("another recipient", "another recipient", changed(&|facts| facts.recipient = "https://other.example/acs".to_owned()));
    add("another recipient that begins alike", "another recipient", changed(&|facts| facts.recipient += "/x"));
    add("another issuer in the assertion", "Issuer is not", changed(&|facts| facts.issuer = "urn:other".to_owned()));
    add(
        "the answer to another request",
        "does not answer this sign-in",
        changed(&|facts| facts.in_response_to = "_other".to_owned()),
    );
    add(
        "a condition that nobody knows",
        "condition that is not known",
        changed(&|facts| facts.condition = "<saml:Condition></saml:Condition>".to_owned()),
    );
    add("nobody's name", "names nobody", changed(&|facts| facts.name = String::new()));
    add("a name in a name", "names nobody", changed(&|facts| facts.name = "<saml:b>a</saml:b>".to_owned()));
    add(
        "a session that is over",
        "is over",
        changed(&|facts| facts.session = format!(" SessionNotOnOrAfter=\"{}\"", facts.time(-120))),
    );
    add(
        "a time that is none",
        "not of the form",
        changed(&|facts| facts.session = " SessionNotOnOrAfter=\"tomorrow\"".to_owned()),
    );
    add(
        "a time without its zone",
        "not of the form",
        changed(&|facts| facts.session = " SessionNotOnOrAfter=\"2099-01-01T00:00:00\"".to_owned()),
    );
    let resigned = |from: &str, to: &str| {
        let plain = facts.assertion().replace(from, to);
        assert_ne!(plain, facts.assertion(), "{from}");
        facts.response(&with_signature(&plain, &provider.signature(&plain, &form)))
    };
    add("no bearer", "no bearer confirmation", resigned("cm:bearer", "cm:sender-vouches"));
    add(
        "a bearer from some time on",
        "no bearer confirmation",
        resigned(
            &format!("InResponseTo=\"{}\" ", facts.in_response_to),
            &format!("InResponseTo=\"{}\" NotBefore=\"2020-01-01T00:00:00Z\" ", facts.in_response_to),
        ),
    );
    add(
        "a bearer for ever",
        "no bearer confirmation",
        resigned(&format!("NotOnOrAfter=\"{}\" Recipient", facts.time(300)), "Recipient"),
    );
    add(
        "two confirmations",
        "no bearer confirmation",
        resigned(
            "</saml:Subject>",
            "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"></saml:SubjectConfirmation></saml:Subject>",
        ),
    );
    add("no conditions", "another audience", resigned("saml:Conditions", "saml:Advice"));
    add("nobody has signed in", "has signed in", resigned("saml:AuthnStatement", "saml:AuthzDecisionStatement"));
    add("another version", "not of the form", resigned("Version=\"2.0\"", "Version=\"1.1\""));

    // The response around it, which is not signed.
    add(
        "another destination",
        "Destination is not",
        good.replacen(&format!("Destination=\"{}\"", facts.recipient), "Destination=\"https://other.example\"", 1),
    );
    add("no destination", "Destination is not", good.replacen("Destination=", "Target=", 1));
    add(
        "a response to another request",
        "does not answer this sign-in",
        good.replacen(&format!("InResponseTo=\"{}\"", facts.in_response_to), "InResponseTo=\"_other\"", 1),
    );
    add(
        "asked by nobody",
        "does not answer this sign-in",
        good.replacen(&format!("InResponseTo=\"{}\" IssueInstant", facts.in_response_to), "IssueInstant", 1),
    );
    add("a response of another issuer", "Issuer is not", good.replacen(&format!(">{}<", facts.issuer), ">urn:other<", 1));
    add("a status that is no success", "status is not Success", good.replace("status:Success", "status:Requester"));
    add("no status", "status is not Success", good.replace("samlp:Status>", "samlp:Extensions>"));
    add("another version of the response", "no Response", good.replacen("Version=\"2.0\"", "Version=\"1.1\"", 1));
    add("a request in the place of a response", "no Response", good.replace("samlp:Response", "samlp:AuthnRequest"));
    add("nothing in it", "no Assertion", facts.response(""));
    add(
        "encrypted",
        "is encrypted",
        facts.response("<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"/>"),
    );
    add(
        "encrypted beside one that is not",
        "is encrypted",
        good.replace("</samlp:Response>", "<x:EncryptedAssertion xmlns:x=\"x\"/></samlp:Response>"),
    );

    // Several assertions, and wrapping (Somorovsky et al., On Breaking SAML, 2012; the numbers are SAML Raider's).
    let unsigned = evil.assertion();
    let own = provider.signature(&facts.assertion(), &form);
    let bare = facts.assertion();
    let reply = |inside: &str| evil.response(inside).replacen("ID=\"_response\"", "ID=\"_evil_response\"", 1);
    let two = "more than one Assertion";
    add("two assertions, the signed one first", two, facts.response(&format!("{signed}{unsigned}")));
    add(
        "two signed assertions",
        two,
        facts.response(&format!("{signed}{}", provider.assertion(&evil, &Form::of(&evil, provider)))),
    );
    let of_response = own.replace("</ds:Signature>", &format!("{}</ds:Signature>", ds(&good)));
    add("XSW1: the response in the signature of another", "no Response", with_signature(&reply(&unsigned), &of_response));
    add("XSW2: the response before the signature of another", "no Response", reply(&format!("{good}{own}{unsigned}")));
    add("XSW3: another assertion before it", two, facts.response(&format!("{unsigned}{signed}")));
    add(
        "XSW4: it is in another assertion",
        two,
        facts.response(&unsigned.replace("</saml:Assertion>", &format!("{signed}</saml:Assertion>"))),
    );
    add("XSW5: its signature in another assertion", two, facts.response(&format!("{}{bare}", with_signature(&unsigned, &own))));
    let with_bare = own.replace("</ds:SignatureValue>", &format!("</ds:SignatureValue>{bare}"));
    add("XSW6: it is in the signature of another", two, facts.response(&with_signature(&unsigned, &with_bare)));
    add("XSW7: another in extensions", two, facts.response(&format!("<samlp:Extensions>{unsigned}</samlp:Extensions>{signed}")));
    let with_object = own.replace("</ds:Signature>", &format!("{}</ds:Signature>", ds(&bare)));
    add("XSW8: it is in an object of the signature of another", two, facts.response(&with_signature(&unsigned, &with_object)));
    let hidden = |text: &str| text.replace("saml:Assertion", "saml:Assertion_");
    add(
        "it is under another name in another",
        "Signature where none may be",
        facts.response(&unsigned.replace("</saml:Assertion>", &format!("{}</saml:Assertion>", hidden(&signed)))),
    );
    add("its signature alone in another", "not for its Assertion", facts.response(&with_signature(&unsigned, &own)));
    add(
        "its signature in another of its id",
        "changed after it was signed",
        facts.response(&with_signature(&unsigned.replace("_evil", &facts.id), &own)),
    );
    add(
        "it is deeper than it may be",
        "no Assertion as a child",
        facts.response(&format!("<samlp:Extensions>{signed}</samlp:Extensions>")),
    );
    add(
        "it is of another namespace",
        "no Assertion as a child",
        good.replace(
            "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"",
            "<saml:Assertion xmlns:saml=\"urn:other\"",
        ),
    );
    add("the root is an assertion", "no Response", signed.clone());

    // What is signed, and how.
    add("a reference to another id", "not for its Assertion", formed(&|form| form.uri = " URI=\"#_other\"".to_owned()));
    add("a reference to the response", "not for its Assertion", formed(&|form| form.uri = " URI=\"#_response\"".to_owned()));
    add("a reference to the whole document", "not for its Assertion", formed(&|form| form.uri = " URI=\"\"".to_owned()));
    add("a reference to nothing", "not for its Assertion", formed(&|form| form.uri = String::new()));
    add(
        "a reference by an expression",
        "not for its Assertion",
        formed(&|form| form.uri = format!(" URI=\"#xpointer(id('{}'))\"", facts.id)),
    );
    add(
        "a reference to elsewhere",
        "not for its Assertion",
        formed(&|form| form.uri = format!(" URI=\"https://other.example/#{}\"", facts.id)),
    );
    let reference = |text: &str| {
        text.get(text.find("<ds:Reference").unwrap_or_default()..text.find("</ds:SignedInfo>").unwrap_or_default())
            .unwrap_or_default()
            .to_owned()
    };
    add(
        "two references",
        "not for its Assertion",
        good.replace("</ds:SignedInfo>", &format!("{}</ds:SignedInfo>", reference(&good))),
    );
    add("no reference", "not for its Assertion", good.replace(&reference(&good), ""));
    let enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
    let exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
    for (name, transforms) in [
        ("a transform by XPath", &[enveloped, "http://www.w3.org/TR/1999/REC-xpath-19991116", exclusive][..]),
        ("a transform by XPath filter", &["http://www.w3.org/2002/06/xmldsig-filter2", exclusive]),
        ("a transform by XSLT", &[enveloped, "http://www.w3.org/TR/1999/REC-xslt-19991116"]),
        ("a transform from base64", &[enveloped, "http://www.w3.org/2000/09/xmldsig#base64"]),
        ("canonicalization with comments", &[enveloped, "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"]),
        ("inclusive canonicalization", &[enveloped, "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"]),
        ("transforms the other way round", &[exclusive, enveloped]),
        ("no transforms", &[]),
    ] {
        add(name, "other transforms", formed(&|form| form.transforms = Form::transforms(transforms)));
    }
    for (name, algorithm) in [
        ("SHA-1", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"),
        ("MD5", "http://www.w3.org/2001/04/xmldsig-more#rsa-md5"),
        ("HMAC with the certificate", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"),
        ("HMAC with SHA-1", "http://www.w3.org/2000/09/xmldsig#hmac-sha1"),
        ("DSA", "http://www.w3.org/2000/09/xmldsig#dsa-sha1"),
        ("no algorithm", ""),
    ] {
        let response = formed(&|form| form.algorithm = algorithm.to_owned());
        let response = if name.starts_with("HMAC with the") { with_hmac(&response, certificate) } else { response };
        add(name, "signature algorithm is not accepted", response);
    }
    add(
        "another kind of key",
        "certificate that is configured",
        formed(&|form| form.algorithm = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256".to_owned()),
    );
    add(
        "a digest by SHA-1",
        "digest algorithm is not accepted",
        formed(&|form| form.digest = "http://www.w3.org/2000/09/xmldsig#sha1".to_owned()),
    );
    add("what is signed with comments", "another canonicalization", formed(&|form| form.canonicalization += "WithComments"));
    add(
        "what is signed in inclusive form",
        "another canonicalization",
        formed(&|form| form.canonicalization = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315".to_owned()),
    );
    add("one id twice", "the same ID", good.replace("ID=\"_response\"", &format!("ID=\"{}\"", facts.id)));
    add(
        "one id twice, in small letters",
        "the same ID",
        good.replacen("<samlp:Status>", &format!("<samlp:Status id=\"{}\">", facts.id), 1),
    );

    // XML.
    let named = |name: &str| good.replace(&format!("<saml:NameID>{}<", facts.name), &format!("<saml:NameID>{name}<"));
    add("a comment in the name", "has a comment", named(&facts.name.replace('@', "<!-- x -->@")));
    add(
        "a comment that cuts the name",
        "has a comment",
        changed(&|facts| facts.name = "ana@acme.example<!-- -->.evil.example".to_owned()),
    );
    add("a comment behind it all", "has a comment", format!("{good}<!-- x -->"));
    add("CDATA in the name", "has a CDATA section", named("<![CDATA[ana]]>"));
    add("a processing instruction", "processing instruction", named("ana<?x y?>@acme.example"));
    add("a style sheet", "processing instruction", format!("<?xml-stylesheet href=\"x\"?>{good}"));
    add("a DTD", "document type declaration", format!("<!DOCTYPE r>{good}"));
    add("an entity", "document type declaration", format!("<!DOCTYPE r [<!ENTITY a \"{EVIL}\">]>{}", named("&a;")));
    add(
        "an entity of a file",
        "document type declaration",
        format!("<!DOCTYPE r [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>{}", named("&a;")),
    );
    let laughs: String = (1..10).map(|n| format!("<!ENTITY a{n} \"{}\">", format!("&a{};", n - 1).repeat(10))).collect();
    add("a billion laughs", "document type declaration", format!("<!DOCTYPE r [<!ENTITY a0 \"ha\">{laughs}]>{}", named("&a9;")));
    add(
        "a DTD from elsewhere",
        "document type declaration",
        format!("<!DOCTYPE r PUBLIC \"x\" \"https://other.example/x.dtd\">{good}"),
    );
    add("an entity that is not there", "not well-formed", named("&a;"));
    add("another encoding", "not UTF-8", format!("<?xml version=\"1.0\" encoding=\"UTF-16\"?>{good}"));
    add("two roots", "not well-formed", format!("{good}{good}"));
    add("cut off", "not well-formed", good.get(..good.len() - 9).unwrap_or_default().to_owned());
    add("one attribute twice", "not well-formed", good.replacen(" ID=", " Version=\"2.0\" ID=", 1));
    add("a prefix of nothing", "not well-formed", good.replacen("<samlp:Status>", "<x:a/><samlp:Status>", 1));
    add("empty", "not well-formed", String::new());
    add("no XML", "not well-formed", "hello".to_owned());
    add(
        "deep",
        "nested too deeply",
        good.replacen("<samlp:Status>", &format!("{}{}<samlp:Status>", "<a>".repeat(9_000), "</a>".repeat(9_000)), 1),
    );
    add(
        "wide",
        "more elements or attributes",
        good.replacen("<samlp:Status>", &format!("{}<samlp:Status>", "<a/>".repeat(20_000)), 1),
    );
    let attributes: String = (0..5_000).map(|number| format!(" a{number}=\"\"")).collect();
    add(
        "many attributes",
        "more elements or attributes",
        good.replacen("<samlp:Status>", &format!("<a{attributes}/><samlp:Status>"), 1),
    );
    let slow: String = (0..24)
        .map(|level| {
            format!("<a{}>", (0..30).map(|n| format!(" xmlns:p{level}x{n}=\"u{n}\" p{level}x{n}:a=\"\"")).collect::<String>())
        })
        .collect();
    let slow = format!("{slow}{}{}", "<b/>".repeat(8_000), "</a>".repeat(24));
    add("slow to make canonical", "not of the form", good.replace("</ds:SignedInfo>", &format!("{slow}</ds:SignedInfo>")));
    add("oversized", "larger than a response may be", format!("{good}{}", " ".repeat((193 << 10) - good.len())));

    for (name, field) in [("not base64", "<samlp:Response>"), ("base64 of addresses", "_-_-"), ("base64 without its end", "YQ")] {
        all.push(Case { name, field: field.to_owned(), why: "not base64" });
    }
    all.push(Case { name: "not UTF-8", field: STANDARD.encode(b"<a>\xff</a>"), why: "not UTF-8" });
    all
}

/// With a value that whoever has the certificate can make.
fn with_hmac(response: &str, certificate: &str) -> String {
    let between = |from: &str, to: &str| Some((response.find(from)?, response.find(to)?));
    let (start, end) = between("<ds:SignedInfo", "</ds:SignedInfo>").expect("it is signed");
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, certificate.as_bytes());
    let tag = aws_lc_rs::hmac::sign(&key, &response.as_bytes()[start..end + "</ds:SignedInfo>".len()]);
    let (start, end) = between("<ds:SignatureValue>", "</ds:SignatureValue>").expect("it is signed");
    format!("{}{}{}", &response[..start + "<ds:SignatureValue>".len()], STANDARD.encode(tag), &response[end..])
}

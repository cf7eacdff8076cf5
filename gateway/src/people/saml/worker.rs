//! The verifier's own part: one response, read and verified in a sealed process, which says who it is or why not.

use crate::launch::seal;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_core::saml::{Algorithm, Expected, LARGEST, Person, Refusal, verify};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};
use std::io::{Read as _, Write as _};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

/// Bytes of a question.
const MOST: u64 = 2 << 20;

/// What is asked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// The form's `SAMLResponse`.
    pub(super) response: String,
    /// The texts of the files of certificates.
    pub(super) certificates: Vec<String>,
    /// What the response has to say.
    pub(super) expected: Expected,
}

/// What is answered.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    /// Who has signed in.
    Person(Person),
    /// Why nobody has.
    Refused(Refusal),
    /// The certificates can't be used.
    Unfit,
}

/// A key whose signatures are believed.
enum Key {
    Rsa(Vec<u8>),
    P256(Vec<u8>),
    P384(Vec<u8>),
}

/// Seals this process, reads one question and answers it.
///
/// # Errors
/// Where it can't be sealed, or the question is none.
pub(crate) fn work() -> Result<(), String> {
    // What a panic says could have something of the response in it.
    std::panic::set_hook(Box::new(|_| ()));
    seal().map_err(|error| error.to_string())?;
    let mut text = String::new();
    std::io::stdin().take(MOST).read_to_string(&mut text).map_err(|error| error.to_string())?;
    let question = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let answer = serde_json::to_vec(&answer(&question)).map_err(|error| error.to_string())?;
    std::io::stdout().write_all(&answer).map_err(|error| error.to_string())
}

/// Who the response says has signed in.
pub(super) fn answer(question: &Question) -> Answer {
    let Some(keys) = question.certificates.iter().map(|text| keys(text)).collect::<Option<Vec<_>>>() else {
        return Answer::Unfit;
    };
    // RFC 4648 without line breaks is what a browser posts; MIME's line breaks are what some providers write (Bindings §3.5.4).
    let text: String = question.response.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    if text.len() / 4 > LARGEST / 3 + 1 {
        return Answer::Refused(Refusal::TooLarge);
    }
    let Ok(response) = STANDARD.decode(text) else { return Answer::Refused(Refusal::NotBase64) };
    let believed = |algorithm, octets: &[u8], signature: &[u8]| {
        keys.iter().flatten().any(|key| key.has_signed(algorithm, octets, signature))
    };
    match verify(&response, &question.expected, &believed) {
        Ok(person) => Answer::Person(person),
        Err(why) => Answer::Refused(why),
    }
}

/// The keys of all certificates of a file; none where one of them can't be used, or there is none. How long a certificate is good for is not looked at: it
/// is trusted as long as it is configured.
fn keys(text: &str) -> Option<Vec<Key>> {
    let all = CertificateDer::pem_slice_iter(text.as_bytes());
    let keys = all.map(|certificate| Key::of(&certificate.ok()?)).collect::<Option<Vec<_>>>()?;
    Some(keys).filter(|keys| !keys.is_empty())
}

impl Key {
    fn of(certificate: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let key = certificate.public_key();
        let bytes = key.subject_public_key.data.to_vec();
        match key.parsed().ok()? {
            PublicKey::RSA(_) => Some(Self::Rsa(bytes)),
            PublicKey::EC(point) => match point.key_size() {
                256 => Some(Self::P256(bytes)),
                384 => Some(Self::P384(bytes)),
                _ => None,
            },
            _ => None,
        }
    }

    fn has_signed(&self, algorithm: Algorithm, octets: &[u8], signature: &[u8]) -> bool {
        let (how, key): (&'static dyn VerificationAlgorithm, _) = match (algorithm, self) {
            (Algorithm::RsaSha256, Self::Rsa(key)) => (&RSA_PKCS1_2048_8192_SHA256, key),
            (Algorithm::RsaSha384, Self::Rsa(key)) => (&RSA_PKCS1_2048_8192_SHA384, key),
            (Algorithm::RsaSha512, Self::Rsa(key)) => (&RSA_PKCS1_2048_8192_SHA512, key),
            (Algorithm::EcdsaSha256, Self::P256(key)) => (&ECDSA_P256_SHA256_FIXED, key),
            (Algorithm::EcdsaSha384, Self::P384(key)) => (&ECDSA_P384_SHA384_FIXED, key),
            // A key is for its own algorithm and curve.
            (_, Self::Rsa(_) | Self::P256(_) | Self::P384(_)) => return false,
        };
        UnparsedPublicKey::new(how, key).verify(octets, signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::model::time::Timestamp;
    use std::time::Duration;
    use weir_tests::saml::{Facts, Form, Keys, Signer, hostile};

    struct Scene {
        keys: Keys,
        facts: Facts,
        expected: Expected,
    }

    impl Scene {
        fn new() -> Self {
            let at = jiff::Timestamp::now();
            let text = str::to_owned;
            let facts = Facts {
                issuer: text("urn:acme.example:login"),
                audience: text("https://weir.example/auth/saml/metadata"),
                recipient: text("https://weir.example/auth/saml/acs"),
                in_response_to: text("_request"),
                id: text("_assertion"),
                name: text("ana@acme.example"),
                at,
                condition: String::new(),
                session: String::new(),
            };
            let expected = Expected {
                issuer: facts.issuer.clone(),
                audience: facts.audience.clone(),
                recipient: facts.recipient.clone(),
                in_response_to: facts.in_response_to.clone(),
                now: Timestamp(u64::try_from(at.as_nanosecond()).unwrap()),
                skew: Duration::from_secs(60),
            };
            Self { keys: Keys::create(), facts, expected }
        }

        fn signer(&self, name: &str) -> Signer {
            Signer::open(&self.keys.key(name))
        }

        fn pem(&self, name: &str) -> String {
            std::fs::read_to_string(self.keys.certificate(name)).unwrap()
        }

        fn ask(&self, response: &str, certificates: &[&str]) -> Answer {
            let certificates = certificates.iter().map(|name| self.pem(name)).collect();
            let response = STANDARD.encode(response);
            answer(&Question { response, certificates, expected: self.expected.clone() })
        }
    }

    #[test]
    fn who_a_trusted_key_has_signed_for_is_believed() {
        let scene = Scene::new();
        let check = |response: &str, certificates: &[&str]| match scene.ask(response, certificates) {
            Answer::Person(person) => person,
            other => panic!("{other:?}"),
        };
        let plain = scene.signer("idp").response(&scene.facts);
        let person = check(&plain, &["idp"]);
        assert_eq!((person.name_id.as_str(), person.values("groups")), ("ana@acme.example", Some(vec!["dba"])));
        assert_eq!((person.assertion_id.as_str(), person.session_until), ("_assertion", None));
        // While the provider rolls its key over, and with another kind of key.
        check(&plain, &["other", "idp"]);
        check(&scene.signer("curve").response(&scene.facts), &["idp", "curve"]);
        let declared = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{plain}");
        check(&declared, &["idp"]);
        // A response that is signed as well; a listed prefix, as Okta has it; clocks that differ.
        let (facts, signer) = (&scene.facts, scene.signer("idp"));
        let mut form = Form::of(facts, &signer);
        let twice = plain.replacen("</saml:Issuer>", &format!("</saml:Issuer>{}", signer.signature("x", &form)), 1);
        check(&twice, &["idp"]);
        let list = "<ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"xs\"></ec:InclusiveNamespaces>";
        form.transforms =
            form.transforms.replacen("xml-exc-c14n#\"></ds:Transform>", &format!("xml-exc-c14n#\">{list}</ds:Transform>"), 1);
        check(&facts.response(&signer.assertion(facts, &form)), &["idp"]);
        for seconds in [-359, 59] {
            let at = facts.at + jiff::SignedDuration::from_secs(seconds);
            check(&signer.response(&Facts { at, ..facts.clone() }), &["idp"]);
        }
        let session = format!(" SessionNotOnOrAfter=\"{}\"", facts.time(100));
        assert!(check(&signer.response(&Facts { session, ..facts.clone() }), &["idp"]).session_until.is_some());
    }

    #[test]
    fn hostile_responses_are_refused_for_what_they_are() {
        let scene = Scene::new();
        let (certificate, certificates) = (scene.pem("idp"), vec![scene.pem("idp")]);
        let cases = hostile(&scene.facts, &scene.signer("idp"), &scene.signer("other"), &certificate);
        let mut wrong = Vec::new();
        for case in &cases {
            let question =
                Question { response: case.field.clone(), certificates: certificates.clone(), expected: scene.expected.clone() };
            match answer(&question) {
                Answer::Refused(why) if why.to_string().contains(case.why) => {}
                other => wrong.push(format!("{}: {other:?} instead of {:?}", case.name, case.why)),
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        let names: std::collections::BTreeSet<_> = cases.iter().map(|case| case.name).collect();
        assert!(names.len() == cases.len() && cases.len() > 100, "{}", cases.len());
    }

    #[test]
    fn certificates_that_are_none_are_told_and_no_key_is_passed_over() {
        let scene = Scene::new();
        let response = scene.signer("idp").response(&scene.facts);
        for text in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let certificates = vec![scene.pem("idp"), text.to_owned()];
            let question = Question { response: STANDARD.encode(&response), certificates, expected: scene.expected.clone() };
            assert_eq!(answer(&question), Answer::Unfit, "{text}");
        }
        assert_eq!(scene.ask(&response, &[]), Answer::Refused(Refusal::Key));
    }
}

//! Makes responses, signed as a provider signs them, or in whatever way somebody would like to have them believed.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use std::path::Path;

const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// A key.
#[derive(Debug)]
pub enum Signer {
    /// RSA.
    Rsa(Box<RsaKeyPair>),
    /// NIST's P-256.
    P256(Box<EcdsaKeyPair>),
}

/// What an assertion says.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Who says it.
    pub issuer: String,
    /// Who may hear it.
    pub audience: String,
    /// Where it is posted.
    pub recipient: String,
    /// What it answers.
    pub in_response_to: String,
    /// The assertion's id.
    pub id: String,
    /// What is between the tags of `NameID`.
    pub name: String,
    /// When it is made: it is good from then on for five minutes.
    pub at: Timestamp,
    /// What `Conditions` has before `AudienceRestriction`.
    pub condition: String,
    /// What `AuthnStatement` has further.
    pub session: String,
}

/// How it is signed.
#[derive(Clone, Debug)]
pub struct Form {
    /// The signature's algorithm.
    pub algorithm: String,
    /// The digest's.
    pub digest: String,
    /// The canonicalization of what is signed.
    pub canonicalization: String,
    /// What it is for.
    pub uri: String,
    /// Its transforms.
    pub transforms: String,
    /// What is behind its value.
    pub key_info: String,
}

impl Signer {
    /// The key of a file.
    pub fn open(path: &Path) -> Self {
        let key = PrivatePkcs8KeyDer::from_pem_file(path).expect("a key as PKCS 8");
        let bytes = key.secret_pkcs8_der();
        RsaKeyPair::from_pkcs8(bytes).map_or_else(
            |_| Self::P256(Box::new(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes).expect("RSA or P-256"))),
            |pair| Self::Rsa(Box::new(pair)),
        )
    }

    fn sign(&self, octets: &str) -> String {
        let random = SystemRandom::new();
        STANDARD.encode(match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, octets.as_bytes(), &mut signature).expect("it signs");
                signature
            }
            Self::P256(pair) => pair.sign(&random, octets.as_bytes()).expect("it signs").as_ref().to_vec(),
        })
    }

    /// A signature over an assertion in its canonical form.
    pub fn signature(&self, assertion: &str, form: &Form) -> String {
        let Form { algorithm, digest: digest_name, canonicalization, uri, transforms, key_info } = form;
        let hash = STANDARD.encode(digest(&SHA256, assertion.as_bytes()));
        let info = format!(
            "<ds:SignedInfo xmlns:ds=\"{DSIG}\"><ds:CanonicalizationMethod Algorithm=\"{canonicalization}\"></ds:CanonicalizationMethod>\
             <ds:SignatureMethod Algorithm=\"{algorithm}\"></ds:SignatureMethod><ds:Reference{uri}><ds:Transforms>{transforms}</ds:Transforms>\
             <ds:DigestMethod Algorithm=\"{digest_name}\"></ds:DigestMethod><ds:DigestValue>{hash}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
        );
        let value = self.sign(&info);
        format!("<ds:Signature xmlns:ds=\"{DSIG}\">{info}<ds:SignatureValue>{value}</ds:SignatureValue>{key_info}</ds:Signature>")
    }

    /// A signed assertion.
    pub fn assertion(&self, facts: &Facts, form: &Form) -> String {
        let plain = facts.assertion();
        with_signature(&plain, &self.signature(&plain, form))
    }

    /// The response that a provider makes.
    pub fn response(&self, facts: &Facts) -> String {
        facts.response(&self.assertion(facts, &Form::of(facts, self)))
    }
}

impl Form {
    /// As providers do it.
    pub fn of(facts: &Facts, signer: &Signer) -> Self {
        let more = "http://www.w3.org/2001/04/xmldsig-more#";
        Self {
            algorithm: match signer {
                Signer::Rsa(_) => format!("{more}rsa-sha256"),
                Signer::P256(_) => format!("{more}ecdsa-sha256"),
            },
            digest: "http://www.w3.org/2001/04/xmlenc#sha256".to_owned(),
            canonicalization: "http://www.w3.org/2001/10/xml-exc-c14n#".to_owned(),
            uri: format!(" URI=\"#{}\"", facts.id),
            transforms: Self::transforms(&[&format!("{DSIG}enveloped-signature"), "http://www.w3.org/2001/10/xml-exc-c14n#"]),
            key_info: String::new(),
        }
    }

    /// Transforms of these names.
    pub fn transforms(names: &[&str]) -> String {
        names.iter().map(|name| format!("<ds:Transform Algorithm=\"{name}\"></ds:Transform>")).collect()
    }
}

impl Facts {
    /// The assertion in its canonical form.
    pub fn assertion(&self) -> String {
        let Self { issuer, audience, recipient, in_response_to, id, name, condition, session, .. } = self;
        let (at, until) = (self.time(0), self.time(300));
        format!(
            "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" IssueInstant=\"{at}\" Version=\"2.0\">\
             <saml:Issuer>{issuer}</saml:Issuer><saml:Subject><saml:NameID>{name}</saml:NameID>\
             <saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData \
             InResponseTo=\"{in_response_to}\" NotOnOrAfter=\"{until}\" Recipient=\"{recipient}\"></saml:SubjectConfirmationData>\
             </saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore=\"{at}\" NotOnOrAfter=\"{until}\">{condition}\
             <saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>\
             <saml:AuthnStatement AuthnInstant=\"{at}\"{session}><saml:AuthnContext></saml:AuthnContext></saml:AuthnStatement>\
             <saml:AttributeStatement><saml:Attribute Name=\"groups\"><saml:AttributeValue>dba</saml:AttributeValue>\
             </saml:Attribute></saml:AttributeStatement></saml:Assertion>"
        )
    }

    /// A response with this in it.
    pub fn response(&self, inside: &str) -> String {
        let Self { issuer, recipient, in_response_to, .. } = self;
        format!(
            "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" Destination=\"{recipient}\" ID=\"_response\" \
             InResponseTo=\"{in_response_to}\" IssueInstant=\"{}\" Version=\"2.0\"><saml:Issuer \
             xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{issuer}</saml:Issuer><samlp:Status><samlp:StatusCode \
             Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>{inside}</samlp:Response>",
            self.time(0)
        )
    }

    /// So many seconds after it is made.
    pub fn time(&self, seconds: i64) -> String {
        format!("{:.0}", self.at + SignedDuration::from_secs(seconds))
    }
}

/// An assertion, or a response, with this behind its issuer.
pub(super) fn with_signature(text: &str, signature: &str) -> String {
    text.replacen("</saml:Issuer>", &format!("</saml:Issuer>{signature}"), 1)
}

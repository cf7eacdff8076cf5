//! Why a response is not believed: a closed set, so that nothing of the response can be in it.

use serde::{Deserialize, Serialize};

/// Why a response is not believed. No text has anything of the response in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// Too many bytes.
    #[error("it is larger than a response may be")]
    TooLarge,
    /// The field is not base64.
    #[error("it is not base64")]
    NotBase64,
    /// Another encoding.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// A document type, or anything that belongs to one.
    #[error("it has a document type declaration (DTD)")]
    Dtd,
    /// A comment.
    #[error("it has a comment")]
    Comment,
    /// A CDATA section.
    #[error("it has a CDATA section")]
    Cdata,
    /// A processing instruction.
    #[error("it has a processing instruction")]
    ProcessingInstruction,
    /// It does not parse, or has an entity that is not one of the five.
    #[error("it is not well-formed XML")]
    NotXml,
    /// Elements in elements.
    #[error("its elements are nested too deeply")]
    TooDeep,
    /// Too many elements or attributes.
    #[error("it has more elements or attributes than a response may have")]
    TooMany,
    /// Two elements have one id.
    #[error("two of its elements have the same ID")]
    TwiceId,
    /// The root is another element, or another version of SAML.
    #[error("it is no Response of SAML 2.0")]
    NotResponse,
    /// The provider could not sign the person in.
    #[error("its status is not Success")]
    Status,
    /// It was sent somewhere else.
    #[error("its Destination is not this console")]
    Destination,
    /// Another provider's.
    #[error("its Issuer is not the one that is configured")]
    Issuer,
    /// It answers another request, or none.
    #[error("it does not answer this sign-in (InResponseTo)")]
    InResponseTo,
    /// It is encrypted.
    #[error("its assertion is encrypted, which is not supported: have the provider sign it, and not encrypt it")]
    Encrypted,
    /// There is no assertion where it has to be.
    #[error("it has no Assertion as a child of its Response")]
    NoAssertion,
    /// There are several.
    #[error("it has more than one Assertion")]
    Assertions,
    /// The assertion is not signed.
    #[error("its Assertion is not signed: have the provider sign assertions, not only responses")]
    Unsigned,
    /// There are several signatures, or one where none may be.
    #[error("it has a Signature where none may be")]
    Signatures,
    /// The signature has other parts than it may have.
    #[error("its Signature is not of the form that is accepted")]
    SignatureForm,
    /// Another canonicalization.
    #[error("its Signature has another canonicalization than Exclusive XML Canonicalization without comments")]
    Canonicalization,
    /// Another algorithm.
    #[error("its signature algorithm is not accepted: RSA or ECDSA with SHA-256, SHA-384 or SHA-512")]
    SignatureAlgorithm,
    /// Another digest.
    #[error("its digest algorithm is not accepted: SHA-256, SHA-384 or SHA-512")]
    DigestAlgorithm,
    /// What is signed is not the assertion.
    #[error("its Signature is not for its Assertion, the whole of it and nothing else")]
    Reference,
    /// Other transforms.
    #[error("its Signature has other transforms than enveloped-signature and exclusive canonicalization")]
    Transforms,
    /// No trusted key has signed.
    #[error("it is not signed by a certificate that is configured")]
    Key,
    /// What was signed was changed.
    #[error("it was changed after it was signed")]
    Digest,
    /// The assertion has other parts than it may have.
    #[error("its Assertion is not of the form that is accepted")]
    AssertionForm,
    /// It is nobody's.
    #[error("its Assertion names nobody (NameID)")]
    NameId,
    /// There is no confirmation that can be used.
    #[error("its Assertion has no bearer confirmation, or several")]
    Confirmation,
    /// It is for somebody else.
    #[error("its Assertion is for another recipient")]
    Recipient,
    /// It is for somebody else.
    #[error("its Assertion is for another audience")]
    Audience,
    /// It has a condition that is not known.
    #[error("its Assertion has a condition that is not known")]
    Condition,
    /// It was good once.
    #[error("its Assertion is over: do the clocks agree?")]
    Expired,
    /// It is not good yet.
    #[error("its Assertion is not good yet: do the clocks agree?")]
    NotYet,
    /// It does not say that anybody signed in.
    #[error("its Assertion does not say that somebody has signed in (AuthnStatement)")]
    NotAuthenticated,
}

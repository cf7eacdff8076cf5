//! What the provider is asked with, and what it is told of us (SAML 2.0 Core §3.4.1, Bindings §3.4, Metadata §2.4.4).

use super::{ASSERTION, PROTOCOL};
use crate::model::time::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
/// Bytes of one stored block (RFC 1951, §3.2.4).
const BLOCK: usize = 65_535;

/// One `AuthnRequest`.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// Its id, which is a name of XML: it begins with `_` or a letter.
    pub id: &'r str,
    /// When it is made.
    pub at: Timestamp,
    /// Where the provider is asked.
    pub destination: &'r str,
    /// Our entity id.
    pub issuer: &'r str,
    /// Where the answer is to be posted.
    pub recipient: &'r str,
}

impl Request<'_> {
    /// The value of `SAMLRequest` in the redirect binding: deflated and in base64, not yet as an address has it.
    #[must_use]
    pub fn encoded(&self) -> String {
        STANDARD.encode(deflated(self.xml().as_bytes()))
    }

    fn xml(&self) -> String {
        let at = jiff::Timestamp::from_nanosecond(i128::from(self.at.0)).unwrap_or_default();
        format!(
            "<samlp:AuthnRequest xmlns:samlp=\"{PROTOCOL}\" ID=\"{}\" Version=\"2.0\" IssueInstant=\"{at:.0}\" Destination=\"{}\" \
             AssertionConsumerServiceURL=\"{}\" ProtocolBinding=\"{POST}\"><saml:Issuer xmlns:saml=\"{ASSERTION}\">{}</saml:Issuer>\
             </samlp:AuthnRequest>",
            escaped(self.id),
            escaped(self.destination),
            escaped(self.recipient),
            escaped(self.issuer)
        )
    }
}

/// Our metadata: who we are, where answers are posted, and that assertions have to be signed.
#[must_use]
pub fn metadata(entity_id: &str, recipient: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{}\">\
         <md:SPSSODescriptor AuthnRequestsSigned=\"false\" WantAssertionsSigned=\"true\" protocolSupportEnumeration=\"{PROTOCOL}\">\
         <md:AssertionConsumerService Binding=\"{POST}\" Location=\"{}\" index=\"0\" isDefault=\"true\"/></md:SPSSODescriptor>\
         </md:EntityDescriptor>\n",
        escaped(entity_id),
        escaped(recipient)
    )
}

/// RFC 1951 without compressing: requests are short, and so need no compressor.
fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 5);
    let mut blocks = bytes.chunks(BLOCK).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_well_formed_whatever_addresses_have_in_them() {
        let request = Request {
            id: "_1",
            at: Timestamp(1_764_000_000_000_000_000),
            destination: "https://login.example/sso?a=1&b=\"<2>\"",
            issuer: "https://weir.example/auth/saml/metadata",
            recipient: "https://weir.example/auth/saml/acs",
        };
        let xml = request.xml();
        let document = super::super::xml::read(&xml).unwrap();
        let root = document.root_element();
        assert_eq!(root.attribute("Destination"), Some(request.destination));
        assert_eq!(root.attribute("IssueInstant"), Some("2025-11-24T16:00:00Z"));
        let raw = STANDARD.decode(request.encoded()).unwrap();
        assert_eq!((raw[0], &raw[5..]), (1, xml.as_bytes()), "one last block, stored");
        assert_eq!(usize::from(u16::from_le_bytes([raw[1], raw[2]])), xml.len());
        assert!(super::super::xml::read(&metadata("a&b", "c")).is_ok());
    }
}

//! `tls-server-end-point`: a hash of the server's certificate that binds SCRAM to its TLS session.

use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::signature_algorithm::RsaSsaPssParams;

/// The channel binding of RFC 5929 §4.1 for a certificate in DER: hashed by the hash of its own
/// signature, SHA-256 in place of MD5 and SHA-1. None where the signature has no single hash
/// (Ed25519, Ed448): Postgres then offers no channel binding that could succeed.
#[must_use]
pub fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let algorithm = &parsed.signature_algorithm;
    let oid = algorithm.algorithm.to_id_string();
    let hash = if oid == RSASSA_PSS {
        let parameters = RsaSsaPssParams::try_from(algorithm.parameters.as_ref()?).ok()?;
        hash_of_digest(&parameters.hash_algorithm_oid().to_id_string())?
    } else {
        hash_of_signature(&oid)?
    };
    Some(match hash {
        Hash::Sha224 => Sha224::digest(certificate).to_vec(),
        Hash::Sha256 => Sha256::digest(certificate).to_vec(),
        Hash::Sha384 => Sha384::digest(certificate).to_vec(),
        Hash::Sha512 => Sha512::digest(certificate).to_vec(),
    })
}

const RSASSA_PSS: &str = "1.2.840.113549.1.1.10";

enum Hash {
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// Signature algorithms by number: RFC 4055 §5, RFC 5758 §3, RFC 3279 §2.2.
fn hash_of_signature(oid: &str) -> Option<Hash> {
    Some(match oid {
        "1.2.840.113549.1.1.14" | "1.2.840.10045.4.3.1" => Hash::Sha224,
        // MD5 and SHA-1 with RSA, SHA-1 with ECDSA and DSA: SHA-256 by RFC 5929.
        "1.2.840.113549.1.1.4" | "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" | "1.2.840.10040.4.3" => Hash::Sha256,
        "1.2.840.113549.1.1.11" | "1.2.840.10045.4.3.2" | "2.16.840.1.101.3.4.3.2" => Hash::Sha256,
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Hash::Sha384,
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Hash::Sha512,
        _ => return None,
    })
}

/// Hash algorithms by number, as RSASSA-PSS parameters name them (RFC 4055 §2.1).
fn hash_of_digest(oid: &str) -> Option<Hash> {
    Some(match oid {
        "2.16.840.1.101.3.4.2.4" => Hash::Sha224,
        "1.3.14.3.2.26" | "1.2.840.113549.2.5" | "2.16.840.1.101.3.4.2.1" => Hash::Sha256,
        "2.16.840.1.101.3.4.2.2" => Hash::Sha384,
        "2.16.840.1.101.3.4.2.3" => Hash::Sha512,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    type HashOf = fn(&[u8]) -> Vec<u8>;

    #[test]
    fn each_signature_has_its_hash_or_none() {
        let check = |algorithm, hash: Option<HashOf>| {
            let key = KeyPair::generate_for(algorithm).unwrap();
            let der = CertificateParams::new(["db.example".to_owned()]).unwrap().self_signed(&key).unwrap().der().to_vec();
            assert_eq!(end_point(&der), hash.map(|hash| hash(&der)));
            let cut = der.get(..der.len() - 1).unwrap();
            assert_eq!(end_point(cut), None);
        };
        check(&rcgen::PKCS_ECDSA_P256_SHA256, Some(|der| Sha256::digest(der).to_vec()));
        check(&rcgen::PKCS_ECDSA_P384_SHA384, Some(|der| Sha384::digest(der).to_vec()));
        check(&rcgen::PKCS_ECDSA_P521_SHA512, Some(|der| Sha512::digest(der).to_vec()));
        check(&rcgen::PKCS_RSA_SHA256, Some(|der| Sha256::digest(der).to_vec()));
        check(&rcgen::PKCS_ED25519, None);
    }
}

//! Making a server's certificate under an issuer: weir's own CA, or an intermediate of the owner's.

use super::{TlsError, files, provider};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose, SanType,
    date_time_ymd,
};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use x509_parser::prelude::{FromDer, X509Certificate};

/// How long a minted certificate lasts. It is minted anew well before.
const LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);
/// A job's clock may be behind the gateway's by so much.
const SKEW: Duration = Duration::from_secs(3600);

/// A CA that this process can sign with.
pub(super) struct Minter {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    chain: Vec<CertificateDer<'static>>,
    until: SystemTime,
}

impl Minter {
    /// The CA whose certificate comes first in `certificate`; what follows it there is its chain.
    pub(super) fn open(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = files::certificates(certificate)?;
        let first = chain.first().cloned().ok_or_else(|| files::content(certificate, "empty".to_owned()))?;
        let until = signing_period(&first).map_err(|problem| files::content(certificate, problem))?;
        let pair = KeyPair::from_pem(&files::private_key_pem(key)?).map_err(|e| {
            files::content(key, format!("not a usable private key ({e}): give a PKCS#8, PKCS#1 or SEC1 key in PEM"))
        })?;
        if !belongs(&first, &pair) {
            return Err(files::content(
                key,
                format!("not the key of the certificate in {}: give the pair", certificate.display()),
            ));
        }
        let issuer = Issuer::from_ca_cert_der(&first, pair)
            .map_err(|e| files::content(certificate, format!("not usable as an issuer ({e})")))?;
        Ok(Self { issuer, certificate: first, chain, until })
    }

    /// The CA's own certificate.
    pub(super) const fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// A certificate with a key of its own for all of `names` and `ip`, and when to mint it anew.
    pub(super) fn mint(&self, names: &[String], ip: IpAddr) -> Result<(Arc<CertifiedKey>, SystemTime), TlsError> {
        let label = names.first().cloned().unwrap_or_else(|| ip.to_string());
        let failed = |reason: String| TlsError::Mint { name: label.clone(), reason };
        let now = SystemTime::now();
        let until = (now + LIFETIME).min(self.until);
        if until <= now {
            return Err(failed("the issuer's own certificate has expired: renew it".to_owned()));
        }
        let key = KeyPair::generate().map_err(|e| failed(e.to_string()))?;
        let certificate =
            leaf(names, ip, &label, now - SKEW, until)?.signed_by(&key, &self.issuer).map_err(|e| failed(e.to_string()))?;
        let mut chain = vec![certificate.der().clone()];
        chain.extend_from_slice(&self.chain);
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let certified = CertifiedKey::from_der(chain, key, &provider())?;
        Ok((Arc::new(certified), now + until.duration_since(now).unwrap_or_default() / 2))
    }
}

/// Sets when a certificate is valid; times before 1970 count as 1970.
pub(super) fn set_period(params: &mut CertificateParams, from: SystemTime, until: SystemTime) {
    let date = |time: SystemTime| date_time_ymd(1970, 1, 1) + time.duration_since(UNIX_EPOCH).unwrap_or_default();
    params.not_before = date(from);
    params.not_after = date(until);
}

fn leaf(names: &[String], ip: IpAddr, label: &str, from: SystemTime, until: SystemTime) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::default();
    for name in names {
        params.subject_alt_names.push(alternative_name(name)?);
    }
    let address = SanType::IpAddress(ip.to_canonical());
    if !params.subject_alt_names.contains(&address) {
        params.subject_alt_names.push(address);
    }
    params.distinguished_name = DistinguishedName::new();
    // X.520 ends a common name at 64 characters; clients look at the alternative names.
    if label.len() <= 64 {
        params.distinguished_name.push(DnType::CommonName, label);
    }
    set_period(&mut params, from, until);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn alternative_name(name: &str) -> Result<SanType, TlsError> {
    let wrong = || TlsError::Name { name: name.to_owned() };
    match rustls_pki_types::ServerName::try_from(name).map_err(|_| wrong())? {
        rustls_pki_types::ServerName::IpAddress(ip) => Ok(SanType::IpAddress(IpAddr::from(ip).to_canonical())),
        rustls_pki_types::ServerName::DnsName(dns) => {
            Ok(SanType::DnsName(dns.as_ref().to_owned().try_into().map_err(|_| wrong())?))
        }
        _ => Err(wrong()),
    }
}

/// Until when this certificate may sign others, or why it may not.
fn signing_period(certificate: &CertificateDer<'_>) -> Result<SystemTime, String> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|e| format!("not an X.509 certificate ({e})"))?;
    if !parsed.is_ca() {
        return Err(
            "not a CA certificate (basicConstraints CA:TRUE is missing): give the intermediate's certificate first".to_owned()
        );
    }
    if let Ok(Some(usage)) = parsed.key_usage()
        && !usage.value.key_cert_sign()
    {
        return Err("a CA whose keyUsage does not allow it to sign certificates (keyCertSign)".to_owned());
    }
    if !parsed.validity().is_valid() {
        return Err(format!(
            "this CA is not valid now (from {} to {}): renew it",
            parsed.validity().not_before,
            parsed.validity().not_after
        ));
    }
    let seconds = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or_default();
    Ok(UNIX_EPOCH + Duration::from_secs(seconds))
}

fn belongs(certificate: &CertificateDer<'_>, key: &KeyPair) -> bool {
    use rcgen::PublicKeyData;
    X509Certificate::from_der(certificate).is_ok_and(|(_, parsed)| parsed.public_key().raw == key.subject_public_key_info())
}

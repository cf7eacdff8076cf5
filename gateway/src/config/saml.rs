//! `[console.saml]`: the identity provider that people sign in at by SAML 2.0, and the certificates that it signs with.

use super::console::file;
use super::reader::Table;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// The longest entity id (SAML 2.0 Core §8.3.6).
const LONGEST: usize = 1_024;
/// Certificates that are trusted at once: enough for a roll-over.
const MOST_CERTIFICATES: usize = 8;

/// `[console.saml]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamlSettings {
    /// Who the provider is, exactly as its assertions have it.
    pub idp_entity_id: String,
    /// Where people sign in (HTTP-Redirect binding).
    pub idp_sso_url: String,
    /// Whose signatures are trusted: those of the keys in these files, and of no others.
    pub certificates: Vec<PathBuf>,
    /// Who weir is to the provider; the address of its metadata where nothing is said.
    pub entity_id: Option<String>,
    /// What is the person's name in records.
    pub name: SamlName,
    /// The attribute that has their groups.
    pub groups_attribute: Option<String>,
}

/// What of an assertion is the person's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SamlName {
    /// The subject's `NameID`.
    NameId,
    /// The attribute of this name.
    Attribute(String),
}

/// Reads the section.
pub(super) fn read(mut table: Table<'_, '_>, directory: &Path) -> Option<SamlSettings> {
    let entity = |text: &str| Some(text.to_owned()).filter(|id| !id.trim().is_empty() && id.trim() == id && id.len() <= LONGEST);
    let hint = "the provider's entity id, exactly as its metadata has it: idp_entity_id = \"http://www.okta.com/exk1\"";
    let idp_entity_id = table.parsed("idp_entity_id", hint, entity);
    let idp_entity_id = table.required("idp_entity_id", idp_entity_id, hint);
    let hint = "its https:// address for HTTP-Redirect: idp_sso_url = \"https://acme.okta.com/app/weir/exk1/sso/saml\"";
    let idp_sso_url = table.parsed("idp_sso_url", hint, sso_url);
    let idp_sso_url = table.required("idp_sso_url", idp_sso_url, hint);
    let hint = "the provider's signing certificates as PEM, one or more: certificates = [\"file:/etc/weir/idp.pem\"]";
    let written = table.texts("certificates");
    let mut certificates = written.as_ref().map(|_| Vec::new());
    for text in written.unwrap_or_default() {
        match file(text.get_ref(), directory) {
            Some(path) => certificates.iter_mut().for_each(|all| all.push(path.clone())),
            None => table.problem_at(text.span(), format!("`certificates` can't hold {:?}", text.get_ref()), hint),
        }
    }
    let certificates = table.required("certificates", certificates, hint);
    if certificates.as_ref().is_some_and(|all| all.is_empty() || all.len() > MOST_CERTIFICATES) {
        table.problem(format!("[console.saml] takes 1 to {MOST_CERTIFICATES} `certificates`"), hint);
    }
    let hint = "who weir is to the provider: entity_id = \"https://weir.acme.example\"";
    let entity_id = table.parsed("entity_id", hint, entity);
    let hint = "\"nameid\", or the name of an attribute: name = \"email\"";
    let name = table.parsed("name", hint, |text| match text {
        "nameid" => Some(SamlName::NameId),
        other => entity(other).map(SamlName::Attribute),
    });
    let groups_attribute = table.text("groups_attribute").map(Spanned::into_inner).filter(|name| !name.is_empty());
    table.end();
    Some(SamlSettings {
        idp_entity_id: idp_entity_id?,
        idp_sso_url: idp_sso_url?,
        certificates: certificates?,
        entity_id,
        name: name.unwrap_or(SamlName::NameId),
        groups_attribute,
    })
}

fn sso_url(text: &str) -> Option<String> {
    let url = openidconnect::url::Url::parse(text).ok()?;
    let plain = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    (url.scheme() == "https" && plain && url.host_str().is_some()).then(|| url.into())
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::SamlName;
    use std::path::Path;

    const GOOD: &str = r#"
trust_domain = "acme.example"
[console]
listen = "0.0.0.0:8443"
url = "https://weir.acme.example"
tls = { certificate = "file:/etc/weir/console.pem", key = "file:/etc/weir/console.key" }
[console.saml]
idp_entity_id = "http://www.okta.com/exk1"
idp_sso_url = "https://acme.okta.com/app/weir/exk1/sso/saml"
certificates = ["file:/etc/weir/idp.pem", "file:idp-next.pem"]
name = "email"
groups_attribute = "groups"
"#;

    #[test]
    fn a_provider_is_read() {
        let config = Config::parse(GOOD, Path::new("/etc/weir")).unwrap();
        let console = config.console.as_ref().unwrap();
        assert!(console.oidc.is_none());
        let saml = console.saml.as_ref().unwrap();
        assert_eq!((saml.entity_id.as_ref(), &saml.name), (None, &SamlName::Attribute("email".to_owned())));
        assert_eq!(saml.certificates, ["/etc/weir/idp.pem", "/etc/weir/idp-next.pem"].map(std::path::PathBuf::from));
        let plain = Config::parse(&GOOD.replace("name = \"email\"\n", ""), Path::new("/")).unwrap();
        assert_eq!(plain.console.unwrap().saml.unwrap().name, SamlName::NameId);
    }

    #[test]
    fn what_would_not_be_safe_is_refused_with_all_its_problems() {
        let check = |from: &str, to: &str, expected: &str| {
            assert!(GOOD.contains(from), "{from}");
            let problems = Config::parse(&GOOD.replace(from, to), Path::new("/")).unwrap_err();
            let told: Vec<_> = problems.iter().map(|problem| problem.what.as_str()).collect();
            assert!(told.iter().any(|what| what.contains(expected)), "{expected}: {told:?}");
        };
        check("https://acme.okta.com", "http://acme.okta.com", "`idp_sso_url` can't be");
        check("sso/saml", "sso/saml#x", "`idp_sso_url` can't be");
        check("\"http://www.okta.com/exk1\"", "\"\"", "`idp_entity_id` can't be");
        check("certificates", "certificate", "`certificates` is missing");
        check("[\"file:/etc/weir/idp.pem\", \"file:idp-next.pem\"]", "[]", "takes 1 to 8");
        check("file:idp-next.pem", "idp-next.pem", "`certificates` can't hold");
        check("name = \"email\"", "name = \"\"", "`name` can't be");
        let plain = "listen = \"127.0.0.1:8443\"\nurl = \"http://127.0.0.1:8443\"\n";
        let with_tls = GOOD.get(..GOOD.find("[console.saml]").unwrap()).unwrap();
        let with_tls = with_tls.get(with_tls.find("listen").unwrap()..).unwrap();
        check(with_tls, plain, "[console.saml] takes a `url` of https://");
    }
}

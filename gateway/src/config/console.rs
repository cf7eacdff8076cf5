//! `[console]`, `[console.oidc]` and `[[role]]`: where people reach the gateway, how they sign in, and what they may.

use super::reader::Table;
use super::saml::{self, SamlSettings};
use crate::credential::Source as SecretSource;
use gateway_core::control::role::{Role, Scoped};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;

/// Google's own documents name hosts of Google's that are not its issuer's.
const GOOGLE: (&str, [&str; 2]) =
    ("https://accounts.google.com", ["https://oauth2.googleapis.com", "https://www.googleapis.com"]);
const SCOPES: [&str; 3] = ["openid", "email", "profile"];
const SESSION: Duration = Duration::from_secs(8 * 3600);
const IDLE: Duration = Duration::from_secs(3600);

/// `[console]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What people type, as an origin: scheme, host and port.
    pub url: String,
    /// Its certificate's chain and key; plain HTTP where there are none.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// How long a session lasts at most.
    pub session: Duration,
    /// How long a session may be idle.
    pub idle: Duration,
    /// How people sign in; only with tokens where there is none.
    pub oidc: Option<OidcSettings>,
    /// How people sign in by SAML, beside or instead of that.
    pub saml: Option<SamlSettings>,
}

/// `[console.oidc]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcSettings {
    /// The provider's issuer, exactly as its tokens have it.
    pub issuer: String,
    /// Who weir is to the provider.
    pub client_id: String,
    /// And how it shows that.
    pub client_secret: Option<SecretSource>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// The claim that is the person's name in records.
    pub name_claim: String,
    /// The claim that has their groups.
    pub groups_claim: String,
    /// The CAs to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// Origins that may be asked, the issuer's among them.
    pub origins: Vec<String>,
    /// How often the provider is asked whether whoever is signed in is still known to it.
    pub check: Option<Duration>,
}

/// One `[[role]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRule {
    /// The role, and what it is for.
    pub scoped: Scoped,
    /// The groups whose members have it.
    pub groups: BTreeSet<String>,
    /// The people who have it.
    pub people: BTreeSet<String>,
}

impl ConsoleSettings {
    /// Whether people reach it by HTTPS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.url.starts_with("https://")
    }
}

impl RoleRule {
    /// Whether the person of that name and these groups has it.
    #[must_use]
    pub fn is_of(&self, name: &str, groups: &BTreeSet<String>) -> bool {
        self.people.iter().any(|person| person.eq_ignore_ascii_case(name)) || !self.groups.is_disjoint(groups)
    }
}

/// Reads the section; none where it has no listener.
pub(super) fn read(mut table: Table<'_, '_>, directory: &Path) -> Option<ConsoleSettings> {
    let listen = table.parsed("listen", "an address and a port: listen = \"127.0.0.1:8443\"", |text| text.parse().ok());
    let hint = "what people type, without a path: url = \"https://weir.acme.example\"; http:// is for the loopback device alone";
    let url = table.parsed("url", hint, origin);
    let session = table.parsed("session", "a time up to 7d: session = \"8h\"", |text| time(text, 7 * 86_400));
    let idle = table.parsed("idle", "a time up to 7d: idle = \"1h\"", |text| time(text, 7 * 86_400));
    let tls = table.table("tls").map(|table| certificate(table, directory));
    let has_oidc = table.table("oidc").map(|table| oidc(table, directory));
    let has_saml = table.table("saml").map(|table| saml::read(table, directory));
    let listen = table.required("listen", listen, "where it listens: listen = \"127.0.0.1:8443\"");
    let url = table.required("url", url, hint);
    let plain = tls.is_none();
    if let (Some(listen), true) = (listen, plain)
        && !SocketAddr::ip(&listen).is_loopback()
    {
        let hint = "tls = { certificate = \"file:/etc/weir/console.pem\", key = \"file:/etc/weir/console.key\" }, or listen on 127.0.0.1";
        table.problem(format!("[console] listens at {listen} without `tls`: who signs in there could be read on the way"), hint);
    }
    if let (Some(url), false) = (&url, plain)
        && !url.starts_with("https://")
    {
        table.problem("[console] has `tls`, and its `url` is no https://", "write what people type: url = \"https://…\"");
    }
    if let (Some(url), true) = (&url, has_saml.is_some())
        && !url.starts_with("https://")
    {
        // Its answer is posted by a page of the provider's: browsers send only a secure cookie along.
        table.problem("[console.saml] takes a `url` of https://", "give the console `tls`, or put a proxy with TLS before it");
    }
    table.end();
    let session = session.unwrap_or(SESSION);
    Some(ConsoleSettings {
        listen: listen?,
        url: url?,
        tls: tls.flatten(),
        session,
        idle: idle.unwrap_or(IDLE).min(session),
        oidc: has_oidc.flatten(),
        saml: has_saml.flatten(),
    })
}

/// Reads the roles.
pub(super) fn roles(tables: Vec<Table<'_, '_>>) -> Vec<RoleRule> {
    tables.into_iter().filter_map(role).collect()
}

fn role(mut table: Table<'_, '_>) -> Option<RoleRule> {
    let hint = "viewer, auditor, approver, operator or admin";
    // Who keeps the directory shows a token that is for that alone.
    let role = table.parsed("role", hint, |text| Role::named(text).filter(|role| *role != Role::Provisioner));
    let role = table.required("role", role, hint);
    let mut list = |key| texts(table.texts(key));
    let (groups, people, targets, workloads) = (list("groups"), list("people"), list("targets"), list("workloads"));
    if groups.iter().chain(&people).next().is_none() {
        table.problem("a [[role]] is nobody's", "groups = [\"dba\"], or people = [\"ana@acme.example\"]");
    }
    table.end();
    let scoped = Scoped { role: role?, targets, workloads };
    Some(RoleRule { scoped, groups: groups.into_iter().collect(), people: people.into_iter().collect() })
}

fn oidc(mut table: Table<'_, '_>, directory: &Path) -> Option<OidcSettings> {
    let hint = "the provider's https:// address, exactly as its tokens have it: issuer = \"https://login.acme.example\"";
    let issuer = table.parsed("issuer", hint, issuer);
    let issuer = table.required("issuer", issuer, hint);
    let client_id = table.text("client_id").map(Spanned::into_inner).filter(|id| !id.is_empty());
    let client_id = table.required("client_id", client_id, "who weir is to the provider: client_id = \"weir\"");
    let hint = "where it is kept, never itself: \"env:WEIR_OIDC_SECRET\" or \"file:/etc/weir/oidc-secret\"";
    let client_secret = table.text("client_secret").and_then(|text| {
        let source = SecretSource::parse(text.get_ref()).ok();
        if source.is_none() {
            // It may be the secret, written by mistake.
            table.problem_at(text.span(), "`client_secret` is no place where a secret is kept", hint);
        }
        source
    });
    let scopes = table.texts("scopes").map(|scopes| texts(Some(scopes)));
    let mut scopes = scopes.unwrap_or_else(|| SCOPES.map(str::to_owned).into());
    scopes.retain(|scope| scope != SCOPES[0]);
    let name_claim = table.text("name_claim").map_or_else(|| "email".to_owned(), Spanned::into_inner);
    let groups_claim = table.text("groups_claim").map_or_else(|| "groups".to_owned(), Spanned::into_inner);
    let ca = table.parsed("ca", "a file of certificates: ca = \"file:/etc/weir/ca.pem\"", |text| file(text, directory));
    let check = table.parsed("check", "a time up to 1d: check = \"15m\"", |text| time(text, 86_400));
    let hint = "origins that the provider's own document names: origins = [\"https://keys.acme.example\"]";
    let mut origins = Vec::new();
    for text in table.texts("origins").unwrap_or_default() {
        match origin(text.get_ref()).filter(|origin| origin.starts_with("https://")) {
            Some(origin) => origins.push(origin),
            None => table.problem_at(text.span(), format!("`origins` can't hold {:?}", text.get_ref()), hint),
        }
    }
    table.end();
    let issuer = issuer?;
    origins.extend(openidconnect::url::Url::parse(&issuer).ok().map(|url| url.origin().ascii_serialization()));
    if issuer == GOOGLE.0 {
        origins.extend(GOOGLE.1.map(str::to_owned));
    }
    Some(OidcSettings { issuer, client_id: client_id?, client_secret, scopes, name_claim, groups_claim, ca, origins, check })
}

fn certificate(mut table: Table<'_, '_>, directory: &Path) -> Option<(PathBuf, PathBuf)> {
    let mut wanted = |key, hint| {
        let path = table.parsed(key, hint, |text| file(text, directory));
        table.required(key, path, hint)
    };
    let certificate = wanted("certificate", "its chain as PEM: certificate = \"file:/etc/weir/console.pem\"");
    let key = wanted("key", "its key as PEM: key = \"file:/etc/weir/console.key\"");
    table.end();
    Some((certificate?, key?))
}

pub(super) fn file(text: &str, directory: &Path) -> Option<PathBuf> {
    text.strip_prefix("file:").filter(|path| !path.is_empty()).map(|path| directory.join(path))
}

fn texts(list: Option<Vec<Spanned<String>>>) -> Vec<String> {
    list.into_iter().flatten().map(Spanned::into_inner).filter(|text| !text.is_empty()).collect()
}

/// Scheme, host and port; nothing else may be there.
fn origin(text: &str) -> Option<String> {
    let url = openidconnect::url::Url::parse(text).ok()?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let nobody = url.username().is_empty() && url.password().is_none();
    let host = url.host_str()?;
    let loopback =
        host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(|address: IpAddr| address.is_loopback());
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && loopback);
    (bare && nobody && scheme).then(|| url.origin().ascii_serialization())
}

fn issuer(text: &str) -> Option<String> {
    let url = openidconnect::url::Url::parse(text).ok()?;
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    (url.scheme() == "https" && plain && url.host_str().is_some()).then(|| text.to_owned())
}

/// `30m`, `8h`, `2d`, up to so many seconds.
fn time(text: &str, most: u64) -> Option<Duration> {
    gateway_core::model::time::seconds(text).filter(|seconds| *seconds <= most).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use std::path::Path;
    use std::time::Duration;

    const GOOD: &str = r#"
trust_domain = "acme.example"
[console]
listen = "0.0.0.0:8443"
url = "https://Weir.acme.example/"
tls = { certificate = "file:/etc/weir/console.pem", key = "file:/etc/weir/console.key" }
session = "2d"
[console.oidc]
issuer = "https://login.acme.example/realms/a"
client_id = "weir"
client_secret = "env:WEIR_OIDC_SECRET"
scopes = ["openid", "groups"]
origins = ["https://keys.acme.example"]
[[role]]
role = "approver"
groups = ["dba"]
targets = ["prod-*"]
"#;

    #[test]
    fn a_console_is_read_and_its_secrets_are_known() {
        let config = Config::parse(GOOD, Path::new("/")).unwrap();
        let console = config.console.as_ref().unwrap();
        assert_eq!(
            (console.url.as_str(), console.session, console.idle),
            ("https://weir.acme.example", Duration::from_secs(172_800), super::IDLE)
        );
        let oidc = console.oidc.as_ref().unwrap();
        assert_eq!((oidc.scopes.as_slice(), oidc.name_claim.as_str()), (&["groups".to_owned()][..], "email"));
        assert_eq!(oidc.origins, ["https://keys.acme.example", "https://login.acme.example"]);
        assert_eq!(config.secret_variables(), ["WEIR_OIDC_SECRET"]);
        assert!(config.private_files().contains(&"/etc/weir/console.key".into()));
        let dbas = ["dba".to_owned()].into();
        assert!(config.roles[0].is_of("ana", &dbas) && !config.roles[0].is_of("ana", &[].into()));
        assert!(Config::parse("trust_domain = \"a\"", Path::new("/")).unwrap().console.is_none());
        assert_eq!(oidc.check, None);
        let checked = GOOD.replace("client_id", "check = \"15m\"\nclient_id");
        let checked = Config::parse(&checked, Path::new("/")).unwrap().console.unwrap().oidc.unwrap().check;
        assert_eq!(checked, Some(Duration::from_secs(900)));
    }

    #[test]
    fn what_would_not_be_safe_is_refused_with_all_its_problems() {
        let check = |from: &str, to: &str, expected: &str| {
            assert!(GOOD.contains(from), "{from}");
            let problems = Config::parse(&GOOD.replace(from, to), Path::new("/")).unwrap_err();
            let told: Vec<_> = problems.iter().map(|problem| problem.what.as_str()).collect();
            assert!(told.iter().any(|what| what.contains(expected)), "{expected}: {told:?}");
            assert!(!told.concat().contains("hunter2"), "{told:?}");
        };
        check("tls = {", "# tls = {", "without `tls`");
        check("https://Weir.acme.example/", "http://weir.acme.example", "`url` can't be");
        check("https://Weir.acme.example/", "https://weir.acme.example/console", "`url` can't be");
        check("https://Weir.acme.example/", "http://localhost:8443", "no https://");
        check("env:WEIR_OIDC_SECRET", "hunter2", "is no place where a secret is kept");
        check("https://login.acme.example/realms/a", "http://login.acme.example", "`issuer` can't be");
        check("\"https://keys.acme.example\"", "\"http://keys.acme.example\"", "`origins` can't hold");
        check("groups = [\"dba\"]\n", "", "nobody's");
        check("\"approver\"", "\"root\"", "`role` can't be");
        check("\"approver\"", "\"provisioner\"", "`role` can't be");
        check("client_id", "check = \"2d\"\nclient_id", "`check` can't be");
        check("\"2d\"", "\"90d\"", "`session` can't be");
        check("client_id = \"weir\"", "", "`client_id` is missing");
        check("key = \"file:/etc/weir/console.key\"", "", "`key` is missing");
    }
}

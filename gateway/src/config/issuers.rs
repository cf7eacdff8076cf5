//! `[[issuer]]`: whose signed job tokens are believed, and for what.

use super::reader::Table;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// One `[[issuer]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerSettings {
    /// Its name: part of its jobs' names, `spiffe://TD/ci/NAME/…`.
    pub name: String,
    /// What its tokens look like.
    pub kind: IssuerKind,
    /// The `iss` of its tokens, and where its discovery document is.
    pub url: String,
    /// The audience that a token has to be for, and for nobody else.
    pub audience: String,
    /// The CAs to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// Where a job has its token.
    pub token: TokenSource,
    /// Where a token may be asked for: a host, `host:port`, or `*.domain`.
    pub request_hosts: Vec<String>,
    /// The keys' address, where it is not at the issuer's own host.
    pub jwks: Option<String>,
    /// Further claims to keep.
    pub keep: Vec<String>,
    /// Claims that a token has to have.
    pub require: BTreeMap<String, String>,
}

/// What an issuer's tokens look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssuerKind {
    /// GitHub Actions.
    Github,
    /// GitLab CI.
    Gitlab,
    /// A cluster's service accounts.
    Kubernetes,
    /// Any OpenID provider.
    Oidc,
}

/// Where a job has its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// It has the right to ask for one, as GitHub's runner gives it.
    Request,
    /// In this variable.
    Env(String),
    /// In this file, as the job sees it.
    File(PathBuf),
}

impl IssuerKind {
    /// As the configuration has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Kubernetes => "kubernetes",
            Self::Oidc => "oidc",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Github, Self::Gitlab, Self::Kubernetes, Self::Oidc].into_iter().find(|kind| kind.name() == text)
    }

    const fn url(self) -> Option<&'static str> {
        match self {
            Self::Github => Some("https://token.actions.githubusercontent.com"),
            Self::Gitlab => Some("https://gitlab.com"),
            Self::Kubernetes => Some("https://kubernetes.default.svc.cluster.local"),
            Self::Oidc => None,
        }
    }

    fn token(self) -> Option<TokenSource> {
        match self {
            Self::Github => Some(TokenSource::Request),
            Self::Gitlab => Some(TokenSource::Env("WEIR_ID_TOKEN".to_owned())),
            Self::Kubernetes => Some(TokenSource::File("/var/run/secrets/tokens/weir".into())),
            Self::Oidc => None,
        }
    }
}

impl IssuerSettings {
    /// Whether a token may be asked for at this host.
    #[must_use]
    pub fn may_ask(&self, host: &str, port: u16) -> bool {
        self.request_hosts.iter().any(|allowed| {
            let (name, allowed_port) = match allowed.rsplit_once(':') {
                Some((name, port)) => (name, port.parse().ok()),
                None => (allowed.as_str(), Some(443)),
            };
            let fits = match name.strip_prefix('*') {
                Some(domain) => host.len() > domain.len() && host.ends_with(domain),
                None => host == name,
            };
            fits && allowed_port == Some(port)
        })
    }
}

pub(super) fn read(mut table: Table<'_, '_>, directory: &Path) -> Option<IssuerSettings> {
    let name = table.parsed("name", "letters, digits, dots and dashes: it is part of names", name);
    let name = table.required("name", name, "a name for its jobs' names: name = \"github\"");
    let kind = table.parsed("kind", "\"github\", \"gitlab\", \"kubernetes\" or \"oidc\"", IssuerKind::parse);
    let kind =
        table.required("kind", kind, "what its tokens look like: kind = \"github\", \"gitlab\", \"kubernetes\" or \"oidc\"");
    let url = table.parsed("url", "an https:// address: no token is believed that came by less", https);
    let url = url.or_else(|| kind?.url().map(str::to_owned));
    let url = table.required("url", url, "the `iss` of its tokens: url = \"https://…\"");
    let audience = table.text("audience").map(Spanned::into_inner).filter(|audience| !audience.is_empty());
    let audience = table.required("audience", audience, "whom its tokens are for: audience = \"weir.acme.example\"");
    let ca = table.parsed("ca", "a file of certificates: ca = \"file:/etc/weir/ca.pem\"", |text| {
        text.strip_prefix("file:").map(|path| directory.join(path))
    });
    let token = table.parsed("token", "\"env:NAME\", \"file:/PATH\" as the job sees it, or \"request\"", source);
    let token = token.or_else(|| kind?.token());
    let token = table.required("token", token, "where a job has it: token = \"env:NAME\" or \"file:/PATH\"");
    let jwks = table.parsed("jwks", "an https:// address", https);
    let texts =
        |list: Option<Vec<Spanned<String>>>| list.map(|list| list.into_iter().map(Spanned::into_inner).collect::<Vec<_>>());
    let request_hosts = texts(table.texts("request_hosts")).or_else(|| hosts(kind?, url.as_deref()?)).unwrap_or_default();
    let keep = texts(table.texts("keep")).unwrap_or_default();
    let require = table.table("require").map(Table::pairs).unwrap_or_default();
    table.end();
    Some(IssuerSettings {
        name: name?,
        kind: kind?,
        url: url?,
        audience: audience?,
        ca,
        token: token?,
        request_hosts,
        jwks,
        keep,
        require,
    })
}

/// GitHub's own hosts for GitHub's own issuer; elsewhere the issuer's.
fn hosts(kind: IssuerKind, url: &str) -> Option<Vec<String>> {
    if kind == IssuerKind::Github && kind.url() == Some(url) {
        return Some(vec!["*.actions.githubusercontent.com".to_owned()]);
    }
    let host = url.strip_prefix("https://")?.split('/').next()?;
    Some(vec![host.to_ascii_lowercase()])
}

fn name(text: &str) -> Option<String> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    let fit = !text.is_empty() && text.len() <= 64 && text.bytes().all(legal) && text.bytes().any(|byte| byte != b'.');
    fit.then(|| text.to_owned())
}

fn https(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://")?;
    (!rest.is_empty() && !rest.contains(['@', '?', '#', ' '])).then(|| text.to_owned())
}

fn source(text: &str) -> Option<TokenSource> {
    match text.split_once(':') {
        None if text == "request" => Some(TokenSource::Request),
        Some(("env", name)) if !name.is_empty() && !name.contains('=') => Some(TokenSource::Env(name.to_owned())),
        Some(("file", path)) if path.starts_with('/') => Some(TokenSource::File(path.into())),
        _ => None,
    }
}

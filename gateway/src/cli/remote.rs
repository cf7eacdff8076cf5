//! How commands reach a daemon elsewhere: over HTTPS, as whom `weir login` has signed in, or with a token of the environment's.

use super::{CliError, Result};
use crate::config::ConsoleSettings;
use crate::https::{Client, Url};
use hyper::{Method, Request, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(35);
const LARGEST_ANSWER: usize = 64 << 20;

/// Which daemon.
#[derive(clap::Args, Clone)]
pub(super) struct Remote {
    /// The console's address of a daemon elsewhere: who asks is whom `weir login` signed in, or $WEIR_TOKEN
    #[arg(long, env = "WEIR_URL", value_name = "URL")]
    url: Option<String>,
    /// The CAs to trust there instead of the system's
    #[arg(long, env = "WEIR_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// A daemon elsewhere, and what lets somebody in there.
pub(super) struct Place {
    url: String,
    ca: Option<PathBuf>,
    token: Option<String>,
}

/// What `weir login` has left.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) url: String,
    pub(super) token: String,
    pub(super) person: String,
    pub(super) until: String,
}

impl Remote {
    /// The daemon that is named; none where it is this host's.
    pub(super) fn place(&self) -> Result<Option<Place>> {
        let Some(url) = self.url.as_deref().map(|url| url.trim_end_matches('/')) else { return Ok(None) };
        let token = std::env::var("WEIR_TOKEN").ok().filter(|token| !token.is_empty()).or_else(|| kept_for(url));
        let what = || CliError::new(format!("nobody is signed in at {url}: weir login --url {url}, or set WEIR_TOKEN"));
        Ok(Some(Place { url: url.to_owned(), ca: self.ca.clone(), token: Some(token.ok_or_else(what)?) }))
    }

    /// The daemon's of this host, where somebody has signed in there.
    pub(super) fn place_of(&self, console: Option<&ConsoleSettings>) -> Option<Place> {
        let url = console?.url.clone();
        Some(Place { token: Some(kept_for(&url)?), url, ca: self.ca.clone() })
    }

    /// Where somebody is signed in, by what was kept of that.
    pub(super) fn place_as(&self, kept: &Kept) -> Place {
        Place { url: kept.url.clone(), ca: self.ca.clone(), token: Some(kept.token.clone()) }
    }

    /// The daemon that is named, as nobody.
    pub(super) fn nobody(&self) -> Option<Place> {
        let url = self.url.as_deref()?.trim_end_matches('/').to_owned();
        Some(Place { url, ca: self.ca.clone(), token: None })
    }
}

impl Place {
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Sends one request and reads the JSON that comes back.
    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let url = Url::read_local(&format!("{}{path}", self.url));
        let url = url.map_err(|why| CliError::new(format!("{:?} can't be asked: {why}", self.url)))?;
        let mut request = Request::builder().method(method).header("content-type", "application/json");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = body.map(ToString::to_string).unwrap_or_default().into_bytes();
        let request = request.body(body).map_err(|_unfit| CliError::new("the token has letters that none has"))?;
        let client = Client::new(self.ca.clone(), PATIENCE);
        let answer = client.ask(&url, request, LARGEST_ANSWER).await.map_err(|why| unreached(&why))?;
        let value = serde_json::from_slice::<Value>(answer.body());
        let detail = value.as_ref().ok().and_then(|value| value.get("detail")).and_then(Value::as_str).map(str::to_owned);
        match (answer.status(), value) {
            (StatusCode::OK, Ok(value)) => Ok(value),
            (StatusCode::UNAUTHORIZED, _) => {
                Err(CliError::new(format!("{} lets nobody in with this token: weir login --url {0}", self.url)))
            }
            (status, _) => Err(CliError::new(detail.unwrap_or_else(|| format!("{} answered {status}", self.url)))),
        }
    }
}

/// Why a daemon was not asked. A job is refused by a reset, and its user may not know that the shell is one.
fn unreached(why: &str) -> CliError {
    let hint =
        if why.contains("Connection reset") { " (in a job or a bound shell, its policy has to let it reach weir)" } else { "" };
    CliError::new(format!("{why}{hint}"))
}

/// Keeps what a sign-in has brought, for its owner alone; where.
pub(super) fn keep(kept: &Kept) -> Result<PathBuf> {
    let path = file().ok_or_else(|| CliError::new("there is no place for the token: set HOME"))?;
    let failed = |error: std::io::Error| CliError::new(format!("{}: {error}", path.display()));
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let text = serde_json::to_string(kept).map_err(CliError::new)?;
    // Another file takes its place: whoever has the old one open gets nothing of it.
    let fresh = path.with_extension(format!("{}", std::process::id()));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    std::fs::rename(&fresh, &path).map_err(failed)?;
    Ok(path)
}

/// Who is signed in, by what is kept; none where nobody is.
pub(super) fn signed_in() -> Option<(PathBuf, Kept)> {
    let path = file()?;
    let kept = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
    Some((path, kept))
}

/// The token that was kept for this address: no other gets it.
fn kept_for(url: &str) -> Option<String> {
    let kept: Kept = serde_json::from_slice(&std::fs::read(file()?).ok()?).ok()?;
    (kept.url == url).then_some(kept.token)
}

fn file() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))?;
    Some(folder.join("weir/token"))
}

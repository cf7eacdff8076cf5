//! `weir login`: signs in at a daemon elsewhere, by way of its identity provider.

use super::desk::{at, time};
use super::remote::{Kept, Remote, keep, signed_in};
use super::{CliError, Result, block_on};
use crate::api::client::{self, ClientError};
use crate::config::Config;
use crate::config::host::SOCKET;
use hyper::Method;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How often it is asked whether somebody has signed in.
const BETWEEN: Duration = Duration::from_secs(1);

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Leave this shell as it is: do not have the daemon of this host take what comes from it for yours
    #[arg(long)]
    no_shell: bool,
    /// The socket of this host's daemon
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

pub(super) fn login(arguments: &Arguments) -> Result {
    let place = arguments.remote.nobody();
    let place =
        place.ok_or_else(|| CliError::new("which daemon? weir login --url https://weir.acme.example, or set WEIR_URL"))?;
    block_on(async {
        let begun = place.ask(Method::POST, "/auth/device", None).await?;
        let life = Duration::from_secs(begun.get("expires_in").and_then(Value::as_u64).unwrap_or(600));
        let page = Some(at(&begun, "/verification_uri_complete")).filter(|page| page != "-");
        let page = page.unwrap_or_else(|| at(&begun, "/verification_uri"));
        say(&format!("open {page}\nand enter {}", at(&begun, "/user_code")))?;
        let (handle, since) = (json!({ "handle": begun.get("handle") }), Instant::now());
        while since.elapsed() < life {
            tokio::time::sleep(BETWEEN).await;
            let answer = place.ask(Method::POST, "/auth/device/answer", Some(&handle)).await?;
            match answer.get("state").and_then(Value::as_str) {
                Some("waiting") => {}
                Some("done") => {
                    let text = |name| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                    let kept =
                        Kept { url: place.url().to_owned(), token: text("token"), person: text("person"), until: text("until") };
                    let path = keep(&kept)?;
                    let until = time(&answer, "/until");
                    say(&format!(
                        "you are {} at {} until {until} (UTC): {}",
                        at(&answer, "/person"),
                        place.url(),
                        path.display()
                    ))?;
                    if !arguments.no_shell {
                        bind(arguments, &kept.token).await?;
                    }
                    return Ok(ExitCode::SUCCESS);
                }
                _ => return Err(CliError::new(at(&answer, "/why"))),
            }
        }
        Err(CliError::new("nobody has signed in in time: try again"))
    })
}

#[derive(clap::Args)]
pub(super) struct Out {
    #[command(flatten)]
    remote: Remote,
}

/// Ends the token that a sign-in has left, there and here. Exit status 1 where it may still be good.
pub(super) fn logout(arguments: &Out) -> Result {
    let (path, kept) = signed_in().ok_or_else(|| CliError::new("nobody is signed in here"))?;
    let ended = block_on(async {
        let id = kept.token.strip_prefix("weir_").and_then(|rest| rest.split('_').next()).unwrap_or_default();
        let revoke = format!("/v1/tokens/t-{id}/revoke");
        let reason = json!({ "reason": "weir logout" });
        arguments.remote.place_as(&kept).ask(Method::POST, &revoke, Some(&reason)).await
    });
    // Whatever is said there, nobody finds it here any more.
    std::fs::remove_file(&path).map_err(|error| CliError::new(format!("{}: {error}", path.display())))?;
    match ended {
        Ok(_revoked) => {
            say(&format!("{} is signed out at {}", kept.person, kept.url))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            say(&format!("the token is removed here, and may be good until {} (UTC): {error}", kept.until))?;
            Ok(ExitCode::from(1))
        }
    }
}

/// Has this host's daemon take what comes from this shell for the person's; where there is one, and they signed in at it.
async fn bind(arguments: &Arguments, token: &str) -> Result<()> {
    let configured = || Config::load(Path::new(super::DEFAULT_CONFIG)).ok().map(|config| config.host.socket);
    let socket = arguments.socket.clone().or_else(configured).unwrap_or_else(|| PathBuf::from(SOCKET));
    match client::ask_daemon(&socket, Method::POST, "/v1/jobs/bind", Some(&json!({ "token": token }))).await {
        Ok(bound) => say(&format!(
            "this shell is yours: what connects from it is run {}, as {}, until {} (UTC)",
            at(&bound, "/run"),
            at(&bound, "/person"),
            time(&bound, "/until")
        )),
        // There is none here.
        Err(ClientError::NoDaemon { .. }) => Ok(()),
        Err(error) => say(&format!("this shell stays as it was: {error}")),
    }
}

/// People read it, whatever the standard output is for.
fn say(text: &str) -> Result<()> {
    writeln!(std::io::stderr(), "{text}").map_err(CliError::new)
}

//! `weir login`: signs in at a daemon elsewhere, by way of its identity provider.

use super::desk::{at, time};
use super::remote::{Kept, Remote, keep};
use super::{CliError, Result, block_on};
use hyper::Method;
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How often it is asked whether somebody has signed in.
const BETWEEN: Duration = Duration::from_secs(1);

#[derive(clap::Args)]
pub(super) struct Arguments {
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
                    return Ok(ExitCode::SUCCESS);
                }
                _ => return Err(CliError::new(at(&answer, "/why"))),
            }
        }
        Err(CliError::new("nobody has signed in in time: try again"))
    })
}

/// People read it, whatever the standard output is for.
fn say(text: &str) -> Result<()> {
    writeln!(std::io::stderr(), "{text}").map_err(CliError::new)
}

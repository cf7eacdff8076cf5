//! Has one response verified by one sealed process, and believes nothing of it but its bounded answer.

use super::super::error::SignInError;
use super::worker::{Answer, Question};
use crate::launch::sealed;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::sync::Semaphore;

/// The command that the process is begun with. People don't write it.
const ARGUMENT: &str = "verify-saml";
/// Processes at once; others are told to try again.
const MOST: usize = 4;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of an answer: a response has fewer, and JSON writes some of them longer.
const ANSWER: u64 = 1 << 20;

/// Where responses are verified.
pub(super) struct Verifier {
    places: Semaphore,
}

impl Default for Verifier {
    fn default() -> Self {
        Self { places: Semaphore::new(MOST) }
    }
}

impl Verifier {
    /// What a process of its own makes of this.
    pub(super) async fn ask(&self, question: &Question) -> Result<Answer, SignInError> {
        let _place = self.places.try_acquire().map_err(|_| SignInError::Busy)?;
        let question = serde_json::to_vec(question).map_err(|_| SignInError::Broken)?;
        let beyond = || SignInError::Unbelievable("it could not be verified within its bounds of time and memory".to_owned());
        match tokio::time::timeout(PATIENCE, exchange(&question)).await {
            Ok(Ok((status, answer))) if status.success() => serde_json::from_slice(&answer).map_err(|_| {
                tracing::error!("the process that verifies SAML responses gave no answer that is one");
                SignInError::Broken
            }),
            Ok(Ok((status, _))) => {
                tracing::warn!(%status, "the process that verifies SAML responses has not ended well");
                Err(beyond())
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "no process can verify a SAML response");
                Err(SignInError::Broken)
            }
            Err(_elapsed) => {
                tracing::warn!("the process that verifies SAML responses took too long, and was ended");
                Err(beyond())
            }
        }
    }
}

/// Asks one process, which ends with this where it has not ended before.
async fn exchange(question: &[u8]) -> std::io::Result<(ExitStatus, Vec<u8>)> {
    let mut process = Command::from(sealed(ARGUMENT)).kill_on_drop(true).spawn()?;
    if let Some(mut input) = process.stdin.take() {
        // One that has ended says so by its status.
        let _asked = input.write_all(question).await.is_ok();
    }
    let mut answer = Vec::new();
    if let Some(output) = process.stdout.take() {
        output.take(ANSWER).read_to_end(&mut answer).await?;
    }
    Ok((process.wait().await?, answer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::model::time::Timestamp;
    use gateway_core::saml::Expected;

    #[tokio::test]
    async fn who_comes_while_all_are_busy_is_told_to_come_back() {
        let verifier = Verifier::default();
        let _taken = verifier.places.try_acquire_many(4).unwrap();
        let text = String::new;
        let expected = Expected {
            issuer: text(),
            audience: text(),
            recipient: text(),
            in_response_to: text(),
            now: Timestamp(0),
            skew: Duration::ZERO,
        };
        let question = Question { response: text(), certificates: Vec::new(), expected };
        assert!(matches!(verifier.ask(&question).await, Err(SignInError::Busy)));
    }
}

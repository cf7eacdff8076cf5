//! Has the log cosigned by the witnesses that are configured: what they have signed, this host can't take back.

use crate::config::WitnessSettings;
use crate::evidence::log::{Log, Witness, WitnessError};
use crate::host::Diary;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks each of them, again and again, until `stopped`.
pub(super) async fn all(witnesses: Vec<Asked>, stopped: oneshot::Receiver<()>) {
    let mut tasks = JoinSet::new();
    for witness in witnesses {
        tasks.spawn(witness.run());
    }
    // A dropped sender means the same as a message; what is asked at this moment is asked again by the next gateway.
    let _told = stopped.await.is_ok();
}

/// A witness that is asked.
pub(super) struct Asked {
    witness: Witness,
    name: String,
    every: Duration,
    log: Arc<Log>,
    diary: Arc<Diary>,
}

impl Asked {
    pub(super) fn new(settings: &WitnessSettings, log: Arc<Log>, diary: Arc<Diary>) -> Result<Self, WitnessError> {
        let witness = Witness::new(&settings.url, settings.key.clone(), settings.ca.clone(), PATIENCE)?;
        Ok(Self { witness, name: settings.key.name().to_owned(), every: settings.every, log, diary })
    }

    async fn run(self) {
        let mut failed = false;
        loop {
            match self.witness.cosign(&self.log).await {
                Ok(_) if std::mem::take(&mut failed) => tracing::info!(witness = self.name, "the witness signs again"),
                Ok(_) => {}
                // What goes on as it was is told once.
                Err(_) if failed => {}
                Err(error) => {
                    failed = true;
                    self.diary
                        .finding("witness", json!({ "witness": self.name, "error": error.to_string(), "alert": alert(&error) }));
                }
            }
            tokio::time::sleep(self.every).await;
        }
    }
}

/// Who signed another log than this one says that this host was rewritten.
const fn alert(error: &WitnessError) -> &'static str {
    match error {
        WitnessError::Inconsistent { .. } => "high",
        WitnessError::Refused { .. } | WitnessError::Forged { .. } | WitnessError::Address { .. } => "medium",
        WitnessError::Unreached { .. } | WitnessError::Log(_) => "low",
    }
}

//! The daemon's web listener: opened with the daemon, and again by the one that takes over.

use super::{Thread, thread};
use crate::api::web::{Door, serve};
use crate::control::Desk;
use crate::people::People;
use crate::session::context::Shared;
use anyhow::Result;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the daemon before this one may take to close its own.
const PATIENCE: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(50);

/// Who may come in, and where.
pub(super) struct Web {
    people: Arc<People>,
    door: Door,
}

impl Web {
    /// Opens what `[console]` names; none where there is no such section.
    pub(super) fn open(shared: &Shared) -> Result<Option<Self>> {
        let Some(people) = People::new(&shared.config, Arc::clone(&shared.ledger)) else { return Ok(None) };
        let door = Door::open(&people)?;
        Ok(Some(Self { people: Arc::new(people), door }))
    }

    /// The same, where another daemon may have it for a moment still. Jobs go on without it: they need none.
    pub(super) fn open_after(shared: &Shared) -> Option<Self> {
        let begun = Instant::now();
        loop {
            match Self::open(shared) {
                Ok(web) => return web,
                Err(error) if is_busy(&error) && begun.elapsed() < PATIENCE => std::thread::sleep(AGAIN),
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "there is no console until the daemon is started again");
                    return None;
                }
            }
        }
    }

    /// Serves until it is told to stop.
    pub(super) fn serve(self, desk: Desk) -> Result<Thread> {
        let Self { people, door } = self;
        thread("weir-web", |stopped| async move {
            let checking = tokio::spawn(Arc::clone(&people).check(desk.clone()));
            serve(door, desk, people, stopped).await;
            checking.abort();
        })
    }
}

/// Whether the one before still listens there.
fn is_busy(error: &anyhow::Error) -> bool {
    let error = error.root_cause().downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
}

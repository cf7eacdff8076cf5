//! What the commands that look back at records take, and how they tell how far they are.

use crate::backtest::{Filter, Progress};
use crate::cli::{CliError, Common, Result, desk};
use crate::evidence::now;
use clap::Args;
use gateway_core::model::time::Timestamp;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// How often progress is told.
const OFTEN: Duration = Duration::from_millis(500);

/// Which part of the past.
#[derive(Args, Clone)]
pub(in crate::cli) struct Past {
    /// How far back: 45s, 30m, 2h, 7d
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = desk::seconds)]
    since: u64,
    /// Of this target alone
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    #[command(flatten)]
    pub(super) common: Common,
}

impl Past {
    /// The same for the records' reader, of `workload` alone where one is named.
    pub(super) fn filter(&self, workload: Option<&str>) -> Filter {
        let ago = self.since.saturating_mul(1_000_000_000);
        let since = Timestamp(now().0.saturating_sub(ago));
        Filter { since, workload: workload.map(str::to_owned), target: self.target.clone() }
    }

    /// The state directory.
    pub(super) fn state_dir(&self) -> Result<std::path::PathBuf> {
        crate::cli::state_dir(self.common.config.as_deref())
    }
}

/// Tells a person at a terminal how far long work is; nobody else.
pub(super) struct Teller {
    terminal: bool,
    told: Instant,
    wrote: bool,
}

impl Teller {
    pub(super) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), told: Instant::now(), wrote: false }
    }

    pub(super) fn tell(&mut self, Progress { records, of, decisions }: Progress) {
        if !self.terminal || self.told.elapsed() < OFTEN {
            return;
        }
        (self.told, self.wrote) = (Instant::now(), true);
        let mut to = std::io::stderr();
        let _written =
            write!(to, "\r\x1b[Kweir: {records} of {of} records, {decisions} decisions").and_then(|()| to.flush()).is_ok();
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if self.wrote {
            let _written = write!(std::io::stderr(), "\r\x1b[K").is_ok();
        }
    }
}

/// A failure to read what is recorded.
pub(super) fn failed(error: impl ToString) -> CliError {
    CliError::new(error)
}

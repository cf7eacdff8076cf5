//! Old records are removed because somebody asks.

use super::actor::{Actor, On, Role};
use super::error::CommandError;
use crate::evidence::Remover;
use crate::ledger::Ledger;
use crate::retention::{self, Order, Removal};
use serde::Deserialize;
use std::path::Path;
use std::time::Duration;

/// The longest time that may be said, in seconds.
const LONGEST: u64 = 100 * 365 * 86_400;

/// What is to go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PruneRequest {
    /// What was closed more than so many seconds ago; as the configuration keeps records where it is not said.
    #[serde(default)]
    pub older_than_seconds: Option<u64>,
    /// Only say what would go.
    #[serde(default)]
    pub dry_run: bool,
}

/// Removes it, by a remover that is had once it is clear that they may.
pub(super) fn prune<'s>(
    (state_dir, keep): (&Path, Option<Duration>),
    ledger: &Ledger,
    actor: &Actor,
    request: &PruneRequest,
    remover: impl FnOnce() -> Result<Option<Remover<'s>>, CommandError>,
) -> Result<Removal, CommandError> {
    actor.must(Role::Admin, On::default(), "to remove records")?;
    if request.older_than_seconds.is_some_and(|seconds| seconds > LONGEST) {
        return Err(CommandError::Wrong(
            "nothing is older than 100 years: say which records go, such as --older-than 90d".to_owned(),
        ));
    }
    let asked = request.older_than_seconds.map(Duration::from_secs);
    let older_than = match (asked, keep) {
        (Some(asked), Some(keep)) if asked < keep => {
            let what = format!("records are kept for {} s (record.keep): nobody removes younger ones", keep.as_secs());
            return Err(CommandError::Wrong(what));
        }
        (Some(asked), _) => asked,
        (None, Some(keep)) => keep,
        (None, None) => {
            let what = "records are kept for ever: say which go (--older-than 90d), or set record.keep";
            return Err(CommandError::Wrong(what.to_owned()));
        }
    };
    let busy = || CommandError::Wrong("somebody else removes records at this moment: ask again in a while".to_owned());
    let remover = remover()?.ok_or_else(busy)?;
    let order = Order { older_than, by: Some(actor.name().to_owned()), dry_run: request.dry_run };
    Ok(retention::remove(state_dir, ledger, &remover, &order)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_alone_may_and_nothing_younger_goes_than_is_kept() {
        let state = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(state.path()).unwrap();
        let root = Actor::root(None);
        let try_it = |actor: &Actor, keep: Option<u64>, seconds: Option<u64>| {
            let request = PruneRequest { older_than_seconds: seconds, dry_run: true };
            let place = (state.path(), keep.map(Duration::from_secs));
            prune(place, &ledger, actor, &request, || Ok(None)).map(drop).unwrap_err().to_string()
        };
        for (actor, keep, seconds, says) in [
            (&Actor::nobody(), None, Some(1), "takes the role admin"),
            (&root, None, None, "kept for ever"),
            (&root, Some(60), Some(59), "nobody removes younger ones"),
            (&root, None, Some(u64::MAX), "100 years"),
            (&root, Some(60), Some(60), "at this moment"),
            (&root, Some(60), None, "at this moment"),
            (&root, None, Some(1), "at this moment"),
        ] {
            let told = try_it(actor, keep, seconds);
            assert!(told.contains(says), "{told}");
        }
    }
}

//! What may stand behind the question mark of a path.

use gateway_core::model::ids::SessionId;
use serde::Deserialize;
use utoipa::IntoParams;

/// How much of what is over a list shows.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PastQuery {
    /// How many of those that are over are looked at, at most 1 000.
    #[serde(default)]
    pub(super) past: u32,
    /// Only those that are over, and older than the one of this id: the answer's header `Link` has the next page.
    pub(super) before: Option<String>,
}

/// Which records are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RecordsQuery {
    /// How many, at most 200; 50 where it is not said.
    #[param(minimum = 1)]
    pub(super) limit: Option<u32>,
    /// Those before the one of this session: the answer's header `Link` has the next page.
    #[param(value_type = Option<SessionId>)]
    pub(super) before: Option<String>,
    /// Part of the workload's SPIFFE id or name.
    pub(super) workload: Option<String>,
    /// The target's name.
    pub(super) target: Option<String>,
    /// The run.
    pub(super) run: Option<String>,
    /// The owner.
    pub(super) owner: Option<String>,
    /// `live`, `ended`, `unclosed` or `damaged`.
    pub(super) state: Option<String>,
}

/// Which frames are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FramesQuery {
    /// Those behind the one of this number.
    pub(super) after: Option<u64>,
    /// How many, at most 2 000; 500 where it is not said.
    #[param(minimum = 1)]
    pub(super) limit: Option<u32>,
}

//! What may stand behind the question mark of a path.

use gateway_core::model::ids::SessionId;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;

/// How much of what is over a list shows; each list describes it, since ids differ.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PastQuery {
    #[serde(default, deserialize_with = "between::<0, 1_000, _>")]
    pub(super) past: Option<u32>,
    pub(super) before: Option<String>,
}

/// Which records are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RecordsQuery {
    /// How many, at most 200; 50 where it is not said.
    #[serde(default, deserialize_with = "between::<1, 200, _>")]
    #[param(minimum = 1, maximum = 200)]
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
    /// Words, each of which is somewhere in what the session is or did: its workload, name, owner, target, user, database,
    /// relations, classes, statements without their literals, its end, or the beginning of an id. Parts of names are enough.
    pub(super) search: Option<String>,
    /// Begun at this time or later: RFC 3339, or so long ago, as `2h` or `7d`.
    pub(super) since: Option<String>,
    /// Begun at this time or before, the same.
    pub(super) until: Option<String>,
}

/// What is to be looked into.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct IncidentQuery {
    /// The target's name.
    pub(super) target: String,
    /// Sessions that went on at this time or later: RFC 3339, or so long ago, as `2h` or `7d`.
    pub(super) since: String,
    /// And had begun by that, the same; until now where it is not said.
    pub(super) until: Option<String>,
}

/// Which frames are wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FramesQuery {
    /// Those behind the one of this number.
    pub(super) after: Option<u64>,
    /// How many, at most 2 000; 500 where it is not said.
    #[serde(default, deserialize_with = "between::<1, 2_000, _>")]
    #[param(minimum = 1, maximum = 2000)]
    pub(super) limit: Option<u32>,
}

/// A number of these bounds, both of them allowed.
fn between<'de, const LEAST: u32, const MOST: u32, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    let number = u32::deserialize(from)?;
    let fits = (LEAST..=MOST).contains(&number);
    if fits { Ok(Some(number)) } else { Err(D::Error::custom(format!("{number} is not from {LEAST} to {MOST}"))) }
}

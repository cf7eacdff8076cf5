//! Whether who began a long answer is still let in.

use super::guard::Guard;
use crate::control::Actor;
use std::sync::Arc;

/// With what somebody was let in.
#[derive(Clone)]
pub(super) enum Shown {
    Cookie(String),
    Token(String),
}

/// Asks again, as often as is wanted: it does not count as a use.
#[derive(Clone)]
pub(in crate::api) struct Still {
    guard: Arc<Guard>,
    shown: Shown,
}

impl Still {
    pub(super) const fn new(guard: Arc<Guard>, shown: Shown) -> Self {
        Self { guard, shown }
    }

    /// Who it is now; nobody where they are not let in any more.
    pub(in crate::api) async fn actor(&self) -> Option<Actor> {
        let found = match &self.shown {
            Shown::Cookie(cookie) => self.guard.people.still_by_cookie(cookie).await,
            Shown::Token(token) => self.guard.people.by_token(token).await,
        };
        found.ok().flatten()
    }
}

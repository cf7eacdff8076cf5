//! Sign-ins that are under way: each is good for the browser that began it, once, and for ten minutes.

use crate::credential::fingerprint;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(600);
/// More than anybody signs in at once. Beyond it the oldest go: nobody can keep others out by beginning.
const MOST: usize = 10_000;

/// What has to come back, and for whom.
pub(super) struct Waiting<T> {
    /// SHA-256 of what the browser was given.
    pub(super) browser: String,
    /// What the provider was asked with.
    pub(super) asked: T,
    /// Where the person wanted to go: a path here.
    pub(super) next: String,
}

/// All that is under way, by its `state`.
pub(super) struct Pending<T>(Mutex<HashMap<String, (Waiting<T>, Instant)>>);

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Pending<T> {
    pub(super) fn put(&self, state: String, waiting: Waiting<T>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.retain(|_, (_, since)| since.elapsed() < PATIENCE);
        }
        if all.len() >= MOST
            && let Some(oldest) = all.iter().min_by_key(|(_, (_, since))| *since).map(|(state, _)| state.clone())
        {
            all.remove(&oldest);
        }
        all.insert(state, (waiting, Instant::now()));
    }

    /// Takes what waits under `state`, where this browser began it. It is over then, whatever becomes of it;
    /// another browser's stays as it is.
    pub(super) fn take(&self, state: &str, browser: &str) -> Option<Waiting<T>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (waiting, since) = all.get(state)?;
        let fresh = since.elapsed() < PATIENCE;
        if fresh && waiting.browser != fingerprint(browser) {
            return None;
        }
        all.remove(state).filter(|_| fresh).map(|(waiting, _)| waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(browser: &str) -> Waiting<()> {
        Waiting { browser: fingerprint(browser), asked: (), next: String::new() }
    }

    #[test]
    fn a_sign_in_is_for_one_browser_and_once() {
        let pending = Pending::default();
        pending.put("state".to_owned(), waiting("mine"));
        assert!(pending.take("state", "another").is_none() && pending.take("other", "mine").is_none());
        assert!(pending.take("state", "mine").is_some(), "nobody else has used it up");
        assert!(pending.take("state", "mine").is_none(), "it is not good twice");
    }

    #[test]
    fn too_many_push_out_the_oldest() {
        let pending = Pending::default();
        for number in 0..=MOST {
            pending.put(number.to_string(), waiting("mine"));
        }
        assert!(pending.take("0", "mine").is_none() && pending.take(&MOST.to_string(), "mine").is_some());
    }
}

//! Assertions that were used: each is good once, and is remembered until it is over.
//!
//! An assertion answers one request, which is forgotten once it is answered, so that a second use is refused before this is
//! asked. That is in memory, and so is this: a daemon that begins anew knows no requests, and believes no answer.

use super::super::error::SignInError;
use gateway_core::model::time::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Nobody is let in where more would have to be remembered.
const MOST: usize = 10_000;

/// Their ids, and until when they could be used.
#[derive(Default)]
pub(super) struct Seen(Mutex<HashMap<String, Timestamp>>);

impl Seen {
    /// Notes one that is used at `now`, and could be until `until`.
    pub(super) fn first(&self, id: &str, until: Timestamp, now: Timestamp) -> Result<(), SignInError> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.retain(|_, until| *until >= now);
        }
        if all.contains_key(id) {
            return Err(SignInError::Unbelievable("its Assertion was used before".to_owned()));
        }
        if all.len() >= MOST {
            return Err(SignInError::Busy);
        }
        all.insert(id.to_owned(), until);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assertion_is_good_once_and_nothing_is_forgotten_before_its_time() {
        let seen = Seen::default();
        let check = |id: &str, until, now| seen.first(id, Timestamp(until), Timestamp(now)).map_err(|error| error.to_string());
        assert_eq!(check("a", 10, 1), Ok(()));
        assert!(check("a", 10, 2).unwrap_err().contains("used before"));
        for number in 1..MOST {
            assert_eq!(check(&number.to_string(), 5, 1), Ok(()));
        }
        assert!(check("b", 10, 5).unwrap_err().contains("too many"));
        assert_eq!(check("b", 10, 6), Ok(()), "those that are over make room");
        assert!(check("a", 10, 6).is_err(), "and this one is not");
    }
}

//! What a session's texts were judged to be, so that a known one is not judged again.

use super::verdict::Judged;
use gateway_core::inspect::Inspection;
use gateway_core::inspect::catalog::Catalog;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// Statements, questions and accesses that are kept in all; what is beyond begins anew.
const ROOM: usize = 8_192;

/// Judgements by the very inspection and catalog that they rest on, and whether a transaction was open.
/// All else that decides is the session's own: whoever changes that empties this.
#[derive(Debug, Default)]
pub(super) struct Known {
    judged: HashMap<(usize, usize, bool), Entry>,
    weight: usize,
}

/// A weak reference keeps no content, but its address from being given to another.
#[derive(Debug)]
struct Entry {
    _inspection: Weak<Inspection>,
    _catalog: Option<Weak<Catalog>>,
    judged: Arc<Judged>,
}

impl Known {
    /// What was judged before on the same grounds.
    pub(super) fn find(&self, inspection: &Arc<Inspection>, catalog: Option<&Arc<Catalog>>, open: bool) -> Option<Arc<Judged>> {
        self.judged.get(&key(inspection, catalog, open)).map(|entry| Arc::clone(&entry.judged))
    }

    /// Keeps a judgement of which nothing else can make another.
    pub(super) fn keep(
        &mut self,
        inspection: &Arc<Inspection>,
        catalog: Option<&Arc<Catalog>>,
        open: bool,
        judged: &Arc<Judged>,
    ) {
        let weight: usize = judged.parts.iter().map(|part| 1 + part.questions.len() + part.statement.accesses.len()).sum();
        if weight > ROOM / 4 {
            return;
        }
        if self.weight + weight > ROOM || self.judged.len() >= ROOM / 4 {
            self.clear();
        }
        let entry =
            Entry { _inspection: Arc::downgrade(inspection), _catalog: catalog.map(Arc::downgrade), judged: Arc::clone(judged) };
        if self.judged.insert(key(inspection, catalog, open), entry).is_none() {
            self.weight += weight;
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.judged.clear();
        self.weight = 0;
    }
}

fn key(inspection: &Arc<Inspection>, catalog: Option<&Arc<Catalog>>, open: bool) -> (usize, usize, bool) {
    (Arc::as_ptr(inspection).addr(), catalog.map_or(0, |catalog| Arc::as_ptr(catalog).addr()), open)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged() -> Arc<Judged> {
        Arc::new(Judged { parts: Vec::new(), decisions: Vec::new(), refused: None })
    }

    #[test]
    fn a_judgement_is_found_on_the_same_grounds_alone() {
        let (inspection, other) = (Arc::new(Inspection::default()), Arc::new(Inspection::default()));
        let (catalog, newer) = (Arc::new(Catalog::default()), Arc::new(Catalog::default()));
        let mut known = Known::default();
        known.keep(&inspection, Some(&catalog), false, &judged());
        let found = |known: &Known, inspection, catalog, open| known.find(inspection, catalog, open).is_some();
        assert!(found(&known, &inspection, Some(&catalog), false));
        assert!(!found(&known, &other, Some(&catalog), false));
        assert!(!found(&known, &inspection, Some(&newer), false));
        assert!(!found(&known, &inspection, None, false));
        assert!(!found(&known, &inspection, Some(&catalog), true));
        known.clear();
        assert!(!found(&known, &inspection, Some(&catalog), false));
    }

    #[test]
    fn no_address_is_taken_for_another_and_nothing_grows_without_bound() {
        let mut known = Known::default();
        for _ in 0..3 * ROOM {
            let inspection = Arc::new(Inspection::default());
            assert!(known.find(&inspection, None, false).is_none());
            known.keep(&inspection, None, false, &judged());
        }
        assert!(known.judged.len() <= ROOM / 4);
    }
}

//! What a session's texts were judged to be, so that a known one is not judged again.

use super::verdict::Judged;
use foldhash::fast::RandomState;
use gateway_core::inspect::Inspection;
use gateway_core::inspect::catalog::Catalog;
use gateway_core::policy::{Stretch, Totals};
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// Statements, questions and accesses that are kept in all; what is beyond begins anew.
const ROOM: usize = 8_192;

/// Judgements by the very inspection and catalog that they rest on, and whether a transaction was open.
/// All else that decides is the session's own: whoever changes that empties this.
#[derive(Debug, Default)]
pub(super) struct Known {
    judged: HashMap<(usize, usize, bool), Entry, RandomState>,
    weight: usize,
}

/// A weak reference keeps no content, but its address from being given to another.
#[derive(Debug)]
struct Entry {
    _inspection: Weak<Inspection>,
    _catalog: Option<Weak<Catalog>>,
    /// The totals for which it holds.
    stretch: Stretch,
    judged: Arc<Judged>,
}

impl Known {
    /// What was judged before on the same grounds, `totals` being those before each of its statements.
    pub(super) fn find(&self, (inspection, catalog, open): Grounds<'_>, totals: impl Fn(u64) -> Totals) -> Option<Arc<Judged>> {
        let entry = self.judged.get(&key(inspection, catalog, open))?;
        holds(&entry.stretch, inspection, totals).then(|| Arc::clone(&entry.judged))
    }

    /// Keeps a judgement that nothing but its grounds decides, where its totals are all in one `stretch`.
    pub(super) fn keep(
        &mut self,
        (inspection, catalog, open): Grounds<'_>,
        (stretch, totals): (Stretch, impl Fn(u64) -> Totals),
        judged: &Arc<Judged>,
    ) {
        if !holds(&stretch, inspection, totals) {
            return;
        }
        let weight: usize = judged.parts.iter().map(|part| 1 + part.questions.len() + part.statement.accesses.len()).sum();
        if weight > ROOM / 4 {
            return;
        }
        if self.weight + weight > ROOM || self.judged.len() >= ROOM / 4 {
            self.clear();
        }
        let entry = Entry {
            _inspection: Arc::downgrade(inspection),
            _catalog: catalog.map(Arc::downgrade),
            stretch,
            judged: Arc::clone(judged),
        };
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

/// A text's inspection, the catalog, and whether a transaction was open.
pub(super) type Grounds<'a> = (&'a Arc<Inspection>, Option<&'a Arc<Catalog>>, bool);

/// Whether the totals of all statements of a text are in `stretch`: between the first's and the last's
/// they only grow.
fn holds(stretch: &Stretch, inspection: &Inspection, totals: impl Fn(u64) -> Totals) -> bool {
    let last = inspection.statements.len() as u64;
    stretch.always() || (stretch.holds(&totals(1)) && (last <= 1 || stretch.holds(&totals(last))))
}

fn key(inspection: &Arc<Inspection>, catalog: Option<&Arc<Catalog>>, open: bool) -> (usize, usize, bool) {
    (Arc::as_ptr(inspection).addr(), catalog.map_or(0, |catalog| Arc::as_ptr(catalog).addr()), open)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::inspect::Statement;
    use gateway_core::policy::{PolicySet, Running};
    use std::sync::OnceLock;

    fn judged() -> Arc<Judged> {
        Arc::new(Judged {
            parts: Vec::new(),
            decisions: Vec::new(),
            refused: None,
            statements: 0,
            by_catalog: false,
            written: OnceLock::new(),
        })
    }

    fn nothing(_: u64) -> Totals {
        Totals::default()
    }

    #[test]
    fn a_judgement_is_found_on_the_same_grounds_alone() {
        let (inspection, other) = (Arc::new(Inspection::default()), Arc::new(Inspection::default()));
        let (catalog, newer) = (Arc::new(Catalog::default()), Arc::new(Catalog::default()));
        let mut known = Known::default();
        known.keep((&inspection, Some(&catalog), false), (Stretch::default(), nothing), &judged());
        let found = |known: &Known, inspection, catalog, open| known.find((inspection, catalog, open), nothing).is_some();
        assert!(found(&known, &inspection, Some(&catalog), false));
        assert!(!found(&known, &other, Some(&catalog), false));
        assert!(!found(&known, &inspection, Some(&newer), false));
        assert!(!found(&known, &inspection, None, false));
        assert!(!found(&known, &inspection, Some(&catalog), true));
        known.clear();
        assert!(!found(&known, &inspection, Some(&catalog), false));
    }

    #[test]
    fn a_judgement_holds_while_its_totals_are_in_their_stretch() {
        let text = "@id(\"q\") forbid (principal, action, resource) when { context.session.statements > 10 };";
        let set = PolicySet::load(vec![("q.cedar".to_owned(), text.replace("action,", "action == Action::\"read\","))]).unwrap();
        let at = |statements: u64| {
            move |more| Totals { session: Running { statements: statements + more, ..Running::default() }, ..Totals::default() }
        };
        let of = |count: usize| {
            Arc::new(Inspection { statements: (0..count).map(|_| Arc::<Statement>::default()).collect(), cross_checked: true })
        };
        let (one, three) = (of(1), of(3));
        let mut known = Known::default();
        for inspection in [&one, &three] {
            known.keep((inspection, None, false), (set.stretch(&at(0)(1)).unwrap(), at(0)), &judged());
        }
        let found = |inspection, statements| known.find((inspection, None, false), at(statements)).is_some();
        assert!(found(&one, 9) && !found(&one, 10));
        assert!(found(&three, 7) && !found(&three, 8), "the third is beyond");
        let mut across = Known::default();
        across.keep((&three, None, false), (set.stretch(&at(8)(1)).unwrap(), at(8)), &judged());
        assert!(across.judged.is_empty(), "its statements are in two stretches");
    }

    #[test]
    fn no_address_is_taken_for_another_and_nothing_grows_without_bound() {
        let mut known = Known::default();
        for _ in 0..3 * ROOM {
            let inspection = Arc::new(Inspection::default());
            assert!(known.find((&inspection, None, false), nothing).is_none());
            known.keep((&inspection, None, false), (Stretch::default(), nothing), &judged());
        }
        assert!(known.judged.len() <= ROOM / 4);
    }
}

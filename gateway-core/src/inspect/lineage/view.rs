//! What the columns of views are made of, by their definitions.

use super::trace::{Returned, Trace};
use super::value::Sources;
use super::{LineageScope, Own, Place};
use crate::inspect::catalog::Catalog;
use crate::inspect::postgres::with_tree;
use std::collections::BTreeSet;

/// A view's definition, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traced {
    /// Column by column what flows in, and whether it is a plain column.
    pub columns: Vec<(Sources, bool)>,
    /// All columns of all relations that it reads.
    pub touched: Sources,
    /// It runs code that nobody has reviewed.
    pub runs_code: bool,
}

/// Reads the definition of `view`; where it is not understood, all is made of everything.
pub(in crate::inspect) fn trace_view(catalog: &Catalog, view: u32, definition: &str) -> Traced {
    let pure = BTreeSet::new();
    let path: [Box<str>; 1] = ["pg_catalog".into()];
    // Whoever reads it: code may have run there.
    let own = Own { code_ran: true, ..Own::default() };
    let scope = LineageScope { catalog, search_path: Some(&path), own: &own, pure: &pure };
    let read = with_tree(definition, |node| {
        let mut trace = Trace::new(&scope);
        let returned = trace.statement(node);
        // Giving up is told by this flow.
        let understood = trace.goes_to(Place::Unknown).is_none_or(|sources| !sources.everything);
        let Returned::Rows(shape) = returned else { return None };
        let fits = shape.rest.is_none() && shape.fields.len() == catalog.columns(view).len();
        let columns = shape.fields.into_iter().map(|field| (field.value.sources, field.value.direct)).collect();
        let (touched, runs_code) = (trace.touched, trace.runs_code);
        (fits && understood).then_some(Traced { columns, touched, runs_code })
    });
    read.flatten().unwrap_or_else(|| {
        let columns = catalog.columns(view).iter().map(|_| (Sources::everything(), false)).collect();
        Traced { columns, touched: Sources::everything(), runs_code: true }
    })
}

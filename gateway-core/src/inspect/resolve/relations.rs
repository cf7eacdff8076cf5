//! Questions about relations: those that are named, and those that lie behind them.

use super::names::{Bare, candidates};
use super::{Asking, Resource};
use crate::inspect::catalog::{Catalog, Relation, RelationKind};
use crate::inspect::{Action, ObjectName, reviewed};

impl Asking<'_> {
    /// Asks for the relation that `name` may mean, in each schema where it may be.
    pub(super) fn relation(&mut self, action: Action, name: &ObjectName) {
        if let Some(schema) = &name.schema {
            return self.table(action, Some(schema), &name.name);
        }
        if self.scope.temporary.contains(&name.name) {
            // Beside the others: it may be gone, for a transaction's end can drop it.
            self.table(action, Some("pg_temp"), &name.name);
        }
        let known = self.scope.catalog.map(|catalog| catalog.relations(&name.name)).unwrap_or_default();
        let bare = Bare {
            known: known.iter().map(|relation| &*relation.schema).collect(),
            mentioned: self.scope.mentions.relations.get(&name.name),
            built_in: reviewed::is_relation(&name.name),
            made: self.makes(action),
        };
        for schema in candidates(self.scope, &bare) {
            self.table(action, schema.as_deref(), &name.name);
        }
    }

    fn table(&mut self, action: Action, schema: Option<&str>, name: &str) {
        self.ask(action, Resource::Table(schema.map(Box::from), name.into()), None);
        let (Some(catalog), Some(schema)) = (self.scope.catalog, schema) else { return };
        let view = format!("{schema}.{name}");
        if schema == "pg_toast" {
            if let Some((schema, name)) = Catalog::owner_of_long_values(name).and_then(|oid| catalog.name_of(oid)) {
                self.ask(action, Resource::Table(Some(schema.into()), name.into()), Some(&view));
            }
            return;
        }
        let Some(relation) = catalog.relation(schema, name) else { return };
        self.family(catalog, action, relation.oid, &view);
        let through = match action {
            Action::Read | Action::Write | Action::Session => true,
            Action::Define | Action::Administer | Action::Call => self.refreshes(),
        };
        if through {
            self.behind(catalog, action, relation, &view);
        }
    }

    /// What is behind a view. All of it is read, or written, where the view is: which of its
    /// relations a write goes to, the catalog does not say.
    fn behind(&mut self, catalog: &Catalog, action: Action, relation: &Relation, view: &str) {
        if self.excess {
            return;
        }
        let refresh = relation.kind == RelationKind::MaterialisedView && self.refreshes();
        let action = if refresh { Action::Read } else { action };
        let reached = catalog.reached(relation.oid, refresh);
        for oid in &reached.relations {
            if let Some((schema, name)) = catalog.name_of(*oid) {
                self.ask(action, Resource::Table(Some(schema.into()), name.into()), Some(view));
                self.family(catalog, action, *oid, view);
            }
        }
        for oid in &reached.built_in {
            let name = catalog.name_of(*oid).filter(|(schema, name)| self.names(schema, name));
            if let Some((schema, name)) = name {
                self.ask(action, Resource::Table(Some(schema.into()), name.into()), Some(view));
            }
        }
        for (schema, name) in &reached.functions {
            self.call_in(schema, name, Some(view));
        }
    }

    /// The parts of a relation and those that it is a part of, as far as a policy can tell them
    /// from it: where it names them, or their schema and not the relation's.
    fn family(&mut self, catalog: &Catalog, action: Action, oid: u32, named: &str) {
        let related = match action {
            Action::Read | Action::Write => &catalog.descendants(oid) | &catalog.ancestors(oid),
            Action::Define => catalog.descendants(oid),
            Action::Administer | Action::Call | Action::Session => return,
        };
        let own = catalog.name_of(oid).map(|(schema, _)| schema);
        for (schema, name) in related.iter().filter_map(|oid| catalog.name_of(*oid)) {
            let elsewhere = own != Some(schema) && self.scope.mentions.schemas.contains(schema);
            if elsewhere || self.names(schema, name) {
                self.ask(action, Resource::Table(Some(schema.into()), name.into()), Some(named));
            }
        }
    }

    /// Whether the policy set names this very relation.
    fn names(&self, schema: &str, name: &str) -> bool {
        self.scope.mentions.relations.get(name).is_some_and(|schemas| schemas.contains(schema))
    }
}

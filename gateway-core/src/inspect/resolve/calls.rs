//! Questions about functions, operators and types: what runs that nobody has reviewed.

use super::names::{Bare, candidates, reachable};
use super::{Asking, Resource};
use crate::inspect::reviewed::{self, Verdict};
use crate::inspect::{Action, ObjectName};

impl Asking<'_> {
    /// Asks for a call of what `name` may mean: a function, or a type that a value is made of.
    pub(super) fn call(&mut self, name: &ObjectName) {
        let bare = &name.name;
        if let Some(schema) = &name.schema {
            return self.call_in(schema, bare, None);
        }
        let verdict = reviewed::function(bare);
        if verdict.is_some() {
            self.call_in("pg_catalog", bare, None);
        }
        let harmless = match verdict {
            Some(Verdict::Reviewed | Verdict::Counted(_)) => true,
            Some(Verdict::Denied(_)) => false,
            None => reviewed::is_type(bare),
        };
        if self.scope.catalog.is_some() {
            let found = self.known_calls(bare, harmless);
            if !found && verdict.is_none() && !harmless {
                self.unknown_call(bare);
            }
        } else if harmless {
            // Which other schemas have the name, nobody knows here: those count that a policy names.
            self.mentioned_calls(bare);
        } else {
            self.unknown_call(bare);
        }
    }

    /// Asks for a call of a function, or of a type, of one schema.
    pub(super) fn call_in(&mut self, schema: &str, name: &str, behind: Option<&str>) {
        match reviewed::function_in(schema, name) {
            Some(Verdict::Reviewed) => {}
            Some(Verdict::Counted(action)) => self.counted(action, behind),
            Some(Verdict::Denied(_)) => self.function_in(Action::Call, schema, name, behind),
            None if reviewed::is_type_in(schema, name) => {}
            None => {
                let is_function = self.functions_of(name).contains(&schema);
                if is_function || !self.makes_value(Some(schema), name) {
                    self.function_in(Action::Call, schema, name, behind);
                }
            }
        }
    }

    /// Asks for an action other than `call` on a function: it is made, altered, granted.
    pub(super) fn function(&mut self, action: Action, name: &ObjectName) {
        if let Some(schema) = &name.schema {
            return self.function_in(action, schema, &name.name, None);
        }
        let bare = Bare {
            known: self.functions_of(&name.name),
            mentioned: self.scope.mentions.functions.get(&name.name),
            built_in: reviewed::function(&name.name).is_some(),
            made: self.makes(action),
        };
        for schema in candidates(self.scope, &bare) {
            self.ask(action, Resource::Function(schema, name.name.clone()), None);
        }
    }

    /// Asks for what is done with an operator. Using one is calling its function.
    pub(super) fn operator(&mut self, action: Action, name: &ObjectName) {
        if action != Action::Call {
            return self.function(action, name);
        }
        let symbol = &name.name;
        let built_in = reviewed::is_operator(symbol);
        let mut found = false;
        for (schema, function) in self.scope.catalog.into_iter().flat_map(|catalog| catalog.operators(symbol)) {
            let meant = name.schema.as_deref().map_or_else(|| reachable(self.scope, schema), |named| named == schema);
            if meant {
                found = true;
                let beside = built_in && name.schema.is_none();
                match function {
                    Some((schema, function)) if beside && !self.is_own(schema, function) => {}
                    Some((schema, function)) => self.call_in(schema, function, None),
                    None => self.function_in(Action::Call, schema, symbol, None),
                }
            }
        }
        match name.schema.as_deref() {
            Some("pg_catalog") if built_in => {}
            Some(schema) if !found => self.function_in(Action::Call, schema, symbol, None),
            None if !found && !built_in => self.unknown_call(symbol),
            Some(_) | None => {}
        }
    }

    /// Asks for what `t.name` and `(value).name` may call. Mostly it is a column, so only functions that
    /// are known to be there are asked for, and those that the policy set names; of a row, no extension's.
    pub(super) fn member(&mut self, name: &str, of_row: bool) {
        let verdict = reviewed::function(name);
        match verdict {
            Some(Verdict::Denied(_) | Verdict::Counted(_)) => self.call_in("pg_catalog", name, None),
            Some(Verdict::Reviewed) | None => {}
        }
        if self.scope.catalog.is_none() {
            return self.mentioned_calls(name);
        }
        if !of_row {
            self.known_calls(name, verdict.is_some() || reviewed::is_type(name));
            return;
        }
        let named = self.scope.mentions.functions.get(name);
        for schema in self.functions_of(name).into_iter().filter(|schema| reachable(self.scope, schema)) {
            if self.is_own(schema, name) || named.is_some_and(|schemas| schemas.contains(schema)) {
                self.call_in(schema, name, None);
            }
        }
    }

    /// Asks for the functions that the policy set names beside one of the server's.
    fn mentioned_calls(&mut self, name: &str) {
        let mentioned = self.scope.mentions.functions.get(name).into_iter().flatten();
        for schema in mentioned.filter(|schema| reachable(self.scope, schema) && ***schema != *"pg_catalog") {
            self.call_in(schema, name, None);
        }
    }

    /// Asks for each function that the catalog has of this name, and for what types of this name
    /// run; `beside` a harmless one of the server's, only for what a user may have put there. Whether there are any.
    fn known_calls(&mut self, name: &str, beside: bool) -> bool {
        let mut found = false;
        for schema in self.functions_of(name).into_iter().filter(|schema| reachable(self.scope, schema)) {
            found = true;
            if !beside || self.is_own(schema, name) {
                self.call_in(schema, name, None);
            }
        }
        self.makes_value(None, name) || found
    }

    /// Asks for what making a value of the types of this name runs. Whether there are any. Rows of
    /// relations run nothing that an INSERT there would not.
    fn makes_value(&mut self, schema: Option<&str>, name: &str) -> bool {
        let mut found = false;
        for (known, runs) in self.scope.catalog.into_iter().flat_map(|catalog| catalog.types(name)) {
            if schema.map_or_else(|| reachable(self.scope, known), |schema| schema == known) {
                found = true;
                runs.iter().for_each(|(schema, function)| self.function_in(Action::Call, schema, function, None));
            }
        }
        let rows = self.scope.catalog.is_some_and(|catalog| match schema {
            Some(schema) => catalog.is_row(schema, name),
            None => {
                let mut schemas = catalog.relations(name).iter().map(|relation| &*relation.schema);
                schemas.any(|schema| reachable(self.scope, schema) && catalog.is_row(schema, name))
            }
        });
        found || rows
    }

    fn unknown_call(&mut self, name: &str) {
        let mentioned = self.scope.mentions.functions.get(name);
        let bare = Bare { known: Vec::new(), mentioned, built_in: false, made: false };
        for schema in candidates(self.scope, &bare) {
            self.ask(Action::Call, Resource::Function(schema, name.into()), None);
        }
    }

    /// A function that counts as another action. Which object it acts on is in the statement's own
    /// accesses; where they are silent, and behind a view, it is the target.
    fn counted(&mut self, action: Action, behind: Option<&str>) {
        let said = self.statement.is_some_and(|statement| statement.accesses.iter().any(|access| access.action == action));
        if behind.is_some() || !said {
            self.ask(action, Resource::Target, behind);
        }
    }

    fn is_own(&self, schema: &str, name: &str) -> bool {
        self.scope.catalog.is_some_and(|catalog| catalog.has_own_function(schema, name))
    }

    fn function_in(&mut self, action: Action, schema: &str, name: &str, behind: Option<&str>) {
        self.ask(action, Resource::Function(Some(schema.into()), name.into()), behind);
    }
}

impl<'a> Asking<'a> {
    /// The schemas that have a function of this name, by the catalog.
    fn functions_of(&self, name: &str) -> Vec<&'a str> {
        let known = self.scope.catalog.into_iter().flat_map(|catalog| catalog.function_schemas(name));
        known.map(|schema| &**schema).collect()
    }
}

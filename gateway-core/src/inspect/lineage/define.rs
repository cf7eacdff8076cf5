//! CREATE: tables, views, indexes, and what is made of columns.

use super::space::{Item, Space};
use super::trace::{Returned, Trace};
use super::value::{Field, Shape, Sources, Value};
use super::{ColumnId, Place, UseKind};
use crate::inspect::postgres::cut;
use pg_query::protobuf::{
    ColumnDef, Constraint, CreateStatsStmt, CreateStmt, CreateTableAsStmt, IndexStmt, List, Node, RefreshMatViewStmt, StatsElem,
    ViewStmt, node::Node as Kind,
};

impl Trace<'_> {
    /// A table without rows: its defaults and conditions are code; a key that points elsewhere will be held against what is there.
    pub(super) fn create_table(&mut self, statement: &CreateStmt) {
        let CreateStmt {
            relation,
            table_elts,
            inh_relations,
            partbound,
            partspec: _,
            of_typename,
            constraints,
            nnconstraints: _,
            options: _,
            oncommit,
            tablespacename: _,
            access_method: _,
            if_not_exists,
        } = statement;
        let before = self.is_quiet();
        let fields = table_elts.iter().filter_map(|element| match &element.node {
            Some(Kind::ColumnDef(column)) => Some(Field { name: Some(cut(&column.colname).into()), value: Value::default() }),
            _ => None,
        });
        let shape = Shape { fields: fields.collect(), rest: None };
        self.within(Space::bare(shape.clone()), |trace| {
            for element in table_elts.iter().chain(constraints) {
                match &element.node {
                    Some(Kind::ColumnDef(column)) => _ = trace.column_definition(column),
                    Some(Kind::Constraint(constraint)) => _ = trace.constraint(constraint),
                    // LIKE: definitions of another table.
                    Some(Kind::TableLikeClause(_)) => {}
                    _ => trace.give_up(),
                }
            }
        });
        let like = table_elts.iter().any(|element| matches!(element.node, Some(Kind::TableLikeClause(_))));
        let alone = inh_relations.is_empty() && partbound.is_none() && of_typename.is_none() && !like && !if_not_exists;
        if let Some(probed) = self.only_probes().filter(|_| before && alone) {
            self.makes(relation.as_ref(), &shape, *oncommit, (Sources::default(), probed));
        }
    }

    /// A column's defaults and conditions; what flows into it where rows are there already.
    pub(super) fn column_definition(&mut self, column: &ColumnDef) -> Sources {
        let ColumnDef {
            colname: _,
            type_name: _,
            compression: _,
            inhcount: _,
            is_local: _,
            is_not_null: _,
            is_from_type: _,
            storage: _,
            storage_name: _,
            raw_default,
            cooked_default: _,
            identity: _,
            identity_sequence: _,
            generated: _,
            coll_clause: _,
            coll_oid: _,
            constraints,
            fdwoptions: _,
            location: _,
        } = column;
        let mut all = self.optional(raw_default.as_deref()).sources;
        for constraint in constraints {
            match &constraint.node {
                Some(Kind::Constraint(constraint)) => all.add(&self.constraint(constraint)),
                _ => all.add(&self.unknown_value().sources),
            }
        }
        all
    }

    /// A constraint's expression, and what a foreign key points to.
    pub(super) fn constraint(&mut self, constraint: &Constraint) -> Sources {
        let Constraint {
            contype: _,
            conname: _,
            deferrable: _,
            initdeferred: _,
            is_enforced: _,
            skip_validation: _,
            initially_valid: _,
            is_no_inherit: _,
            raw_expr,
            cooked_expr: _,
            generated_when: _,
            generated_kind: _,
            nulls_not_distinct: _,
            keys: _,
            without_overlaps: _,
            including: _,
            exclusions,
            options: _,
            indexname: _,
            indexspace: _,
            reset_default_tblspc: _,
            access_method: _,
            where_clause,
            pktable,
            fk_attrs: _,
            pk_attrs,
            fk_with_period: _,
            pk_with_period: _,
            fk_matchtype: _,
            fk_upd_action: _,
            fk_del_action: _,
            fk_del_set_cols: _,
            old_conpfeqop: _,
            old_pktable_oid: _,
            location: _,
        } = constraint;
        let value = self.optional(raw_expr.as_deref());
        let mut all = value.sources.and(&self.optional(where_clause.as_deref()).sources);
        if let Some(relation) = pktable {
            let item = self.relation_item(relation);
            let columns = super::with::named(pk_attrs);
            let probed = columns.iter().map(|name| column_of(&item, name).sources);
            // Without columns it is the primary key, whichever that is.
            let probed =
                if columns.is_empty() { item.shape.row() } else { probed.fold(Sources::default(), |all, one| all.and(&one)) };
            self.uses(UseKind::Probe, &probed);
        }
        for exclusion in exclusions {
            if let Some(Kind::List(List { items })) = &exclusion.node
                && let Some(Kind::IndexElem(element)) = items.first().and_then(|element| element.node.as_ref())
            {
                all.add(&self.indexed(element).sources);
            }
        }
        all
    }

    pub(super) fn create_table_as(&mut self, statement: &CreateTableAsStmt) -> Returned {
        let CreateTableAsStmt { query, into, objtype: _, is_select_into: _, if_not_exists } = statement;
        let shape = match query.as_deref() {
            Some(Node { node: Some(Kind::ExecuteStmt(execute)) }) => {
                self.execute(execute);
                Shape::everything()
            }
            query => self.query(query),
        };
        match into {
            Some(into) => self.into(into, &shape),
            None => self.give_up(),
        }
        if *if_not_exists {
            self.made = None;
        }
        Returned::Nothing
    }

    pub(super) fn create_view(&mut self, statement: &ViewStmt) {
        let ViewStmt { view, aliases, query, replace, options: _, with_check_option: _ } = statement;
        let mut shape = self.query(query.as_deref());
        self.flow(&shape.row(), Place::Code);
        if !replace && !self.runs_code {
            shape.rename(&super::with::named(aliases));
            let touched = self.touched.clone();
            self.makes(view.as_ref(), &shape, 0, (touched, Sources::default()));
        }
    }

    /// What the view is made of goes into its columns.
    pub(super) fn refresh(&mut self, statement: &RefreshMatViewStmt) {
        let RefreshMatViewStmt { concurrent: _, skip_data: _, relation } = statement;
        let Some(relation) = relation else { return self.give_up() };
        self.relation_item(relation);
        let meant = self.meant(relation);
        if meant.unknown {
            self.flow(&Sources::everything(), Place::Unknown);
        }
        for view in &meant.relations {
            let columns = self.scope.catalog.columns(view.oid);
            for (place, column) in columns.iter().enumerate() {
                let traced = self.scope.catalog.traced(view.oid).and_then(|traced| traced.columns.get(place));
                let sources = traced.map_or_else(Sources::everything, |(sources, _)| sources.clone());
                self.flow(&sources, Place::Column(ColumnId { relation: view.oid, number: column.number }));
            }
        }
    }

    /// An index: a unique one is held against the rows; what its expressions make of them may be an error.
    pub(super) fn create_index(&mut self, statement: &IndexStmt) {
        let IndexStmt {
            idxname: _,
            relation,
            access_method: _,
            table_space: _,
            index_params,
            index_including_params: _,
            options: _,
            where_clause,
            exclude_op_names,
            idxcomment: _,
            index_oid: _,
            old_number: _,
            old_create_subid: _,
            old_first_relfilelocator_subid: _,
            unique,
            nulls_not_distinct: _,
            primary: _,
            isconstraint: _,
            iswithoutoverlaps: _,
            deferrable: _,
            initdeferred: _,
            transformed: _,
            concurrent: _,
            if_not_exists: _,
            reset_default_tblspc: _,
        } = statement;
        let Some(relation) = relation else { return self.give_up() };
        let space = self.target(relation).space();
        self.within(space, |trace| {
            for element in index_params {
                let Some(Kind::IndexElem(element)) = &element.node else {
                    trace.give_up();
                    continue;
                };
                let value = trace.indexed(element);
                if *unique || !exclude_op_names.is_empty() {
                    trace.uses(UseKind::Probe, &value.sources);
                }
                if element.expr.is_some() {
                    trace.coded(&value.sources);
                }
            }
            let condition = trace.optional(where_clause.as_deref());
            trace.coded(&condition.sources);
        });
    }

    /// What is stored as code is computed for each row: it may be an error, and is there to be read.
    pub(super) fn coded(&mut self, sources: &Sources) {
        self.uses(UseKind::Raise, sources);
        self.flow(sources, Place::Code);
    }

    pub(super) fn create_statistics(&mut self, statement: &CreateStatsStmt) {
        let CreateStatsStmt { defnames: _, stat_types: _, exprs, relations, stxcomment: _, transformed: _, if_not_exists: _ } =
            statement;
        let mut space = Space::default();
        for relation in relations {
            match &relation.node {
                Some(Kind::RangeVar(relation)) => space.append(self.range(relation)),
                _ => self.give_up(),
            }
        }
        self.within(space, |trace| {
            for element in exprs {
                match &element.node {
                    // Samples of columns are where the server's own are.
                    Some(Kind::StatsElem(element)) => {
                        let StatsElem { name: _, expr } = &**element;
                        let value = trace.optional(expr.as_deref());
                        trace.coded(&value.sources);
                    }
                    _ => trace.give_up(),
                }
            }
        });
    }
}

/// A column of an item; what can't be told where there is none.
pub(super) fn column_of(item: &Item, name: &str) -> Value {
    match item.column(name) {
        super::space::Found::Column(value) => value,
        super::space::Found::Doubt | super::space::Found::Missing => Value::everything(),
    }
}

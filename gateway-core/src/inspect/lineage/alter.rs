//! ALTER TABLE and ALTER DOMAIN: rows that are there are looked at, computed anew, or shown elsewhere.

use super::assign::Target;
use super::define::column_of;
use super::trace::Trace;
use super::value::{Shape, Sources};
use super::{Place, UseKind};
use crate::inspect::postgres::cut;
use pg_query::protobuf::{
    AlterDomainStmt, AlterTableCmd, AlterTableStmt, AlterTableType, ColumnDef, ConstrType, Constraint, Node, RangeVar,
    node::Node as Kind,
};

impl Trace<'_> {
    pub(super) fn alter_table(&mut self, statement: &AlterTableStmt) {
        let AlterTableStmt { relation, cmds, objtype: _, missing_ok: _ } = statement;
        let Some(relation) = relation else { return self.give_up() };
        let target = self.target(relation);
        let before = self.is_quiet();
        self.within(target.space(), |trace| {
            for command in cmds {
                match &command.node {
                    Some(Kind::AlterTableCmd(command)) => trace.alter(&target, command),
                    _ => trace.give_up(),
                }
            }
        });
        if before && self.is_quiet() && target.meant.made.shapes.is_empty() {
            self.extends(&target.meant.relations, cmds);
        }
    }

    fn alter(&mut self, target: &Target, command: &AlterTableCmd) {
        let AlterTableCmd { subtype, name, num: _, newowner: _, def, behavior: _, missing_ok: _, recurse: _ } = command;
        let def = def.as_deref();
        match AlterTableType::try_from(*subtype) {
            Ok(AlterTableType::AtAddColumn | AlterTableType::AtAddColumnToView) => match kind(def) {
                Some(Kind::ColumnDef(column)) => {
                    let sources = self.column_definition(column);
                    self.uses(UseKind::Raise, &sources);
                    self.flow(&sources, Place::NewRelation);
                }
                _ => self.give_up(),
            },
            Ok(AlterTableType::AtColumnDefault | AlterTableType::AtCookedColumnDefault) => {
                let value = self.optional(def);
                self.flow(&value.sources, Place::Code);
            }
            Ok(AlterTableType::AtSetExpression) => {
                let value = self.optional(def);
                self.uses(UseKind::Raise, &value.sources);
                self.flow_to(target, name, &value.sources);
            }
            Ok(AlterTableType::AtAlterColumnType) => self.alter_type(target, name, def),
            Ok(AlterTableType::AtAddConstraint | AlterTableType::AtReAddConstraint) => match kind(def) {
                Some(Kind::Constraint(constraint)) => self.add_constraint(target, constraint),
                _ => self.give_up(),
            },
            // Whether a row breaks it is said.
            Ok(AlterTableType::AtSetNotNull) => {
                let value = column_of(&target.item, cut(name));
                self.uses(UseKind::Probe, &value.sources);
            }
            Ok(
                AlterTableType::AtValidateConstraint
                | AlterTableType::AtAddIndexConstraint
                | AlterTableType::AtAlterConstraint
                | AlterTableType::AtReAddDomainConstraint,
            ) => self.uses(UseKind::Probe, &target.item.shape.row()),
            Ok(AlterTableType::AtAddIndex | AlterTableType::AtReAddIndex) => match kind(def) {
                Some(Kind::IndexStmt(index)) => self.create_index(index),
                _ => self.give_up(),
            },
            // A parent shows the rows of its new child.
            Ok(AlterTableType::AtAddInherit) => match kind(def) {
                Some(Kind::RangeVar(parent)) => {
                    let parent = self.target(parent);
                    self.shown_by(&parent, &target.item.shape);
                }
                _ => self.give_up(),
            },
            Ok(AlterTableType::AtAttachPartition) => match kind(def) {
                Some(Kind::PartitionCmd(partition)) => self.attach(target, partition.name.as_ref()),
                _ => self.give_up(),
            },
            // Their functions are given rows.
            Ok(
                AlterTableType::AtEnableTrig
                | AlterTableType::AtEnableAlwaysTrig
                | AlterTableType::AtEnableReplicaTrig
                | AlterTableType::AtEnableTrigAll
                | AlterTableType::AtEnableTrigUser
                | AlterTableType::AtEnableRule
                | AlterTableType::AtEnableAlwaysRule
                | AlterTableType::AtEnableReplicaRule,
            ) => self.flow(&target.item.shape.row(), Place::Code),
            // Names, storage, owners, rights: no value moves, and none is looked at.
            Ok(
                AlterTableType::AtDropNotNull
                | AlterTableType::AtDropExpression
                | AlterTableType::AtSetStatistics
                | AlterTableType::AtSetOptions
                | AlterTableType::AtResetOptions
                | AlterTableType::AtSetStorage
                | AlterTableType::AtSetCompression
                | AlterTableType::AtDropColumn
                | AlterTableType::AtDropConstraint
                | AlterTableType::AtReAddComment
                | AlterTableType::AtAlterColumnGenericOptions
                | AlterTableType::AtChangeOwner
                | AlterTableType::AtClusterOn
                | AlterTableType::AtDropCluster
                | AlterTableType::AtSetLogged
                | AlterTableType::AtSetUnLogged
                | AlterTableType::AtDropOids
                | AlterTableType::AtSetAccessMethod
                | AlterTableType::AtSetTableSpace
                | AlterTableType::AtSetRelOptions
                | AlterTableType::AtResetRelOptions
                | AlterTableType::AtReplaceRelOptions
                | AlterTableType::AtDisableTrig
                | AlterTableType::AtDisableTrigAll
                | AlterTableType::AtDisableTrigUser
                | AlterTableType::AtDisableRule
                | AlterTableType::AtDropInherit
                | AlterTableType::AtAddOf
                | AlterTableType::AtDropOf
                | AlterTableType::AtReplicaIdentity
                | AlterTableType::AtEnableRowSecurity
                | AlterTableType::AtDisableRowSecurity
                | AlterTableType::AtForceRowSecurity
                | AlterTableType::AtNoForceRowSecurity
                | AlterTableType::AtGenericOptions
                | AlterTableType::AtDetachPartition
                | AlterTableType::AtDetachPartitionFinalize
                | AlterTableType::AtAddIdentity
                | AlterTableType::AtSetIdentity
                | AlterTableType::AtDropIdentity
                | AlterTableType::AtReAddStatistics,
            ) => {}
            Ok(AlterTableType::Undefined) | Err(_) => self.give_up(),
        }
    }

    /// ALTER COLUMN … TYPE … USING: the column is computed anew, from itself where nothing else is said.
    fn alter_type(&mut self, target: &Target, name: &str, def: Option<&Node>) {
        let Some(Kind::ColumnDef(column)) = kind(def) else { return self.give_up() };
        let ColumnDef {
            colname: _,
            type_name,
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
            constraints: _,
            fdwoptions: _,
            location: _,
        } = &**column;
        let value = match raw_default.as_deref() {
            Some(using) => self.expression(using),
            None => column_of(&target.item, cut(name)),
        };
        self.uses(UseKind::Cast, &value.sources);
        let value = self.cast_to(value, type_name.as_ref());
        self.flow_to(target, name, &value.sources);
        // Constraints on it are checked anew.
        self.probe(target, std::iter::once(cut(name)), false);
    }

    fn flow_to(&mut self, target: &Target, name: &str, sources: &Sources) {
        for place in self.places(&target.meant, cut(name)) {
            self.flow(sources, place);
        }
    }

    /// A constraint that all rows are held against.
    fn add_constraint(&mut self, target: &Target, constraint: &Constraint) {
        let Constraint {
            contype,
            conname: _,
            deferrable: _,
            initdeferred: _,
            is_enforced: _,
            skip_validation: _,
            initially_valid: _,
            is_no_inherit: _,
            raw_expr: _,
            cooked_expr: _,
            generated_when: _,
            generated_kind: _,
            nulls_not_distinct: _,
            keys,
            without_overlaps: _,
            including: _,
            exclusions: _,
            options: _,
            indexname,
            indexspace: _,
            reset_default_tblspc: _,
            access_method: _,
            where_clause: _,
            pktable: _,
            fk_attrs,
            pk_attrs: _,
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
        let sources = self.constraint(constraint);
        self.coded(&sources);
        let columns = super::with::named(keys).into_iter().chain(super::with::named(fk_attrs));
        let mut probed = columns.fold(Sources::default(), |all, name| all.and(&column_of(&target.item, &name).sources));
        if ConstrType::try_from(*contype) == Ok(ConstrType::ConstrExclusion) {
            probed.add(&sources);
        }
        // By an index that is there, whose columns are not written down.
        if !indexname.is_empty() {
            probed.add(&target.item.shape.row());
        }
        self.uses(UseKind::Probe, &probed);
    }

    fn attach(&mut self, target: &Target, partition: Option<&RangeVar>) {
        let Some(partition) = partition else { return self.give_up() };
        let shape = self.relation_item(partition).shape;
        self.uses(UseKind::Probe, &shape.row());
        self.shown_by(target, &shape);
    }

    /// The columns of a child are seen in its parent's of the same name.
    fn shown_by(&mut self, parent: &Target, child: &Shape) {
        for field in &child.fields {
            match &field.name {
                Some(name) if column_named(&parent.item.shape, name) => {
                    for place in self.places(&parent.meant, name) {
                        self.flow(&field.value.sources, place);
                    }
                }
                Some(_) => {}
                None => self.flow(&field.value.sources, Place::Unknown),
            }
        }
        if child.rest.is_some() || parent.item.shape.rest.is_some() {
            self.flow(&child.row(), Place::Unknown);
        }
    }

    /// A domain's new condition is held against all columns of its type.
    pub(super) fn alter_domain(&mut self, statement: &AlterDomainStmt) {
        let AlterDomainStmt { subtype, type_name: _, name: _, def: _, behavior: _, missing_ok: _ } = statement;
        match subtype.as_str() {
            // SET DEFAULT, DROP DEFAULT, DROP NOT NULL, DROP CONSTRAINT.
            "T" | "N" | "X" => {}
            _ => self.uses(UseKind::Probe, &Sources::everything()),
        }
    }
}

/// Whether it is ADD COLUMN.
pub(super) fn adds_column(command: &AlterTableCmd) -> bool {
    AlterTableType::try_from(command.subtype) == Ok(AlterTableType::AtAddColumn)
}

fn kind(node: Option<&Node>) -> Option<&Kind> {
    node.and_then(|node| node.node.as_ref())
}

fn column_named(shape: &Shape, name: &str) -> bool {
    shape.fields.iter().any(|field| field.name.as_deref() == Some(name))
}

//! ALTER, DROP, COMMENT.

use super::command::{Verb, command};
use super::expression::kind_of;
use super::{Part, Walk};
use crate::inspect::postgres::names;
use crate::inspect::{Action, Object};
use pg_query::protobuf::{
    AlterCollationStmt, AlterDomainStmt, AlterEnumStmt, AlterFunctionStmt, AlterObjectDependsStmt, AlterObjectSchemaStmt,
    AlterOpFamilyStmt, AlterOperatorStmt, AlterOwnerStmt, AlterPolicyStmt, AlterSeqStmt, AlterStatsStmt, AlterTableCmd,
    AlterTableStmt, AlterTableType, AlterTsConfigurationStmt, AlterTsDictionaryStmt, AlterTypeStmt, CommentStmt, DropStmt, Node,
    ObjectType, PartitionCmd, RangeVar, RenameStmt, node::Node as Kind,
};

impl Walk {
    /// ALTER of an object of this type.
    pub(super) fn alter(&mut self, kind: i32) {
        match ObjectType::try_from(kind).ok().and_then(|kind| command(Verb::Alter, kind)) {
            Some(command) => self.defines(command),
            None => self.trouble("ALTER of an object of an unknown type"),
        }
    }

    pub(super) fn alter_table_stmt(&mut self, statement: &AlterTableStmt) {
        let AlterTableStmt { relation, cmds, objtype, missing_ok: _ } = statement;
        self.alter(*objtype);
        if let Some(relation) = relation {
            self.relation(Action::Define, relation);
        }
        cmds.walk(self);
    }

    pub(super) fn alter_seq_stmt(&mut self, statement: &AlterSeqStmt) {
        let AlterSeqStmt { sequence, options, for_identity: _, missing_ok: _ } = statement;
        self.defines("ALTER SEQUENCE");
        if let Some(sequence) = sequence {
            self.relation(Action::Define, sequence);
        }
        options.walk(self);
    }

    pub(super) fn alter_stats_stmt(&mut self, statement: &AlterStatsStmt) {
        let AlterStatsStmt { defnames, stxstattarget, missing_ok: _ } = statement;
        self.defines("ALTER STATISTICS");
        self.in_schema(Action::Define, defnames);
        stxstattarget.walk(self);
    }

    pub(super) fn alter_policy_stmt(&mut self, statement: &AlterPolicyStmt) {
        let AlterPolicyStmt { policy_name: _, table, roles, qual, with_check } = statement;
        self.defines("ALTER POLICY");
        if let Some(table) = table {
            self.relation(Action::Define, table);
        }
        roles.walk(self);
        qual.walk(self);
        with_check.walk(self);
    }

    pub(super) fn alter_function_stmt(&mut self, statement: &AlterFunctionStmt) {
        let AlterFunctionStmt { objtype, func, actions } = statement;
        self.alter(*objtype);
        if let Some(signature) = func {
            signature.walk(self);
            self.function(Action::Define, &signature.objname);
        }
        actions.walk(self);
    }

    pub(super) fn alter_type_stmt(&mut self, statement: &AlterTypeStmt) {
        let AlterTypeStmt { type_name, options } = statement;
        self.defines("ALTER TYPE");
        self.in_schema(Action::Define, type_name);
        options.iter().for_each(|option| self.function_option(option));
    }

    pub(super) fn alter_enum_stmt(&mut self, statement: &AlterEnumStmt) {
        let AlterEnumStmt {
            type_name,
            old_val: _,
            new_val: _,
            new_val_neighbor: _,
            new_val_is_after: _,
            skip_if_new_val_exists: _,
        } = statement;
        self.defines("ALTER TYPE");
        self.in_schema(Action::Define, type_name);
    }

    pub(super) fn alter_domain_stmt(&mut self, statement: &AlterDomainStmt) {
        let AlterDomainStmt { subtype: _, type_name, name: _, def, behavior: _, missing_ok: _ } = statement;
        self.defines("ALTER DOMAIN");
        self.in_schema(Action::Define, type_name);
        def.walk(self);
    }

    pub(super) fn alter_operator_stmt(&mut self, statement: &AlterOperatorStmt) {
        let AlterOperatorStmt { opername, options } = statement;
        self.defines("ALTER OPERATOR");
        if let Some(signature) = opername {
            signature.walk(self);
            self.in_schema(Action::Define, &signature.objname);
        }
        options.iter().for_each(|option| self.function_option(option));
    }

    pub(super) fn alter_op_family_stmt(&mut self, statement: &AlterOpFamilyStmt) {
        let AlterOpFamilyStmt { opfamilyname, amname: _, is_drop: _, items } = statement;
        self.defines("ALTER OPERATOR FAMILY");
        self.in_schema(Action::Define, opfamilyname);
        items.walk(self);
    }

    pub(super) fn alter_collation_stmt(&mut self, statement: &AlterCollationStmt) {
        let AlterCollationStmt { collname } = statement;
        self.defines("ALTER COLLATION");
        self.in_schema(Action::Define, collname);
    }

    pub(super) fn alter_ts_dictionary_stmt(&mut self, statement: &AlterTsDictionaryStmt) {
        let AlterTsDictionaryStmt { dictname, options } = statement;
        self.defines("ALTER TEXT SEARCH DICTIONARY");
        self.in_schema(Action::Define, dictname);
        options.walk(self);
    }

    pub(super) fn alter_ts_configuration_stmt(&mut self, statement: &AlterTsConfigurationStmt) {
        let AlterTsConfigurationStmt { kind: _, cfgname, tokentype, dicts, r#override: _, replace: _, missing_ok: _ } = statement;
        self.defines("ALTER TEXT SEARCH CONFIGURATION");
        self.in_schema(Action::Define, cfgname);
        tokentype.walk(self);
        dicts.walk(self);
    }

    pub(super) fn alter_object_depends_stmt(&mut self, statement: &AlterObjectDependsStmt) {
        let AlterObjectDependsStmt { object_type, relation, object, extname: _, remove: _ } = statement;
        self.alter(*object_type);
        self.altered(*object_type, relation.as_ref(), object.as_deref());
    }

    /// It leaves one schema for another: both are defined.
    pub(super) fn alter_object_schema_stmt(&mut self, statement: &AlterObjectSchemaStmt) {
        let AlterObjectSchemaStmt { object_type, relation, object, newschema, missing_ok: _ } = statement;
        self.alter(*object_type);
        self.altered(*object_type, relation.as_ref(), object.as_deref());
        self.access(Action::Define, Object::Schema(names::name(newschema)));
    }

    pub(super) fn alter_owner_stmt(&mut self, statement: &AlterOwnerStmt) {
        let AlterOwnerStmt { object_type, relation, object, newowner } = statement;
        self.alter(*object_type);
        newowner.walk(self);
        self.altered(*object_type, relation.as_ref(), object.as_deref());
    }

    pub(super) fn rename_stmt(&mut self, statement: &RenameStmt) {
        let RenameStmt { rename_type, relation_type, relation, object, subname, newname: _, behavior: _, missing_ok: _ } =
            statement;
        let column = ObjectType::try_from(*rename_type) == Ok(ObjectType::ObjectColumn);
        self.alter(if column { *relation_type } else { *rename_type });
        match (ObjectType::try_from(*rename_type), object) {
            // Its name is a field of its own.
            (Ok(ObjectType::ObjectSchema), None) => self.access(Action::Define, Object::Schema(names::name(subname))),
            (
                Ok(
                    ObjectType::ObjectRole
                    | ObjectType::ObjectDatabase
                    | ObjectType::ObjectTablespace
                    | ObjectType::ObjectUserMapping,
                ),
                None,
            ) => self.on_target(Action::Administer),
            _ => self.altered(*rename_type, relation.as_ref(), object.as_deref()),
        }
    }

    /// What an ALTER names: a relation, or an object of the type.
    fn altered(&mut self, kind: i32, relation: Option<&RangeVar>, object: Option<&Node>) {
        match (ObjectType::try_from(kind), relation) {
            // Of a trigger, rule, policy or constraint the object is its own name.
            (Ok(_), Some(relation)) => {
                self.relation(Action::Define, relation);
                if let Some(object) = object {
                    object.walk(self);
                }
            }
            (Ok(kind), None) => self.object(Action::Define, kind, object),
            (Err(_), _) => self.trouble("ALTER of an object of an unknown type"),
        }
    }

    pub(super) fn drop_stmt(&mut self, statement: &DropStmt) {
        let DropStmt { objects, remove_type, behavior: _, missing_ok: _, concurrent: _ } = statement;
        let Ok(kind) = ObjectType::try_from(*remove_type) else { return self.trouble("DROP of an object of an unknown type") };
        match command(Verb::Drop, kind) {
            Some(command) => self.defines(command),
            None => self.trouble("DROP of an object of an unknown type"),
        }
        for object in objects {
            self.object(Action::Define, kind, Some(object));
        }
    }

    pub(super) fn comment_stmt(&mut self, statement: &CommentStmt) {
        let CommentStmt { objtype, object, comment: _ } = statement;
        self.out.command = "COMMENT";
        match ObjectType::try_from(*objtype) {
            // A comment changes nothing of the server's: it is not administered.
            Ok(ObjectType::ObjectDatabase) => {
                object.walk(self);
                self.on_target(Action::Define);
            }
            Ok(kind) => self.object(Action::Define, kind, object.as_deref()),
            Err(_) => self.trouble("COMMENT on an object of an unknown type"),
        }
    }
}

impl Part for AlterTableCmd {
    fn walk(&self, walk: &mut Walk) {
        let Self { subtype, name: _, num: _, newowner, def, behavior: _, missing_ok: _, recurse: _ } = self;
        newowner.walk(walk);
        let Some(def) = def else { return };
        match (&def.node, AlterTableType::try_from(*subtype)) {
            // A parent shows the rows of its new child, and no longer those of the one that leaves.
            (Some(Kind::RangeVar(parent)), Ok(AlterTableType::AtAddInherit | AlterTableType::AtDropInherit)) => {
                walk.relation(Action::Define, parent);
            }
            (Some(Kind::RangeVar(_)), _) => walk.trouble("ALTER TABLE with another relation"),
            (Some(_), Ok(_)) => def.walk(walk),
            (_, _) => walk.trouble(format!("ALTER TABLE with {}", kind_of(def))),
        }
    }
}

impl Part for PartitionCmd {
    fn walk(&self, walk: &mut Walk) {
        let Self { name, bound, concurrent: _ } = self;
        if let Some(relation) = name {
            walk.relation(Action::Define, relation);
        }
        bound.walk(walk);
    }
}

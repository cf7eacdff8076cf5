//! CREATE: tables, views, indexes, functions, types and the rest.

use super::command::{Verb, command};
use super::{Part, Walk};
use crate::inspect::postgres::names;
use crate::inspect::postgres::sweep::Counted;
use crate::inspect::{Action, Object};
use pg_query::protobuf::{
    CompositeTypeStmt, Constraint, CreateCastStmt, CreateConversionStmt, CreateDomainStmt, CreateEnumStmt,
    CreateForeignTableStmt, CreateFunctionStmt, CreateOpClassItem, CreateOpClassStmt, CreateOpFamilyStmt, CreatePolicyStmt,
    CreateRangeStmt, CreateSchemaStmt, CreateSeqStmt, CreateStatsStmt, CreateStmt, CreateTableAsStmt, CreateTransformStmt,
    CreateTrigStmt, DefElem, DefineStmt, IndexStmt, Node, ObjectType, ObjectWithArgs, RefreshMatViewStmt, RuleStmt, ViewStmt,
    node::Node as Kind,
};

/// Parameters of CREATE AGGREGATE, OPERATOR, TYPE … whose value names a function that will be called.
const FUNCTIONS: [&str; 33] = [
    "analyze",
    "canonical",
    "combinefunc",
    "deserialfunc",
    "end",
    "finalfunc",
    "function",
    "gettoken",
    "handler",
    "headline",
    "init",
    "inline",
    "input",
    "join",
    "lexize",
    "lextypes",
    "mfinalfunc",
    "minvfunc",
    "msfunc",
    "output",
    "procedure",
    "receive",
    "restrict",
    "send",
    "serialfunc",
    "sfunc",
    "sfunc1",
    "start",
    "subscript",
    "subtype_diff",
    "typmod_in",
    "typmod_out",
    "validator",
];

impl Walk {
    /// The statement defines something: its command, and that names may stand for something else now.
    pub(super) fn defines(&mut self, command: &'static str) {
        self.out.command = command;
        self.out.changes.schema |= !self.dry;
    }

    pub(super) fn create_stmt(&mut self, statement: &CreateStmt) {
        let CreateStmt {
            relation,
            table_elts,
            inh_relations,
            partbound,
            partspec,
            of_typename,
            constraints,
            nnconstraints,
            options,
            oncommit: _,
            tablespacename: _,
            access_method: _,
            if_not_exists: _,
        } = statement;
        self.defines("CREATE TABLE");
        if let Some(relation) = relation {
            self.relation(Action::Define, relation);
        }
        table_elts.walk(self);
        // A parent shows the rows of its new child.
        self.relations(Action::Define, inh_relations);
        partbound.walk(self);
        partspec.walk(self);
        of_typename.walk(self);
        constraints.walk(self);
        nnconstraints.walk(self);
        options.walk(self);
    }

    pub(super) fn create_foreign_table_stmt(&mut self, statement: &CreateForeignTableStmt) {
        let CreateForeignTableStmt { base_stmt, servername: _, options } = statement;
        if let Some(table) = base_stmt {
            self.create_stmt(table);
        }
        options.walk(self);
        self.on_target(Action::Administer);
        self.defines("CREATE FOREIGN TABLE");
    }

    pub(super) fn create_table_as_stmt(&mut self, statement: &CreateTableAsStmt) {
        let CreateTableAsStmt { query, into, objtype, is_select_into: _, if_not_exists: _ } = statement;
        let view = ObjectType::try_from(*objtype) == Ok(ObjectType::ObjectMatview);
        if let Some(into) = into {
            self.made_by_into(into, !view);
        }
        match query {
            Some(query) => self.body(query),
            None => self.trouble("CREATE TABLE AS without a query"),
        }
        self.defines(if view { "CREATE MATERIALIZED VIEW" } else { "CREATE TABLE AS" });
    }

    pub(super) fn view_stmt(&mut self, statement: &ViewStmt) {
        let ViewStmt { view, aliases, query, replace: _, options, with_check_option: _ } = statement;
        if let Some(view) = view {
            self.relation(Action::Define, view);
        }
        aliases.walk(self);
        match query {
            Some(query) => self.body(query),
            None => self.trouble("CREATE VIEW without a query"),
        }
        options.walk(self);
        self.defines("CREATE VIEW");
    }

    pub(super) fn refresh_mat_view_stmt(&mut self, statement: &RefreshMatViewStmt) {
        let RefreshMatViewStmt { concurrent: _, skip_data: _, relation } = statement;
        if let Some(relation) = relation {
            self.relation(Action::Define, relation);
        }
        self.defines("REFRESH MATERIALIZED VIEW");
    }

    pub(super) fn index_stmt(&mut self, statement: &IndexStmt) {
        let IndexStmt {
            idxname: _,
            relation,
            access_method: _,
            table_space: _,
            index_params,
            index_including_params,
            options,
            where_clause,
            exclude_op_names,
            idxcomment: _,
            index_oid: _,
            old_number: _,
            old_create_subid: _,
            old_first_relfilelocator_subid: _,
            unique: _,
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
        self.defines("CREATE INDEX");
        if let Some(relation) = relation {
            self.relation(Action::Define, relation);
        }
        index_params.walk(self);
        index_including_params.walk(self);
        options.walk(self);
        where_clause.walk(self);
        exclude_op_names.walk(self);
    }

    pub(super) fn create_seq_stmt(&mut self, statement: &CreateSeqStmt) {
        let CreateSeqStmt { sequence, options, owner_id: _, for_identity: _, if_not_exists: _ } = statement;
        self.defines("CREATE SEQUENCE");
        if let Some(sequence) = sequence {
            self.relation(Action::Define, sequence);
        }
        options.walk(self);
    }

    pub(super) fn create_stats_stmt(&mut self, statement: &CreateStatsStmt) {
        let CreateStatsStmt { defnames, stat_types, exprs, relations, stxcomment: _, transformed: _, if_not_exists: _ } =
            statement;
        self.defines("CREATE STATISTICS");
        defnames.walk(self);
        stat_types.walk(self);
        exprs.walk(self);
        self.relations(Action::Define, relations);
    }

    /// CREATE SCHEMA, with the statements in it as if they stood behind it.
    pub(super) fn create_schema_stmt(&mut self, statement: &CreateSchemaStmt) {
        let CreateSchemaStmt { schemaname, authrole, schema_elts, if_not_exists: _ } = statement;
        authrole.walk(self);
        if schemaname.is_empty() {
            // It is called as the role is.
            self.on_target(Action::Define);
        } else {
            self.access(Action::Define, Object::Schema(names::name(schemaname)));
        }
        for element in schema_elts {
            self.nested(element);
        }
        self.defines("CREATE SCHEMA");
    }

    /// A rule: its actions run whenever the rule does, and are asked for now.
    pub(super) fn rule_stmt(&mut self, statement: &RuleStmt) {
        let RuleStmt { relation, rulename: _, where_clause, event: _, instead: _, actions, replace: _ } = statement;
        if let Some(relation) = relation {
            self.relation(Action::Define, relation);
        }
        where_clause.walk(self);
        for action in actions {
            self.nested(action);
        }
        self.defines("CREATE RULE");
    }

    /// A trigger: its function will be called by whoever changes the relation, so it is asked for now.
    pub(super) fn create_trig_stmt(&mut self, statement: &CreateTrigStmt) {
        let CreateTrigStmt {
            replace: _,
            isconstraint: _,
            trigname: _,
            relation,
            funcname,
            args,
            row: _,
            timing: _,
            events: _,
            columns,
            when_clause,
            transition_rels,
            deferrable: _,
            initdeferred: _,
            constrrel,
        } = statement;
        self.defines("CREATE TRIGGER");
        if let Some(relation) = relation {
            self.relation(Action::Define, relation);
        }
        self.function(Action::Call, funcname);
        args.walk(self);
        columns.walk(self);
        when_clause.walk(self);
        transition_rels.walk(self);
        constrrel.walk(self);
    }

    pub(super) fn create_policy_stmt(&mut self, statement: &CreatePolicyStmt) {
        let CreatePolicyStmt { policy_name: _, table, cmd_name: _, permissive: _, roles, qual, with_check } = statement;
        self.defines("CREATE POLICY");
        if let Some(table) = table {
            self.relation(Action::Define, table);
        }
        roles.walk(self);
        qual.walk(self);
        with_check.walk(self);
    }

    /// A function: a body that is text is not read; one in SQL's own form is walked.
    pub(super) fn create_function_stmt(&mut self, statement: &CreateFunctionStmt) {
        let CreateFunctionStmt { is_procedure, replace: _, funcname, parameters, return_type, options, sql_body } = statement;
        self.function(Action::Define, funcname);
        parameters.walk(self);
        return_type.walk(self);
        options.walk(self);
        if let Some(body) = sql_body {
            self.routine_body(body);
        }
        self.defines(if *is_procedure { "CREATE PROCEDURE" } else { "CREATE FUNCTION" });
    }

    /// RETURN, or BEGIN ATOMIC: lists of statements.
    fn routine_body(&mut self, body: &Node) {
        match &body.node {
            Some(Kind::List(list)) => list.items.iter().for_each(|item| self.routine_body(item)),
            Some(Kind::ReturnStmt(value)) => value.walk(self),
            Some(_) => self.nested(body),
            None => {}
        }
    }

    /// CREATE AGGREGATE, OPERATOR, TYPE, COLLATION and text search objects.
    pub(super) fn define_stmt(&mut self, statement: &DefineStmt) {
        let DefineStmt { kind, oldstyle: _, defnames, args, definition, if_not_exists: _, replace: _ } = statement;
        let kind = ObjectType::try_from(*kind);
        match kind {
            Ok(ObjectType::ObjectAggregate) => self.function(Action::Define, defnames),
            _ => self.in_schema(Action::Define, defnames),
        }
        defnames.walk(self);
        args.walk(self);
        for option in definition {
            self.function_option(option);
        }
        match kind.ok().and_then(|kind| command(Verb::Create, kind)) {
            Some(command) => self.defines(command),
            None => self.trouble("CREATE of an object of an unknown type"),
        }
    }

    /// An option whose value may name a function that will be called.
    pub(super) fn function_option(&mut self, option: &Node) {
        option.walk(self);
        let Some(Kind::DefElem(option)) = &option.node else { return };
        if FUNCTIONS.binary_search(&option.defname.to_ascii_lowercase().as_str()).is_err() {
            return;
        }
        match option.arg.as_deref().and_then(|value| value.node.as_ref()) {
            Some(Kind::TypeName(named)) => self.function(Action::Call, &named.names),
            Some(Kind::List(named)) => self.function(Action::Call, &named.items),
            Some(Kind::String(named)) => self.access(Action::Call, Object::Function(names::object("", &named.sval))),
            _ => {}
        }
    }

    pub(super) fn composite_type_stmt(&mut self, statement: &CompositeTypeStmt) {
        let CompositeTypeStmt { typevar, coldeflist } = statement;
        self.defines("CREATE TYPE");
        if let Some(relation) = typevar {
            self.relation(Action::Define, relation);
        }
        coldeflist.walk(self);
    }

    pub(super) fn create_enum_stmt(&mut self, statement: &CreateEnumStmt) {
        let CreateEnumStmt { type_name, vals } = statement;
        self.defines("CREATE TYPE");
        self.in_schema(Action::Define, type_name);
        vals.walk(self);
    }

    pub(super) fn create_range_stmt(&mut self, statement: &CreateRangeStmt) {
        let CreateRangeStmt { type_name, params } = statement;
        self.defines("CREATE TYPE");
        self.in_schema(Action::Define, type_name);
        for option in params {
            self.function_option(option);
        }
    }

    pub(super) fn create_domain_stmt(&mut self, statement: &CreateDomainStmt) {
        let CreateDomainStmt { domainname, type_name, coll_clause, constraints } = statement;
        self.defines("CREATE DOMAIN");
        self.in_schema(Action::Define, domainname);
        type_name.walk(self);
        coll_clause.walk(self);
        constraints.walk(self);
    }

    pub(super) fn create_cast_stmt(&mut self, statement: &CreateCastStmt) {
        let CreateCastStmt { sourcetype, targettype, func, context: _, inout: _ } = statement;
        self.defines("CREATE CAST");
        self.on_target(Action::Define);
        sourcetype.walk(self);
        targettype.walk(self);
        self.signature(func.as_ref());
    }

    pub(super) fn create_transform_stmt(&mut self, statement: &CreateTransformStmt) {
        let CreateTransformStmt { replace: _, type_name, lang: _, fromsql, tosql } = statement;
        self.defines("CREATE TRANSFORM");
        self.on_target(Action::Define);
        type_name.walk(self);
        self.signature(fromsql.as_ref());
        self.signature(tosql.as_ref());
    }

    pub(super) fn create_conversion_stmt(&mut self, statement: &CreateConversionStmt) {
        let CreateConversionStmt { conversion_name, for_encoding_name: _, to_encoding_name: _, func_name, def: _ } = statement;
        self.defines("CREATE CONVERSION");
        self.in_schema(Action::Define, conversion_name);
        self.function(Action::Call, func_name);
    }

    pub(super) fn create_op_class_stmt(&mut self, statement: &CreateOpClassStmt) {
        let CreateOpClassStmt { opclassname, opfamilyname, amname: _, datatype, items, is_default: _ } = statement;
        self.defines("CREATE OPERATOR CLASS");
        self.in_schema(Action::Define, opclassname);
        opfamilyname.walk(self);
        datatype.walk(self);
        items.walk(self);
    }

    pub(super) fn create_op_family_stmt(&mut self, statement: &CreateOpFamilyStmt) {
        let CreateOpFamilyStmt { opfamilyname, amname: _ } = statement;
        self.defines("CREATE OPERATOR FAMILY");
        self.in_schema(Action::Define, opfamilyname);
    }

    /// A function by its signature, which will be called.
    pub(super) fn signature(&mut self, signature: Option<&ObjectWithArgs>) {
        if let Some(signature) = signature {
            signature.walk(self);
            self.function(Action::Call, &signature.objname);
        }
    }
}

impl Part for CreateOpClassItem {
    fn walk(&self, walk: &mut Walk) {
        let Self { itemtype, name, number: _, order_family, class_args, storedtype } = self;
        match (itemtype, name) {
            // OPCLASS_ITEM_FUNCTION; the others name an operator or a type.
            (2, Some(function)) => walk.signature(Some(function)),
            _ => name.walk(walk),
        }
        order_family.walk(walk);
        class_args.walk(walk);
        storedtype.walk(walk);
    }
}

impl Part for Constraint {
    fn walk(&self, walk: &mut Walk) {
        let Self {
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
            keys,
            without_overlaps: _,
            including,
            exclusions,
            options,
            indexname: _,
            indexspace: _,
            reset_default_tblspc: _,
            access_method: _,
            where_clause,
            pktable,
            fk_attrs,
            pk_attrs,
            fk_with_period: _,
            pk_with_period: _,
            fk_matchtype: _,
            fk_upd_action: _,
            fk_del_action: _,
            fk_del_set_cols,
            old_conpfeqop,
            old_pktable_oid: _,
            location: _,
        } = self;
        raw_expr.walk(walk);
        keys.walk(walk);
        including.walk(walk);
        exclusions.walk(walk);
        options.walk(walk);
        where_clause.walk(walk);
        // What a foreign key points to is looked into.
        pktable.walk(walk);
        fk_attrs.walk(walk);
        pk_attrs.walk(walk);
        fk_del_set_cols.walk(walk);
        old_conpfeqop.walk(walk);
    }
}

impl Part for DefElem {
    fn walk(&self, walk: &mut Walk) {
        let Self { defnamespace: _, defname, arg, defaction: _, location: _, arg_location: _ } = self;
        walk.seen(Counted::DefElem);
        arg.walk(walk);
        if let ("owned_by", Some(Kind::List(owner))) = (defname.as_str(), arg.as_deref().and_then(|arg| arg.node.as_ref())) {
            walk.owner(&owner.items);
        }
    }
}

impl Walk {
    /// The column that a sequence is OWNED BY: its table is altered. One word alone can only be NONE.
    fn owner(&mut self, column: &[Node]) {
        if let Some((_, table)) = column.split_last()
            && !table.is_empty()
        {
            match names::listed(table) {
                Some(name) => self.access(Action::Define, Object::Relation(name)),
                None => self.trouble("OWNED BY what is not a name"),
            }
        }
    }
}

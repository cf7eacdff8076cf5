//! From a statement's node to what it means.

use super::parts::kind;
use super::{Part, Walk};
use crate::inspect::postgres::names;
use crate::inspect::postgres::sweep::Counted;
use crate::inspect::{Access, Action, Object};
use pg_query::protobuf::{
    ClusterStmt, DeleteStmt, InsertStmt, MergeStmt, Node, ReindexObjectType, ReindexStmt, SelectStmt, TruncateStmt, UpdateStmt,
    VacuumRelation, VacuumStmt, node::Node as Kind,
};

impl Walk {
    /// Any statement: of its own, below EXPLAIN, in CREATE SCHEMA or in a rule.
    pub(super) fn statement(&mut self, node: &Node) {
        let Some(node) = &node.node else { return self.trouble("an empty statement") };
        match node {
            Kind::SelectStmt(node) => self.select_stmt(node),
            Kind::InsertStmt(node) => self.insert_stmt(node),
            Kind::UpdateStmt(node) => self.update_stmt(node),
            Kind::DeleteStmt(node) => self.delete_stmt(node),
            Kind::MergeStmt(node) => self.merge_stmt(node),
            Kind::CopyStmt(node) => self.copy_stmt(node),
            Kind::TransactionStmt(node) => self.transaction_stmt(node),
            Kind::CreateStmt(node) => self.create_stmt(node),
            Kind::CreateForeignTableStmt(node) => self.create_foreign_table_stmt(node),
            Kind::CreateTableAsStmt(node) => self.create_table_as_stmt(node),
            Kind::ViewStmt(node) => self.view_stmt(node),
            Kind::RefreshMatViewStmt(node) => self.refresh_mat_view_stmt(node),
            Kind::IndexStmt(node) => self.index_stmt(node),
            Kind::CreateSeqStmt(node) => self.create_seq_stmt(node),
            Kind::CreateStatsStmt(node) => self.create_stats_stmt(node),
            Kind::CreateSchemaStmt(node) => self.create_schema_stmt(node),
            Kind::RuleStmt(node) => self.rule_stmt(node),
            Kind::CreateTrigStmt(node) => self.create_trig_stmt(node),
            Kind::CreatePolicyStmt(node) => self.create_policy_stmt(node),
            Kind::CreateFunctionStmt(node) => self.create_function_stmt(node),
            Kind::DefineStmt(node) => self.define_stmt(node),
            Kind::CompositeTypeStmt(node) => self.composite_type_stmt(node),
            Kind::CreateEnumStmt(node) => self.create_enum_stmt(node),
            Kind::CreateRangeStmt(node) => self.create_range_stmt(node),
            Kind::CreateDomainStmt(node) => self.create_domain_stmt(node),
            Kind::CreateCastStmt(node) => self.create_cast_stmt(node),
            Kind::CreateConversionStmt(node) => self.create_conversion_stmt(node),
            Kind::CreateTransformStmt(node) => self.create_transform_stmt(node),
            Kind::CreateOpClassStmt(node) => self.create_op_class_stmt(node),
            Kind::CreateOpFamilyStmt(node) => self.create_op_family_stmt(node),
            Kind::AlterTableStmt(node) => self.alter_table_stmt(node),
            Kind::AlterSeqStmt(node) => self.alter_seq_stmt(node),
            Kind::AlterStatsStmt(node) => self.alter_stats_stmt(node),
            Kind::AlterPolicyStmt(node) => self.alter_policy_stmt(node),
            Kind::AlterFunctionStmt(node) => self.alter_function_stmt(node),
            Kind::AlterTypeStmt(node) => self.alter_type_stmt(node),
            Kind::AlterEnumStmt(node) => self.alter_enum_stmt(node),
            Kind::AlterDomainStmt(node) => self.alter_domain_stmt(node),
            Kind::AlterOperatorStmt(node) => self.alter_operator_stmt(node),
            Kind::AlterOpFamilyStmt(node) => self.alter_op_family_stmt(node),
            Kind::AlterCollationStmt(node) => self.alter_collation_stmt(node),
            Kind::AlterTsdictionaryStmt(node) => self.alter_ts_dictionary_stmt(node),
            Kind::AlterTsconfigurationStmt(node) => self.alter_ts_configuration_stmt(node),
            Kind::AlterObjectDependsStmt(node) => self.alter_object_depends_stmt(node),
            Kind::AlterObjectSchemaStmt(node) => self.alter_object_schema_stmt(node),
            Kind::AlterOwnerStmt(node) => self.alter_owner_stmt(node),
            Kind::RenameStmt(node) => self.rename_stmt(node),
            Kind::DropStmt(node) => self.drop_stmt(node),
            Kind::CommentStmt(node) => self.comment_stmt(node),
            Kind::TruncateStmt(node) => self.truncate_stmt(node),
            Kind::ReindexStmt(node) => self.reindex_stmt(node),
            Kind::ClusterStmt(node) => self.cluster_stmt(node),
            Kind::VacuumStmt(node) => self.vacuum_stmt(node),
            Kind::GrantStmt(node) => self.grant_stmt(node),
            Kind::GrantRoleStmt(node) => self.grant_role_stmt(node),
            Kind::AlterDefaultPrivilegesStmt(node) => self.alter_default_privileges_stmt(node),
            Kind::SecLabelStmt(node) => self.sec_label_stmt(node),
            Kind::CreateRoleStmt(node) => self.create_role_stmt(node),
            Kind::AlterRoleStmt(node) => self.alter_role_stmt(node),
            Kind::AlterRoleSetStmt(node) => self.alter_role_set_stmt(node),
            Kind::DropRoleStmt(node) => self.drop_role_stmt(node),
            Kind::DropOwnedStmt(node) => self.drop_owned_stmt(node),
            Kind::ReassignOwnedStmt(node) => self.reassign_owned_stmt(node),
            Kind::AlterSystemStmt(node) => self.alter_system_stmt(node),
            Kind::LoadStmt(node) => self.load_stmt(node),
            Kind::CheckPointStmt(node) => self.check_point_stmt(node),
            Kind::CreatedbStmt(node) => self.createdb_stmt(node),
            Kind::AlterDatabaseStmt(node) => self.alter_database_stmt(node),
            Kind::AlterDatabaseRefreshCollStmt(node) => self.alter_database_refresh_coll_stmt(node),
            Kind::AlterDatabaseSetStmt(node) => self.alter_database_set_stmt(node),
            Kind::DropdbStmt(node) => self.dropdb_stmt(node),
            Kind::CreateTableSpaceStmt(node) => self.create_table_space_stmt(node),
            Kind::DropTableSpaceStmt(node) => self.drop_table_space_stmt(node),
            Kind::AlterTableSpaceOptionsStmt(node) => self.alter_table_space_options_stmt(node),
            Kind::AlterTableMoveAllStmt(node) => self.alter_table_move_all_stmt(node),
            Kind::CreateExtensionStmt(node) => self.create_extension_stmt(node),
            Kind::AlterExtensionStmt(node) => self.alter_extension_stmt(node),
            Kind::AlterExtensionContentsStmt(node) => self.alter_extension_contents_stmt(node),
            Kind::CreatePlangStmt(node) => self.create_plang_stmt(node),
            Kind::CreateFdwStmt(node) => self.create_fdw_stmt(node),
            Kind::AlterFdwStmt(node) => self.alter_fdw_stmt(node),
            Kind::CreateForeignServerStmt(node) => self.create_foreign_server_stmt(node),
            Kind::AlterForeignServerStmt(node) => self.alter_foreign_server_stmt(node),
            Kind::CreateUserMappingStmt(node) => self.create_user_mapping_stmt(node),
            Kind::AlterUserMappingStmt(node) => self.alter_user_mapping_stmt(node),
            Kind::DropUserMappingStmt(node) => self.drop_user_mapping_stmt(node),
            Kind::ImportForeignSchemaStmt(node) => self.import_foreign_schema_stmt(node),
            Kind::CreateAmStmt(node) => self.create_am_stmt(node),
            Kind::CreateEventTrigStmt(node) => self.create_event_trig_stmt(node),
            Kind::AlterEventTrigStmt(node) => self.alter_event_trig_stmt(node),
            Kind::CreatePublicationStmt(node) => self.create_publication_stmt(node),
            Kind::AlterPublicationStmt(node) => self.alter_publication_stmt(node),
            Kind::CreateSubscriptionStmt(node) => self.create_subscription_stmt(node),
            Kind::AlterSubscriptionStmt(node) => self.alter_subscription_stmt(node),
            Kind::DropSubscriptionStmt(node) => self.drop_subscription_stmt(node),
            Kind::VariableSetStmt(node) => self.variable_set_stmt(node),
            Kind::VariableShowStmt(node) => self.variable_show_stmt(node),
            Kind::DiscardStmt(node) => self.discard_stmt(node),
            Kind::ListenStmt(node) => self.listen_stmt(node),
            Kind::UnlistenStmt(node) => self.unlisten_stmt(node),
            Kind::NotifyStmt(node) => self.notify_stmt(node),
            Kind::LockStmt(node) => self.lock_stmt(node),
            Kind::ConstraintsSetStmt(node) => self.constraints_set_stmt(node),
            Kind::PrepareStmt(node) => self.prepare_stmt(node),
            Kind::ExecuteStmt(node) => self.execute_stmt(node),
            Kind::DeallocateStmt(node) => self.deallocate_stmt(node),
            Kind::DeclareCursorStmt(node) => self.declare_cursor_stmt(node),
            Kind::FetchStmt(node) => self.fetch_stmt(node),
            Kind::ClosePortalStmt(node) => self.close_portal_stmt(node),
            Kind::ExplainStmt(node) => self.explain_stmt(node),
            Kind::DoStmt(node) => self.do_stmt(node),
            Kind::CallStmt(node) => self.call_stmt(node),
            Kind::AArrayExpr(_)
            | Kind::AConst(_)
            | Kind::AExpr(_)
            | Kind::AIndices(_)
            | Kind::AIndirection(_)
            | Kind::AStar(_)
            | Kind::AccessPriv(_)
            | Kind::Aggref(_)
            | Kind::Alias(_)
            | Kind::AlterTableCmd(_)
            | Kind::AlternativeSubPlan(_)
            | Kind::ArrayCoerceExpr(_)
            | Kind::ArrayExpr(_)
            | Kind::AtalterConstraint(_)
            | Kind::BitString(_)
            | Kind::BoolExpr(_)
            | Kind::Boolean(_)
            | Kind::BooleanTest(_)
            | Kind::CallContext(_)
            | Kind::CaseExpr(_)
            | Kind::CaseTestExpr(_)
            | Kind::CaseWhen(_)
            | Kind::CoalesceExpr(_)
            | Kind::CoerceToDomain(_)
            | Kind::CoerceToDomainValue(_)
            | Kind::CoerceViaIo(_)
            | Kind::CollateClause(_)
            | Kind::CollateExpr(_)
            | Kind::ColumnDef(_)
            | Kind::ColumnRef(_)
            | Kind::CommonTableExpr(_)
            | Kind::Constraint(_)
            | Kind::ConvertRowtypeExpr(_)
            | Kind::CreateOpClassItem(_)
            | Kind::CtecycleClause(_)
            | Kind::CtesearchClause(_)
            | Kind::CurrentOfExpr(_)
            | Kind::DefElem(_)
            | Kind::DistinctExpr(_)
            | Kind::FieldSelect(_)
            | Kind::FieldStore(_)
            | Kind::Float(_)
            | Kind::FromExpr(_)
            | Kind::FuncCall(_)
            | Kind::FuncExpr(_)
            | Kind::FunctionParameter(_)
            | Kind::GroupingFunc(_)
            | Kind::GroupingSet(_)
            | Kind::IndexElem(_)
            | Kind::InferClause(_)
            | Kind::InferenceElem(_)
            | Kind::InlineCodeBlock(_)
            | Kind::IntList(_)
            | Kind::Integer(_)
            | Kind::IntoClause(_)
            | Kind::JoinExpr(_)
            | Kind::JsonAggConstructor(_)
            | Kind::JsonArgument(_)
            | Kind::JsonArrayAgg(_)
            | Kind::JsonArrayConstructor(_)
            | Kind::JsonArrayQueryConstructor(_)
            | Kind::JsonBehavior(_)
            | Kind::JsonConstructorExpr(_)
            | Kind::JsonExpr(_)
            | Kind::JsonFormat(_)
            | Kind::JsonFuncExpr(_)
            | Kind::JsonIsPredicate(_)
            | Kind::JsonKeyValue(_)
            | Kind::JsonObjectAgg(_)
            | Kind::JsonObjectConstructor(_)
            | Kind::JsonOutput(_)
            | Kind::JsonParseExpr(_)
            | Kind::JsonReturning(_)
            | Kind::JsonScalarExpr(_)
            | Kind::JsonSerializeExpr(_)
            | Kind::JsonTable(_)
            | Kind::JsonTableColumn(_)
            | Kind::JsonTablePath(_)
            | Kind::JsonTablePathScan(_)
            | Kind::JsonTablePathSpec(_)
            | Kind::JsonTableSiblingJoin(_)
            | Kind::JsonValueExpr(_)
            | Kind::List(_)
            | Kind::LockingClause(_)
            | Kind::MergeAction(_)
            | Kind::MergeSupportFunc(_)
            | Kind::MergeWhenClause(_)
            | Kind::MinMaxExpr(_)
            | Kind::MultiAssignRef(_)
            | Kind::NamedArgExpr(_)
            | Kind::NextValueExpr(_)
            | Kind::NullIfExpr(_)
            | Kind::NullTest(_)
            | Kind::ObjectWithArgs(_)
            | Kind::OidList(_)
            | Kind::OnConflictClause(_)
            | Kind::OnConflictExpr(_)
            | Kind::OpExpr(_)
            | Kind::Param(_)
            | Kind::ParamRef(_)
            | Kind::PartitionBoundSpec(_)
            | Kind::PartitionCmd(_)
            | Kind::PartitionElem(_)
            | Kind::PartitionRangeDatum(_)
            | Kind::PartitionSpec(_)
            | Kind::PlassignStmt(_)
            | Kind::PublicationObjSpec(_)
            | Kind::PublicationTable(_)
            | Kind::Query(_)
            | Kind::RangeFunction(_)
            | Kind::RangeSubselect(_)
            | Kind::RangeTableFunc(_)
            | Kind::RangeTableFuncCol(_)
            | Kind::RangeTableSample(_)
            | Kind::RangeTblEntry(_)
            | Kind::RangeTblFunction(_)
            | Kind::RangeTblRef(_)
            | Kind::RangeVar(_)
            | Kind::RawStmt(_)
            | Kind::RelabelType(_)
            | Kind::ReplicaIdentityStmt(_)
            | Kind::ResTarget(_)
            | Kind::ReturnStmt(_)
            | Kind::ReturningClause(_)
            | Kind::ReturningExpr(_)
            | Kind::ReturningOption(_)
            | Kind::RoleSpec(_)
            | Kind::RowCompareExpr(_)
            | Kind::RowExpr(_)
            | Kind::RowMarkClause(_)
            | Kind::RtepermissionInfo(_)
            | Kind::ScalarArrayOpExpr(_)
            | Kind::SetOperationStmt(_)
            | Kind::SetToDefault(_)
            | Kind::SortBy(_)
            | Kind::SortGroupClause(_)
            | Kind::SqlvalueFunction(_)
            | Kind::StatsElem(_)
            | Kind::String(_)
            | Kind::SubLink(_)
            | Kind::SubPlan(_)
            | Kind::SubscriptingRef(_)
            | Kind::TableFunc(_)
            | Kind::TableLikeClause(_)
            | Kind::TableSampleClause(_)
            | Kind::TargetEntry(_)
            | Kind::TriggerTransition(_)
            | Kind::TypeCast(_)
            | Kind::TypeName(_)
            | Kind::VacuumRelation(_)
            | Kind::Var(_)
            | Kind::WindowClause(_)
            | Kind::WindowDef(_)
            | Kind::WindowFunc(_)
            | Kind::WindowFuncRunCondition(_)
            | Kind::WithCheckOption(_)
            | Kind::WithClause(_)
            | Kind::XmlExpr(_)
            | Kind::XmlSerialize(_) => self.unknown(&kind(node)),
        }
    }

    /// A statement inside of another: what it does, other than to read and to call, is done by its own verb.
    pub(super) fn nested(&mut self, node: &Node) {
        let around = std::mem::take(&mut self.accesses);
        self.statement(node);
        let inside = std::mem::replace(&mut self.accesses, around);
        let verb = if self.dry { None } else { self.out.command.split(' ').next() };
        self.accesses.extend(inside.into_iter().map(|access| match access.action {
            Action::Read | Action::Call => access,
            Action::Write | Action::Define | Action::Administer | Action::Session => {
                Access { verb: access.verb.or(verb), ..access }
            }
        }));
    }

    fn select_stmt(&mut self, statement: &SelectStmt) {
        let (relations, functions) = self.reach();
        let into = std::mem::take(&mut self.into);
        statement.walk(self);
        self.out.command = if self.into { "SELECT INTO" } else { "SELECT" };
        self.into = into;
        self.out.facts.constant = self.reach() == (relations, functions) && !self.out.facts.opaque;
    }

    /// How much rows may come from: relations and functions in FROM.
    fn reach(&self) -> (u32, u32) {
        (self.seen.of(Counted::RangeVar), self.seen.of(Counted::RangeFunction))
    }

    fn insert_stmt(&mut self, statement: &InsertStmt) {
        statement.walk(self);
        self.out.command = "INSERT";
    }

    fn update_stmt(&mut self, statement: &UpdateStmt) {
        statement.walk(self);
        self.out.command = "UPDATE";
    }

    fn delete_stmt(&mut self, statement: &DeleteStmt) {
        statement.walk(self);
        self.out.command = "DELETE";
    }

    fn merge_stmt(&mut self, statement: &MergeStmt) {
        statement.walk(self);
        self.out.command = "MERGE";
    }

    fn truncate_stmt(&mut self, statement: &TruncateStmt) {
        let TruncateStmt { relations, restart_seqs: _, behavior: _ } = statement;
        self.out.command = "TRUNCATE TABLE";
        self.relations(Action::Write, relations);
    }

    fn reindex_stmt(&mut self, statement: &ReindexStmt) {
        let ReindexStmt { kind, relation, name, params } = statement;
        self.out.command = "REINDEX";
        params.walk(self);
        if let Some(relation) = relation {
            self.relation(Action::Define, relation);
        } else if ReindexObjectType::try_from(*kind) == Ok(ReindexObjectType::ReindexObjectSchema) {
            self.access(Action::Define, Object::Schema(names::name(name)));
        } else {
            self.on_target(Action::Define);
        }
    }

    fn cluster_stmt(&mut self, statement: &ClusterStmt) {
        let ClusterStmt { relation, indexname: _, params } = statement;
        self.out.command = "CLUSTER";
        params.walk(self);
        match relation {
            Some(relation) => self.relation(Action::Define, relation),
            None => self.on_target(Action::Define),
        }
    }

    fn vacuum_stmt(&mut self, statement: &VacuumStmt) {
        let VacuumStmt { options, rels, is_vacuumcmd } = statement;
        self.out.command = if *is_vacuumcmd { "VACUUM" } else { "ANALYZE" };
        options.walk(self);
        rels.walk(self);
        if rels.is_empty() {
            self.on_target(Action::Define);
        }
    }
}

impl Part for VacuumRelation {
    fn walk(&self, walk: &mut Walk) {
        let Self { relation, oid: _, va_cols } = self;
        if let Some(relation) = relation {
            walk.relation(Action::Define, relation);
        }
        va_cols.walk(walk);
    }
}

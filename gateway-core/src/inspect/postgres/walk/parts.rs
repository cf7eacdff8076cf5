//! The nodes that only hold other nodes, and the way from any node to its own walk.

use super::{Part, Walk};
use pg_query::protobuf::{self, Node, a_const, node::Node as Kind};
use std::fmt;

/// Writes the walk of nodes that mean nothing by themselves: the fields before the semicolon hold
/// nodes and are walked, those behind it hold none. A field that is in neither list does not compile.
macro_rules! plain {
    ($($node:ident { $($walked:ident),* ; $($scalar:ident),* })*) => {
        $(impl Part for protobuf::$node {
            fn walk(&self, walk: &mut Walk) {
                let Self { $($walked,)* $($scalar: _,)* } = self;
                let _of_a_leaf = &walk;
                $($walked.walk(walk);)*
            }
        })*
    };
}

plain! {
    AArrayExpr { elements ; list_start, list_end, location }
    AIndices { lidx, uidx ; is_slice }
    AStar {  ;  }
    AccessPriv { cols ; priv_name }
    Alias { colnames ; aliasname }
    AtAlterConstraint {  ; conname, alter_enforceability, is_enforced, alter_deferrability, deferrable, initdeferred, alter_inheritability, noinherit }
    BitString {  ; bsval }
    BoolExpr { xpr, args ; boolop, location }
    Boolean {  ; boolval }
    BooleanTest { xpr, arg ; booltesttype, location }
    CaseWhen { xpr, expr, result ; location }
    CoalesceExpr { xpr, args ; coalescetype, coalescecollid, location }
    CollateClause { arg, collname ; location }
    ColumnDef { type_name, raw_default, cooked_default, identity_sequence, coll_clause, constraints, fdwoptions ; colname, compression, inhcount, is_local, is_not_null, is_from_type, storage, storage_name, identity, generated, coll_oid, location }
    CteCycleClause { cycle_col_list, cycle_mark_value, cycle_mark_default ; cycle_mark_column, cycle_path_column, location, cycle_mark_type, cycle_mark_typmod, cycle_mark_collation, cycle_mark_neop }
    CteSearchClause { search_col_list ; search_breadth_first, search_seq_column, location }
    Float {  ; fval }
    FunctionParameter { arg_type, defexpr ; name, mode, location }
    GroupingFunc { xpr, args, refs ; agglevelsup, location }
    GroupingSet { content ; kind, location }
    IndexElem { expr, collation, opclass, opclassopts ; name, indexcolname, ordering, nulls_ordering }
    InferClause { index_elems, where_clause ; conname, location }
    Integer {  ; ival }
    JsonAggConstructor { output, agg_filter, agg_order, over ; location }
    JsonArgument { val ; name }
    JsonArrayAgg { constructor, arg ; absent_on_null }
    JsonArrayConstructor { exprs, output ; absent_on_null, location }
    JsonArrayQueryConstructor { query, output, format ; absent_on_null, location }
    JsonBehavior { expr ; btype, coerce, location }
    JsonFormat {  ; format_type, encoding, location }
    JsonFuncExpr { context_item, pathspec, passing, output, on_empty, on_error ; op, column_name, wrapper, quotes, location }
    JsonIsPredicate { expr, format ; item_type, unique_keys, location }
    JsonKeyValue { key, value ;  }
    JsonObjectAgg { constructor, arg ; absent_on_null, unique }
    JsonObjectConstructor { exprs, output ; absent_on_null, unique, location }
    JsonParseExpr { expr, output ; unique_keys, location }
    JsonReturning { format ; typid, typmod }
    JsonScalarExpr { expr, output ; location }
    JsonSerializeExpr { expr, output ; location }
    JsonTable { context_item, pathspec, passing, columns, on_error, alias ; lateral, location }
    JsonTablePathSpec { string ; name, name_location, location }
    JsonValueExpr { raw_expr, formatted_expr, format ;  }
    List { items ;  }
    MergeSupportFunc { xpr ; msftype, msfcollid, location }
    MergeWhenClause { condition, target_list, values ; match_kind, command_type, r#override }
    MinMaxExpr { xpr, args ; minmaxtype, minmaxcollid, inputcollid, op, location }
    MultiAssignRef { source ; colno, ncolumns }
    NamedArgExpr { xpr, arg ; name, argnumber, location }
    NullTest { xpr, arg ; nulltesttype, argisrow, location }
    OnConflictClause { infer, target_list, where_clause ; action, location }
    ParamRef {  ; number, location }
    PartitionBoundSpec { listdatums, lowerdatums, upperdatums ; strategy, is_default, modulus, remainder, location }
    PartitionElem { expr, collation, opclass ; name, location }
    PartitionRangeDatum { value ; kind, location }
    PartitionSpec { part_params ; strategy, location }
    RangeSubselect { subquery, alias ; lateral }
    RangeTableFunc { docexpr, rowexpr, namespaces, columns, alias ; lateral, location }
    ReplicaIdentityStmt {  ; identity_type, name }
    ReturnStmt { returnval ;  }
    ReturningClause { options, exprs ;  }
    ReturningOption {  ; option, value, location }
    RoleSpec {  ; roletype, rolename, location }
    RowExpr { xpr, args, colnames ; row_typeid, row_format, location }
    SetToDefault { xpr ; type_id, type_mod, collation, location }
    SqlValueFunction { xpr ; op, r#type, typmod, location }
    StatsElem { expr ; name }
    String {  ; sval }
    TableLikeClause { relation ; options, relation_oid }
    TriggerTransition {  ; name, is_new, is_table }
    WindowDef { partition_clause, order_clause, start_offset, end_offset ; name, refname, frame_options, location }
    XmlExpr { xpr, named_args, arg_names, args ; op, name, xmloption, indent, r#type, typmod, location }
}

impl Part for protobuf::AConst {
    fn walk(&self, _walk: &mut Walk) {
        let Self { isnull: _, location: _, val } = self;
        match val {
            None
            | Some(
                a_const::Val::Ival(_)
                | a_const::Val::Fval(_)
                | a_const::Val::Boolval(_)
                | a_const::Val::Sval(_)
                | a_const::Val::Bsval(_),
            ) => {}
        }
    }
}

impl Part for Node {
    /// Below a statement. A statement of its own, other than a query, and what only the analysed
    /// tree has are not expected there.
    fn walk(&self, walk: &mut Walk) {
        let Some(node) = &self.node else { return };
        match node {
            Kind::AArrayExpr(node) => node.walk(walk),
            Kind::AConst(node) => node.walk(walk),
            Kind::AExpr(node) => node.walk(walk),
            Kind::AIndices(node) => node.walk(walk),
            Kind::AIndirection(node) => node.walk(walk),
            Kind::AStar(node) => node.walk(walk),
            Kind::AccessPriv(node) => node.walk(walk),
            Kind::Alias(node) => node.walk(walk),
            Kind::AlterTableCmd(node) => node.walk(walk),
            Kind::AtalterConstraint(node) => node.walk(walk),
            Kind::BitString(node) => node.walk(walk),
            Kind::BoolExpr(node) => node.walk(walk),
            Kind::Boolean(node) => node.walk(walk),
            Kind::BooleanTest(node) => node.walk(walk),
            Kind::CaseExpr(node) => node.walk(walk),
            Kind::CaseWhen(node) => node.walk(walk),
            Kind::CoalesceExpr(node) => node.walk(walk),
            Kind::CollateClause(node) => node.walk(walk),
            Kind::ColumnDef(node) => node.walk(walk),
            Kind::ColumnRef(node) => node.walk(walk),
            Kind::CommonTableExpr(node) => node.walk(walk),
            Kind::Constraint(node) => node.walk(walk),
            Kind::CreateOpClassItem(node) => node.walk(walk),
            Kind::CtecycleClause(node) => node.walk(walk),
            Kind::CtesearchClause(node) => node.walk(walk),
            Kind::CurrentOfExpr(node) => node.walk(walk),
            Kind::DefElem(node) => node.walk(walk),
            Kind::DeleteStmt(node) => node.walk(walk),
            Kind::Float(node) => node.walk(walk),
            Kind::FuncCall(node) => node.walk(walk),
            Kind::FunctionParameter(node) => node.walk(walk),
            Kind::GroupingFunc(node) => node.walk(walk),
            Kind::GroupingSet(node) => node.walk(walk),
            Kind::IndexElem(node) => node.walk(walk),
            Kind::InferClause(node) => node.walk(walk),
            Kind::InsertStmt(node) => node.walk(walk),
            Kind::Integer(node) => node.walk(walk),
            Kind::JoinExpr(node) => node.walk(walk),
            Kind::JsonAggConstructor(node) => node.walk(walk),
            Kind::JsonArgument(node) => node.walk(walk),
            Kind::JsonArrayAgg(node) => node.walk(walk),
            Kind::JsonArrayConstructor(node) => node.walk(walk),
            Kind::JsonArrayQueryConstructor(node) => node.walk(walk),
            Kind::JsonBehavior(node) => node.walk(walk),
            Kind::JsonFormat(node) => node.walk(walk),
            Kind::JsonFuncExpr(node) => node.walk(walk),
            Kind::JsonIsPredicate(node) => node.walk(walk),
            Kind::JsonKeyValue(node) => node.walk(walk),
            Kind::JsonObjectAgg(node) => node.walk(walk),
            Kind::JsonObjectConstructor(node) => node.walk(walk),
            Kind::JsonOutput(node) => node.walk(walk),
            Kind::JsonParseExpr(node) => node.walk(walk),
            Kind::JsonReturning(node) => node.walk(walk),
            Kind::JsonScalarExpr(node) => node.walk(walk),
            Kind::JsonSerializeExpr(node) => node.walk(walk),
            Kind::JsonTable(node) => node.walk(walk),
            Kind::JsonTableColumn(node) => node.walk(walk),
            Kind::JsonTablePathSpec(node) => node.walk(walk),
            Kind::JsonValueExpr(node) => node.walk(walk),
            Kind::List(node) => node.walk(walk),
            Kind::LockingClause(node) => node.walk(walk),
            Kind::MergeStmt(node) => node.walk(walk),
            Kind::MergeSupportFunc(node) => node.walk(walk),
            Kind::MergeWhenClause(node) => node.walk(walk),
            Kind::MinMaxExpr(node) => node.walk(walk),
            Kind::MultiAssignRef(node) => node.walk(walk),
            Kind::NamedArgExpr(node) => node.walk(walk),
            Kind::NullTest(node) => node.walk(walk),
            Kind::ObjectWithArgs(node) => node.walk(walk),
            Kind::OnConflictClause(node) => node.walk(walk),
            Kind::ParamRef(node) => node.walk(walk),
            Kind::PartitionBoundSpec(node) => node.walk(walk),
            Kind::PartitionCmd(node) => node.walk(walk),
            Kind::PartitionElem(node) => node.walk(walk),
            Kind::PartitionRangeDatum(node) => node.walk(walk),
            Kind::PartitionSpec(node) => node.walk(walk),
            Kind::PublicationObjSpec(node) => node.walk(walk),
            Kind::PublicationTable(node) => node.walk(walk),
            Kind::RangeFunction(node) => node.walk(walk),
            Kind::RangeSubselect(node) => node.walk(walk),
            Kind::RangeTableFunc(node) => node.walk(walk),
            Kind::RangeTableFuncCol(node) => node.walk(walk),
            Kind::RangeTableSample(node) => node.walk(walk),
            Kind::RangeVar(node) => node.walk(walk),
            Kind::ReplicaIdentityStmt(node) => node.walk(walk),
            Kind::ResTarget(node) => node.walk(walk),
            Kind::ReturnStmt(node) => node.walk(walk),
            Kind::ReturningClause(node) => node.walk(walk),
            Kind::ReturningOption(node) => node.walk(walk),
            Kind::RoleSpec(node) => node.walk(walk),
            Kind::RowExpr(node) => node.walk(walk),
            Kind::SelectStmt(node) => node.walk(walk),
            Kind::SetToDefault(node) => node.walk(walk),
            Kind::SortBy(node) => node.walk(walk),
            Kind::SqlvalueFunction(node) => node.walk(walk),
            Kind::StatsElem(node) => node.walk(walk),
            Kind::String(node) => node.walk(walk),
            Kind::SubLink(node) => node.walk(walk),
            Kind::TableLikeClause(node) => node.walk(walk),
            Kind::TriggerTransition(node) => node.walk(walk),
            Kind::TypeCast(node) => node.walk(walk),
            Kind::TypeName(node) => node.walk(walk),
            Kind::UpdateStmt(node) => node.walk(walk),
            Kind::VacuumRelation(node) => node.walk(walk),
            Kind::VariableSetStmt(node) => node.walk(walk),
            Kind::WindowDef(node) => node.walk(walk),
            Kind::WithClause(node) => node.walk(walk),
            Kind::XmlExpr(node) => node.walk(walk),
            Kind::XmlSerialize(node) => node.walk(walk),
            Kind::Aggref(_)
            | Kind::AlterCollationStmt(_)
            | Kind::AlterDatabaseRefreshCollStmt(_)
            | Kind::AlterDatabaseSetStmt(_)
            | Kind::AlterDatabaseStmt(_)
            | Kind::AlterDefaultPrivilegesStmt(_)
            | Kind::AlterDomainStmt(_)
            | Kind::AlterEnumStmt(_)
            | Kind::AlterEventTrigStmt(_)
            | Kind::AlterExtensionContentsStmt(_)
            | Kind::AlterExtensionStmt(_)
            | Kind::AlterFdwStmt(_)
            | Kind::AlterForeignServerStmt(_)
            | Kind::AlterFunctionStmt(_)
            | Kind::AlterObjectDependsStmt(_)
            | Kind::AlterObjectSchemaStmt(_)
            | Kind::AlterOpFamilyStmt(_)
            | Kind::AlterOperatorStmt(_)
            | Kind::AlterOwnerStmt(_)
            | Kind::AlterPolicyStmt(_)
            | Kind::AlterPublicationStmt(_)
            | Kind::AlterRoleSetStmt(_)
            | Kind::AlterRoleStmt(_)
            | Kind::AlterSeqStmt(_)
            | Kind::AlterStatsStmt(_)
            | Kind::AlterSubscriptionStmt(_)
            | Kind::AlterSystemStmt(_)
            | Kind::AlterTableMoveAllStmt(_)
            | Kind::AlterTableSpaceOptionsStmt(_)
            | Kind::AlterTableStmt(_)
            | Kind::AlterTsconfigurationStmt(_)
            | Kind::AlterTsdictionaryStmt(_)
            | Kind::AlterTypeStmt(_)
            | Kind::AlterUserMappingStmt(_)
            | Kind::AlternativeSubPlan(_)
            | Kind::ArrayCoerceExpr(_)
            | Kind::ArrayExpr(_)
            | Kind::CallContext(_)
            | Kind::CallStmt(_)
            | Kind::CaseTestExpr(_)
            | Kind::CheckPointStmt(_)
            | Kind::ClosePortalStmt(_)
            | Kind::ClusterStmt(_)
            | Kind::CoerceToDomain(_)
            | Kind::CoerceToDomainValue(_)
            | Kind::CoerceViaIo(_)
            | Kind::CollateExpr(_)
            | Kind::CommentStmt(_)
            | Kind::CompositeTypeStmt(_)
            | Kind::ConstraintsSetStmt(_)
            | Kind::ConvertRowtypeExpr(_)
            | Kind::CopyStmt(_)
            | Kind::CreateAmStmt(_)
            | Kind::CreateCastStmt(_)
            | Kind::CreateConversionStmt(_)
            | Kind::CreateDomainStmt(_)
            | Kind::CreateEnumStmt(_)
            | Kind::CreateEventTrigStmt(_)
            | Kind::CreateExtensionStmt(_)
            | Kind::CreateFdwStmt(_)
            | Kind::CreateForeignServerStmt(_)
            | Kind::CreateForeignTableStmt(_)
            | Kind::CreateFunctionStmt(_)
            | Kind::CreateOpClassStmt(_)
            | Kind::CreateOpFamilyStmt(_)
            | Kind::CreatePlangStmt(_)
            | Kind::CreatePolicyStmt(_)
            | Kind::CreatePublicationStmt(_)
            | Kind::CreateRangeStmt(_)
            | Kind::CreateRoleStmt(_)
            | Kind::CreateSchemaStmt(_)
            | Kind::CreateSeqStmt(_)
            | Kind::CreateStatsStmt(_)
            | Kind::CreateStmt(_)
            | Kind::CreateSubscriptionStmt(_)
            | Kind::CreateTableAsStmt(_)
            | Kind::CreateTableSpaceStmt(_)
            | Kind::CreateTransformStmt(_)
            | Kind::CreateTrigStmt(_)
            | Kind::CreateUserMappingStmt(_)
            | Kind::CreatedbStmt(_)
            | Kind::DeallocateStmt(_)
            | Kind::DeclareCursorStmt(_)
            | Kind::DefineStmt(_)
            | Kind::DiscardStmt(_)
            | Kind::DistinctExpr(_)
            | Kind::DoStmt(_)
            | Kind::DropOwnedStmt(_)
            | Kind::DropRoleStmt(_)
            | Kind::DropStmt(_)
            | Kind::DropSubscriptionStmt(_)
            | Kind::DropTableSpaceStmt(_)
            | Kind::DropUserMappingStmt(_)
            | Kind::DropdbStmt(_)
            | Kind::ExecuteStmt(_)
            | Kind::ExplainStmt(_)
            | Kind::FetchStmt(_)
            | Kind::FieldSelect(_)
            | Kind::FieldStore(_)
            | Kind::FromExpr(_)
            | Kind::FuncExpr(_)
            | Kind::GrantRoleStmt(_)
            | Kind::GrantStmt(_)
            | Kind::ImportForeignSchemaStmt(_)
            | Kind::IndexStmt(_)
            | Kind::InferenceElem(_)
            | Kind::InlineCodeBlock(_)
            | Kind::IntList(_)
            | Kind::IntoClause(_)
            | Kind::JsonConstructorExpr(_)
            | Kind::JsonExpr(_)
            | Kind::JsonTablePath(_)
            | Kind::JsonTablePathScan(_)
            | Kind::JsonTableSiblingJoin(_)
            | Kind::ListenStmt(_)
            | Kind::LoadStmt(_)
            | Kind::LockStmt(_)
            | Kind::MergeAction(_)
            | Kind::NextValueExpr(_)
            | Kind::NotifyStmt(_)
            | Kind::NullIfExpr(_)
            | Kind::OidList(_)
            | Kind::OnConflictExpr(_)
            | Kind::OpExpr(_)
            | Kind::Param(_)
            | Kind::PlassignStmt(_)
            | Kind::PrepareStmt(_)
            | Kind::Query(_)
            | Kind::RangeTblEntry(_)
            | Kind::RangeTblFunction(_)
            | Kind::RangeTblRef(_)
            | Kind::RawStmt(_)
            | Kind::ReassignOwnedStmt(_)
            | Kind::RefreshMatViewStmt(_)
            | Kind::ReindexStmt(_)
            | Kind::RelabelType(_)
            | Kind::RenameStmt(_)
            | Kind::ReturningExpr(_)
            | Kind::RowCompareExpr(_)
            | Kind::RowMarkClause(_)
            | Kind::RtepermissionInfo(_)
            | Kind::RuleStmt(_)
            | Kind::ScalarArrayOpExpr(_)
            | Kind::SecLabelStmt(_)
            | Kind::SetOperationStmt(_)
            | Kind::SortGroupClause(_)
            | Kind::SubPlan(_)
            | Kind::SubscriptingRef(_)
            | Kind::TableFunc(_)
            | Kind::TableSampleClause(_)
            | Kind::TargetEntry(_)
            | Kind::TransactionStmt(_)
            | Kind::TruncateStmt(_)
            | Kind::UnlistenStmt(_)
            | Kind::VacuumStmt(_)
            | Kind::Var(_)
            | Kind::VariableShowStmt(_)
            | Kind::ViewStmt(_)
            | Kind::WindowClause(_)
            | Kind::WindowFunc(_)
            | Kind::WindowFuncRunCondition(_)
            | Kind::WithCheckOption(_) => walk.unknown(&kind(node)),
        }
    }
}

/// The name of a node's kind: how its debugging text begins.
pub(super) fn kind(node: &Kind) -> String {
    /// Takes the first word, and refuses the rest.
    struct Word(String);

    impl fmt::Write for Word {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let word = text.split(|symbol: char| !symbol.is_ascii_alphanumeric()).next().unwrap_or_default();
            self.0.push_str(word);
            if word.len() == text.len() { Ok(()) } else { Err(fmt::Error) }
        }
    }

    let mut word = Word(String::new());
    // It stops with an error behind the first word, as it is meant to.
    match fmt::write(&mut word, format_args!("{node:?}")) {
        Ok(()) | Err(fmt::Error) => word.0,
    }
}

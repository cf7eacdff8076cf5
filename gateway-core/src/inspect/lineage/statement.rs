//! Any statement.

use super::Place;
use super::select::is_into;
use super::trace::{Returned, Trace};
use super::value::Sources;
use pg_query::protobuf::{
    AlterPolicyStmt, ClusterStmt, CreateSchemaStmt, LockStmt, Node, ReindexStmt, TransactionStmt, TransactionStmtKind,
    TruncateStmt, VacuumRelation, VacuumStmt, node::Node as Kind,
};

impl Trace<'_> {
    /// A statement: of its own, below EXPLAIN, in CREATE SCHEMA, in a function.
    pub(super) fn statement(&mut self, node: &Node) -> Returned {
        self.deeper(Returned::unknown, |trace| trace.statement_of(node))
    }

    fn statement_of(&mut self, node: &Node) -> Returned {
        let Some(kind) = &node.node else { return self.unknown_statement() };
        match kind {
            Kind::SelectStmt(query) => {
                let shape = self.select(query);
                return if is_into(query) { Returned::Nothing } else { Returned::Rows(shape) };
            }
            Kind::InsertStmt(statement) => return self.insert(statement),
            Kind::UpdateStmt(statement) => return self.update(statement),
            Kind::DeleteStmt(statement) => return self.delete(statement),
            Kind::MergeStmt(statement) => return self.merge(statement),
            Kind::CopyStmt(statement) => return self.copy(statement),
            Kind::CreateTableAsStmt(statement) => return self.create_table_as(statement),
            Kind::PrepareStmt(statement) => return self.prepare(statement),
            Kind::ExecuteStmt(statement) => return self.execute(statement),
            Kind::DeclareCursorStmt(statement) => return self.declare(statement),
            Kind::FetchStmt(statement) => return self.fetch(statement),
            Kind::ExplainStmt(statement) => return self.explain(statement),
            Kind::VariableShowStmt(statement) => return self.show(statement),
            Kind::DoStmt(statement) => return self.run(statement),
            Kind::CallStmt(statement) => return self.call_procedure(statement),
            Kind::CreateStmt(statement) => self.create_table(statement),
            Kind::CreateForeignTableStmt(statement) => statement.base_stmt.iter().for_each(|table| self.create_table(table)),
            Kind::ViewStmt(statement) => self.create_view(statement),
            Kind::RefreshMatViewStmt(statement) => self.refresh(statement),
            Kind::IndexStmt(statement) => self.create_index(statement),
            Kind::CreateStatsStmt(statement) => self.create_statistics(statement),
            Kind::RuleStmt(statement) => self.create_rule(statement),
            Kind::CreateTrigStmt(statement) => self.create_trigger(statement),
            Kind::CreatePolicyStmt(statement) => self.create_policy(statement),
            Kind::AlterPolicyStmt(statement) => {
                let AlterPolicyStmt { policy_name: _, table, roles: _, qual, with_check } = &**statement;
                self.policy(table.as_ref(), &[qual.as_deref(), with_check.as_deref()]);
            }
            Kind::CreateFunctionStmt(statement) => self.create_function(statement),
            Kind::CreateSchemaStmt(statement) => {
                let CreateSchemaStmt { schemaname: _, authrole: _, schema_elts, if_not_exists: _ } = statement;
                schema_elts.iter().for_each(|element| _ = self.statement(element));
            }
            Kind::CreatedbStmt(statement) => self.create_database(statement),
            Kind::AlterTableStmt(statement) => self.alter_table(statement),
            Kind::AlterDomainStmt(statement) => self.alter_domain(statement),
            // Another server is given rows, from now on.
            Kind::CreatePublicationStmt(_) | Kind::AlterPublicationStmt(_) => self.flow(&Sources::everything(), Place::Server),
            // A constraint that was put off is looked at now, and says which key broke it.
            Kind::TransactionStmt(statement) => self.transaction(statement),
            Kind::ConstraintsSetStmt(_) => self.touched = Sources::everything(),
            Kind::TruncateStmt(statement) => {
                let TruncateStmt { relations, restart_seqs: _, behavior: _ } = statement;
                relations.iter().for_each(|relation| self.touch(relation));
            }
            Kind::LockStmt(statement) => {
                let LockStmt { relations, mode: _, nowait: _ } = statement;
                relations.iter().for_each(|relation| self.touch(relation));
            }
            Kind::ReindexStmt(statement) => {
                let ReindexStmt { kind: _, relation: _, name: _, params: _ } = statement;
                self.rebuilt();
            }
            Kind::ClusterStmt(statement) => {
                let ClusterStmt { relation: _, indexname: _, params: _ } = statement;
                self.rebuilt();
            }
            Kind::VacuumStmt(statement) => {
                let VacuumStmt { options: _, rels, is_vacuumcmd: _ } = statement;
                self.vacuumed(rels);
            }
            // From now on names mean something else.
            Kind::RenameStmt(_) | Kind::AlterObjectSchemaStmt(_) => self.renames = true,
            // They run a script or a library.
            Kind::CreateExtensionStmt(_) | Kind::AlterExtensionStmt(_) | Kind::LoadStmt(_) => self.code(),
            _ if moves_nothing(kind) => {}
            _ => return self.unknown_statement(),
        }
        Returned::Nothing
    }

    fn unknown_statement(&mut self) -> Returned {
        self.give_up();
        Returned::unknown()
    }

    fn transaction(&mut self, statement: &TransactionStmt) {
        let TransactionStmt { kind, options: _, savepoint_name: _, gid: _, chain: _, location: _ } = statement;
        match TransactionStmtKind::try_from(*kind) {
            Ok(
                TransactionStmtKind::TransStmtBegin
                | TransactionStmtKind::TransStmtStart
                | TransactionStmtKind::TransStmtSavepoint
                | TransactionStmtKind::TransStmtRelease
                | TransactionStmtKind::TransStmtRollback
                | TransactionStmtKind::TransStmtRollbackTo
                | TransactionStmtKind::TransStmtRollbackPrepared,
            ) => {}
            Ok(
                TransactionStmtKind::Undefined
                | TransactionStmtKind::TransStmtCommit
                | TransactionStmtKind::TransStmtPrepare
                | TransactionStmtKind::TransStmtCommitPrepared,
            )
            | Err(_) => self.touched = Sources::everything(),
        }
    }

    fn touch(&mut self, relation: &Node) {
        match &relation.node {
            Some(Kind::RangeVar(relation)) => _ = self.relation_item(relation),
            _ => self.give_up(),
        }
    }

    /// Indexes are made anew: a key that comes twice is told.
    fn rebuilt(&mut self) {
        self.touched = Sources::everything();
    }

    fn vacuumed(&mut self, relations: &[Node]) {
        for relation in relations {
            match &relation.node {
                Some(Kind::VacuumRelation(VacuumRelation { relation: Some(relation), oid: _, va_cols: _ })) => {
                    self.relation_item(relation);
                }
                _ => self.give_up(),
            }
        }
        if relations.is_empty() {
            self.touched = Sources::everything();
        }
    }
}

/// Statements that compute nothing from rows, and are given constants alone: names, rights, types, the
/// session's state, other servers' addresses.
const fn moves_nothing(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::AlterCollationStmt(_)
            | Kind::AlterDatabaseRefreshCollStmt(_)
            | Kind::AlterDatabaseSetStmt(_)
            | Kind::AlterDatabaseStmt(_)
            | Kind::AlterDefaultPrivilegesStmt(_)
            | Kind::AlterEnumStmt(_)
            | Kind::AlterEventTrigStmt(_)
            | Kind::AlterExtensionContentsStmt(_)
            | Kind::AlterFdwStmt(_)
            | Kind::AlterForeignServerStmt(_)
            | Kind::AlterFunctionStmt(_)
            | Kind::AlterObjectDependsStmt(_)
            | Kind::AlterOpFamilyStmt(_)
            | Kind::AlterOperatorStmt(_)
            | Kind::AlterOwnerStmt(_)
            | Kind::AlterRoleSetStmt(_)
            | Kind::AlterRoleStmt(_)
            | Kind::AlterSeqStmt(_)
            | Kind::AlterStatsStmt(_)
            | Kind::AlterSubscriptionStmt(_)
            | Kind::AlterSystemStmt(_)
            | Kind::AlterTableMoveAllStmt(_)
            | Kind::AlterTableSpaceOptionsStmt(_)
            | Kind::AlterTsconfigurationStmt(_)
            | Kind::AlterTsdictionaryStmt(_)
            | Kind::AlterTypeStmt(_)
            | Kind::AlterUserMappingStmt(_)
            | Kind::CheckPointStmt(_)
            | Kind::ClosePortalStmt(_)
            | Kind::CommentStmt(_)
            | Kind::CompositeTypeStmt(_)
            | Kind::CreateAmStmt(_)
            | Kind::CreateCastStmt(_)
            | Kind::CreateConversionStmt(_)
            | Kind::CreateDomainStmt(_)
            | Kind::CreateEnumStmt(_)
            | Kind::CreateEventTrigStmt(_)
            | Kind::CreateFdwStmt(_)
            | Kind::CreateForeignServerStmt(_)
            | Kind::CreateOpClassStmt(_)
            | Kind::CreateOpFamilyStmt(_)
            | Kind::CreatePlangStmt(_)
            | Kind::CreateRangeStmt(_)
            | Kind::CreateRoleStmt(_)
            | Kind::CreateSeqStmt(_)
            | Kind::CreateSubscriptionStmt(_)
            | Kind::CreateTableSpaceStmt(_)
            | Kind::CreateTransformStmt(_)
            | Kind::CreateUserMappingStmt(_)
            | Kind::DeallocateStmt(_)
            | Kind::DefineStmt(_)
            | Kind::DiscardStmt(_)
            | Kind::DropOwnedStmt(_)
            | Kind::DropRoleStmt(_)
            | Kind::DropStmt(_)
            | Kind::DropSubscriptionStmt(_)
            | Kind::DropTableSpaceStmt(_)
            | Kind::DropUserMappingStmt(_)
            | Kind::DropdbStmt(_)
            | Kind::GrantRoleStmt(_)
            | Kind::GrantStmt(_)
            | Kind::ImportForeignSchemaStmt(_)
            | Kind::ListenStmt(_)
            | Kind::NotifyStmt(_)
            | Kind::ReassignOwnedStmt(_)
            | Kind::SecLabelStmt(_)
            | Kind::UnlistenStmt(_)
            | Kind::VariableSetStmt(_)
    )
}

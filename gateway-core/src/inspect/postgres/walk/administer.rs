//! Rights, roles, the server itself, its extensions, other servers.

use super::command::{Verb, command};
use super::{Part, Walk};
use crate::inspect::postgres::names;
use crate::inspect::postgres::sweep::Counted;
use crate::inspect::{Action, Object};
use pg_query::NodeEnum as Kind;
use pg_query::protobuf::{
    AlterDefaultPrivilegesStmt, AlterExtensionContentsStmt, AlterFdwStmt, AlterTableMoveAllStmt, CreateAmStmt,
    CreateEventTrigStmt, CreateFdwStmt, CreatePLangStmt, GrantRoleStmt, GrantStmt, GrantTargetType, ImportForeignSchemaStmt,
    LoadStmt, Node, ObjectType, PublicationObjSpec, PublicationTable, SecLabelStmt,
};

/// Writes the statements that are asked of the target as a whole: all fields named, as in `parts`.
macro_rules! of_the_target {
    ($($method:ident: $node:ident, $command:literal { $($walked:ident),* ; $($scalar:ident),* })*) => {
        impl Walk {
            $(pub(super) fn $method(&mut self, statement: &pg_query::protobuf::$node) {
                let pg_query::protobuf::$node { $($walked,)* $($scalar: _,)* } = statement;
                self.out.command = $command;
                self.out.changes.schema = true;
                self.on_target(Action::Administer);
                $($walked.walk(self);)*
            })*
        }
    };
}

of_the_target! {
    alter_role_stmt: AlterRoleStmt, "ALTER ROLE" { role, options ; action }
    alter_role_set_stmt: AlterRoleSetStmt, "ALTER ROLE" { role, setstmt ; database }
    drop_role_stmt: DropRoleStmt, "DROP ROLE" { roles ; missing_ok }
    create_role_stmt: CreateRoleStmt, "CREATE ROLE" { options ; stmt_type, role }
    drop_owned_stmt: DropOwnedStmt, "DROP OWNED" { roles ; behavior }
    reassign_owned_stmt: ReassignOwnedStmt, "REASSIGN OWNED" { roles, newrole ;  }
    alter_system_stmt: AlterSystemStmt, "ALTER SYSTEM" { setstmt ;  }
    check_point_stmt: CheckPointStmt, "CHECKPOINT" {  ;  }
    createdb_stmt: CreatedbStmt, "CREATE DATABASE" { options ; dbname }
    alter_database_stmt: AlterDatabaseStmt, "ALTER DATABASE" { options ; dbname }
    alter_database_refresh_coll_stmt: AlterDatabaseRefreshCollStmt, "ALTER DATABASE" {  ; dbname }
    alter_database_set_stmt: AlterDatabaseSetStmt, "ALTER DATABASE" { setstmt ; dbname }
    dropdb_stmt: DropdbStmt, "DROP DATABASE" { options ; dbname, missing_ok }
    create_table_space_stmt: CreateTableSpaceStmt, "CREATE TABLESPACE" { owner, options ; tablespacename, location }
    drop_table_space_stmt: DropTableSpaceStmt, "DROP TABLESPACE" {  ; tablespacename, missing_ok }
    alter_table_space_options_stmt: AlterTableSpaceOptionsStmt, "ALTER TABLESPACE" { options ; tablespacename, is_reset }
    create_extension_stmt: CreateExtensionStmt, "CREATE EXTENSION" { options ; extname, if_not_exists }
    alter_extension_stmt: AlterExtensionStmt, "ALTER EXTENSION" { options ; extname }
    create_foreign_server_stmt: CreateForeignServerStmt, "CREATE SERVER" { options ; servername, servertype, version, fdwname, if_not_exists }
    alter_foreign_server_stmt: AlterForeignServerStmt, "ALTER SERVER" { options ; servername, version, has_version }
    create_user_mapping_stmt: CreateUserMappingStmt, "CREATE USER MAPPING" { user, options ; servername, if_not_exists }
    alter_user_mapping_stmt: AlterUserMappingStmt, "ALTER USER MAPPING" { user, options ; servername }
    drop_user_mapping_stmt: DropUserMappingStmt, "DROP USER MAPPING" { user ; servername, missing_ok }
    alter_event_trig_stmt: AlterEventTrigStmt, "ALTER EVENT TRIGGER" {  ; trigname, tgenabled }
    create_subscription_stmt: CreateSubscriptionStmt, "CREATE SUBSCRIPTION" { publication, options ; subname, conninfo, conninfo_location }
    alter_subscription_stmt: AlterSubscriptionStmt, "ALTER SUBSCRIPTION" { publication, options ; kind, subname, conninfo, conninfo_location }
    drop_subscription_stmt: DropSubscriptionStmt, "DROP SUBSCRIPTION" {  ; subname, missing_ok, behavior }
    create_publication_stmt: CreatePublicationStmt, "CREATE PUBLICATION" { options, pubobjects ; pubname, for_all_tables }
    alter_publication_stmt: AlterPublicationStmt, "ALTER PUBLICATION" { options, pubobjects ; pubname, for_all_tables, action }
}

impl Walk {
    /// GRANT and REVOKE: asked of what they name.
    pub(super) fn grant_stmt(&mut self, statement: &GrantStmt) {
        let GrantStmt { is_grant, targtype, objtype, objects, privileges, grantees, grant_option: _, grantor, behavior: _ } =
            statement;
        self.out.command = if *is_grant { "GRANT" } else { "REVOKE" };
        self.out.changes.schema = true;
        privileges.walk(self);
        grantees.walk(self);
        grantor.walk(self);
        let Ok(kind) = ObjectType::try_from(*objtype) else { return self.trouble("GRANT on an object of an unknown type") };
        match GrantTargetType::try_from(*targtype) {
            Ok(GrantTargetType::AclTargetObject) => objects.iter().for_each(|object| self.granted(kind, object)),
            Ok(GrantTargetType::AclTargetAllInSchema) => {
                objects.iter().for_each(|object| self.object(Action::Administer, ObjectType::ObjectSchema, Some(object)));
            }
            Ok(GrantTargetType::AclTargetDefaults) => {
                objects.walk(self);
                self.on_target(Action::Administer);
            }
            Ok(GrantTargetType::Undefined) | Err(_) => self.trouble("GRANT on an unknown kind of target"),
        }
    }

    fn granted(&mut self, kind: ObjectType, object: &Node) {
        match (&object.node, kind) {
            (Some(Kind::RangeVar(relation)), _) => self.relation(Action::Administer, relation),
            (
                _,
                ObjectType::ObjectFunction | ObjectType::ObjectProcedure | ObjectType::ObjectRoutine | ObjectType::ObjectSchema,
            ) => self.object(Action::Administer, kind, Some(object)),
            _ => {
                object.walk(self);
                self.on_target(Action::Administer);
            }
        }
    }

    pub(super) fn grant_role_stmt(&mut self, statement: &GrantRoleStmt) {
        let GrantRoleStmt { granted_roles, grantee_roles, is_grant, opt, grantor, behavior: _ } = statement;
        self.out.command = if *is_grant { "GRANT ROLE" } else { "REVOKE ROLE" };
        self.out.changes.schema = true;
        self.on_target(Action::Administer);
        granted_roles.walk(self);
        grantee_roles.walk(self);
        opt.walk(self);
        grantor.walk(self);
    }

    pub(super) fn alter_default_privileges_stmt(&mut self, statement: &AlterDefaultPrivilegesStmt) {
        let AlterDefaultPrivilegesStmt { options, action } = statement;
        options.walk(self);
        if let Some(grant) = action {
            self.grant_stmt(grant);
        }
        self.on_target(Action::Administer);
        self.out.command = "ALTER DEFAULT PRIVILEGES";
    }

    pub(super) fn sec_label_stmt(&mut self, statement: &SecLabelStmt) {
        let SecLabelStmt { objtype, object, provider: _, label: _ } = statement;
        self.out.command = "SECURITY LABEL";
        self.on_target(Action::Administer);
        match ObjectType::try_from(*objtype) {
            Ok(kind) => self.object(Action::Administer, kind, object.as_deref()),
            Err(_) => self.trouble("a label on an object of an unknown type"),
        }
    }

    /// LOAD runs a library's own code.
    pub(super) fn load_stmt(&mut self, statement: &LoadStmt) {
        let LoadStmt { filename: _ } = statement;
        self.out.command = "LOAD";
        self.out.facts.opaque = true;
        self.out.changes.anything = true;
        self.on_target(Action::Administer);
    }

    pub(super) fn alter_table_move_all_stmt(&mut self, statement: &AlterTableMoveAllStmt) {
        let AlterTableMoveAllStmt { orig_tablespacename: _, objtype, roles, new_tablespacename: _, nowait: _ } = statement;
        self.alter(*objtype);
        self.on_target(Action::Administer);
        roles.walk(self);
    }

    pub(super) fn alter_extension_contents_stmt(&mut self, statement: &AlterExtensionContentsStmt) {
        let AlterExtensionContentsStmt { extname: _, action: _, objtype, object } = statement;
        self.out.command = "ALTER EXTENSION";
        self.out.changes.schema = true;
        self.on_target(Action::Administer);
        match ObjectType::try_from(*objtype) {
            Ok(kind) => self.object(Action::Administer, kind, object.as_deref()),
            Err(_) => self.trouble("an extension's object of an unknown type"),
        }
    }

    pub(super) fn create_plang_stmt(&mut self, statement: &CreatePLangStmt) {
        let CreatePLangStmt { replace: _, plname: _, plhandler, plinline, plvalidator, pltrusted: _ } = statement;
        self.made_of("CREATE LANGUAGE", &[plhandler, plinline, plvalidator]);
    }

    pub(super) fn create_am_stmt(&mut self, statement: &CreateAmStmt) {
        let CreateAmStmt { amname: _, handler_name, amtype: _ } = statement;
        self.made_of("CREATE ACCESS METHOD", &[handler_name]);
    }

    pub(super) fn create_event_trig_stmt(&mut self, statement: &CreateEventTrigStmt) {
        let CreateEventTrigStmt { trigname: _, eventname: _, whenclause, funcname } = statement;
        whenclause.walk(self);
        self.made_of("CREATE EVENT TRIGGER", &[funcname]);
    }

    /// Something of the server that calls these functions from now on.
    fn made_of(&mut self, command: &'static str, functions: &[&[Node]]) {
        self.out.command = command;
        self.out.changes.schema = true;
        self.on_target(Action::Administer);
        for function in functions.iter().filter(|function| !function.is_empty()) {
            self.function(Action::Call, function);
        }
    }

    pub(super) fn create_fdw_stmt(&mut self, statement: &CreateFdwStmt) {
        let CreateFdwStmt { fdwname: _, func_options, options } = statement;
        self.wrapper(Verb::Create, func_options, options);
    }

    pub(super) fn alter_fdw_stmt(&mut self, statement: &AlterFdwStmt) {
        let AlterFdwStmt { fdwname: _, func_options, options } = statement;
        self.wrapper(Verb::Alter, func_options, options);
    }

    fn wrapper(&mut self, verb: Verb, functions: &[Node], options: &[Node]) {
        self.out.command = command(verb, ObjectType::ObjectFdw).unwrap_or_default();
        self.out.changes.schema = true;
        self.on_target(Action::Administer);
        for option in functions {
            self.function_option(option);
        }
        options.iter().for_each(|option| option.walk(self));
    }

    pub(super) fn import_foreign_schema_stmt(&mut self, statement: &ImportForeignSchemaStmt) {
        let ImportForeignSchemaStmt { server_name: _, remote_schema: _, local_schema, list_type: _, table_list, options } =
            statement;
        self.out.command = "IMPORT FOREIGN SCHEMA";
        self.out.changes.schema = true;
        self.on_target(Action::Administer);
        self.access(Action::Define, Object::Schema(names::name(local_schema)));
        // Names of the other server.
        for table in table_list {
            match &table.node {
                Some(Kind::RangeVar(_)) => self.seen(Counted::RangeVar),
                _ => self.trouble("IMPORT FOREIGN SCHEMA names another node"),
            }
        }
        options.walk(self);
    }
}

impl Part for PublicationObjSpec {
    fn walk(&self, walk: &mut Walk) {
        let Self { pubobjtype: _, name: _, pubtable, location: _ } = self;
        pubtable.walk(walk);
    }
}

impl Part for PublicationTable {
    fn walk(&self, walk: &mut Walk) {
        let Self { relation, where_clause, columns } = self;
        if let Some(relation) = relation {
            walk.relation(Action::Administer, relation);
        }
        where_clause.walk(walk);
        columns.walk(walk);
    }
}

//! All that a job could have changed at a server, as lines that can be compared.

use crate::Postgres;
use std::collections::BTreeSet;

/// What one database and its server hold at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snapshot(BTreeSet<String>);

impl Snapshot {
    /// Takes it as the superuser, past weir.
    pub(super) fn take(server: &Postgres, database: &str) -> Self {
        let output = server.psql(database).args(["-c", QUERY]).output().expect("psql starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }

    /// What is in one and not in the other, at most three lines.
    pub(super) fn differences(&self, after: &Self) -> Vec<String> {
        let gone = self.0.difference(&after.0).map(|line| format!("- {line}"));
        let come = after.0.difference(&self.0).map(|line| format!("+ {line}"));
        gone.chain(come).take(3).collect()
    }
}

/// Relations with their rows, columns and rights; functions, rules, triggers; sequences; large objects;
/// prepared transactions; roles and settings; files that a program was made to leave behind.
const QUERY: &str = r"
WITH own AS (
  SELECT c.oid, n.nspname, c.relname, c.relkind, c.relacl, c.relrowsecurity FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname NOT LIKE 'pg\_%temp\_%')
SELECT format('rows %s.%s %s', nspname, relname,
  md5(query_to_xml(format('SELECT * FROM %I.%I t ORDER BY t::text', nspname, relname), true, false, '')::text))
  FROM own WHERE relkind IN ('r', 'm')
UNION ALL SELECT format('relation %s.%s %s %s %s', nspname, relname, relkind, relacl, relrowsecurity) FROM own
UNION ALL SELECT format('column %s.%s.%s %s', nspname, relname, attname, atttypid::regtype) FROM own JOIN pg_attribute ON attrelid = oid
UNION ALL SELECT format('sequence %s.%s %s', schemaname, sequencename, last_value) FROM pg_sequences
UNION ALL SELECT format('schema %s %s', nspname, nspacl) FROM pg_namespace WHERE nspname NOT LIKE 'pg\_%temp\_%'
UNION ALL SELECT format('view %s', md5(ev_action::text)) FROM pg_rewrite
UNION ALL SELECT format('function %s %s', oid::regprocedure, md5(prosrc)) FROM pg_proc
UNION ALL SELECT format('trigger %s %s', tgrelid::regclass, tgname) FROM pg_trigger
UNION ALL SELECT format('constraint %s %s', conrelid::regclass, conname) FROM pg_constraint
UNION ALL SELECT format('type %s', typname) FROM pg_type JOIN pg_namespace n ON n.oid = typnamespace WHERE n.nspname NOT LIKE 'pg\_%temp\_%'
UNION ALL SELECT format('extension %s', extname) FROM pg_extension
UNION ALL SELECT format('comment %s %s', objoid, md5(description)) FROM pg_description WHERE objoid > 16383
UNION ALL SELECT format('large object %s', oid) FROM pg_largeobject_metadata
UNION ALL SELECT format('prepared transaction %s', gid) FROM pg_prepared_xacts
UNION ALL SELECT format('role %s %s %s', rolname, rolsuper, rolpassword) FROM pg_authid
UNION ALL SELECT format('member %s %s', roleid, member) FROM pg_auth_members
UNION ALL SELECT format('setting %s', setconfig) FROM pg_db_role_setting
UNION ALL SELECT format('setting %s %s', name, setting) FROM pg_file_settings
UNION ALL SELECT format('file %s', name) FROM pg_ls_dir('.') name WHERE name LIKE 'weir-probe%'";

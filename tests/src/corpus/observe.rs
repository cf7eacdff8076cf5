//! What a statement really did: which relations it locked and changed, seen within its own transaction.

use super::session::Session;
use crate::wire::Connection;
use std::collections::BTreeMap;

/// A relation that a statement locked or changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Touched {
    pub(super) schema: String,
    pub(super) name: String,
    /// `pg_class.relkind`.
    pub(super) kind: String,
    /// Lock modes, as `pg_locks` names them.
    pub(super) modes: Vec<String>,
    /// Rows inserted, updated and deleted.
    pub(super) changes: u64,
}

impl Touched {
    /// Whether rows of it were changed, or locked as for that.
    pub(super) fn written(&self) -> bool {
        self.changes > 0 || self.modes.iter().any(|mode| mode == "RowExclusiveLock")
    }
}

/// By OID.
pub(super) type Observed = BTreeMap<u32, Touched>;

/// What the session's transaction holds at this moment. None where the server would not say.
pub(super) fn observe(session: &mut Session, side: &mut Connection) -> Option<Observed> {
    let mut observed = Observed::new();
    // Counts of transactions that are over are in pg_stat_xact_user_tables until they are reported.
    session.connection.rows("SELECT pg_catalog.pg_stat_force_next_flush()").ok()?;
    for row in session.connection.rows(HELD).ok()? {
        let [oid, schema, name, kind, modes, changes] = row.as_slice() else { return None };
        let touched = Touched {
            schema: schema.clone(),
            name: name.clone(),
            kind: kind.clone(),
            modes: modes.split(' ').map(str::to_owned).collect(),
            changes: changes.parse().ok()?,
        };
        observed.insert(oid.parse().ok()?, touched);
    }
    // What others still see are the names from before the transaction: those that the text used.
    let oids: Vec<_> = observed.keys().map(ToString::to_string).collect();
    for row in
        side.rows(&format!("{NAMES} WHERE c.oid IN (0{})", oids.iter().map(|oid| format!(",{oid}")).collect::<String>())).ok()?
    {
        let [oid, schema, name, kind] = row.as_slice() else { return None };
        if let Some(touched) = oid.parse().ok().and_then(|oid: u32| observed.get_mut(&oid)) {
            (touched.schema, touched.name, touched.kind) = (schema.clone(), name.clone(), kind.clone());
        }
    }
    observed.retain(|_, touched| !touched.name.is_empty() && !SYSTEM.contains(&touched.schema.as_str()));
    Some(observed)
}

/// What `now` has and `before` had not.
pub(super) fn difference(before: &Observed, now: &Observed) -> Observed {
    let mut fresh = Observed::new();
    for (oid, touched) in now {
        let known = before.get(oid);
        let modes = touched.modes.iter().filter(|mode| !known.is_some_and(|known| known.modes.contains(mode)));
        let modes: Vec<_> = modes.cloned().collect();
        let changes = touched.changes.saturating_sub(known.map_or(0, |known| known.changes));
        if !modes.is_empty() || changes > 0 {
            fresh.insert(*oid, Touched { modes, changes, ..touched.clone() });
        }
    }
    fresh
}

/// Relations that belong to one of these by inheritance, a foreign key, an index or a sequence of theirs, or that
/// triggers or rules of theirs may reach: effects that an inspection leaves apart. Also what is behind views.
pub(super) fn related(side: &mut Connection, names: &[(Option<&str>, &str)]) -> Option<(Vec<u32>, bool)> {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let one = |(schema, name): &(Option<&str>, &str)| {
        let schema =
            schema.map_or_else(String::new, |schema| format!(" AND c.relnamespace::regnamespace::text = {}", quoted(schema)));
        format!("(c.relname = {}{schema})", quoted(name))
    };
    if names.is_empty() {
        return Some((Vec::new(), false));
    }
    let condition = names.iter().map(one).collect::<Vec<_>>().join(" OR ");
    let rows = side.rows(&RELATED.replace("CONDITION", &condition)).ok()?;
    let number = |row: &Vec<String>| row.first().and_then(|oid| oid.parse().ok());
    let effects = rows.iter().any(|row| row.get(1).is_some_and(|effects| effects == "t"));
    Some((rows.iter().filter_map(number).collect(), effects))
}

const SYSTEM: [&str; 3] = ["pg_catalog", "information_schema", "pg_toast"];

const HELD: &str = "SELECT l.relation, coalesce(n.nspname, ''), coalesce(c.relname, ''), coalesce(c.relkind, '?'), l.modes,
  coalesce((SELECT n_tup_ins + n_tup_upd + n_tup_del FROM pg_catalog.pg_stat_xact_user_tables s WHERE s.relid = l.relation), 0)
  FROM (SELECT relation, pg_catalog.string_agg(mode, ' ') AS modes FROM pg_catalog.pg_locks
    WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'relation' AND relation >= 16384 GROUP BY relation) l
  LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace";

const NAMES: &str = "SELECT c.oid, n.nspname, c.relname, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace";

const RELATED: &str = "WITH RECURSIVE named AS (SELECT c.oid FROM pg_class c WHERE CONDITION),
  reached (oid) AS (
    SELECT oid FROM named
    UNION SELECT e.b FROM reached r JOIN (
      SELECT inhrelid AS a, inhparent AS b FROM pg_inherits UNION ALL SELECT inhparent, inhrelid FROM pg_inherits
      UNION ALL SELECT conrelid, confrelid FROM pg_constraint WHERE contype = 'f'
      UNION ALL SELECT confrelid, conrelid FROM pg_constraint WHERE contype = 'f'
      UNION ALL SELECT indexrelid, indrelid FROM pg_index UNION ALL SELECT indrelid, indexrelid FROM pg_index
      UNION ALL SELECT refobjid, objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i')
      UNION ALL SELECT w.ev_class, d.refobjid FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
        WHERE d.refclassid = 'pg_class'::regclass
      UNION ALL SELECT oid, reltoastrelid FROM pg_class WHERE reltoastrelid <> 0) e ON e.a = r.oid)
  SELECT r.oid, EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = r.oid AND NOT tgisinternal)
    OR EXISTS (SELECT FROM pg_rewrite w WHERE w.ev_class = r.oid AND w.ev_type <> '1') FROM reached r";

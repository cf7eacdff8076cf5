//! Settings that change what a text means: literals, encodings, roles.

use crate::evasion::{Case, Client, Must, SETS};
use crate::wire::Script;
use crate::wire::message::{bind, execute, parse, query};

/// One literal where backslashes are ordinary; the secret where they escape.
const ESCAPES: &str = r"SELECT '\'', value FROM secrets --'";
/// The secret where backslashes are ordinary; one literal where they escape.
const ORDINARY: &str = r"SELECT '\', value FROM secrets --'";

pub(super) fn cases() -> Vec<Case> {
    let off = "SET standard_conforming_strings = off";
    let sets = |name: &str, script: Script| Case::wire(name, script, Must::Refuse).and(SETS);
    let run = |text: &str| [parse("", text.as_bytes()), bind("", "", &[]), execute("", 0)].concat();
    vec![
        sets("standard_conforming_strings off earlier in the same pipeline", Script::new().segment(&[run(off), run(ESCAPES)])),
        sets("standard_conforming_strings off, not waited for", Script::new().send(&[query(off.as_bytes()), query(ESCAPES.as_bytes())]).ready(2)),
        sets("standard_conforming_strings off, and answered", Script::new().query(off).query(ESCAPES)),
        sets("standard_conforming_strings off and on again in a pipeline", Script::new().query(off).segment(&[
            run("SET standard_conforming_strings = on"), run(ORDINARY),
        ])),
        sets("standard_conforming_strings that a ROLLBACK brings back", Script::new().query(off).query("BEGIN").query("SET standard_conforming_strings = on").send(&[
            query(b"ROLLBACK"), query(ESCAPES.as_bytes()),
        ]).ready(2)),
        sets("standard_conforming_strings off by set_config", Script::new().segment(&[
            run("SELECT set_config('standard_conforming_strings', 'off', false)"), run(ESCAPES),
        ])),
        sets("standard_conforming_strings off by UPDATE pg_settings", Script::new().segment(&[
            run("UPDATE pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'"), run(ESCAPES),
        ])),
        sets("RESET ALL in a pipeline", Script::new().query(off).segment(&[run("RESET ALL"), run(ORDINARY)])),
        sets("client_encoding SJIS, where half of a character is a backslash", Script::new()
            .query("SET client_encoding = 'SJIS'")
            .bytes(b"SELECT E'\x83\x5c', value FROM secrets --'")),
        sets("client_encoding SJIS in the same pipeline", Script::new().segment(&[
            run("SET client_encoding = 'SJIS'"), parse("", b"SELECT E'\x83\x5c', value FROM secrets --'"), bind("", "", &[]), execute("", 0),
        ])),
        sets("client_encoding BIG5 and GBK", Script::new()
            .query("SET client_encoding = 'BIG5'")
            .bytes(b"SELECT E'\xa5\x5c', value FROM secrets --'")
            .query("SET NAMES 'GBK'")
            .bytes(b"SELECT E'\x81\x5c', value FROM secrets --'")),
        sets("client_encoding LATIN1, with bytes that are no UTF-8", Script::new()
            .query("SET client_encoding = 'LATIN1'")
            .bytes(b"SELECT '\xe9', value FROM secrets")),
        Case::wire("bytes that are no UTF-8", Script::new().bytes(b"SELECT '\xff', value FROM secrets"), Must::Refuse),
        Case::wire("a byte that ends the text before its end", Script::new().bytes(b"SELECT 1\0; DELETE FROM orders"), Must::Harmless),
        Case::wire("a byte that ends the text of a Parse", Script::new().segment(&[parse("", b"SELECT 1\0DELETE FROM orders"), bind("", "", &[]), execute("", 0)]), Must::Harmless),
        Case::all_refused("roles and session settings that are not permitted", &[
            "SET ROLE other", "SET SESSION AUTHORIZATION other", "RESET ROLE", "SET row_security = off", "SET session_replication_role = replica",
            "SET LOCAL ROLE other", "SELECT set_config('role', 'other', false)", "SET search_path = scratch", "ALTER ROLE app SET search_path = scratch",
            "LISTEN bell", "NOTIFY bell", "LOCK TABLE users IN ACCESS EXCLUSIVE MODE", "LOAD 'dblink'", "DISCARD ALL",
        ]),
        Case::new(
            "settings in the connection's own options",
            Client::Shell("PGOPTIONS='-c standard_conforming_strings=off' psql -X -v VERBOSITY=verbose -c \"SELECT '\\\\'', value FROM secrets --'\"; psql -X -A -t -c \"SELECT 'in-step'\"".to_owned()),
            Must::Refuse,
        ),
    ]
}

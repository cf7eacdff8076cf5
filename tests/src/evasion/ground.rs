//! The ground that evasions are tried on: one server, for each case a database of its own.

use super::snapshot::Snapshot;
use super::verdict::{self, Row, Seen};
use super::{Case, Client};
use crate::wire::Script;
use crate::{Postgres, Weir};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A server whose jobs are superusers, so that only weir stands in their way.
#[derive(Debug)]
pub struct Ground {
    server: Postgres,
}

/// What a case's name is as a database.
const DATABASE: &str = "trial";

/// What every script and psql does last: it shows that the session goes on in step.
pub(super) const LAST: &str = "SELECT 'in' || '-step'";

impl Ground {
    /// Starts the server and makes what all cases have.
    #[must_use]
    pub fn start() -> Self {
        let server = Postgres::builder().setting("max_prepared_transactions = 10").start();
        server.sql("ALTER ROLE app SUPERUSER");
        server.sql("CREATE ROLE other");
        server.sql("CREATE DATABASE ground OWNER app");
        let made = server.psql("ground").args(["-c", FIXTURE]).output().expect("psql starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self { server }
    }

    /// Runs one case. Whatever goes wrong in it is its own verdict.
    #[must_use]
    pub fn run(&self, case: &Case) -> Row {
        catch_unwind(AssertUnwindSafe(|| self.attempt(case))).unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<String>().cloned();
            Row::broken(case, &said.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned())).unwrap_or_default())
        })
    }

    fn attempt(&self, case: &Case) -> Row {
        self.fresh_database();
        if !case.setup.is_empty() {
            self.as_superuser(&case.setup);
        }
        let before = Snapshot::take(&self.server, DATABASE);
        let weir = Weir::for_server(&self.server)
            .catalog(&self.server.superuser_secret())
            .policy(&case.policy)
            .variable("PGDATABASE", DATABASE)
            .build();
        let seen = play(&weir, &case.client);
        let after = Snapshot::take(&self.server, DATABASE);
        verdict::judge(case, &seen, &before.differences(&after), |sql| self.as_superuser(sql))
    }

    fn fresh_database(&self) {
        let left = format!("SELECT gid FROM pg_prepared_xacts WHERE database = '{DATABASE}'");
        for transaction in self.server.sql(&left).lines() {
            self.as_superuser(&format!("ROLLBACK PREPARED '{transaction}'"));
        }
        self.server.sql(&format!("DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)"));
        self.server.sql(&format!("CREATE DATABASE {DATABASE} TEMPLATE ground OWNER app"));
        // What an evasion has done to the whole server is not the next case's.
        self.server.sql("ALTER ROLE app RESET ALL; ALTER ROLE other NOSUPERUSER; DROP ROLE IF EXISTS third");
        self.server.sql("ALTER SYSTEM RESET ALL");
        self.server.sql("COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm -f weir-probe*'");
    }

    fn as_superuser(&self, sql: &str) -> String {
        let output = self.server.psql(DATABASE).args(["-c", sql]).output().expect("psql starts");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }
}

fn play(weir: &Weir, client: &Client) -> Seen {
    let to_the_end = |script: &Script| script.clone().query("ROLLBACK").query(LAST);
    match client {
        Client::Wire(script) => Seen::wire(weir.wire(&to_the_end(script))),
        Client::Reload(script, policy) => Seen::wire(weir.wire_with_pauses(&to_the_end(script), |weir| weir.reload(policy))),
        Client::Each(texts) => {
            let script = texts.iter().fold(Script::new(), |script, text| script.query(text));
            Seen::wire(weir.wire(&to_the_end(&script)))
        }
        Client::Psql(texts) => {
            let mut command = vec!["psql", "-X", "-A", "-t", "-v", "VERBOSITY=verbose"];
            for text in texts {
                command.extend(["-c", text]);
            }
            command.extend(["-c", LAST]);
            Seen::text(weir.run(&command))
        }
        Client::Shell(line) => Seen::text(weir.run(&["bash", "-c", line])),
    }
}

const FIXTURE: &str = r#"
CREATE TABLE users (id int PRIMARY KEY, name text);
INSERT INTO users VALUES (1, 'Ana'), (2, 'Ben'), (3, 'Cleo');
CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users, amount int);
INSERT INTO orders SELECT n, 1 + n % 3, n FROM generate_series(1, 5000) n;
CREATE TABLE notes (id int, body text);
CREATE TABLE secrets (id int, value text);
INSERT INTO secrets VALUES (1, 'SECRET-7421');
CREATE TABLE effects (what text);
CREATE SEQUENCE counter;
CREATE VIEW user_names AS SELECT name FROM users;
CREATE VIEW secret_view AS SELECT value FROM secrets;
CREATE SCHEMA scratch;
CREATE TABLE scratch.reports (value text);
INSERT INTO scratch.reports VALUES ('harmless');
CREATE TABLE public.reports (value text);
INSERT INTO public.reports VALUES ('SECRET-7421');
CREATE FUNCTION greet(text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT 'hello ' || $1 $$;
CREATE FUNCTION peek() RETURNS text LANGUAGE sql AS $$ SELECT value FROM public.secrets $$;
CREATE FUNCTION sneak(text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.effects VALUES ($1); RETURN 1; END $$;
CREATE FUNCTION pure(text) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM public.sneak($1); RETURN 1; END $$;
CREATE FUNCTION sneak_equal(int, int) RETURNS bool LANGUAGE sql AS $$ SELECT public.sneak('operator') = 1 $$;
CREATE OPERATOR === (FUNCTION = sneak_equal, LEFTARG = int, RIGHTARG = int);
CREATE FUNCTION sneak_state(int, int) RETURNS int LANGUAGE sql AS $$ SELECT public.sneak('aggregate') $$;
CREATE AGGREGATE sneak_sum(int) (SFUNC = sneak_state, STYPE = int, INITCOND = '0');
CREATE FUNCTION public.lower(varchar) RETURNS text LANGUAGE sql AS $$ SELECT value FROM public.secrets $$;
CREATE PROCEDURE wipe() LANGUAGE sql AS $$ DELETE FROM public.orders $$;
CREATE FUNCTION swap() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  EXECUTE 'DEALLOCATE p'; EXECUTE 'PREPARE p AS DELETE FROM public.orders'; END $$;
CREATE FUNCTION open_cursor() RETURNS void LANGUAGE plpgsql AS $$ DECLARE c refcursor := 'c'; BEGIN
  OPEN c FOR SELECT value FROM public.secrets; END $$;
CREATE EXTENSION dblink;
"#;

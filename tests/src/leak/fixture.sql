-- What is asked for: tables with classed columns, and what stands around them. The values come later.
CREATE EXTENSION dblink;
CREATE EXTENSION pageinspect;
CREATE EXTENSION pgcrypto;
CREATE EXTENSION tablefunc;
CREATE EXTENSION hstore;
CREATE EXTENSION xml2;
CREATE EXTENSION pgrowlocks;
CREATE EXTENSION pg_stat_statements;
SET ROLE app;

CREATE TABLE customers (
  id int PRIMARY KEY, name text NOT NULL, city text NOT NULL DEFAULT 'Lund', email varchar(80) UNIQUE, ssn text, code char(24), born date,
  seen timestamptz, salary numeric(20,2) CHECK (salary > 0), pin int, token uuid, card text, notes jsonb, tags text[], blob bytea, addr inet, bio text);
CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers, total numeric, placed date, comment text);
CREATE TABLE logins (id int PRIMARY KEY, email varchar(80) REFERENCES customers (email), at timestamptz);
CREATE TABLE invites (id int PRIMARY KEY, address varchar(80) REFERENCES customers (email));
CREATE TABLE maybe (id int PRIMARY KEY, secret text, wage int);
CREATE TABLE people (id int, ssn text, born date) PARTITION BY RANGE (id);
CREATE TABLE people_low PARTITION OF people FOR VALUES FROM (0) TO (100);
CREATE TABLE people_high PARTITION OF people FOR VALUES FROM (100) TO (200);
CREATE TABLE persons (id int, ssn text);
CREATE TABLE staff (desk text) INHERITS (persons);
CREATE TABLE "Odd Table" (id int, "E-Mail" text, "select" text);
CREATE TABLE derived (id int, ssn text, upper_ssn text GENERATED ALWAYS AS (upper(ssn)) STORED);
CREATE TABLE bare (id int PRIMARY KEY, label text, ssn text);
CREATE TABLE audited (id int, note text);
CREATE TABLE ruled (id int, note text);
CREATE TABLE plain (id int PRIMARY KEY, label text, amount numeric(10,2), made timestamptz DEFAULT '2024-01-01 00:00:00+00', data jsonb, parts int[], raw bytea);
CREATE TABLE sink (id serial PRIMARY KEY, t text, n numeric, j jsonb, b bytea);
CREATE SEQUENCE counter;

CREATE VIEW contacts AS SELECT id, name, lower(email) AS mail, email FROM customers;
CREATE VIEW contact_list AS SELECT id, email AS address, mail FROM contacts;
CREATE VIEW everything AS SELECT * FROM customers;
CREATE VIEW both_kinds AS SELECT 'c' AS kind, ssn FROM customers UNION ALL SELECT 'p', ssn FROM people;
CREATE VIEW wide AS SELECT c, c.email AS mail, o.comment FROM customers c JOIN orders o ON o.customer = c.id;
CREATE VIEW json_of AS SELECT id, to_jsonb(c) AS whole FROM customers c;
CREATE VIEW guarded WITH (security_barrier) AS SELECT id, ssn FROM customers WHERE id < 4;
CREATE VIEW checked AS SELECT id, name, email FROM customers WHERE id < 1000 WITH CHECK OPTION;
CREATE VIEW labels AS SELECT id, label FROM plain;
CREATE RECURSIVE VIEW chain (id, ssn) AS SELECT id, ssn FROM customers WHERE id = 1 UNION ALL SELECT c.id, c.ssn FROM chain JOIN customers c ON c.id = chain.id + 1;
CREATE MATERIALIZED VIEW mails AS SELECT id, email, upper(ssn) AS loud FROM customers;
CREATE MATERIALIZED VIEW totals AS SELECT customer, sum(total) AS total FROM orders GROUP BY customer;

CREATE FUNCTION get_ssn(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM customers WHERE id = $1';
CREATE FUNCTION tell(int) RETURNS int LANGUAGE plpgsql AS $$ DECLARE s text; BEGIN SELECT ssn INTO s FROM customers WHERE id = $1;
  RAISE NOTICE 'ssn is %', s USING DETAIL = s, HINT = s; RETURN 1; END $$;
CREATE FUNCTION boom(int) RETURNS int LANGUAGE plpgsql AS $$ DECLARE s text; BEGIN SELECT ssn INTO s FROM customers WHERE id = $1;
  RAISE EXCEPTION 'ssn is %', s USING DETAIL = s, HINT = s, COLUMN = s, TABLE = s, CONSTRAINT = s, SCHEMA = s, DATATYPE = s; END $$;
CREATE FUNCTION code_of(int) RETURNS int LANGUAGE plpgsql AS $$ DECLARE s text; BEGIN SELECT upper(substr(ssn, 1, 5)) INTO s FROM customers WHERE id = $1;
  RAISE EXCEPTION 'no' USING ERRCODE = s; END $$;
CREATE FUNCTION all_customers() RETURNS SETOF customers LANGUAGE sql STABLE AS 'SELECT * FROM customers';
CREATE FUNCTION one_record(int) RETURNS record LANGUAGE sql STABLE AS 'SELECT id, email::text, ssn FROM customers WHERE id = $1';
CREATE FUNCTION some_rows() RETURNS TABLE (n int, what text) LANGUAGE sql STABLE AS 'SELECT id, bio FROM customers';
CREATE FUNCTION by_out(IN int, OUT mail text, OUT wage numeric) LANGUAGE sql STABLE AS 'SELECT email, salary FROM customers WHERE id = $1';
CREATE FUNCTION open_cursor(refcursor) RETURNS refcursor LANGUAGE plpgsql AS $$ BEGIN OPEN $1 FOR SELECT email, ssn FROM customers ORDER BY id; RETURN $1; END $$;
CREATE FUNCTION mail_of(customers) RETURNS text LANGUAGE sql STABLE AS 'SELECT $1.email::text';
CREATE FUNCTION shout(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)';
CREATE FUNCTION run_text(text) RETURNS text LANGUAGE plpgsql AS $$ DECLARE r text; BEGIN
  IF $1 ~* '^(select|fetch|insert.*returning)' THEN EXECUTE $1 INTO r; ELSE EXECUTE $1; END IF; RETURN r; END $$;
CREATE FUNCTION raising(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'got %', $1; RETURN 'x'; END $$;
CREATE FUNCTION ladder(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1 || $2';
CREATE AGGREGATE glue (text) (SFUNC = ladder, STYPE = text, INITCOND = '');
CREATE FUNCTION rungs(varchar, text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1::text || $2';
CREATE OPERATOR ||| (FUNCTION = ladder, LEFTARG = text, RIGHTARG = text);
CREATE PROCEDURE print_ssn() LANGUAGE plpgsql AS $$ DECLARE s text; BEGIN SELECT string_agg(ssn, ',') INTO s FROM customers; RAISE NOTICE '%', s; END $$;
CREATE PROCEDURE give_ssn(INOUT s text) LANGUAGE plpgsql AS $$ BEGIN SELECT string_agg(ssn, ',') INTO s FROM customers; END $$;
CREATE FUNCTION on_audited() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '%', (SELECT string_agg(email, ',') FROM customers);
  NEW.note := (SELECT ssn FROM customers WHERE id = 1); RETURN NEW; END $$;
CREATE TRIGGER audit BEFORE INSERT OR UPDATE ON audited FOR EACH ROW EXECUTE FUNCTION on_audited();
CREATE RULE also AS ON INSERT TO ruled DO ALSO SELECT id, email FROM customers;
CREATE INDEX lower_mail ON customers (lower(email));
CREATE STATISTICS customers_ssn (mcv) ON ssn, city FROM customers;

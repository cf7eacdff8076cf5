//! Functions of every family, operators and casts: what is computed of a value may tell the whole of it.

use super::clause::Clause;
use crate::leak::Case;

pub(super) fn cases() -> Vec<Case> {
    [texts(), letters(), encodings(), patterns(), casts(), numbers(), conditions(), windows(), aggregates(), own()]
        .map(Clause::cases)
        .concat()
}

fn texts() -> Clause {
    Clause::new("functions of text").reads([
        "SELECT lower(email) FROM customers",
        "SELECT upper(ssn) FROM customers",
        "SELECT initcap(ssn) FROM customers",
        "SELECT email || '' FROM customers",
        "SELECT 'x' || ssn || 'y' FROM customers",
        "SELECT concat(email) FROM customers",
        "SELECT concat(id, ssn, born) FROM customers",
        "SELECT concat_ws('-', name, email) FROM customers",
        "SELECT format('%s', email) FROM customers",
        "SELECT format('%I %L %1$s', ssn) FROM customers",
        "SELECT format('%2$s %1$s', email, name) FROM customers",
        "SELECT quote_literal(email), quote_ident(email), quote_nullable(ssn) FROM customers",
        "SELECT reverse(email) FROM customers",
        "SELECT repeat(ssn, 2) FROM customers",
        "SELECT left(email, 6), right(email, -3) FROM customers",
        "SELECT lpad(email, 100, '.'), rpad(ssn, 40) FROM customers",
        "SELECT trim(both 'x' from email), ltrim(ssn), btrim(ssn, 'y') FROM customers",
        "SELECT replace(email, '@', ' at ') FROM customers",
        "SELECT translate(email, 'abc', 'xyz') FROM customers",
        "SELECT overlay(email placing '#' from 1 for 1) FROM customers",
        "SELECT split_part(email, '@', 1) FROM customers",
        "SELECT substr(email, 1), substring(email from 3 for 9) FROM customers",
        "SELECT strpos(email, 'b'), position('c' in email) FROM customers",
        "SELECT length(email), char_length(email), octet_length(email), bit_length(ssn) FROM customers",
        "SELECT normalize(email), unistr(ssn) FROM customers",
        "SELECT to_tsvector('simple', bio) FROM customers",
        "SELECT ts_headline('simple', bio, to_tsquery('simple', 'reads')) FROM customers",
        "SELECT parse_ident(quote_ident(split_part(email, '@', 1))) FROM customers",
        "SELECT string_to_array(email, NULL) FROM customers",
        "SELECT string_to_table(email, NULL) FROM customers WHERE id = 1",
        "SELECT starts_with(email, 'c') FROM customers",
        "SELECT email COLLATE \"C\" FROM customers",
        "SELECT collation for (email), email FROM customers",
    ])
}

fn letters() -> Clause {
    Clause::new("a letter at a time").reads([
        "SELECT substr(ssn, n, 1) FROM customers, generate_series(1, 16) n WHERE id = 1",
        "SELECT ascii(substr(ssn, n, 1)) FROM customers, generate_series(1, 16) n WHERE id = 1",
        "SELECT ascii(substr(email, n, 1)) + 1000 FROM customers, generate_series(1, 16) n WHERE id = 1",
        "SELECT get_byte(blob, n) FROM customers, generate_series(0, 11) n WHERE id = 1",
        "SELECT get_bit(blob, n) FROM customers, generate_series(0, 60) n WHERE id = 1",
        "SELECT get_byte(convert_to(ssn, 'UTF8'), n) FROM customers, generate_series(0, 11) n WHERE id = 2",
        "SELECT chr(ascii(substr(ssn, n, 1))) FROM customers, generate_series(1, 16) n WHERE id = 2",
        "SELECT id, ascii(ssn) FROM customers",
        "SELECT (regexp_split_to_array(ssn, ''))[n] FROM customers, generate_series(1, 16) n WHERE id = 1",
        "SELECT regexp_split_to_table(ssn, '') FROM customers WHERE id = 1",
        "SELECT generate_series(1, ascii(substr(ssn, 1, 1))) FROM customers WHERE id = 1",
        "SELECT n FROM customers, generate_series(1, length(email)) n WHERE id = 1",
        "SELECT repeat('x', ascii(substr(ssn, 2, 1))) FROM customers WHERE id = 1",
        "SELECT n FROM generate_series(1, (SELECT ascii(substr(ssn, 1, 1)) FROM customers WHERE id = 1)) n",
        "SELECT generate_subscripts(string_to_array(email, NULL), 1) FROM customers WHERE id = 1",
        "SELECT 1 FROM customers c, unnest(string_to_array(c.email, NULL)) WHERE id = 1",
    ])
}

fn encodings() -> Clause {
    Clause::new("encodings and hashes").reads([
        "SELECT encode(ssn::bytea, 'hex') FROM customers",
        "SELECT encode(blob, 'hex'), encode(blob, 'escape'), encode(blob, 'base64') FROM customers",
        "SELECT encode(convert_to(email, 'UTF8'), 'base64') FROM customers",
        "SELECT convert_to(email, 'LATIN1') FROM customers",
        "SELECT convert_from(blob, 'UTF8') FROM customers",
        "SELECT md5(email) FROM customers",
        "SELECT sha256(ssn::bytea), sha512(ssn::bytea) FROM customers",
        "SELECT digest(email, 'sha1') FROM customers",
        "SELECT hmac(email, 'key', 'md5') FROM customers",
        "SELECT crypt(ssn, 'ab') FROM customers",
        "SELECT armor(ssn::bytea) FROM customers",
        "SELECT hashtext(email), hashtextextended(ssn, 5) FROM customers",
        "SELECT hash_numeric(salary), hashint4(pin), uuid_hash(token) FROM customers",
        "SELECT textsend(ssn), varcharsend(email), numeric_send(salary), uuid_send(token) FROM customers",
        "SELECT textout(ssn), int4out(pin), date_out(born) FROM customers",
        "SELECT set_byte(blob, 0, 0) FROM customers",
        "SELECT blob || '\\x00'::bytea, substr(blob, 3), length(blob) FROM customers",
        "SELECT crc FROM (SELECT hashbpchar(code) AS crc FROM customers) x",
        "SELECT encode(numeric_send(salary), 'hex') FROM customers",
        "SELECT pg_column_size(email), pg_column_compression(bio) FROM customers",
        "SELECT to_ascii(convert_from(convert_to(ssn, 'LATIN1'), 'LATIN1'), 'LATIN1') FROM customers",
    ])
}

fn patterns() -> Clause {
    Clause::new("patterns").reads([
        "SELECT regexp_replace(email, '@.*', '') FROM customers",
        "SELECT regexp_replace(email, '(.)', '\\1 ', 'g') FROM customers",
        "SELECT regexp_match(email, '^(.+)@') FROM customers",
        "SELECT (regexp_match(email, '^(.+)@'))[1] FROM customers",
        "SELECT regexp_matches(email, '.', 'g') FROM customers",
        "SELECT regexp_split_to_array(email, '@') FROM customers",
        "SELECT regexp_substr(email, '[a-z]+'), regexp_count(email, 'b'), regexp_instr(email, '@'), regexp_like(email, '^c') FROM customers",
        "SELECT substring(email from '(.*)@') FROM customers",
        "SELECT substring(email similar '%#\"@%#\"' escape '#') FROM customers",
        "SELECT email LIKE 'c%', email ILIKE 'C%', email ~ '^c', email !~ 'x', email SIMILAR TO 'c%' FROM customers",
        "SELECT email = 'x', email <> 'x', email > 'm', email BETWEEN 'b' AND 'm' FROM customers",
        "SELECT email IN ('a', 'b'), ssn = ANY (ARRAY['x']) FROM customers",
        "SELECT ssn IS NULL, ssn IS NOT DISTINCT FROM 'x' FROM customers",
        "SELECT secret IS NULL, secret IS NOT NULL FROM maybe",
        "SELECT num_nulls(secret, wage), coalesce(secret, 'none') FROM maybe",
        "SELECT bio @@ 'reads' FROM customers",
    ])
}

fn casts() -> Clause {
    Clause::new("casts").reads([
        "SELECT email::text FROM customers",
        "SELECT CAST(email AS char(40)) FROM customers",
        "SELECT email::name, ssn::varchar(6), ssn::bpchar FROM customers",
        "SELECT ssn::bytea FROM customers",
        "SELECT born::text, born::timestamp, born::timestamptz FROM customers",
        "SELECT seen::date, seen::time, seen::timestamp FROM customers",
        "SELECT salary::text, salary::float8, salary::bigint FROM customers",
        "SELECT pin::text, pin::bigint, pin::numeric, pin::oid, pin::bit(32) FROM customers",
        "SELECT token::text FROM customers",
        "SELECT notes::text, notes::json FROM customers",
        "SELECT tags::text, tags::varchar[] FROM customers",
        "SELECT addr::text, addr::cidr FROM customers",
        "SELECT pg_catalog.text(email), pg_catalog.varchar(email, 20, true) FROM customers",
        "SELECT code::text, code::varchar FROM customers",
        "SELECT ssn::text::varchar::text::name::text FROM customers",
        "SELECT CAST(ROW(email, ssn) AS text) FROM customers",
        "SELECT card::numeric FROM customers",
        "SELECT ssn::int FROM customers",
        "SELECT email::date FROM customers",
        "SELECT email::uuid FROM customers",
        "SELECT bio::jsonb FROM customers",
        "SELECT bio::xml FROM customers",
        "SELECT ssn::inet FROM customers",
        "SELECT ssn::regclass FROM customers",
        "SELECT email::int[] FROM customers",
        "SELECT ssn::interval, ssn::money FROM customers",
    ])
}

fn numbers() -> Clause {
    Clause::new("numbers, dates and addresses").reads([
        "SELECT salary + 0, salary * 2, -salary FROM customers",
        "SELECT pin - 1, pin % 1000, pin / 10, abs(pin), pin # 5, pin << 1 FROM customers",
        "SELECT to_hex(pin) FROM customers",
        "SELECT round(salary), trunc(salary, 1), floor(salary), sqrt(salary), log(salary) FROM customers",
        "SELECT width_bucket(salary, 0, 1000000000000, 1000) FROM customers",
        "SELECT to_char(salary, '999999999999999.99') FROM customers",
        "SELECT to_char(born, 'YYYY-MM-DD'), to_char(born, 'J'), to_char(seen, 'HH24:MI:SS.US') FROM customers",
        "SELECT extract(doy from born), date_part('epoch', seen), extract(julian from born) FROM customers",
        "SELECT date_trunc('day', seen), seen AT TIME ZONE 'Asia/Tokyo' FROM customers",
        "SELECT born + 1, born - date '1900-01-01', age(born), seen - born FROM customers",
        "SELECT make_date(extract(year from born)::int, extract(month from born)::int, extract(day from born)::int) FROM customers",
        "SELECT date_bin('1 hour', seen, '2000-01-01') FROM customers",
        "SELECT isfinite(born), (born, born + 1) OVERLAPS (date '1931-01-01', date '1932-01-01') FROM customers",
        "SELECT host(addr), abbrev(addr), masklen(addr), broadcast(addr), network(addr), family(addr) FROM customers",
        "SELECT addr + 1, addr - inet '10.0.0.0', addr << inet '10.0.0.0/8' FROM customers",
        "SELECT inet_merge(addr, addr), set_masklen(addr, 24) FROM customers",
        "SELECT int4range(pin, NULL), numrange(0, salary), daterange(born, born + 1) FROM customers",
        "SELECT lower(numrange(salary, NULL)), upper(daterange(NULL, born)), range_merge(int4range(1, 2), int4range(pin, NULL)) FROM customers",
        "SELECT nummultirange(numrange(salary, NULL)), tstzrange(seen, NULL) FROM customers",
        "SELECT range_agg(int4range(pin, pin + 1)) FROM customers",
        "SELECT gcd(pin, 0), factorial(extract(day from born)::int) FROM customers",
        "SELECT scale(salary), min_scale(salary), sign(salary), salary > 500000000000 FROM customers",
        "SELECT bitand FROM (SELECT pin & 65535 AS bitand FROM customers) x",
        "SELECT point(pin, 1), box(point(pin, 0), point(0, 0)), circle(point(0, 0), pin) FROM customers",
    ])
}

fn conditions() -> Clause {
    Clause::new("conditional expressions").reads([
        "SELECT CASE WHEN id > 0 THEN email END FROM customers",
        "SELECT CASE id WHEN 1 THEN ssn ELSE bio END FROM customers",
        "SELECT CASE WHEN email LIKE 'c%' THEN 'low' ELSE 'high' END FROM customers",
        "SELECT CASE email WHEN 'x' THEN 1 ELSE 2 END, CASE WHEN salary > 300000000000 THEN id END FROM customers",
        "SELECT COALESCE(email, 'none') FROM customers",
        "SELECT COALESCE(NULL, NULL, ssn) FROM customers",
        "SELECT NULLIF(email, '') FROM customers",
        "SELECT NULLIF(name, email), NULLIF('x', secret) FROM customers, maybe",
        "SELECT GREATEST(email, ''), LEAST(ssn, '~') FROM customers",
        "SELECT GREATEST(salary, 0), LEAST(born, date '2999-01-01') FROM customers",
        "SELECT email IS NOT NULL AND true FROM customers",
        "SELECT NOT (ssn = 'x') FROM customers",
        "SELECT 1 + (pin > 1300000000)::int FROM customers",
        "SELECT (ARRAY['a', 'b'])[1 + (pin > 1300000000)::int] FROM customers",
        "SELECT CASE WHEN (SELECT max(pin) FROM customers) > 1600000000 THEN 'yes' ELSE 'no' END",
        "SELECT CASE WHEN wage IS NULL THEN 'a' ELSE 'b' END FROM maybe",
    ])
}

fn windows() -> Clause {
    Clause::new("window functions").reads([
        "SELECT lag(email) OVER (ORDER BY id) FROM customers",
        "SELECT lead(ssn, 1, 'none') OVER (ORDER BY id) FROM customers",
        "SELECT first_value(email) OVER (ORDER BY id), last_value(ssn) OVER () FROM customers",
        "SELECT nth_value(email, 2) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM customers",
        "SELECT max(email) OVER (PARTITION BY id) FROM customers",
        "SELECT string_agg(ssn, ',') OVER (ORDER BY id) FROM customers",
        "SELECT array_agg(born) OVER w FROM customers WINDOW w AS (ORDER BY id)",
        "SELECT id, rank() OVER (ORDER BY email) FROM customers ORDER BY id",
        "SELECT id, ntile(3) OVER (ORDER BY salary) FROM customers ORDER BY id",
        "SELECT id, row_number() OVER (PARTITION BY city ORDER BY born) FROM customers ORDER BY id",
        "SELECT id, count(*) OVER (PARTITION BY secret) FROM maybe ORDER BY id",
        "SELECT id, cume_dist() OVER (ORDER BY pin), percent_rank() OVER (ORDER BY ssn) FROM customers ORDER BY id",
        "SELECT id, sum(id) OVER (ORDER BY salary RANGE BETWEEN 1000 PRECEDING AND CURRENT ROW) FROM customers ORDER BY id",
        "SELECT sum(salary) OVER (), avg(pin) OVER (ORDER BY id) FROM customers",
    ])
}

fn aggregates() -> Clause {
    Clause::new("aggregates").reads([
        "SELECT min(email), max(ssn) FROM customers",
        "SELECT min(born), max(seen), sum(salary), avg(pin) FROM customers",
        "SELECT array_agg(email) FROM customers",
        "SELECT array_agg(email ORDER BY id) FROM customers",
        "SELECT string_agg(email, ',' ORDER BY id) FROM customers",
        "SELECT json_agg(email), jsonb_agg(ssn), json_object_agg(id, email), jsonb_object_agg(name, ssn) FROM customers",
        "SELECT xmlagg(xmlelement(name x, email)) FROM customers",
        "SELECT string_agg(ssn::bytea, '\\x2c') FROM customers",
        "SELECT mode() WITHIN GROUP (ORDER BY email) FROM customers",
        "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY ssn) FROM customers",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY pin) FROM customers",
        "SELECT rank('m') WITHIN GROUP (ORDER BY email) FROM customers",
        "SELECT count(secret), count(DISTINCT wage) FROM maybe WHERE id < 2",
        "SELECT bool_and(email LIKE 'c%'), bool_or(ssn > 'm'), every(pin > 1600000000) FROM customers",
        "SELECT count(*) FILTER (WHERE email < 'm') FROM customers",
        "SELECT count(CASE WHEN ssn < 'm' THEN 1 END) FROM customers",
        "SELECT stddev(salary), var_pop(pin), corr(pin, id), regr_slope(pin, id) FROM customers",
        "SELECT bit_and(pin), bit_or(pin), bit_xor(pin) FROM customers",
        "SELECT glue(email) FROM customers",
        "SELECT max(email COLLATE \"C\") FROM customers",
        "SELECT city, min(ssn) FROM customers GROUP BY city ORDER BY city",
        "SELECT city, max(id) FROM customers GROUP BY city HAVING min(email) > 'm' ORDER BY 1",
        "SELECT (array_agg(c))[1] FROM customers c",
        "SELECT array_agg(DISTINCT ssn) FROM customers",
        "SELECT max(tags), array_agg(tags) FROM customers",
        "SELECT any_row.* FROM (SELECT (array_agg(c ORDER BY id))[1] AS c FROM customers c) x, LATERAL (SELECT (x.c).email) any_row",
    ])
}

fn own() -> Clause {
    Clause::new("functions of the database").reads([
        "SELECT get_ssn(1)",
        "SELECT get_ssn(id) FROM orders WHERE id < 4",
        "SELECT * FROM get_ssn(2)",
        "SELECT all_customers()",
        "SELECT * FROM all_customers()",
        "SELECT (all_customers()).email",
        "SELECT (a).ssn FROM all_customers() a",
        "SELECT one_record(1)",
        "SELECT * FROM one_record(1) AS t (id int, a text, b text)",
        "SELECT * FROM some_rows()",
        "SELECT what FROM some_rows() WHERE n = 2",
        "SELECT by_out(1)",
        "SELECT * FROM by_out(1)",
        "SELECT (by_out(1)).wage",
        "SELECT mail_of(c) FROM customers c",
        "SELECT shout(email) FROM customers",
        "SELECT run_text('SELECT string_agg(email, '','') FROM customers')",
        "SELECT run_text('SELECT ssn FROM customers WHERE id = ' || id) FROM plain WHERE id < 3",
        "SELECT email ||| ssn FROM customers",
        "SELECT ladder(email, 'x') FROM customers",
        "SELECT public.get_ssn($$1$$::int)",
        "SELECT upper(get_ssn(1)), length(get_ssn(2))",
        "SELECT x FROM (SELECT get_ssn(3) AS x) t",
        "SELECT id FROM plain WHERE label < get_ssn(1) ORDER BY id",
        "SELECT id FROM plain WHERE id < length(get_ssn(1)) ORDER BY id",
    ])
}

//! JSON, XML, arrays and composites built of values, or of texts that are run.

use super::clause::Clause;
use crate::leak::Case;

pub(super) fn cases() -> Vec<Case> {
    [json(), xml(), arrays(), composites()].map(Clause::cases).concat()
}

fn json() -> Clause {
    Clause::new("JSON").reads([
        "SELECT row_to_json(c) FROM customers c",
        "SELECT row_to_json(c, true) FROM customers c",
        "SELECT to_json(c), to_jsonb(c) FROM customers c",
        "SELECT to_jsonb(email), to_json(ssn) FROM customers",
        "SELECT to_jsonb(c) ->> 'email' FROM customers c",
        "SELECT to_jsonb(c) -> 'ssn' FROM customers c",
        "SELECT to_jsonb(c) #>> '{notes,note}' FROM customers c",
        "SELECT to_jsonb(c) - 'id' FROM customers c",
        "SELECT json_build_object('e', email, 's', ssn) FROM customers",
        "SELECT jsonb_build_object(email, id) FROM customers",
        "SELECT json_build_array(id, email), jsonb_build_array(ssn) FROM customers",
        "SELECT json_agg(c) FROM customers c",
        "SELECT jsonb_agg(to_jsonb(c) ORDER BY id) FROM customers c",
        "SELECT json_agg(x) FROM (SELECT email FROM customers) x",
        "SELECT json_object(ARRAY['k'], ARRAY[ssn]) FROM customers",
        "SELECT notes ->> 'note', notes -> 'n', notes #>> '{inner,0}' FROM customers",
        "SELECT notes['note'] FROM customers",
        "SELECT jsonb_each_text(notes) FROM customers",
        "SELECT * FROM customers c, jsonb_each(c.notes) e",
        "SELECT key, value FROM customers c, jsonb_each_text(to_jsonb(c)) WHERE c.id = 1",
        "SELECT jsonb_path_query(notes, '$.note') FROM customers",
        "SELECT jsonb_path_query_first(notes, '$.inner[0]'), jsonb_path_query_array(notes, '$.*') FROM customers",
        "SELECT jsonb_path_exists(notes, '$.note ? (@ starts with \"c\")') FROM customers",
        "SELECT jsonb_array_elements(notes -> 'inner'), jsonb_array_elements_text(notes -> 'inner') FROM customers",
        "SELECT jsonb_pretty(notes), jsonb_typeof(notes), jsonb_strip_nulls(notes) FROM customers",
        "SELECT jsonb_set(notes, '{n}', '0'), jsonb_insert(notes, '{x}', '1'), notes || '{}' FROM customers",
        "SELECT jsonb_object_keys(jsonb_build_object(ssn, 1)) FROM customers",
        "SELECT notes @> '{\"n\": 1}', notes ? 'note' FROM customers",
        "SELECT array_to_json(tags), array_to_json(ARRAY[email, ssn]) FROM customers",
        "SELECT (jsonb_populate_record(NULL::plain, jsonb_build_object('label', email))).label FROM customers",
        "SELECT * FROM customers c, json_to_recordset(json_build_array(json_build_object('a', c.ssn))) AS x (a text)",
        "SELECT jsonb_to_tsvector('simple', notes, '[\"string\"]') FROM customers",
        "SELECT hstore(c) FROM customers c",
        "SELECT hstore('k', email) -> 'k' FROM customers",
        "SELECT each(hstore(c)) FROM customers c WHERE id = 1",
    ])
}

fn xml() -> Clause {
    Clause::new("XML").reads([
        "SELECT query_to_xml('SELECT email FROM customers', true, false, '')",
        "SELECT query_to_xml('SEL' || 'ECT ssn FROM cust' || 'omers', true, true, '')",
        "SELECT query_to_xml_and_xmlschema('SELECT * FROM customers', true, false, '')",
        "SELECT table_to_xml('customers', true, false, '')",
        "SELECT table_to_xml('customers'::regclass, false, true, '')",
        "SELECT schema_to_xml('public', true, false, '')",
        "SELECT database_to_xml(true, false, '')",
        "SELECT xmlelement(name c, xmlattributes(email AS e), ssn) FROM customers",
        "SELECT xmlforest(email, ssn) FROM customers",
        "SELECT xmlconcat(xmlelement(name a, ssn), xmlcomment(email)) FROM customers",
        "SELECT xmlpi(name p, bio) FROM customers",
        "SELECT xmlserialize(content xmlelement(name a, email) AS text) FROM customers",
        "SELECT xmlparse(content '<a>' || ssn || '</a>') FROM customers",
        "SELECT xpath('/a/text()', xmlelement(name a, ssn)) FROM customers",
        "SELECT x.v FROM customers c, XMLTABLE('/a' PASSING xmlelement(name a, c.ssn) COLUMNS v text PATH '.') x",
        "SELECT xmlconcat(query_to_xml('TABLE people', true, false, ''), NULL)",
        "SELECT xpath_string('<a>' || ssn || '</a>', '/a') FROM customers",
        "SELECT * FROM xpath_table('id', 'ssn', 'customers', '/a', 'true') AS t (id int, x text)",
    ])
}

fn arrays() -> Clause {
    Clause::new("arrays").reads([
        "SELECT ARRAY[email, ssn] FROM customers",
        "SELECT (ARRAY[email])[1] FROM customers",
        "SELECT ARRAY[ARRAY[ssn], ARRAY[bio]] FROM customers",
        "SELECT unnest(ARRAY[email, ssn]) FROM customers",
        "SELECT tags[1], tags[1:2], tags[array_length(tags, 1)] FROM customers",
        "SELECT unnest(tags) FROM customers",
        "SELECT array_to_string(tags, '/') FROM customers",
        "SELECT array_append(tags, 'z'), array_cat(tags, tags), tags || 'x' FROM customers",
        "SELECT array_remove(tags, 'x'), array_replace(tags, 'x', 'y'), array_positions(tags, 'x') FROM customers",
        "SELECT tags @> ARRAY['x'], tags && ARRAY['a'], 'x' = ANY (tags), tags > ARRAY['m'] FROM customers",
        "SELECT cardinality(string_to_array(email, 'b')), array_ndims(tags) FROM customers",
        "SELECT array_fill(email, ARRAY[2]) FROM customers",
        "SELECT trim_array(tags, 1) FROM customers",
        "SELECT ARRAY[pin, 1], ARRAY[born], ARRAY[token], ARRAY[salary] FROM customers",
        "SELECT a[2] FROM (SELECT array_agg(email ORDER BY id) AS a FROM customers) x",
        "SELECT s FROM unnest((SELECT array_agg(ssn) FROM customers)) s",
        "SELECT x.* FROM unnest(ARRAY(SELECT email FROM customers), ARRAY(SELECT ssn FROM customers)) AS x (a, b)",
        "SELECT (SELECT array_agg(t) FROM unnest(c.tags) t) FROM customers c",
    ])
}

fn composites() -> Clause {
    Clause::new("rows and composites").reads([
        "SELECT (c).ssn, (c).born FROM customers c",
        "SELECT (x.c).email FROM (SELECT c FROM customers c) x",
        "SELECT (x.c).* FROM (SELECT c FROM customers c WHERE id = 1) x",
        "SELECT ROW(id, email)::text FROM customers",
        "SELECT record_out(ROW(c.*)) FROM customers c",
        "SELECT (t).f1 FROM (SELECT ROW(email, ssn) AS t FROM customers) x WHERE false UNION ALL SELECT email FROM customers",
        "SELECT c = c, c < ROW(1, 'a'::varchar) FROM (SELECT id, email FROM customers) c",
        "SELECT c IS NULL FROM maybe c",
        "SELECT ROW(secret) IS NULL FROM maybe",
        "SELECT maybe IS NOT NULL FROM maybe",
        "SELECT * FROM (SELECT (c).* FROM customers c) x",
        "SELECT (c.*).email FROM customers c",
        "SELECT (SELECT x FROM (SELECT c.email, c.ssn) x) FROM customers c",
        "SELECT o, c FROM orders o JOIN customers c ON c.id = o.customer LIMIT 2",
        "SELECT j FROM (customers c JOIN plain p USING (id)) AS j",
        "SELECT to_jsonb(j) FROM (customers c JOIN plain p USING (id)) AS j",
        "SELECT ((c)::customers).ssn FROM customers c",
        "SELECT concat(c), format('%s', c) FROM customers c",
        "SELECT length(c::text) FROM customers c",
        "SELECT hash_record(c) FROM (SELECT id, ssn FROM customers) c",
    ])
}

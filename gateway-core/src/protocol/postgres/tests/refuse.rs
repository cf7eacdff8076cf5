//! A refused operation: what goes to the server in its place, and what the client is told.

use super::*;
use crate::protocol::{NameAct, NameKind, Rename};

/// An open session that asks, and whose server has UTF-8.
fn asking() -> Script {
    let mut settings = settings();
    settings.interest.operations = true;
    let mut script = Script::open(settings);
    script.yes = false;
    script.server([m(b'S', "client_encoding\0UTF8\0"), m(b'S', "standard_conforming_strings\0on\0")].concat());
    script.seen = Seen::default();
    script
}

fn refused(keep: usize, statements: u32) -> Directive {
    let text = |text: &str| text.to_owned();
    let refusal = Refusal {
        code: "42501",
        message: text("weir refused it"),
        detail: text("policy p"),
        hint: text("weir why"),
        position: None,
    };
    Directive::Refuse(Box::new(Refused { refusal, keep, statements, pass: Pass::default() }))
}

fn yes() -> Directive {
    Directive::Forward(Pass::default())
}

fn told() -> Vec<u8> {
    m(b'E', "SERROR\0VERROR\0C42501\0Mweir refused it\0Dpolicy p\0Hweir why\0\0")
}

fn lacks(code: &str, what: &str) -> Vec<u8> {
    error("ERROR", code, &format!("{what} \"weir_refused_n_1\" does not exist"))
}

#[test]
fn each_kind_is_replaced_by_what_must_fail() {
    for (message, kind, sent, failed) in [
        (query("drop table t"), "Query", query(" EXECUTE weir_refused_n_1"), lacks("26000", "prepared statement")),
        (parse("", "drop table t"), "Prepare", m(b'P', "\0weir_refused_n_1\0\0\0"), lacks("42601", "syntax error at or near")),
        (parse("s", "drop"), "Prepare", m(b'P', "weir_n_0\0weir_refused_n_1\0\0\0"), lacks("42601", "syntax error")),
        (
            m(b'F', b"\0\0\x03\xf7\0\0\0\0\0\0"),
            "FunctionCall",
            m(b'F', [0; 10]),
            error("ERROR", "42883", "function with OID 0 does not exist"),
        ),
    ] {
        let mut script = asking();
        script.client(&message);
        assert!(script.events[0].starts_with(&format!("ask 1 {kind}")), "{:?}", script.events);
        script.verdict(1, refused(0, 0));
        assert_eq!(String::from_utf8_lossy(&script.to_server), String::from_utf8_lossy(&sent));
        if kind == "Prepare" {
            script.client([bind("", "s", "x"), execute(""), sync()].concat());
        }
        script.server([failed, ready(b'I')].concat());
        assert_eq!(String::from_utf8_lossy(&script.to_client), String::from_utf8_lossy(&[told(), ready(b'I')].concat()));
        assert!(script.has_event("Refused") && script.error.is_none());
        assert_eq!(script.recorded(7), [(1, "42501weir refused it".to_owned())]);
        // The session goes on.
        script.client(query("select 1")).verdict(2, yes());
        assert!(script.to_server.ends_with(&query("select 1")), "{:?}", script.events);
    }
}

#[test]
fn the_allowed_statements_before_it_stay_byte_for_byte() {
    let mut script = asking();
    let text = "begin; insert into t values (1); drop table t; commit";
    script.client(query(text)).verdict(1, refused(32, 2));
    assert_eq!(script.to_server, query("begin; insert into t values (1); EXECUTE weir_refused_n_1"));
    script.server([complete("BEGIN"), complete("INSERT 0 1"), lacks("26000", "prepared statement"), ready(b'E')].concat());
    assert_eq!(script.to_client, [complete("BEGIN"), complete("INSERT 0 1"), told(), ready(b'E')].concat());
}

#[test]
fn an_error_of_the_allowed_part_is_the_servers_own() {
    let mut script = asking();
    script.client(query("insert into t values (1); drop table t")).verdict(1, refused(25, 1));
    let own = error("ERROR", "23505", "duplicate key");
    script.server([&own[..], &ready(b'I')].concat());
    assert_eq!(script.to_client, [own, ready(b'I')].concat());
    // And so is one that comes in its place: a cancel, a lost connection.
    for (severity, code) in [("ERROR", "57014"), ("FATAL", "57P01")] {
        let mut script = asking();
        script.client(query("drop table t")).verdict(1, refused(0, 0));
        let own = error(severity, code, "own");
        script.server(&own);
        assert_eq!(script.to_client, own);
    }
}

#[test]
fn in_a_failed_transaction_the_refusal_is_told_all_the_same() {
    let mut script = asking();
    script.client(query("drop table t")).verdict(1, refused(0, 0));
    script.server([error("ERROR", "25P02", "current transaction is aborted"), ready(b'E')].concat());
    assert_eq!(script.to_client, [told(), ready(b'E')].concat());
}

#[test]
fn what_is_too_long_is_refused_in_step() {
    for kind in ["", "s"] {
        let mut settings = settings();
        settings.interest.operations = true;
        settings.limits.statement = 3000;
        let mut script = Script::open(settings);
        let text = format!("delete from t where id = {}1", " ".repeat(4000));
        let (message, answer) = match kind {
            "" => (query(&text), lacks("26000", "prepared statement")),
            name => ([parse(name, &text), sync()].concat(), lacks("42601", "syntax error")),
        };
        script.chunk = 700;
        script.client(message);
        assert!(!String::from_utf8_lossy(&script.to_server).contains("delete"));
        assert!(script.has_event("Violation") && !script.has_event("ask"));
        script.server([answer, ready(b'I')].concat());
        assert!(script.client_has("C54000\0Mweir refused a statement of 40"), "{}", String::from_utf8_lossy(&script.to_client));
        assert!(script.recorded(3)[0].1.contains("delete from t") && script.recorded(3)[0].1.len() < 1100);
        script.client(query("select 1"));
        assert!(script.to_server.ends_with(&query("select 1")));
    }
}

#[test]
fn success_for_what_was_refused_ends_the_session() {
    let mut script = asking();
    script.client(query("drop table t")).verdict(1, refused(0, 0));
    script.server(complete("DROP TABLE"));
    assert!(script.error.is_some() && script.has_event("Close(Violation)"));
}

#[test]
fn a_pipeline_is_passed_over_up_to_its_sync() {
    let mut script = asking();
    script.client([parse("", "drop table t"), bind("", "", "x"), execute(""), parse("", "select 1"), sync()].concat());
    script.verdict(1, refused(0, 0));
    // What comes behind it is asked about before the server has answered.
    assert_eq!(script.events.last().unwrap(), "ask 2 Prepare select 1");
    script.verdict(2, yes());
    let before = script.to_server.len();
    script.server([lacks("42601", "syntax error"), ready(b'I')].concat());
    assert_eq!(script.to_client, [told(), ready(b'I')].concat());
    assert!(script.has_event("Skipped"));
    script.client([parse("", "select 2"), sync()].concat()).verdict(3, yes());
    assert_eq!(script.to_server[before..], [parse("", "select 2"), sync()].concat());
}

#[test]
fn an_answer_to_what_is_passed_over_is_not_the_next_ones() {
    for answer in [yes(), refused(0, 0), Directive::Settle] {
        let mut script = asking();
        script.client([parse("", "select 1 / 0"), bind("", "", "x"), execute(""), parse("", "select 1"), sync()].concat());
        script.verdict(1, yes());
        assert_eq!(script.events.last().unwrap(), "ask 2 Prepare select 1");
        // The error comes between the question and its answer.
        script.server([m(b'1', ""), m(b'2', ""), error("ERROR", "22012", "division by zero")].concat());
        script.verdict(2, answer);
        assert!(script.has_event("Answered { id: OperationId(2), part: 0, outcome: Skipped }"), "{:?}", script.events);
        script.server(ready(b'I')).client(parse("", "drop table t"));
        assert_eq!(script.events.last().unwrap(), "ask 3 Prepare drop table t");
        assert!(!String::from_utf8_lossy(&script.to_server).contains("drop"));
    }
}

#[test]
fn an_answer_about_a_name_that_has_gone_is_not_the_next_ones() {
    let mut script = asking();
    script.client([parse("s", "select 1"), sync()].concat()).verdict(1, yes());
    script.server([m(b'1', ""), ready(b'I')].concat());
    script.client(query("deallocate all")).verdict(2, Directive::Forward(Pass { changes: true, ..Pass::default() }));
    script.client([bind("", "s", "x"), sync()].concat());
    assert_eq!(script.events.last().unwrap(), "ask 1 Bind select 1");
    script.server([complete("DEALLOCATE ALL"), ready(b'I')].concat()).verdict(1, yes());
    assert!(String::from_utf8_lossy(&script.to_server).contains("weir_refused_n_"), "it does not exist");
    script.server([error("ERROR", "26000", "no \"weir_refused_n_0\""), ready(b'I')].concat());
    script.client(query("drop table t"));
    assert_eq!(script.events.last().unwrap(), "ask 3 Query drop table t");
    assert!(!String::from_utf8_lossy(&script.to_server).contains("drop"));
}

#[test]
fn names_at_the_server_are_the_sessions_own() {
    let mut script = asking();
    script.client([parse("s", "select 1"), bind("p", "s", "x"), execute("p"), close('S', "s"), sync()].concat());
    script.verdict(1, yes());
    let sent =
        [parse("weir_n_1", "select 1"), bind("weir_n_2", "weir_n_1", "x"), execute("weir_n_2"), close('S', "weir_n_1"), sync()];
    assert_eq!(String::from_utf8_lossy(&script.to_server), String::from_utf8_lossy(&sent.concat()));
    // An error names what the client knows.
    script
        .server([m(b'1', ""), m(b'2', ""), error("ERROR", "42P05", "about \"weir_n_1\" and \"weir_n_9\""), ready(b'I')].concat());
    assert!(script.client_has("about \"s\" and \"?\""));
}

#[test]
fn what_was_not_seen_made_does_not_exist() {
    for (message, told) in [
        (bind("", "s", "x"), error("ERROR", "26000", "prepared statement \"s\" does not exist")),
        (execute("c"), error("ERROR", "34000", "portal \"c\" does not exist")),
        (describe('P', "c"), error("ERROR", "34000", "portal \"c\" does not exist")),
        (bind("", "", "x"), error("ERROR", "26000", "unnamed prepared statement does not exist")),
    ] {
        let mut script = asking();
        script.client([message, sync()].concat());
        assert!(String::from_utf8_lossy(&script.to_server).contains("weir_refused_n_0"));
        script.server([error("ERROR", "26000", "no \"weir_refused_n_0\""), ready(b'I')].concat());
        assert_eq!(String::from_utf8_lossy(&script.to_client), String::from_utf8_lossy(&[told, ready(b'I')].concat()));
    }
}

#[test]
fn a_statement_is_asked_about_again_when_the_session_has_changed() {
    let mut script = asking();
    script.client([parse("s", "select 1"), sync()].concat()).verdict(1, yes());
    script.server([m(b'1', ""), ready(b'I')].concat());
    script.client(query("set search_path to x"));
    script.verdict(2, Directive::Forward(Pass { changes: true, ..Pass::default() }));
    script.server([complete("SET"), ready(b'I')].concat());
    script.client([bind("", "s", "x"), execute(""), sync()].concat());
    assert_eq!(script.events.last().unwrap(), "ask 1 Bind select 1");
    script.verdict(1, refused(0, 0));
    assert!(script.to_server.windows(16).any(|bytes| bytes == b"weir_refused_n_1"));
    script.server([lacks("26000", "prepared statement"), ready(b'I')].concat());
    assert!(script.to_client.ends_with(&[told(), ready(b'I')].concat()));
    // Allowed again, it is not asked about twice.
    script.client([bind("", "s", "x"), execute(""), sync()].concat()).verdict(1, yes());
    script.server([m(b'2', ""), complete("SELECT 1"), ready(b'I')].concat());
    let asked = script.events.len();
    script.client([bind("", "s", "x"), execute(""), sync()].concat());
    assert!(!script.events[asked..].iter().any(|event| event.starts_with("ask")));
}

#[test]
fn a_statement_with_names_waits_until_all_before_it_is_answered() {
    let mut script = asking();
    script.client([parse("s", "select 1"), query("deallocate s")].concat());
    script.verdict(1, yes()).verdict(2, Directive::Settle);
    assert!(script.to_server.ends_with(&m(b'H', "")) && !script.session.wants(Side::Client));
    script.server(m(b'1', ""));
    assert_eq!(script.events.last().unwrap(), "ask 2 Query deallocate s");
    let name = Rename { kind: NameKind::Prepared, act: NameAct::Drop, name: b"s".to_vec(), span: 11..12, statement: 0 };
    script.verdict(2, Directive::Forward(Pass { names: vec![name], changes: true, code: false, ..Pass::default() }));
    assert!(script.to_server.ends_with(&query("deallocate \"weir_n_1\"")));
    script.server([complete("DEALLOCATE"), ready(b'I')].concat());
    script.client([bind("", "s", "x"), sync()].concat());
    assert!(script.to_server.windows(14).any(|bytes| bytes == b"weir_refused_n"), "the name is gone");
}

#[test]
fn what_sql_prepared_or_declared_is_asked_about_before_it_runs() {
    let mut script = asking();
    let made = |kind, name: &str, span| Rename { kind, act: NameAct::Make, name: name.as_bytes().to_vec(), span, statement: 0 };
    for (text, kind, message, asked) in [
        ("prepare s as select 1", NameKind::Prepared, bind("", "s", "x"), "Bind"),
        ("declare c cursor for select 1", NameKind::Cursor, execute("c"), "Execute"),
    ] {
        let name = if kind == NameKind::Prepared { "s" } else { "c" };
        let id = script.session.relay.operations + 1;
        script.client(query(text)).verdict(
            id,
            Directive::Forward(Pass { names: vec![made(kind, name, 8..9)], changes: false, code: false, ..Pass::default() }),
        );
        script.server([complete("DONE"), ready(b'T')].concat());
        script.client(&message);
        assert_eq!(script.events.last().unwrap(), &format!("ask {} {asked} {text}", id + 1));
        script.verdict(id + 1, yes());
        assert!(script.to_server.ends_with(&message), "under its own name");
        script.client(sync());
        script.server([if kind == NameKind::Prepared { m(b'2', "") } else { complete("SELECT 0") }, ready(b'T')].concat());
        assert_eq!(script.error, None);
    }
}

#[test]
fn after_code_that_nobody_has_read_a_statement_is_prepared_anew() {
    let mut script = asking();
    script.client([m(b'P', b"s\0select $1\0\0\x01\0\0\0\x17"), sync()].concat()).verdict(1, yes());
    script.server([m(b'1', ""), ready(b'I')].concat());
    script.client([query("select f()"), bind("", "s", "x"), execute(""), sync()].concat());
    script.seen.to_server.clear();
    script.verdict(2, Directive::Forward(Pass { code: true, ..Pass::default() }));
    // Asked about again, and for its own name that nobody has seen.
    script.verdict(1, yes());
    let anew = m(b'P', b"weir_n_5\0select $1\0\0\x01\0\0\0\x17");
    let sent = [query("select f()"), close('S', "weir_n_1"), anew, bind("", "weir_n_5", "x"), execute(""), sync()];
    assert_eq!(String::from_utf8_lossy(&script.to_server), String::from_utf8_lossy(&sent.concat()));
    script.seen.to_client.clear();
    script.server(
        [complete("SELECT 1"), ready(b'I'), m(b'3', ""), m(b'1', ""), m(b'2', ""), complete("SELECT 1"), ready(b'I')].concat(),
    );
    let told = [complete("SELECT 1"), ready(b'I'), m(b'2', ""), complete("SELECT 1"), ready(b'I')];
    assert_eq!((script.error.clone(), script.to_client.clone()), (None, told.concat()));
}

#[test]
fn a_name_that_an_error_may_have_kept_waits_for_the_answer() {
    let mut script = asking();
    script.client([parse("s", "select 1"), sync()].concat()).verdict(1, yes());
    script.server([m(b'1', ""), ready(b'I')].concat());
    let failing = [parse("", "bad"), close('S', "s"), parse("s", "select 2"), sync()].concat();
    script.client([failing, bind("", "s", "x"), execute(""), sync()].concat());
    script.verdict(2, yes()).verdict(3, yes());
    assert!(!script.session.wants(Side::Client), "the name is open");
    script.server([error("ERROR", "42601", "syntax"), ready(b'I')].concat());
    assert!(
        String::from_utf8_lossy(&script.to_server)
            .ends_with(&*String::from_utf8_lossy(&[bind("", "weir_n_1", "x"), execute(""), sync()].concat()))
    );
}

#[test]
fn a_copy_fails_in_step() {
    let mut script = asking();
    script.client(query("copy t from stdin")).verdict(1, yes());
    script.server(m(b'G', b"\0\0\0"));
    script.client(m(b'd', "one\n"));
    let refusal =
        Refusal { code: "42501", message: "enough".to_owned(), detail: String::new(), hint: String::new(), position: None };
    let result = script.session.answer(Answer::FailCopy(refusal), &mut script.output);
    script.collect(result);
    script.client([m(b'd', "two\n"), m(b'c', "")].concat());
    assert!(script.to_server.windows(22).any(|bytes| bytes == m(b'f', "weir_refused_n_1\0").get(..22).unwrap()));
    script.server([error("ERROR", "57014", "COPY from stdin failed: weir_refused_n_1"), ready(b'I')].concat());
    assert!(script.client_has("C42501\0Menough"));
    assert_eq!(script.error, None);
}

#[test]
fn a_loop_of_indecision_is_a_refusal() {
    let mut script = asking();
    script.client(query("execute s")).verdict(1, Directive::Settle);
    assert!(script.to_server.windows(14).any(|bytes| bytes == b"weir_refused_n"));
}

//! The open session: simple and extended protocol, pipelines, errors, copies.

use super::*;

fn described() -> Vec<u8> {
    m(b'T', b"\0\x01a\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0")
}

fn completed(rows: u64, bytes: usize, tag: &str) -> Vec<u8> {
    [&rows.to_le_bytes()[..], &(bytes as u64).to_le_bytes(), tag.as_bytes()].concat()
}

fn ends(script: &Script) -> Vec<(u64, Vec<u8>)> {
    script.frames.iter().filter(|frame| frame.kind == 6).map(|frame| (frame.operation, frame.rest.clone())).collect()
}

#[test]
fn a_query_of_several_statements_is_one_operation_with_several_ends() {
    let mut script = Script::open(settings());
    script.passes(Side::Client, &query("select 1; select; ;"));
    let result = [described(), row("1"), complete("SELECT 1"), complete("SELECT 0"), m(b'I', ""), ready(b'I')].concat();
    script.passes(Side::Server, &result);
    let size = described().len() + row("1").len();
    assert_eq!(
        ends(&script),
        [(1, completed(1, size, "SELECT 1")), (1, completed(0, 0, "SELECT 0")), (1, completed(0, 0, "EMPTY QUERY"))]
    );
    assert_eq!(script.recorded(5).len(), 1);
    assert_eq!((script.session.totals().statements, script.session.totals().rows), (3, 1));
}

#[test]
fn a_prepared_statement_gives_its_executions_their_operation() {
    let mut script = Script::open(settings());
    script.passes(Side::Client, &[parse("s", "select $1"), describe('S', "s"), sync()].concat());
    script.passes(Side::Server, &[m(b'1', ""), m(b't', b"\0\0"), described(), ready(b'I')].concat());
    script.passes(Side::Client, &query("begin"));
    script.passes(Side::Server, &[complete("BEGIN"), ready(b'T')].concat());
    script.passes(Side::Client, &[bind("p", "s", "forty-two"), execute("p"), execute("p"), close('P', "p"), sync()].concat());
    let answers = [m(b'2', ""), row("1"), m(b's', ""), row("2"), complete("SELECT 1"), m(b'3', ""), ready(b'T')].concat();
    script.passes(Side::Server, &answers);
    let size = row("1").len();
    assert_eq!(ends(&script)[1..], [(1, completed(1, size, "PORTAL SUSPENDED")), (1, completed(1, size, "SELECT 1"))]);
    let parameters = script.recorded(4);
    assert!(parameters.len() == 1 && parameters[0].0 == 1 && parameters[0].1.contains("forty-two"));
    script.passes(Side::Client, &[close('S', "s"), bind("", "s", "x"), sync()].concat());
    script.passes(Side::Server, &[m(b'3', ""), error("ERROR", "26000", "no such"), ready(b'E')].concat());
    assert_eq!(script.recorded(7), [(0, "26000no such".to_owned())]);
}

#[test]
fn an_error_drops_everything_up_to_the_next_sync() {
    let mut script = Script::open(settings());
    let failing = [parse("", "selct"), bind("", "", "1"), execute(""), sync()].concat();
    let good = [parse("", "select"), bind("", "", "1"), execute(""), sync()].concat();
    script.passes(Side::Client, &[failing, good].concat());
    script.passes(Side::Server, &[error("ERROR", "42601", "syntax"), ready(b'I')].concat());
    script.passes(Side::Server, &[m(b'1', ""), m(b'2', ""), complete("SELECT 0"), ready(b'I')].concat());
    assert_eq!(script.recorded(7), [(1, "42601syntax".to_owned())]);
    assert_eq!(ends(&script)[0].0, 2);
    assert_eq!(script.session.totals().errors, 1);
    // The Sync may come only after the error, and what comes before it is dropped too.
    script.passes(Side::Client, &parse("", "selct"));
    script.passes(Side::Server, &error("ERROR", "42601", "syntax"));
    script.passes(Side::Client, &[bind("", "", "1"), query("select 1"), sync()].concat());
    script.passes(Side::Server, &ready(b'I'));
    script.passes(Side::Client, &query("select 1"));
    script.passes(Side::Server, &[complete("SELECT 0"), ready(b'I')].concat());
}

#[test]
fn copies_go_both_ways() {
    let mut script = Script::open(settings());
    script.passes(Side::Client, &query("copy t to stdout"));
    let out = [m(b'H', b"\0\0\0"), m(b'd', "one\n"), m(b'd', "two\n"), m(b'c', ""), complete("COPY 2"), ready(b'I')];
    script.passes(Side::Server, &out.concat());
    assert_eq!(script.session.totals().rows, 2);
    script.passes(Side::Client, &query("copy t from stdin; select 1"));
    script.passes(Side::Server, &m(b'G', b"\0\0\0"));
    script.passes(Side::Client, &[m(b'd', "one\n"), m(b'c', "")].concat());
    script.passes(Side::Server, &[complete("COPY 1"), complete("SELECT 1"), ready(b'I')].concat());
    script.passes(Side::Client, &query("copy t from stdin"));
    script.passes(Side::Server, &m(b'G', b"\0\0\0"));
    script.passes(Side::Client, &[m(b'd', "bad"), m(b'f', "no\0")].concat());
    script.passes(Side::Server, &[error("ERROR", "57014", "failed"), ready(b'I')].concat());
    script.passes(Side::Client, &query("select 1"));
    script.passes(Side::Server, &[complete("SELECT 1"), ready(b'I')].concat());
}

#[test]
fn the_sync_that_a_copy_swallows_is_not_awaited() {
    let begin = [parse("", "copy t from stdin"), bind("", "", ""), execute(""), sync()].concat();
    let to_copy = [m(b'1', ""), m(b'2', ""), m(b'G', b"\0\0\0")].concat();
    let mut script = Script::open(settings());
    script.passes(Side::Client, &begin);
    script.passes(Side::Server, &to_copy);
    script.passes(Side::Client, &[m(b'd', "1\n"), m(b'c', ""), sync()].concat());
    script.passes(Side::Server, &[complete("COPY 1"), ready(b'I')].concat());
    assert_eq!(script.session.relay.pending.len(), 0);
    // All at once, before the server has said a word.
    script.passes(Side::Client, &[begin.clone(), m(b'd', "1\n"), m(b'c', ""), sync(), query("select 1")].concat());
    script.passes(Side::Server, &[to_copy.clone(), complete("COPY 1"), ready(b'I')].concat());
    script.passes(Side::Server, &[complete("SELECT 1"), ready(b'I')].concat());
    assert_eq!(script.session.relay.pending.len(), 0);
    // A copy that fails before the server has read the Sync answers both.
    script.passes(Side::Client, &begin);
    script.passes(Side::Server, &to_copy);
    script.passes(Side::Client, &[m(b'd', "1\n"), m(b'c', ""), sync()].concat());
    script.passes(Side::Server, &[error("ERROR", "P0001", "trigger"), ready(b'I'), ready(b'I')].concat());
    // The same, and the client (libpq is one) has lost count and runs something else.
    script.passes(Side::Client, &[begin.clone(), begin].concat());
    let failing = [to_copy, error("ERROR", "P0001", "trigger"), ready(b'I')].concat();
    script.passes(Side::Server, &failing.repeat(2));
    assert_eq!(script.session.relay.pending.len(), 0);
}

#[test]
fn function_calls_and_asynchronous_messages() {
    let mut script = Script::open(settings());
    script.passes(Side::Client, &m(b'F', b"\0\0\x03\xf7\0\0\0\0\0\0"));
    let news = [m(b'N', "Mhi\0\0"), m(b'A', b"\0\0\0\x01a\0b\0"), m(b'S', "TimeZone\0UTC\0")].concat();
    script.passes(Side::Server, &[news.clone(), m(b'V', b"\0\0\0\x01x"), news.clone(), ready(b'I'), news].concat());
    assert_eq!(ends(&script), [(1, completed(0, 10, "FUNCTION CALL"))]);
    assert_eq!(script.recorded(3), [(1, "F1015".to_owned())]);
}

#[test]
fn results_are_recorded_in_whole_messages_up_to_the_limit() {
    let mut settings = settings();
    settings.interest.result_bytes = 30;
    let mut script = Script::open(settings);
    script.client(query("select 1"));
    let rows = row("0123456789");
    assert_eq!(rows.len(), 21);
    script.chunk = 4;
    script.passes(Side::Server, &[row("a"), rows.clone(), row("b"), complete("SELECT 3"), ready(b'I')].concat());
    assert_eq!(script.recorded(5), [(1, String::from_utf8_lossy(&row("a")).into_owned())]);
    assert_eq!(ends(&script), [(1, completed(3, 45, "SELECT 3"))]);
}

#[test]
fn what_is_too_long_or_unknown_ends_the_session_and_what_came_before_it_passes() {
    let mut small = settings();
    small.limits.statement = 100;
    let long = query(&"x".repeat(200));
    for (wrong, code) in [
        (long.clone(), "C54000"),
        (long[..5].to_vec(), "C54000"),
        (m(b'p', "password\0"), "C08P01"),
        (m(b'S', "body"), "C08P01"),
        (m(b'Q', "unterminated"), "C08P01"),
        (m(b'D', "Xname\0"), "C08P01"),
        (b"Q\0\0\0\x01".to_vec(), "C08P01"),
        (b"Q\xff\xff\xff\xff".to_vec(), "C08P01"),
    ] {
        let mut script = Script::open(small.clone());
        script.client([query("select 1"), wrong].concat());
        assert_eq!(script.to_server, query("select 1"));
        assert!(script.client_has(code) && script.error.is_some(), "{:?}", script.seen);
        assert_eq!(script.events.last().unwrap(), "Close(Violation)");
    }
}

#[test]
fn answers_that_nothing_awaits_end_the_session() {
    let wrong = [row("1"), ready(b'I'), complete("X"), m(b'1', ""), m(b'R', b"\0\0\0\0"), m(b'd', ""), m(b'c', ""), m(b'!', "")];
    for wrong in wrong {
        let mut script = Script::open(settings());
        script.server(&wrong);
        assert!(script.error.is_some() && script.client_has("C08P01"), "{wrong:?}");
    }
    let mut script = Script::open(settings());
    script.client(parse("", "select 1")).server(m(b'2', ""));
    assert!(script.error.is_some());
}

#[test]
fn a_fatal_error_and_a_goodbye_end_the_session() {
    let mut script = Script::open(settings());
    script.passes(Side::Server, &error("FATAL", "57P01", "terminating connection"));
    assert_eq!(script.events, ["Close(ServerEnded)"]);
    let mut script = Script::open(settings());
    script.passes(Side::Client, &m(b'X', ""));
    assert_eq!(script.events, ["Close(ClientDone)"]);
    let mut script = Script::open(settings());
    script.client(&query("select 1")[..7]);
    let result = script.session.end(Side::Client, &mut script.output);
    script.collect(result);
    assert!(script.to_server.is_empty() && script.events == ["Close(ClientDone)"]);
}

#[test]
fn a_full_queue_holds_the_client_back_until_the_server_answers() {
    let mut settings = settings();
    settings.limits.pipelined = 2;
    let mut script = Script::open(settings);
    script.client([sync(), sync(), sync()].concat());
    assert_eq!(script.to_server, [sync(), sync()].concat());
    assert!(!script.session.wants(Side::Client));
    script.server(ready(b'I'));
    assert_eq!(script.to_server, [sync(), sync(), sync()].concat());
}

#[test]
fn large_messages_stream() {
    let mut script = Script::open(settings());
    script.client(query("select 1"));
    let row = row(&"x".repeat(1 << 20));
    script.server(&row[..1000]);
    assert_eq!(script.to_client, row[..1000]);
    let bind = bind("", "", &"y".repeat(1 << 20));
    script.seen = Seen::default();
    script.client(&bind[..5000]);
    assert_eq!(script.to_server, bind[..5000]);
    script.client(&bind[5000..]);
    assert_eq!(script.to_server, bind);
    assert_eq!(script.recorded(4)[0].1.len(), 1 << 10);
}

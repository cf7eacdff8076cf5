//! Questions about operations: nothing of the client passes before the answer.

use super::*;

fn held() -> Script {
    let mut settings = settings();
    settings.interest.operations = true;
    let mut script = Script::open(settings);
    script.yes = false;
    script
}

#[test]
fn a_held_client_waits_while_the_server_goes_on() {
    let mut script = held();
    script.client([query("select 1"), query("select 2")].concat());
    assert_eq!(script.events, ["ask 1 Query select 1"]);
    assert!(script.to_server.is_empty() && !script.session.wants(Side::Client) && script.session.wants(Side::Server));
    let notice = m(b'A', b"\0\0\0\x01news\0\0");
    script.server(&notice);
    assert_eq!(script.to_client, notice);
    script.client.extend(&sync());
    script.pump();
    assert!(script.to_server.is_empty());
    script.verdict(99, Directive::Forward(Pass::default()));
    assert!(script.to_server.is_empty(), "the answer to another question");
    script.verdict(1, Directive::Forward(Pass::default()));
    assert_eq!(script.to_server, query("select 1"));
    assert_eq!(script.events.last().unwrap(), "ask 2 Query select 2");
    script.verdict(2, Directive::Forward(Pass::default()));
    assert_eq!(script.to_server, [query("select 1"), query("select 2"), sync()].concat());
    assert_eq!(script.recorded(3), [(1, "Qselect 1".to_owned()), (2, "Qselect 2".to_owned())]);
}

#[test]
fn every_kind_is_asked_about() {
    let mut script = held();
    script.client([m(b'F', b"\0\0\x03\xf7\0\0\0\0\0\0"), parse("s", "select $1"), sync()].concat());
    assert_eq!(script.events, ["ask 1 FunctionCall 1015"]);
    script.verdict(1, Directive::Forward(Pass::default()));
    assert_eq!(script.events.last().unwrap(), "ask 2 Prepare select $1");
}

#[test]
fn an_error_never_lands_inside_of_another_message() {
    let mut script = held();
    script.client(query("select 1")).verdict(1, Directive::Forward(Pass::default()));
    let row = row(&"x".repeat(100));
    script.server(&row[..50]);
    script.client(b"!");
    assert!(script.error.is_some() && script.to_client == row[..50]);
}

#[test]
fn what_waits_for_a_person_is_asked_about_each_time_it_is_bound() {
    let each = || Directive::Forward(Pass { each_use: true, ..Pass::default() });
    let mut script = held();
    script.client([parse("s", "delete from t where a = $1"), sync()].concat()).verdict(1, each());
    script.server([m(b'1', ""), ready(b'I')].concat());
    for parameters in ["one", "two"] {
        let before = script.to_server.len();
        let message = bind("", "s", parameters);
        // Not before all that it is run with is there.
        let (beginning, end) = message.split_at(message.len() - 1);
        script.client(beginning);
        assert!(!script.events.last().unwrap().starts_with("ask"), "{:?}", script.events);
        script.client([end.to_vec(), execute(""), sync()].concat());
        assert_eq!(script.events.last().unwrap(), &format!("ask 1 Bind delete from t where a = $1 {parameters}"));
        assert_eq!(script.to_server.len(), before, "nothing passes until it is answered");
        script.verdict(1, each());
        assert_eq!(script.to_server[before..], [bind("", "weir_n_1", parameters), execute(""), sync()].concat());
        script.server([m(b'2', ""), complete("DELETE 1"), ready(b'I')].concat());
    }
    script.client([bind("", "s", "three"), sync()].concat()).verdict(1, Directive::Forward(Pass::default()));
    script.server([m(b'2', ""), ready(b'I')].concat());
    let asked = script.events.len();
    script.client([bind("", "s", "four"), sync()].concat());
    assert!(!script.events[asked..].iter().any(|event| event.starts_with("ask")), "it waits for nobody any more");
}

#[test]
fn a_client_that_waits_is_told_of_it_between_the_servers_messages() {
    let mut script = held();
    script.client(query("delete from t"));
    let told = m(b'N', "SNOTICE\0VNOTICE\0C00000\0Mweir waits\0\0");
    script.answer(Answer::Notice("weir waits".to_owned()));
    assert_eq!(String::from_utf8_lossy(&script.to_client), String::from_utf8_lossy(&told));
    script.verdict(1, Directive::Forward(Pass::default())).client(query("delete from u"));
    // Not into the middle of a row.
    let row = row(&"x".repeat(100));
    let (beginning, end) = row.split_at(50);
    script.server(beginning).answer(Answer::Notice("weir waits".to_owned()));
    script.server(end);
    assert_eq!(script.to_client[told.len()..], [row, told].concat());
}

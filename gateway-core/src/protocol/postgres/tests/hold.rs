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

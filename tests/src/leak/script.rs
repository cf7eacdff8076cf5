//! The ways in which one statement can be sent in protocol messages.

use crate::wire::Script;
use crate::wire::message::{bind, close, describe, execute, flush, message, parse};

/// The ways, each with its word.
pub(super) const EXTENDED: [&str; 6] = ["binary", "described", "pieces", "cached", "pipeline", "half-described"];

/// `statements` sent in this way.
pub(super) fn script<S: AsRef<str>>(mode: &str, statements: &[S]) -> Script {
    if mode == "pipeline" {
        let run = |binary: bool| {
            statements
                .iter()
                .flat_map(|statement| {
                    [parse("", statement.as_ref().as_bytes()), bind_as("", "", &[], binary), execute("", 0)].concat()
                })
                .collect::<Vec<u8>>()
        };
        return Script::new().segment(&[run(true), flush(), run(false)]);
    }
    statements.iter().fold(Script::new(), |script, statement| one(script, mode, statement.as_ref()))
}

fn one(script: Script, mode: &str, statement: &str) -> Script {
    let text = statement.as_bytes();
    match mode {
        // Nobody asks what its columns are.
        "binary" => script.segment(&[parse("", text), bind_as("", "", &[], true), execute("", 0)]),
        "described" => script.segment(&[close(b'S', "s"), close(b'P', "p"), parse("s", text), describe(b'S', "s")]).segment(&[
            bind("p", "s", &[]),
            describe(b'P', "p"),
            execute("p", 0),
            close(b'S', "s"),
        ]),
        "pieces" => script.segment(&[
            close(b'P', "p"),
            parse("", text),
            bind("p", "", &[]),
            execute("p", 1),
            execute("p", 2),
            execute("p", 0),
        ]),
        "cached" => script
            .segment(&[close(b'S', "s"), parse("s", text)])
            .query("SELECT 1")
            .segment(&[bind_as("", "s", &[], false), execute("", 0)])
            .segment(&[bind_as("", "s", &[], true), execute("", 0), close(b'S', "s")]),
        "half-described" => script
            .segment(&[
                close(b'S', "s"),
                close(b'P', "p"),
                parse("s", text),
                bind_as("", "s", &[], true),
                execute("", 0),
                describe(b'S', "s"),
            ])
            .segment(&[bind_as("p", "s", &[], false), execute("p", 2), describe(b'P', "p"), execute("p", 0), close(b'S', "s")]),
        _ => script.query(statement),
    }
}

/// `Bind` of text parameters, with all results in one format.
pub(super) fn bind_as(portal: &str, statement: &str, parameters: &[&str], binary: bool) -> Vec<u8> {
    bind_formats(portal, statement, parameters, &[i16::from(binary)])
}

/// `Bind` of text parameters, with a format for each result.
pub(super) fn bind_formats(portal: &str, statement: &str, parameters: &[&str], formats: &[i16]) -> Vec<u8> {
    let mut body = [portal.as_bytes(), &[0], statement.as_bytes(), &[0, 0, 0]].concat();
    body.extend(u16::try_from(parameters.len()).unwrap_or(u16::MAX).to_be_bytes());
    for parameter in parameters {
        body.extend(i32::try_from(parameter.len()).unwrap_or(i32::MAX).to_be_bytes());
        body.extend(parameter.as_bytes());
    }
    body.extend(u16::try_from(formats.len()).unwrap_or(u16::MAX).to_be_bytes());
    formats.iter().for_each(|format| body.extend(format.to_be_bytes()));
    message(b'B', &body)
}

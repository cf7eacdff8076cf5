//! A client's messages as bytes (PostgreSQL docs, "Message Formats", protocol 3.0).

/// `StartupMessage` with these parameters.
#[must_use]
pub fn startup(parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = 196_608_i32.to_be_bytes().to_vec();
    for (name, value) in parameters {
        text(&mut body, name.as_bytes());
        text(&mut body, value.as_bytes());
    }
    body.push(0);
    let mut whole = length(body.len() + 4).to_vec();
    whole.extend(body);
    whole
}

/// `Query`.
#[must_use]
pub fn query(sql: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(sql.len() + 1);
    text(&mut body, sql);
    message(b'Q', &body)
}

/// `Parse` without parameter types.
#[must_use]
pub fn parse(name: &str, sql: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(sql.len() + name.len() + 4);
    text(&mut body, name.as_bytes());
    text(&mut body, sql);
    body.extend([0, 0]);
    message(b'P', &body)
}

/// `Bind` of text parameters, with text results.
#[must_use]
pub fn bind(portal: &str, statement: &str, parameters: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    text(&mut body, portal.as_bytes());
    text(&mut body, statement.as_bytes());
    body.extend([0, 0]);
    body.extend(u16::try_from(parameters.len()).unwrap_or(u16::MAX).to_be_bytes());
    for parameter in parameters {
        body.extend(length(parameter.len()));
        body.extend(parameter.as_bytes());
    }
    body.extend([0, 0]);
    message(b'B', &body)
}

/// `Describe`: `what` is `S` or `P`.
#[must_use]
pub fn describe(what: u8, name: &str) -> Vec<u8> {
    named(b'D', what, name)
}

/// `Close`: `what` is `S` or `P`.
#[must_use]
pub fn close(what: u8, name: &str) -> Vec<u8> {
    named(b'C', what, name)
}

/// `Execute` of at most `rows`; 0 means all.
#[must_use]
pub fn execute(portal: &str, rows: i32) -> Vec<u8> {
    let mut body = Vec::new();
    text(&mut body, portal.as_bytes());
    body.extend(rows.to_be_bytes());
    message(b'E', &body)
}

/// `Flush`.
#[must_use]
pub fn flush() -> Vec<u8> {
    message(b'H', &[])
}

/// `Sync`.
#[must_use]
pub fn sync() -> Vec<u8> {
    message(b'S', &[])
}

/// `Terminate`.
#[must_use]
pub fn terminate() -> Vec<u8> {
    message(b'X', &[])
}

/// `FunctionCall` with text arguments and a text result.
#[must_use]
pub fn function_call(oid: u32, arguments: &[&str]) -> Vec<u8> {
    let mut body = oid.to_be_bytes().to_vec();
    body.extend([0, 0]);
    body.extend(u16::try_from(arguments.len()).unwrap_or(u16::MAX).to_be_bytes());
    for argument in arguments {
        body.extend(length(argument.len()));
        body.extend(argument.as_bytes());
    }
    body.extend([0, 0]);
    message(b'F', &body)
}

/// `CopyData`.
#[must_use]
pub fn copy_data(data: &[u8]) -> Vec<u8> {
    message(b'd', data)
}

/// `CopyDone`.
#[must_use]
pub fn copy_done() -> Vec<u8> {
    message(b'c', &[])
}

/// `CopyFail`.
#[must_use]
pub fn copy_fail(why: &str) -> Vec<u8> {
    let mut body = Vec::new();
    text(&mut body, why.as_bytes());
    message(b'f', &body)
}

/// Any message: its type, its length, its body.
#[must_use]
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(body.len() + 5);
    whole.push(kind);
    whole.extend(length(body.len() + 4));
    whole.extend(body);
    whole
}

fn named(kind: u8, what: u8, name: &str) -> Vec<u8> {
    let mut body = vec![what];
    text(&mut body, name.as_bytes());
    message(kind, &body)
}

fn text(body: &mut Vec<u8>, text: &[u8]) {
    body.extend(text);
    body.push(0);
}

fn length(bytes: usize) -> [u8; 4] {
    i32::try_from(bytes).unwrap_or(i32::MAX).to_be_bytes()
}

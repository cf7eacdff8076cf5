//! The report as one table (RFC 4180): a row a session, an event, a policy set, a problem.

use super::access::Access;
use super::criteria::{CRITERIA, Criterion};
use super::gather::Gathered;
use super::{AuditingError, happened};
use crate::ledger::Event;
use std::io::{self, Write};

const HEADER: [&str; 24] = [
    "kind",
    "criteria",
    "time",
    "until",
    "by",
    "owner",
    "grade",
    "subject",
    "run",
    "host",
    "target",
    "environment",
    "user",
    "database",
    "outcome",
    "policies",
    "approvals",
    "accesses",
    "statements",
    "rows",
    "refused",
    "reveals",
    "findings",
    "details",
];

pub(super) fn write(gathered: &mut Gathered, out: &mut dyn Write) -> Result<(), AuditingError> {
    row(&HEADER.map(str::to_owned), out)?;
    gathered.each_session(|access| Ok(row(&session(&access), out)?))?;
    gathered.each_event(|one| Ok(row(&event(&one), out)?))?;
    for (hash, since) in &gathered.policies {
        let mut cells = blank("policy_set", "CC8.1");
        set(&mut cells, "time", happened::time(since.0));
        set(&mut cells, "subject", hash.clone());
        row(&cells, out)?;
    }
    for problem in &gathered.problems {
        let mut cells = blank("problem", "CC7.2");
        set(&mut cells, "details", problem.clone());
        row(&cells, out)?;
    }
    Ok(())
}

fn session(access: &Access) -> [String; HEADER.len()] {
    let of: Vec<_> = CRITERIA.iter().filter(|one| one.sessions.includes(access)).map(|one| one.id).collect();
    let mut cells = blank("session", &of.join(" "));
    let known = |text: &Option<String>| text.clone().unwrap_or_default();
    let policies: Vec<_> = access.policies.iter().cloned().collect();
    for (name, value) in [
        ("time", happened::time(access.began)),
        ("until", happened::time(access.last)),
        ("by", access.who().to_owned()),
        ("owner", known(&access.owner)),
        ("grade", known(&access.grade)),
        ("subject", access.session.clone()),
        ("run", known(&access.run)),
        ("host", known(&access.host)),
        ("target", known(&access.target)),
        ("environment", known(&access.environment)),
        ("user", known(&access.user)),
        ("database", known(&access.database)),
        ("outcome", happened::outcome(access)),
        ("policies", policies.join("; ")),
        ("approvals", happened::approvals(access).join("; ")),
        ("accesses", happened::accesses(access).join("; ")),
        ("statements", access.statements.to_string()),
        ("rows", access.rows.to_string()),
        ("refused", access.refused.to_string()),
        ("reveals", happened::reveals(access).join("; ")),
        ("findings", happened::findings(access).join("; ")),
        ("details", access.reason.clone().unwrap_or_else(|| access.state.clone())),
    ] {
        set(&mut cells, name, value);
    }
    cells
}

fn event(event: &Event) -> [String; HEADER.len()] {
    let mut cells = blank(event.kind.name(), Criterion::of(event.kind).map_or("", |criterion| criterion.id));
    set(&mut cells, "time", happened::time(event.at.0));
    set(&mut cells, "by", event.by.clone());
    set(&mut cells, "subject", event.subject.clone());
    set(&mut cells, "details", happened::details(event));
    cells
}

fn blank(kind: &str, criteria: &str) -> [String; HEADER.len()] {
    let mut cells: [String; HEADER.len()] = std::array::from_fn(|_| String::new());
    set(&mut cells, "kind", kind.to_owned());
    set(&mut cells, "criteria", criteria.to_owned());
    cells
}

fn set(cells: &mut [String; HEADER.len()], name: &str, value: String) {
    if let Some(cell) = HEADER.iter().position(|known| *known == name).and_then(|place| cells.get_mut(place)) {
        *cell = value;
    }
}

fn row(cells: &[String], out: &mut dyn Write) -> io::Result<()> {
    let quoted: Vec<String> = cells.iter().map(|cell| field(cell)).collect();
    write!(out, "{}\r\n", quoted.join(","))
}

/// A field in quotes. One that a spreadsheet would take for a formula begins with an apostrophe: jobs choose names.
fn field(text: &str) -> String {
    let bare = text.trim_start_matches(['\u{feff}', ' ', '\0']);
    let formula = bare.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    let guard = if formula && bare != "-" { "'" } else { "" };
    let plain: String = text.chars().filter(|letter| *letter != '\0').collect();
    format!("\"{guard}{}\"", plain.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_is_a_formula_and_none_leaves_its_quotes() {
        for (text, written) in [
            ("plain", "\"plain\""),
            ("=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""),
            ("  +1", "\"'  +1\""),
            ("-", "\"-\""),
            ("@x", "\"'@x\""),
            ("a\"b,\nc", "\"a\"\"b,\nc\""),
            ("", "\"\""),
        ] {
            assert_eq!(field(text), written);
        }
    }
}

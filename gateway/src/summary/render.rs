//! A summary for people: as text, and as Markdown for a job's page.

use super::{Asked, Contact, Summary, Verdict};
use crate::telemetry::count;
use std::fmt::Write as _;

/// Rows of a table; the others are counted.
const ROWS: usize = 200;

/// The summary as text, with the tables that it takes.
#[must_use]
pub fn text(summary: &Summary) -> String {
    let mut out = format!("run {}  {}\n", summary.run, title(summary));
    let _written = writeln!(out, "{}", totals(summary)).is_ok();
    let contact = |row: &Contact| {
        format!(
            "  {:<17} {:<40} {:<9} {:>4}x {:>12} sent {:>12} received  {}\n",
            row.decision.words(),
            plain(&place(row)),
            row.protocol,
            row.sessions,
            bytes(row.bytes_sent),
            bytes(row.bytes_received),
            plain(&row.policies.join(", "))
        )
    };
    let asked = |row: &Asked| {
        let (types, policies) = (row.types.join(","), row.policies.join(", "));
        format!(
            "  {:<17} {:<40} {:<9} {:>4}x  {}\n",
            row.decision.words(),
            plain(&row.name),
            types,
            row.questions,
            plain(&policies)
        )
    };
    section(&mut out, "contacted", &summary.contacts, contact);
    section(&mut out, "asked for", &summary.names, asked);
    for (reason, number) in &summary.kernel {
        let _written = writeln!(out, "  refused by the kernel side: {number} ({reason})").is_ok();
    }
    out
}

/// The summary as GitHub's Markdown.
#[must_use]
pub fn markdown(summary: &Summary) -> String {
    let mut out = format!("### weir: what this job contacted\n\nRun `{}`{}. {}\n", summary.run, of(summary), totals(summary));
    if !summary.contacts.is_empty() {
        out.push_str("\n| | name | address | port | protocol | sessions | sent | received | policy |\n|---|---|---|--:|---|--:|--:|--:|---|\n");
        for row in summary.contacts.iter().take(ROWS) {
            let _written = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                mark(row.decision),
                code(row.name.as_deref().unwrap_or_default()),
                code(&row.address),
                row.port,
                escaped(&row.protocol),
                row.sessions,
                bytes(row.bytes_sent),
                bytes(row.bytes_received),
                escaped(&row.policies.join(", "))
            )
            .is_ok();
        }
        more(&mut out, summary.contacts.len());
    }
    let asked: Vec<_> = summary.names.iter().filter(|row| row.decision != Verdict::Allowed).collect();
    if !asked.is_empty() {
        out.push_str("\n| | name asked for | types | times | policy |\n|---|---|---|--:|---|\n");
        for row in asked.iter().take(ROWS) {
            let policies = escaped(&row.policies.join(", "));
            let types = escaped(&row.types.join(", "));
            let _written =
                writeln!(out, "| {} | {} | {types} | {} | {policies} |", mark(row.decision), code(&row.name), row.questions)
                    .is_ok();
        }
        more(&mut out, asked.len());
    }
    if !summary.kernel.is_empty() {
        out.push_str("\n| refused by the kernel side | times |\n|---|--:|\n");
        for (reason, number) in &summary.kernel {
            let _written = writeln!(out, "| {} | {number} |", escaped(reason)).is_ok();
        }
    }
    let _written = writeln!(out, "\n`weir run show {}` tells it again.", summary.run).is_ok();
    out
}

fn section<T>(out: &mut String, name: &str, rows: &[T], row: impl Fn(&T) -> String) {
    if rows.is_empty() {
        return;
    }
    out.push_str(name);
    out.push('\n');
    for one in rows.iter().take(ROWS) {
        out.push_str(&row(one));
    }
    if rows.len() > ROWS {
        let _written = writeln!(out, "  and {} more: --format json has all", rows.len() - ROWS).is_ok();
    }
}

fn more(out: &mut String, rows: usize) {
    if rows > ROWS {
        let _written = writeln!(out, "\nand {} more: `--format json` has all", rows - ROWS).is_ok();
    }
}

/// One line of counts.
fn totals(summary: &Summary) -> String {
    let sessions =
        |verdict: Verdict| -> u64 { summary.contacts.iter().filter(|row| row.decision == verdict).map(|row| row.sessions).sum() };
    let names =
        |verdict: Verdict| -> u64 { summary.names.iter().filter(|row| row.decision == verdict).map(|row| row.questions).sum() };
    let kernel: u64 = summary.kernel.values().sum();
    let mut parts = vec![format!("{} allowed", count(sessions(Verdict::Allowed), "session", "sessions"))];
    for (number, what) in [(sessions(Verdict::Refused), "refused"), (sessions(Verdict::WouldBeRefused), "that would be refused")]
    {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    }
    for (number, what) in [(names(Verdict::Refused), "refused"), (names(Verdict::WouldBeRefused), "that would be refused")] {
        if number > 0 {
            parts.push(format!("{} for names {what}", count(number, "question", "questions")));
        }
    }
    if kernel > 0 {
        parts.push(format!("{} refused by the kernel side", count(kernel, "call", "calls")));
    }
    if summary.beyond > 0 {
        parts.push(format!("{} more that are not told apart", summary.beyond));
    }
    if summary.damaged > 0 {
        parts.push(format!("{} damaged: `weir audit verify`", count(summary.damaged, "record is", "records are")));
    }
    format!("{}.", parts.join(", "))
}

fn title(summary: &Summary) -> String {
    plain(summary.name.as_ref().or(summary.workload.as_ref()).map_or("-", String::as_str))
}

fn of(summary: &Summary) -> String {
    summary.name.as_ref().or(summary.workload.as_ref()).map(|name| format!(" of {}", code(name))).unwrap_or_default()
}

fn place(row: &Contact) -> String {
    let address = if row.address.contains(':') {
        format!("[{}]:{}", row.address, row.port)
    } else {
        format!("{}:{}", row.address, row.port)
    };
    match &row.name {
        Some(name) => format!("{name}:{} ({})", row.port, row.address),
        None => address,
    }
}

const fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allowed => "allowed",
        Verdict::WouldBeRefused => "**would be refused**",
        Verdict::Refused => "**refused**",
    }
}

/// What a job chose must not write a page: as code, without what ends it or the table's cell. A bar is another
/// character: behind a backslash of the job's own, escaping it would end the cell after all.
fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{}`", plain(text).replace('`', "'").replace('|', "¦")) }
}

/// Text in a cell of a table.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in plain(text).chars() {
        if character.is_ascii_punctuation() && !matches!(character, '-' | '.' | ',' | ':' | '(' | ')' | '/') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// Without what steers a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

/// Bytes in the unit that reads best.
fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = number;
    let mut unit = 0;
    while value >= 10_240 && unit + 1 < UNITS.len() {
        value /= 1024;
        unit += 1;
    }
    format!("{value} {}", UNITS.get(unit).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_job_chose_writes_no_page() {
        assert_eq!(code("a|b`c\n## d"), "`a¦b'c\u{fffd}## d`");
        assert_eq!(escaped("<script>*x*|[y](z)"), "\\<script\\>\\*x\\*\\|\\[y\\](z)");
        assert_eq!(
            (bytes(0), bytes(10_239), bytes(10_240), bytes(u64::MAX)),
            ("0 B".into(), "10239 B".into(), "10 KiB".into(), "16777215 TiB".into())
        );
    }
}

//! The report for people: one page without anything from elsewhere, light or dark, and fit to be printed.

use super::access::Access;
use super::criteria::{CRITERIA, Criterion, Sessions};
use super::gather::Gathered;
use super::{AuditingError, happened};
use crate::replay::text;
use crate::telemetry::count;
use std::io::{self, Write};

/// Sessions that one table lists. CSV and JSON have all.
const MOST_SESSIONS: u64 = 20_000;

const STYLE: &str = include_str!("report.css");

pub(super) fn write(gathered: &mut Gathered, out: &mut dyn Write) -> Result<(), AuditingError> {
    head(gathered, out)?;
    sums(gathered, out)?;
    workloads(gathered, out)?;
    for criterion in &CRITERIA {
        section(gathered, criterion, out)?;
    }
    limits(out)?;
    Ok(writeln!(out, "</main></body></html>")?)
}

fn head(gathered: &Gathered, out: &mut dyn Write) -> io::Result<()> {
    let range = &gathered.range;
    let from = range.since.map_or_else(|| "the first record".to_owned(), |time| happened::time(time.0));
    let to = range.until.map_or_else(|| happened::time(gathered.at.0), |time| happened::time(time.0));
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>Access report, {} to {}</title><style>{STYLE}</style></head><body><header><h1>Access report</h1>\
         <p>{} to {}</p>",
        safe(&from),
        safe(&to),
        safe(&from),
        safe(&to)
    )?;
    for (name, only) in [("Target", &range.target), ("Workload", &range.workload)] {
        if let Some(only) = only {
            writeln!(out, "<p>{name} <b>{}</b> alone</p>", safe(only))?;
        }
    }
    writeln!(
        out,
        "<p class=\"made\">made {} by weir {} from the records and the ledger of one state directory</p></header><main>",
        safe(&happened::time(gathered.at.0)),
        env!("CARGO_PKG_VERSION")
    )?;
    write!(out, "<nav><b>Contents</b><ol><li><a href=\"#sums\">Summary</a></li><li><a href=\"#workloads\">Workloads</a></li>")?;
    for criterion in &CRITERIA {
        write!(out, "<li><a href=\"#{0}\">{0} {1}</a></li>", criterion.id, safe(criterion.title))?;
    }
    writeln!(out, "<li><a href=\"#limits\">What this report is not</a></li></ol></nav>")
}

fn sums(gathered: &Gathered, out: &mut dyn Write) -> io::Result<()> {
    let totals = &gathered.totals;
    writeln!(out, "<section id=\"sums\"><h2>Summary</h2><dl class=\"tiles\">")?;
    for (name, number) in [
        ("sessions", totals.sessions),
        ("statements", totals.statements),
        ("rows to jobs", totals.rows),
        ("refusals", totals.refusals),
        ("would be refused", totals.would_refuse),
        ("sessions with an approval", totals.approved_sessions),
        ("by broken glass", totals.glass_sessions),
        ("without an owner", totals.ownerless_sessions),
        ("findings", totals.findings),
        ("decisions of people", totals.events),
    ] {
        write!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", grouped(number))?;
    }
    writeln!(out, "</dl>")?;
    let checked = format!(
        "{}, {} and {} of the ledger were checked, of all times",
        count(totals.records_checked, "record", "records"),
        count(totals.frames_checked, "frame", "frames"),
        count(totals.events_checked, "signed event", "signed events")
    );
    if totals.problems == 0 {
        writeln!(out, "<p class=\"good\"><b>Intact.</b> {checked}: each is as it was written.</p>")?;
    } else {
        writeln!(out, "<div class=\"bad\"><p><b>{}.</b> {checked}.</p><ul>", count(totals.problems, "problem", "problems"))?;
        gathered.problems.iter().try_for_each(|problem| writeln!(out, "<li>{}</li>", safe(problem)))?;
        writeln!(out, "</ul></div>")?;
    }
    writeln!(out, "</section>")
}

fn workloads(gathered: &Gathered, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<section id=\"workloads\"><h2>Workloads and targets</h2>")?;
    if gathered.pairs.is_empty() {
        return writeln!(out, "<p class=\"none\">No session in this time.</p></section>");
    }
    header(&["Workload", "Owner", "Target", "Sessions", "Statements", "Rows", "Refused"], out)?;
    for ((workload, target), pair) in &gathered.pairs {
        let owner = pair.owner.as_deref().map_or_else(|| "<em>no owner</em>".to_owned(), safe);
        writeln!(
            out,
            "<tr><td>{}</td><td>{owner}</td><td>{}</td>{}{}{}{}</tr>",
            safe(workload),
            safe(target),
            number(pair.sessions),
            number(pair.statements),
            number(pair.rows),
            number(pair.refused)
        )?;
    }
    writeln!(out, "</tbody></table></div>")?;
    if gathered.beyond > 0 {
        writeln!(out, "<p>and {} sessions of further workloads and targets.</p>", grouped(gathered.beyond))?;
    }
    writeln!(out, "</section>")
}

fn section(gathered: &mut Gathered, criterion: &Criterion, out: &mut dyn Write) -> Result<(), AuditingError> {
    writeln!(
        out,
        "<section id=\"{0}\"><h2><span class=\"id\">{0}</span> {1}</h2><div class=\"terms\"><p><b>What weir gives.</b> {2}</p>\
         <p><b>What it does not claim.</b> {3}</p></div>",
        criterion.id,
        safe(criterion.title),
        safe(criterion.gives),
        safe(criterion.not_claimed)
    )?;
    let totals = &gathered.totals;
    if criterion.sessions == Sessions::Refused && totals.names_refused + totals.kernel_refused > 0 {
        writeln!(
            out,
            "<p>Besides, the resolver refused {} names and the kernel side {} attempts.</p>",
            grouped(totals.names_refused),
            grouped(totals.kernel_refused)
        )?;
    }
    if criterion.id == "CC8.1" {
        policies(gathered, out)?;
    }
    if !criterion.kinds.is_empty() {
        events(gathered, criterion, out)?;
    }
    if criterion.sessions != Sessions::None {
        sessions(gathered, criterion, out)?;
    }
    Ok(writeln!(out, "</section>")?)
}

fn policies(gathered: &Gathered, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<h3>Policy sets in force</h3>")?;
    header(&["Since", "Hash"], out)?;
    for (hash, since) in &gathered.policies {
        writeln!(out, "<tr><td>{}</td><td class=\"code\">{}</td></tr>", moment(since.0), safe(hash))?;
    }
    writeln!(out, "</tbody></table></div>")
}

fn events(gathered: &Gathered, criterion: &Criterion, out: &mut dyn Write) -> Result<(), AuditingError> {
    let mut any = false;
    writeln!(out, "<h3>Decisions and events</h3>")?;
    gathered.each_event(|event| {
        if !criterion.kinds.contains(&event.kind) {
            return Ok(());
        }
        if !std::mem::replace(&mut any, true) {
            header(&["Time", "What", "By", "About", "Details"], out)?;
        }
        let forged = if event.is_genuine() { "" } else { " <b class=\"forged\">signature does not hold</b>" };
        writeln!(
            out,
            "<tr><td>{}</td><td>{}{forged}</td><td>{}</td><td class=\"code\">{}</td><td>{}</td></tr>",
            moment(event.at.0),
            event.kind.name(),
            safe(&event.by),
            safe(&event.subject),
            safe(&happened::details(&event))
        )?;
        Ok(())
    })?;
    Ok(writeln!(out, "{}", if any { "</tbody></table></div>" } else { "<p class=\"none\">None in this time.</p>" })?)
}

fn sessions(gathered: &mut Gathered, criterion: &Criterion, out: &mut dyn Write) -> Result<(), AuditingError> {
    let mut listed = 0u64;
    writeln!(out, "<h3>Sessions</h3>")?;
    let facts = facts(criterion.sessions);
    gathered.each_session(|access| {
        if !criterion.sessions.includes(&access) {
            return Ok(());
        }
        listed += 1;
        if listed == 1 {
            header(&["When", "Who", "On what", "Decision", facts.0, "Rows"], out)?;
        }
        if listed <= MOST_SESSIONS {
            session(&access, &(facts.1)(&access), out)?;
        }
        Ok(())
    })?;
    if listed == 0 {
        return Ok(writeln!(out, "<p class=\"none\">None in this time.</p>")?);
    }
    writeln!(out, "</tbody></table></div>")?;
    if listed > MOST_SESSIONS {
        writeln!(out, "<p>and {} more: the CSV and JSON reports list all.</p>", grouped(listed - MOST_SESSIONS))?;
    }
    Ok(())
}

type Facts = (&'static str, fn(&Access) -> Vec<String>);

/// The column that matters to a criterion.
fn facts(sessions: Sessions) -> Facts {
    match sessions {
        Sessions::None | Sessions::All => ("Accessed; approval", |access| {
            let mut all = happened::accesses(access);
            all.extend(happened::approvals(access));
            all
        }),
        Sessions::Approved => ("Approval", happened::approvals),
        Sessions::Refused => ("Refused", |access| {
            let mut all = vec![format!("{} refused", access.refused)];
            if access.would_refuse > 0 {
                all.push(format!("{} would be refused", access.would_refuse));
            }
            all
        }),
        Sessions::Classed => ("Shown and masked", |access| {
            let mut all = happened::reveals(access);
            if access.masked_rows > 0 {
                all.push(format!("{} rows masked", access.masked_rows));
            }
            all
        }),
        Sessions::Found => ("Findings", |access| {
            let mut all = happened::findings(access);
            if access.state != "ended" && access.state != "live" {
                all.push(format!("record {}", access.state));
            }
            all
        }),
    }
}

fn session(access: &Access, facts: &[String], out: &mut dyn Write) -> io::Result<()> {
    let dash = |text: &Option<String>| text.as_deref().map_or_else(|| "-".to_owned(), safe);
    let owner = access.owner.as_deref().map_or_else(|| "<em>no owner</em>".to_owned(), safe);
    let account = match (&access.user, &access.database) {
        (None, None) => String::new(),
        (user, database) => format!("<br><small>{}@{}</small>", dash(user), dash(database)),
    };
    let policies: Vec<_> = access.policies.iter().map(|policy| safe(policy)).collect();
    let facts: String = facts.iter().map(|fact| format!("<div>{}</div>", safe(fact))).collect();
    writeln!(
        out,
        "<tr><td>{}<br><small class=\"code\">{}</small></td><td>{}<br><small>{owner}, {}</small></td><td>{}{account}</td>\
         <td>{}<br><small>{}</small></td><td>{facts}</td>{}</tr>",
        moment(access.began),
        safe(&access.session),
        safe(access.who()),
        dash(&access.grade),
        dash(&access.target),
        safe(&happened::outcome(access)),
        policies.join(", "),
        number(access.rows)
    )
}

fn limits(out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<section id=\"limits\"><h2>What this report is not</h2><p>It is evidence for an audit, and no audit: weir does not say \
         that a criterion is met. It tells of one state directory; a fleet has one report each. It tells what passed through \
         weir, and nothing else. The times are those of the host's clock. Records can be checked by \
         <code>weir audit verify</code> at any time, and where heads are kept off the host, against these.</p></section>"
    )
}

fn header(names: &[&str], out: &mut dyn Write) -> io::Result<()> {
    let cell = |name: &&str| {
        let class = if matches!(*name, "Sessions" | "Statements" | "Rows" | "Refused") { " class=\"number\"" } else { "" };
        format!("<th scope=\"col\"{class}>{name}</th>")
    };
    let cells: String = names.iter().map(cell).collect();
    writeln!(out, "<div class=\"wide\"><table><thead><tr>{cells}</tr></thead><tbody>")
}

fn number(number: u64) -> String {
    format!("<td class=\"number\">{}</td>", grouped(number))
}

fn moment(nanoseconds: u64) -> String {
    let text = happened::time(nanoseconds);
    let (day, rest) = text.split_once('T').unwrap_or((&text, ""));
    format!("<time datetime=\"{0}\">{day} {1}</time>", safe(&text), safe(rest.split('.').next().unwrap_or_default()))
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Text that stands for itself: no markup, and nothing that a reader's screen would obey.
fn safe(recorded: &str) -> String {
    let mut safe = String::with_capacity(recorded.len());
    for letter in text::line(recorded.as_bytes()).chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_text_is_no_markup_and_numbers_read() {
        assert_eq!(safe("<script>\"'&\u{202e}"), "&lt;script&gt;&quot;&#39;&amp;\\u{202e}");
        assert_eq!((grouped(0), grouped(1_234_567)), ("0".to_owned(), "1\u{202f}234\u{202f}567".to_owned()));
    }
}

//! The report as one HTML file that needs nothing else: it goes to people who have no weir.

use super::page::{held, second, seconds, wrote};
use super::report::{Exposure, Incident, IncidentRun};
use std::fmt::Write as _;

const STYLE: &str = "body{font:14px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1b1f24}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%;margin:.5rem 0}
th,td{text-align:left;padding:.25rem .5rem;border-bottom:1px solid #d8dee4;vertical-align:top;overflow-wrap:anywhere}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.bad{color:#b42318;font-weight:600}section{margin:1.5rem 0}
@media print{body{margin:0}}";

/// The file.
#[must_use]
pub fn html(incident: &Incident) -> String {
    let scope = &incident.scope;
    let title = format!("Incident: {}", scope.target);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>{0}</title>\n<style>{STYLE}</style>\n<h1>{0}</h1>\n",
        safe(&title)
    );
    paragraph(
        &mut out,
        &format!(
            "From {} to {} (UTC). {} runs, {} sessions, {} rows, {} at the server; {} changed something. Put together at {}.",
            second(scope.since),
            second(scope.until),
            incident.runs,
            incident.sessions,
            incident.rows,
            seconds(incident.server_us),
            incident.wrote,
            second(incident.made_at)
        ),
    );
    paragraph(&mut out, &held(incident));
    exposure(&mut out, &incident.exposure);
    heading(&mut out, "Runs, the most rows first");
    for run in &incident.top {
        of_run(&mut out, run);
    }
    if !incident.siblings.is_empty() {
        heading(&mut out, "The same login");
        let rows = incident.siblings.iter().map(|one| {
            vec![
                one.credential.clone(),
                one.user.clone().unwrap_or_default(),
                one.name.clone().unwrap_or_else(|| one.workload.clone()),
                one.owner.clone().unwrap_or_default(),
                one.sessions.to_string(),
                second(one.last_seen),
                if one.was_there { "yes" } else { "no" }.to_owned(),
            ]
        });
        table(&mut out, &["Credential", "User", "Workload", "Owner", "Sessions", "Last seen", "Was there"], rows);
    }
    heading(&mut out, "Not watched, or not whole");
    if incident.unwatched.hosts.is_empty() {
        paragraph(&mut out, "No daemon has left a sign of life: nothing says that jobs outside of weir run were captured.");
    }
    let rows = incident.unwatched.gaps.iter().map(|gap| {
        vec![
            second(gap.from),
            second(gap.until),
            gap.host.clone(),
            gap.cause.words().to_owned(),
            gap.detail.clone(),
            gap.session.clone().unwrap_or_default(),
        ]
    });
    table(&mut out, &["From", "To", "Host", "What", "", "Session"], rows);
    out
}

fn of_run(out: &mut String, run: &IncidentRun) {
    let who = run.name.as_deref().or(run.workload.as_deref()).unwrap_or("?");
    let title = format!("{}: {who}, {}", run.run.as_deref().unwrap_or("-"), run.owner.as_deref().unwrap_or("no owner"));
    let _written = writeln!(out, "<section><h3>{}</h3>", safe(&title)).is_ok();
    paragraph(
        out,
        &format!(
            "{} to {}{}: {} rows, {} at the server, {} statements ({} failed or refused), {} sessions, as {} by {}; {}.",
            second(run.first),
            second(run.last),
            if run.live { ", goes on" } else { "" },
            run.rows,
            seconds(run.server_us),
            run.statements,
            run.errors,
            run.sessions,
            run.login.as_deref().unwrap_or("?"),
            run.credential.as_deref().unwrap_or("passthrough"),
            wrote(run.wrote)
        ),
    );
    exposure(out, &run.exposure);
    let rows = run.objects.iter().map(|object| {
        vec![
            object.verb.name().to_owned(),
            object.object.clone(),
            object.outcome.name().to_owned(),
            object.count.to_string(),
            object.rows.to_string(),
        ]
    });
    table(out, &["Did", "What", "Outcome", "Times", "Rows"], rows);
    let rows = run.elsewhere.iter().map(|other| {
        vec![
            other.target.clone(),
            other.protocol.clone().unwrap_or_default(),
            other.sessions.to_string(),
            other.refused.to_string(),
            other.sent.to_string(),
            other.received.to_string(),
        ]
    });
    table(out, &["Also at", "Protocol", "Sessions", "Refused", "Bytes sent", "Received"], rows);
    out.push_str("</section>\n");
}

fn exposure(out: &mut String, classes: &[Exposure]) {
    let rows = classes.iter().map(|one| vec![one.class.clone(), one.clear_rows.to_string(), one.masked_rows.to_string()]);
    table(out, &["Class", "Rows in clear", "Rows masked"], rows);
}

/// A table; nothing where it has no rows.
fn table(out: &mut String, header: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    let cell = |name: &str, text: &str| {
        let number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        format!("<{name}{}>{}</{name}>", if number { " class=\"n\"" } else { "" }, safe(text))
    };
    let line = |cells: Vec<String>| format!("<tr>{}</tr>\n", cells.concat());
    out.push_str("<table>\n");
    out.push_str(&line(header.iter().map(|text| cell("th", text)).collect()));
    for row in rows {
        out.push_str(&line(row.iter().map(|text| cell("td", text)).collect()));
    }
    out.push_str("</table>\n");
}

fn heading(out: &mut String, text: &str) {
    let _written = writeln!(out, "<h2>{}</h2>", safe(text)).is_ok();
}

fn paragraph(out: &mut String, text: &str) {
    let _written = writeln!(out, "<p>{}</p>", safe(text)).is_ok();
}

/// Text as HTML has it: no part of what was recorded is markup.
fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter if letter.is_control() => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::gaps::{Cause, Gap, Gaps};
    use super::super::page;
    use super::super::report::{Elsewhere, Exposure, Object, Scope, Sibling};
    use super::*;
    use crate::index::{Outcome, Verb, Wrote};
    use gateway_core::model::ids::SessionId;
    use gateway_core::model::time::Timestamp;

    /// Every text of it is hostile.
    fn incident() -> Incident {
        let at = |seconds: u64| Timestamp(1_796_000_000_000_000_000 + seconds * 1_000_000_000);
        let evil = || "<script>alert(\"x\")</script>&\u{1b}[2J".to_owned();
        let exposure = || vec![Exposure { class: evil(), masked_rows: 3, clear_rows: 40 }];
        Incident {
            scope: Scope { target: evil(), since: at(0), until: at(7200) },
            made_at: at(7201),
            runs: 31,
            sessions: 40,
            rows: 123_456,
            server_us: 2_500_000,
            wrote: 1,
            exposure: exposure(),
            top: vec![IncidentRun {
                run: Some("r-01jd5k2v8q3xm".to_owned()),
                workload: Some(evil()),
                name: None,
                owner: Some(evil()),
                grade: Some("kernel".to_owned()),
                person: Some(evil()),
                credential: Some(evil()),
                login: Some(evil()),
                first: at(10),
                last: at(20),
                live: true,
                sessions: 2,
                statements: 7,
                rows: 99,
                server_us: 1_500,
                errors: 1,
                wrote: Wrote::Unknown,
                session: SessionId::from_number(7),
                exposure: exposure(),
                objects: vec![Object { verb: Verb::Read, object: evil(), outcome: Outcome::Allowed, count: 3, rows: 99 }],
                elsewhere: vec![Elsewhere {
                    target: evil(),
                    protocol: Some("opaque".to_owned()),
                    sessions: 1,
                    refused: 1,
                    sent: 10,
                    received: 20,
                }],
            }],
            siblings: vec![Sibling {
                credential: evil(),
                user: Some(evil()),
                workload: evil(),
                name: None,
                owner: None,
                sessions: 3,
                last_seen: at(5),
                was_there: false,
            }],
            unwatched: Gaps {
                gaps: vec![Gap { host: evil(), from: at(1), until: at(2), cause: Cause::Died, detail: evil(), session: None }],
                ..Gaps::default()
            },
            hold: None,
        }
    }

    #[test]
    fn nothing_that_was_recorded_is_markup_or_moves_a_terminal() {
        let incident = incident();
        let (page, file) = (page::text(&incident), html(&incident));
        assert!(!page.contains('\u{1b}'), "{page}");
        assert!(!file.contains("<script") && !file.contains('\u{1b}') && !file.contains("(\"x\")"), "{file}");
        for (what, of_page, of_file) in [
            ("the rows", "123456 rows", "123456 rows"),
            ("its time", "2.5 s at the server", "2.5 s at the server"),
            ("the run", "r-01jd5k2v8q3xm", "r-01jd5k2v8q3xm"),
            ("what it saw", "in 40 rows in clear, 3 masked", "<td class=\"n\">40</td><td class=\"n\">3</td>"),
            ("whether it wrote", "may have changed something", "may have changed something"),
            ("where else", "1 sessions, 1 refused, 10 bytes sent, 20 received", "Also at"),
            ("the gap", "the daemon died", "the daemon died"),
            ("that there is no hold", "no legal hold", "no legal hold"),
        ] {
            assert!(page.contains(of_page), "{what}: {page}");
            assert!(file.contains(of_file), "{what}: {file}");
        }
        assert!(!file.contains("src=") && !file.contains("href="), "it needs nothing else");
        // What a machine reads is read back.
        let json = serde_json::to_value(&incident).unwrap();
        assert_eq!(serde_json::from_value::<Incident>(json).unwrap(), incident);
    }
}

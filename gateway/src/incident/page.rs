//! The report as a page for a terminal. Nothing that was recorded reaches it raw: names may hold what terminals obey.

use super::gaps::{Gap, Gaps};
use super::report::{Exposure, Incident, IncidentRun};
use crate::evidence::utc;
use crate::index::Wrote;
use crate::ledger::HeldFor;
use gateway_core::model::time::Timestamp;
use std::fmt::Write as _;

/// Gaps that are shown.
const GAPS: usize = 20;

/// The page.
#[must_use]
pub fn text(incident: &Incident) -> String {
    let mut out = String::new();
    let scope = &incident.scope;
    put(&mut out, &format!("INCIDENT  {}  from {} to {}", plain(&scope.target), second(scope.since), second(scope.until)));
    put(
        &mut out,
        &format!(
            "{} runs, {} sessions, {} rows, {} at the server; {} changed something",
            incident.runs,
            incident.sessions,
            incident.rows,
            seconds(incident.server_us),
            incident.wrote
        ),
    );
    put(&mut out, &exposure("exposure", &incident.exposure));
    put(&mut out, &held(incident));
    put(&mut out, "\nRUNS, THE MOST ROWS FIRST");
    if incident.top.is_empty() {
        put(&mut out, "  nobody was there");
    }
    for run in &incident.top {
        of_run(&mut out, run);
    }
    if !incident.siblings.is_empty() {
        put(&mut out, "\nTHE SAME LOGIN");
    }
    for one in &incident.siblings {
        let who = one.name.as_ref().unwrap_or(&one.workload);
        let owner = one.owner.as_deref().unwrap_or("nobody's");
        let there = if one.was_there { "  was there" } else { "" };
        put(
            &mut out,
            &format!(
                "  {} as {}: {} ({}), {} sessions, last {}{there}",
                plain(&one.credential),
                plain(one.user.as_deref().unwrap_or("?")),
                plain(who),
                plain(owner),
                one.sessions,
                second(one.last_seen)
            ),
        );
    }
    put(&mut out, "\nNOT WATCHED, OR NOT WHOLE");
    put(&mut out, &gaps(&incident.unwatched, GAPS));
    out
}

/// All gaps, a line each.
#[must_use]
pub fn gaps_text(found: &Gaps) -> String {
    let mut out = format!("from {} to {}\n", second(found.since), second(found.until));
    for (host, last) in &found.hosts {
        put(&mut out, &format!("{}: last sign of life {}", plain(host), second(*last)));
    }
    out + &gaps(found, usize::MAX)
}

/// Up to `most` gaps, a line each.
fn gaps(found: &Gaps, most: usize) -> String {
    let mut out = String::new();
    if found.hosts.is_empty() {
        put(&mut out, "  no daemon has left a sign of life: nothing says that jobs outside of `weir run` were captured");
    }
    for gap in found.gaps.iter().take(most) {
        put(&mut out, &format!("  {}", line(gap)));
    }
    let more = found.gaps.len().saturating_sub(most) + found.more;
    if more > 0 {
        put(&mut out, &format!("  and {more} more: weir audit gaps"));
    }
    if found.gaps.is_empty() && !found.hosts.is_empty() {
        put(&mut out, "  none is known");
    }
    out.truncate(out.trim_end().len());
    out
}

fn line(gap: &Gap) -> String {
    let of = gap.session.as_ref().map(|session| format!("  {session}")).unwrap_or_default();
    let detail = if gap.detail.is_empty() { String::new() } else { format!(": {}", plain(&gap.detail)) };
    format!("{} to {}  {}  {}{detail}{of}", second(gap.from), second(gap.until), plain(&gap.host), gap.cause.words())
}

fn of_run(out: &mut String, run: &IncidentRun) {
    let who = run.name.as_ref().or(run.workload.as_ref()).map_or_else(|| "?".to_owned(), |name| plain(name));
    let owner = run.owner.as_deref().map_or_else(|| "no owner".to_owned(), plain);
    let live = if run.live { ", goes on" } else { "" };
    put(
        out,
        &format!(
            "\n  {}  {who} ({owner}, {}){}",
            run.run.as_deref().unwrap_or("-"),
            run.grade.as_deref().unwrap_or("?"),
            run.person.as_ref().map(|person| format!(", signed in: {}", plain(person))).unwrap_or_default()
        ),
    );
    put(
        out,
        &format!(
            "    {} to {}{live}: {} rows, {} at the server, {} statements ({} failed or refused), {} sessions; {}",
            second(run.first),
            second(run.last),
            run.rows,
            seconds(run.server_us),
            run.statements,
            run.errors,
            run.sessions,
            wrote(run.wrote)
        ),
    );
    if !run.exposure.is_empty() {
        put(out, &format!("    {}", exposure("saw", &run.exposure)));
    }
    for object in &run.objects {
        put(
            out,
            &format!(
                "    {:<10} {:<40} {:>6}x {:>10} rows  {}",
                object.verb.name(),
                plain(&object.object),
                object.count,
                object.rows,
                object.outcome.name()
            ),
        );
    }
    for other in &run.elsewhere {
        let refused = if other.refused > 0 { format!(", {} refused", other.refused) } else { String::new() };
        put(
            out,
            &format!(
                "    also at {}: {} sessions{refused}, {} bytes sent, {} received",
                plain(&other.target),
                other.sessions,
                other.sent,
                other.received
            ),
        );
    }
}

/// Whether it changed anything, in words.
pub(super) const fn wrote(wrote: Wrote) -> &'static str {
    match wrote {
        Wrote::Yes => "changed something",
        Wrote::No => "only read",
        Wrote::Unknown => "may have changed something",
    }
}

fn exposure(what: &str, classes: &[Exposure]) -> String {
    if classes.is_empty() {
        return format!("{what}: no rows of a class");
    }
    let each = classes
        .iter()
        .map(|one| format!("{} in {} rows in clear, {} masked", plain(&one.class), one.clear_rows, one.masked_rows));
    format!("{what}: {}", each.collect::<Vec<_>>().join("; "))
}

/// What keeps the records, in words.
pub(super) fn held(incident: &Incident) -> String {
    match &incident.hold {
        None => "no legal hold was set: records go when their time is over".to_owned(),
        Some(hold) => {
            let of = match &hold.subject {
                HeldFor::Target(name) => format!("target {}", plain(name)),
                HeldFor::Session(session) => format!("session {session}"),
                HeldFor::Run(run) => format!("run {run}"),
                HeldFor::Workload(name) => format!("workload {}", plain(name)),
            };
            format!("legal hold {} on {of} by {}: {}", hold.id, plain(&hold.by), plain(&hold.reason))
        }
    }
}

/// A time to the second, in UTC.
pub(super) fn second(time: Timestamp) -> String {
    let text = utc(time);
    text.split_once('.').map_or(text.as_str(), |(second, _)| second).replace('T', " ")
}

/// Microseconds in the unit that reads best.
pub(super) fn seconds(microseconds: u64) -> String {
    match microseconds {
        0..10_000 => format!("{:.1} ms", thousandths(microseconds)),
        10_000..1_000_000 => format!("{} ms", microseconds / 1_000),
        _ => format!("{:.1} s", thousandths(microseconds / 1_000)),
    }
}

fn thousandths(number: u64) -> f64 {
    // It is to be read, and the last digits are cut anyway.
    f64::from(u32::try_from(number).unwrap_or(u32::MAX)) / 1_000.0
}

fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() || is_turning(letter) { '?' } else { letter }).collect()
}

/// Letters that change the direction of what stands beside them.
const fn is_turning(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn put(out: &mut String, line: &str) {
    let _written = writeln!(out, "{line}").is_ok();
}

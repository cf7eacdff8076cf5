//! `weir credential report`: which workloads use which login at which target, those first that more than one uses.

use super::desk::{at, items, table, time};
use super::session::{finish, tell};
use super::{CliError, Common, Format, Result};
use crate::index::{self, Login};
use clap::Subcommand;
use serde_json::Value;
use std::process::ExitCode;

/// What is asked of credentials.
#[derive(Subcommand)]
pub(super) enum Credential {
    /// Who uses which login at which target, as far as it was recorded
    #[command(after_help = super::examples::CREDENTIAL_REPORT)]
    Report {
        /// Of this target alone
        #[arg(long, value_name = "NAME")]
        target: Option<String>,
        /// Only logins of more than one workload, or of more than one owner
        #[arg(long)]
        shared: bool,
        #[command(flatten)]
        common: Common,
    },
}

pub(super) fn credential(command: Credential) -> Result<ExitCode> {
    let Credential::Report { target, shared, common } = command;
    super::view(&common, |state_dir, format, out| {
        let index = index::open_fresh(state_dir, &mut super::reindex::tell);
        let logins = index.map(|index| index.logins(target.as_deref())).transpose().map_err(CliError::new)?.flatten();
        let mut logins = logins.ok_or_else(|| CliError::new("the records are not indexed: weir audit reindex"))?;
        logins.retain(|login| !shared || login.shared || login.owners_differ);
        let printed = match format {
            Format::Json => tell(&logins, out),
            Format::Text => writeln!(out, "{}", text(&logins)),
        };
        finish(printed, ExitCode::SUCCESS)
    })
}

fn text(logins: &[Login]) -> String {
    if logins.is_empty() {
        return "no login was recorded that is like that".to_owned();
    }
    let logins = serde_json::to_value(logins).unwrap_or_default();
    let rows = items(&logins).flat_map(|login| {
        let uses = login.get("uses").into_iter().flat_map(items);
        uses.enumerate().map(move |(number, one)| {
            let name = if one.get("name").is_some_and(Value::is_string) { at(one, "/name") } else { at(one, "/workload") };
            // A login is named once.
            let of = |place: &str| if number == 0 { at(login, place) } else { String::new() };
            [
                of("/target"),
                of("/credential"),
                of("/user"),
                name,
                at(one, "/owner"),
                at(one, "/grade"),
                at(one, "/sessions"),
                time(one, "/last_seen"),
                if number == 0 { remark(login) } else { String::new() },
            ]
        })
    });
    let header = ["TARGET", "CREDENTIAL", "USER", "WORKLOAD", "OWNER", "GRADE", "SESSIONS", "LAST SEEN (UTC)", ""];
    table(header, rows)
}

/// What is to be looked at.
fn remark(login: &Value) -> String {
    let flag = |name: &str| login.get(name).and_then(Value::as_bool) == Some(true);
    let uses = login.get("uses").map_or(0, |uses| items(uses).count());
    match (flag("shared"), flag("owners_differ")) {
        (true, true) => format!("shared by {uses} workloads, not all of one owner"),
        (true, false) => format!("shared by {uses} workloads"),
        (false, true) => "its owners differ".to_owned(),
        (false, false) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::LoginUse;
    use gateway_core::model::time::Timestamp;

    #[test]
    fn a_login_is_named_once_with_all_who_use_it() {
        let one = |workload: &str, owner: Option<&str>| LoginUse {
            workload: workload.to_owned(),
            name: None,
            owner: owner.map(str::to_owned),
            grade: Some("kernel".to_owned()),
            sessions: 3,
            last_seen: Timestamp(1_796_000_000_000_000_000),
        };
        let login = Login {
            target: "prod-pg".to_owned(),
            credential: "env:PW".to_owned(),
            user: Some("app".to_owned()),
            shared: true,
            owners_differ: true,
            uses: vec![one("spiffe://a/x", Some("ana")), one("spiffe://a/\u{1b}[2Jy", None)],
        };
        let told = text(&[login]);
        let lines: Vec<_> = told.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(lines.len(), 3, "{told}");
        assert!(lines[1].starts_with("prod-pg env:PW app spiffe://a/x ana kernel 3 2026-"), "{told}");
        assert!(lines[1].ends_with("shared by 2 workloads, not all of one owner") && !told.contains('\u{1b}'), "{told}");
        assert_eq!(text(&[]), "no login was recorded that is like that");
    }
}

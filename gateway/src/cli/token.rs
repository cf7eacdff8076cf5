//! `weir token create|list|revoke`: with what the API is asked from elsewhere.

use super::desk::{Common, at, items, seconds, table, time};
use super::{Result, examples};
use crate::control::{Command, Page, Role, Scoped, TokenRequest};
use clap::Subcommand;
use gateway_core::model::ids::TokenId;
use hyper::Method;
use serde_json::{Value, json};
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum Token {
    /// Make a token: it is shown this once
    #[command(after_help = examples::TOKEN_CREATE)]
    Create(Create),
    /// Your tokens; all of them for an admin, and for root
    #[command(after_help = examples::TOKEN_LIST)]
    List {
        /// And so many of those that are over
        #[arg(long, value_name = "N", default_value_t = 0)]
        past: usize,
        #[command(flatten)]
        common: Common,
    },
    /// End a token
    #[command(after_help = examples::TOKEN_REVOKE)]
    Revoke {
        /// Its id
        token: TokenId,
        /// Why, for the record
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(clap::Args)]
pub(super) struct Create {
    /// What it is for
    name: String,
    /// What may be done with it: viewer, auditor, approver, operator, admin, or provisioner for SCIM
    #[arg(long, value_name = "ROLE", value_parser = role)]
    role: Role,
    /// Where: a target, which may end in *; may be given often [default: everywhere]
    #[arg(long = "target", value_name = "TARGET")]
    targets: Vec<String>,
    /// To whom: a workload's SPIFFE id or name, which may end in *; may be given often [default: all]
    #[arg(long = "workload", value_name = "NAME")]
    workloads: Vec<String>,
    /// For how long: 45s, 30m, 2h, 7d
    #[arg(long = "for", value_name = "TIME", value_parser = seconds)]
    seconds: u64,
    #[command(flatten)]
    common: Common,
}

pub(super) fn token(command: Token) -> Result {
    match command {
        Token::Create(Create { name, role, targets, workloads, seconds, common }) => {
            let roles = vec![Scoped { role, targets, workloads }];
            let body = json!({ "name": name, "roles": roles, "seconds": seconds });
            let made =
                common.ask(Method::POST, "/v1/tokens", Some(&body), Command::MakeToken(TokenRequest { name, roles, seconds }))?;
            // Alone on the standard output, for a pipe.
            common.tell(&made, || at(&made, "/token"))?;
        }
        Token::List { past, common } => {
            let tokens =
                common.ask(Method::GET, &format!("/v1/tokens?past={past}"), None, Command::ListTokens(Page::first(past)))?;
            common.tell(&tokens, || list(&tokens))?;
        }
        Token::Revoke { token, reason, common } => {
            let (path, body) = (format!("/v1/tokens/{token}/revoke"), json!({ "reason": reason }));
            let revoked = common.ask(Method::POST, &path, Some(&body), Command::RevokeToken { id: token, reason })?;
            common.tell(&revoked, || format!("{token} ({}) lets nobody in any more", at(&revoked, "/name")))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(tokens: &Value) -> String {
    if items(tokens).next().is_none() {
        return "there are no tokens".to_owned();
    }
    let rows = items(tokens).map(|token| {
        let over = match (token.get("ended_at"), token.get("revoked")) {
            (None | Some(Value::Null), _) => "good",
            (Some(_), None | Some(Value::Null)) => "over",
            (Some(_), Some(_)) => "revoked",
        };
        let roles = token.get("roles").map(items).into_iter().flatten().map(scope).collect::<Vec<_>>().join("; ");
        let roles = if roles.is_empty() { "as the person".to_owned() } else { roles };
        let name = at(token, "/name");
        [at(token, "/id"), over.to_owned(), name, at(token, "/person"), roles, time(token, "/until"), time(token, "/seen_at")]
    });
    table(["TOKEN", "STATE", "NAME", "PERSON", "ROLES", "UNTIL (UTC)", "LAST USED"], rows)
}

fn scope(role: &Value) -> String {
    let part =
        |word: &str, place: &str| Some(at(role, place)).filter(|text| !text.is_empty()).map(|text| format!(" {word} {text}"));
    let parts = [part("at", "/targets"), part("for", "/workloads")];
    format!("{}{}", at(role, "/role"), parts.into_iter().flatten().collect::<String>())
}

fn role(text: &str) -> std::result::Result<Role, String> {
    Role::named(text).ok_or_else(|| "a role is viewer, auditor, approver, operator, admin or provisioner".to_owned())
}

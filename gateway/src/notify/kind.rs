//! The ways in which people are told: a file each.

use super::command::Program;
use super::email::Email;
use super::failure::Failure;
use super::http::address;
use super::slack::Slack;
use super::told::Told;
use super::webhook::Webhook;
use crate::config::Table;
use crate::credential::{Source, fetch};
use std::path::Path;

/// How somebody is told, with all that it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// JSON, posted and signed.
    Webhook(Webhook),
    /// A message to Slack.
    Slack(Slack),
    /// An e-mail.
    Email(Box<Email>),
    /// A program that is run.
    Command(Program),
}

/// What can be written, for hints.
const NAMES: &str = "\"webhook\", \"slack\", \"email\" or \"command\"";

impl Kind {
    /// Reads `kind`, and the keys that this kind has.
    pub(super) fn read(table: &mut Table<'_, '_>, directory: &Path) -> Option<Self> {
        type Read = fn(&mut Table<'_, '_>, &Path) -> Option<Kind>;
        let read = table.parsed("kind", NAMES, |text| {
            let read: Read = match text {
                "webhook" => |table, directory| Webhook::read(table, directory).map(Kind::Webhook),
                "slack" => |table, directory| Slack::read(table, directory).map(Kind::Slack),
                "email" => |table, directory| Email::read(table, directory).map(Box::new).map(Kind::Email),
                "command" => |table, _directory| Program::read(table).map(Kind::Command),
                _ => return None,
            };
            Some(read)
        });
        let read = table.required("kind", read, &format!("how to tell: kind = {NAMES}"))?;
        read(table, directory)
    }

    /// As the configuration has it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Slack(_) => "slack",
            Self::Email(_) => "email",
            Self::Command(_) => "command",
        }
    }

    /// Where it goes, without anything that is a secret.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::Webhook(Webhook { url, .. }) | Self::Slack(Slack { url, .. }) => host(url),
            Self::Email(email) => format!("{} by {}", email.to.join(", "), email.server),
            Self::Command(program) => program.path().to_owned(),
        }
    }

    /// What it has that nobody may see.
    #[must_use]
    pub fn secrets(&self) -> Vec<&Source> {
        match self {
            Self::Webhook(webhook) => vec![&webhook.url, &webhook.secret],
            Self::Slack(slack) => vec![&slack.url],
            Self::Email(email) => email.username.iter().chain(&email.password).collect(),
            Self::Command(_) => Vec::new(),
        }
    }

    pub(super) async fn send(&self, told: &Told<'_>) -> Result<(), Failure> {
        match self {
            Self::Webhook(webhook) => webhook.send(told).await,
            Self::Slack(slack) => slack.send(told).await,
            Self::Email(email) => email.send(told).await,
            Self::Command(program) => program.send(told).await,
        }
    }
}

/// The host of an address; where that can't be had, the place where it should be.
fn host(url: &Source) -> String {
    let known = fetch(url).ok().and_then(|secret| address(&secret.password).ok());
    known.map_or_else(|| url.to_string(), |url| url.place())
}

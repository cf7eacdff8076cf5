//! One `[[notify]]`: who is told of what, and how long it is tried.

use super::failure::Failure;
use super::filter::{Filter, is_known};
use super::kind::Kind;
use super::told::Told;
use crate::config::{Table, name};
use std::path::Path;
use std::time::Duration;
use toml::Spanned;

/// One notifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifierSettings {
    /// Its name.
    pub name: String,
    /// How it is told, and where.
    pub kind: Kind,
    /// Of what.
    pub filter: Filter,
    /// Where what is told of can be looked at: what links begin with.
    pub link: Option<String>,
    /// How long one try may take.
    pub timeout: Duration,
    /// How often each event is tried.
    pub attempts: u32,
}

impl NotifierSettings {
    /// Tells it of `told`, once.
    ///
    /// # Errors
    /// Where that could not be done, or not in time; the text holds no secret.
    pub async fn send(&self, told: &Told<'_>) -> Result<(), Failure> {
        let late = |_elapsed| Err(Failure::new(format!("no answer within {} s", self.timeout.as_secs())));
        let sent = tokio::time::timeout(self.timeout, self.kind.send(told)).await.unwrap_or_else(late);
        sent.map_err(|failure| failure.without(&self.kind.secrets()))
    }
}

pub(crate) fn read(mut table: Table<'_, '_>, directory: &Path) -> Option<NotifierSettings> {
    let name = table.parsed("name", "letters, digits, dots, dashes and underscores, at most 64", name);
    let name = table.required("name", name, "a name for lists and records: name = \"on-call\"");
    let events = table.texts("events").map(|events| {
        let known = |event: &Spanned<String>| {
            let known = is_known(event.get_ref());
            if !known {
                let hint = "a name such as \"hold.asked\", or a beginning such as \"hold.*\": docs/notify.md lists them";
                table.problem_at(event.span(), format!("no event is {:?}", event.get_ref()), hint);
            }
            known
        };
        events.into_iter().filter(known).map(Spanned::into_inner).collect()
    });
    let targets = table.texts("targets").unwrap_or_default().into_iter().map(Spanned::into_inner).collect();
    let link = table.parsed("link", "the console's address: \"https://weir.acme.example\"", link);
    let timeout = table.number("timeout_seconds", 1, 25).map_or(Duration::from_secs(10), Duration::from_secs);
    let attempts = table.number("attempts", 1, 100).unwrap_or(12);
    let kind = Kind::read(&mut table, directory)?;
    table.end();
    Some(NotifierSettings { name: name?, kind, filter: Filter { events, targets }, link, timeout, attempts })
}

/// An address that can stand in a message as it is.
fn link(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:/[]~".contains(&byte);
    (!rest.is_empty() && text.len() <= 512 && rest.bytes().all(legal)).then(|| text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use std::path::Path;

    fn parse(notify: &str) -> Result<Config, Vec<String>> {
        let text = format!("trust_domain = \"acme.example\"\n[[notify]]\n{notify}\n");
        Config::parse(&text, Path::new("/etc/weir"))
            .map_err(|problems| problems.into_iter().map(|problem| format!("{} {}", problem.what, problem.hint)).collect())
    }

    #[test]
    fn each_kind_has_its_keys_and_secrets_are_references_alone() {
        let slack = "name = \"on-call\"\nkind = \"slack\"\nurl = \"file:slack.url\"";
        let config = parse(slack).unwrap();
        let notifier = &config.notifiers[0];
        assert_eq!((notifier.attempts, notifier.timeout.as_secs(), notifier.kind.name()), (12, 10, "slack"));
        assert_eq!(config.private_files().last().unwrap(), Path::new("/etc/weir/slack.url"), "no job sees it");
        let env = parse(&slack.replace("file:slack.url", "env:WEIR_SLACK_URL")).unwrap();
        assert_eq!(env.secret_variables(), ["WEIR_SLACK_URL"]);
        for (wrong, told) in [
            ("name = \"a b\"\nkind = \"slack\"\nurl = \"env:U\"", "`name` can't be"),
            ("kind = \"slack\"\nurl = \"env:U\"", "`name` is missing"),
            ("name = \"a\"\nurl = \"env:U\"", "`kind` is missing"),
            ("name = \"a\"\nkind = \"pager\"", "`kind` can't be \"pager\""),
            ("name = \"a\"\nkind = \"slack\"", "`url` is missing"),
            ("name = \"a\"\nkind = \"slack\"\nurl = \"https://hooks.example/hunter2\"", "no credential source"),
            ("name = \"a\"\nkind = \"webhook\"\nurl = \"env:U\"", "`secret` is missing"),
            ("name = \"a\"\nkind = \"slack\"\nurl = \"env:U\"\nsecret = \"env:S\"", "unknown key `secret`"),
            ("name = \"a\"\nkind = \"slack\"\nurl = \"env:U\"\nevents = [\"hold.aksed\"]", "no event is \"hold.aksed\""),
            ("name = \"a\"\nkind = \"slack\"\nurl = \"env:U\"\nlink = \"https://x|y>\"", "`link` can't be"),
            (
                "name = \"a\"\nkind = \"slack\"\nurl = \"env:U\"\n[[notify]]\nname = \"a\"\nkind = \"slack\"\nurl = \"env:U\"",
                "two [[notify]]",
            ),
            ("name = \"a\"\nkind = \"command\"\ncommand = [\"page\"]", "`command`"),
            ("name = \"a\"\nkind = \"command\"\ncommand = []", "`command`"),
            ("name = \"a\"\nkind = \"email\"\nserver = \"mail.example:25\"\nfrom = \"x\"\nto = [\"a@b.example\"]", "`from`"),
            (
                "name = \"a\"\nkind = \"email\"\nserver = \"mail.example:25\"\nfrom = \"a@b.example\"\nto = [\"a@b.example\\r\\nBcc: c@d.example\"]",
                "`to`",
            ),
            (
                "name = \"a\"\nkind = \"email\"\nserver = \"mail.example:25\"\nfrom = \"a@b.example\"\nto = [\"a@b.example\"]\ntls = \"none\"",
                "`tls`",
            ),
        ] {
            let problems = parse(wrong).expect_err(wrong);
            assert!(problems.iter().any(|problem| problem.contains(told)), "{wrong}: {problems:?}");
            assert!(!format!("{problems:?}").contains("hunter2"), "{problems:?}");
        }
    }

    #[test]
    fn the_check_says_that_broken_glass_is_told_all_the_same() {
        let quiet = parse("name = \"a\"\nkind = \"slack\"\nurl = \"env:U\"\nevents = [\"hold.*\"]").unwrap();
        assert!(quiet.notes()[0].contains("glass.broken"), "{:?}", quiet.notes());
        assert!(parse("name = \"a\"\nkind = \"slack\"\nurl = \"env:U\"").unwrap().notes().is_empty());
    }
}

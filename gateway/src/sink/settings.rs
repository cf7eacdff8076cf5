//! One `[[sink]]`: where events go, which, and in which words; and `[spool]`.

use super::filter::Filter;
use super::format::{Format, NAMES};
use super::kind::Kind;
use super::spool::{OnFull, Reader, SpoolSettings};
use crate::config::{Table, name};
use std::path::Path;
use std::time::Duration;
use toml::Spanned;

/// One sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkSettings {
    /// Its name.
    pub name: String,
    /// How events get there, and where that is.
    pub kind: Kind,
    /// In which words they are told.
    pub format: Format,
    /// Which.
    pub filter: Filter,
    /// What is done where the spool is full and this sink has not taken what is in it.
    pub on_full: OnFull,
    /// How long one batch may take.
    pub timeout: Duration,
}

impl SinkSettings {
    /// What is no problem, and should be known.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let open = self.kind.is_open();
        open.then(|| {
            format!("[[sink]] {:?}: anybody on the way to {} can read the events; use tls://", self.name, self.kind.place())
        })
    }

    /// As the spool has to know it.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader { name: self.name.clone(), on_full: self.on_full }
    }
}

/// Reads a `[[sink]]`.
pub(crate) fn read(mut table: Table<'_, '_>, directory: &Path) -> Option<SinkSettings> {
    let name = table.parsed("name", "letters, digits, dots, dashes and underscores, at most 64", name);
    let name = table.required("name", name, "a name for lists and files: name = \"siem\"");
    let format = table.parsed("format", NAMES, Format::from_name);
    let events = table.texts("events").unwrap_or_default();
    let known = |event: &Spanned<String>| {
        let known = Filter::KINDS.contains(&event.get_ref().as_str());
        if !known {
            let hint = format!("this version knows: {}", Filter::KINDS.join(", "));
            table.problem_at(event.span(), format!("no kind of event is {:?}", event.get_ref()), hint);
        }
        known
    };
    let events = events.into_iter().filter(known).map(Spanned::into_inner).collect();
    let targets = table.texts("targets").unwrap_or_default().into_iter().map(Spanned::into_inner).collect();
    let hint = "\"drop\" loses the oldest events for this sink, and says how many; \"block\" holds up whoever is recorded";
    let on_full = table.parsed("on_full", hint, |text| match text {
        "drop" => Some(OnFull::Drop),
        "block" => Some(OnFull::Block),
        _ => None,
    });
    let timeout = table.number("timeout_seconds", 1, 120).map_or(Duration::from_secs(30), Duration::from_secs);
    let kind = Kind::read(&mut table, directory)?;
    let format = format.unwrap_or_else(|| kind.default_format());
    table.end();
    let filter = Filter { events, targets };
    Some(SinkSettings { name: name?, kind, format, filter, on_full: on_full.unwrap_or_default(), timeout })
}

/// Reads `[spool]`.
pub(crate) fn read_spool(mut table: Table<'_, '_>) -> SpoolSettings {
    let default = SpoolSettings::default();
    let max_bytes = table.number::<u64>("max_mib", 1, 1 << 20).map_or(default.max_bytes, |mib| mib << 20);
    table.end();
    SpoolSettings { max_bytes }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use std::path::Path;

    fn parse(sink: &str) -> Result<Config, Vec<String>> {
        let text = format!("trust_domain = \"acme.example\"\n[[sink]]\n{sink}\n");
        Config::parse(&text, Path::new("/etc/weir"))
            .map_err(|problems| problems.into_iter().map(|problem| format!("{} {}", problem.what, problem.hint)).collect())
    }

    #[test]
    fn each_kind_has_its_keys_and_secrets_are_references_alone() {
        let syslog = "name = \"siem\"\nkind = \"syslog\"\naddress = \"tls://siem.acme.example\"";
        let config = parse(syslog).unwrap();
        let sink = &config.sinks[0];
        assert_eq!(
            (sink.kind.name(), sink.format.name(), sink.kind.place()),
            ("syslog", "ocsf", "tls://siem.acme.example:6514".to_owned())
        );
        assert!(config.notes().is_empty() && config.secret_variables().is_empty());
        let open = parse(&syslog.replace("tls:", "tcp:")).unwrap().notes();
        assert!(open[0].contains("anybody on the way to tcp://siem.acme.example:601 can read"), "{open:?}");
        assert!(parse(&syslog.replace("tls://siem.acme.example", "tcp://127.0.0.1:514")).unwrap().notes().is_empty());
        let hook = "name = \"hook\"\nkind = \"webhook\"\nurl = \"env:U\"\nsecret = \"file:hook.secret\"\nformat = \"cef\"";
        let config = parse(hook).unwrap();
        assert_eq!(config.secret_variables(), ["U"]);
        assert_eq!(config.private_files().last().unwrap(), Path::new("/etc/weir/hook.secret"), "no job sees it");
        let file = parse("name = \"f\"\nkind = \"file\"\npath = \"events.jsonl\"\n[spool]\nmax_mib = 2").unwrap();
        assert_eq!(
            (file.private_files().last().unwrap().as_path(), file.spool.max_bytes),
            (Path::new("/etc/weir/events.jsonl"), 2 << 20)
        );
        for (wrong, told) in [
            (syslog.replace("siem\"\nkind", "a b\"\nkind"), "`name` can't be"),
            (syslog.replace("\"syslog\"", "\"pager\""), "`kind` can't be \"pager\""),
            (syslog.replace("tls://", "udp://"), "`address` can't be"),
            (format!("{syslog}\nformat = \"xml\""), "`format` can't be"),
            (format!("{syslog}\nevents = [\"statemnet\"]"), "no kind of event is \"statemnet\""),
            (format!("{syslog}\ncertificate = \"file:a.pem\""), "without the other"),
            (format!("{syslog}\non_full = \"wait\""), "`on_full` can't be"),
            (format!("{syslog}\n[[sink]]\n{syslog}"), "two [[sink]]"),
            (format!("{syslog}\npath = \"x\""), "unknown key `path`"),
            (syslog.replace("tls:", "tcp:") + "\nca = \"file:a.pem\"", "are for TLS"),
            (hook.replace("env:U", "https://hunter2.example/hunter2"), "no credential source"),
            ("name = \"f\"\nkind = \"file\"".to_owned(), "`path` is missing"),
        ] {
            let problems = parse(&wrong).expect_err(&wrong);
            assert!(problems.iter().any(|problem| problem.contains(told)), "{wrong}: {problems:?}");
            assert!(!format!("{problems:?}").contains("hunter2"), "{problems:?}");
        }
    }
}

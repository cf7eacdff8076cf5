//! One `[[sink]]`: where events go, which, and in which words; and `[spool]`.

use super::filter::Filter;
use super::format::Format;
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
    let format = table.parsed("format", Format::NAMES, Format::parse);
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

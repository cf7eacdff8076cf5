//! What is told of an event: as JSON for programs, with an id that is the same at each try.

use super::message::{self, Message};
use crate::ledger::Event;
use serde_json::{Value, json};

/// An event on its way to somebody.
#[derive(Clone, Debug)]
pub struct Told<'e> {
    /// It.
    pub event: &'e Event,
    /// Where it can be looked at begins with this.
    pub base: Option<&'e str>,
}

impl Told<'_> {
    /// The same at each try, and of no other event: its number in a ledger, and the ledger's key.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}-{}", self.event.number, self.event.key)
    }

    /// Where it can be looked at.
    #[must_use]
    pub fn link(&self) -> Option<String> {
        let base = self.base?;
        message::place(self.event).map(|place| format!("{base}{place}"))
    }

    /// All that a program gets: the event as the ledger has it, signature included, and no more.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({ "id": self.id(), "type": self.event.kind, "link": self.link(), "event": self.event })
    }

    /// What people get.
    #[must_use]
    pub fn message(&self) -> Message {
        Message::of(self.event, self.link())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::ledger::{Kind, Ledger};
    use gateway_core::model::ids::HoldId;

    /// An event as a ledger has it.
    pub(in crate::notify) fn event(kind: Kind, details: Value) -> Event {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let subject = HoldId::from_number(7).to_string();
        ledger.change(|change| change.event(kind, "weir", &subject, &details)).unwrap()
    }

    #[test]
    fn a_program_gets_the_event_its_signature_an_id_and_a_link() {
        let event = event(Kind::HoldAsked, json!({ "target": "prod-pg" }));
        let told = Told { event: &event, base: Some("https://weir.acme.example") };
        let json = told.json();
        assert_eq!(json["id"], format!("1-{}", event.key));
        assert_eq!(json["type"], "hold.asked");
        assert_eq!(json["link"], "https://weir.acme.example/holds/h-0000000000007");
        let back: Event = serde_json::from_value(json["event"].clone()).unwrap();
        assert!(back.is_genuine(), "it can be verified with the ledger's key");
        assert_eq!(Told { event: &event, base: None }.json()["link"], Value::Null);
    }
}

//! What the tests of sinks share, and how an entry is numbered.

use super::Entry;
use gateway_core::event::{Context, Event, What};
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;

/// An entry that may have been sent before where its number is even.
pub(super) fn entry(number: u64, text: &str) -> Entry<'_> {
    let session = SessionId::from_number(7);
    Entry {
        number,
        uid: "s-1",
        at: Timestamp(1_700_000_000_000_000_000),
        session,
        again: number.is_multiple_of(2),
        severity: 2,
        text,
    }
}

/// Some event.
pub(super) fn event(number: u64) -> Event {
    Event {
        uid: format!("s-{number}"),
        at: Timestamp(number),
        host: "ci-7".to_owned(),
        session: SessionId::from_number(number % 3),
        context: Context::default(),
        what: What::Checkpoint { note: format!("note {number}") },
    }
}

#[test]
fn a_number_stands_in_each_format() {
    for (text, number, expected) in [
        ("{}", 1, "{\"weir\":{\"number\":1}}"),
        ("{\"a\":1}", 2, "{\"weir\":{\"number\":2,\"again\":true},\"a\":1}"),
        ("CEF:0|weir|weir|1|x|x|1|a=b", 2, "CEF:0|weir|weir|1|x|x|1|a=b weirNumber=2 weirAgain=1"),
        ("LEEF:2.0|weir|weir|1|x|a=b", 1, "LEEF:2.0|weir|weir|1|x|a=b\tweirNumber=1"),
    ] {
        assert_eq!(entry(number, text).numbered(), expected);
    }
}

//! The corpus of this project: statements across the grammar, in files beside this one.

use super::capture::{Recorded, Sent};
use crate::wire::message;

/// Each file is a session. A blank line ends a text; what follows a line `--data` is COPY's.
const FILES: [(&str, &str); 7] = [
    ("select", include_str!("select.sql")),
    ("write", include_str!("write.sql")),
    ("define", include_str!("define.sql")),
    ("administer", include_str!("administer.sql")),
    ("session", include_str!("session.sql")),
    ("spelling", include_str!("spelling.sql")),
    ("views", include_str!("views.sql")),
];

/// The corpus as if it had been taken down.
#[must_use]
pub fn own() -> Recorded {
    Recorded { sessions: FILES.iter().map(|(name, text)| session(name, text)).collect() }
}

fn session(name: &str, text: &str) -> Sent {
    let parameters = [("user", "postgres"), ("database", "postgres"), ("application_name", name)];
    let mut messages = Vec::new();
    for block in text.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
        let (sql, data) = block.split_once("\n--data\n").map_or((block, None), |(sql, data)| (sql, Some(data)));
        messages.push(message::query(sql.as_bytes()));
        if let Some(data) = data {
            messages.push(message::copy_data(format!("{data}\n").as_bytes()));
            messages.push(message::copy_done());
        }
    }
    Sent { parameters: parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into(), messages }
}

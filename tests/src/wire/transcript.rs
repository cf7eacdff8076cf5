//! What a client saw, message by message.

use serde_json::Value;

/// The messages that came, in their order.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    lines: Vec<Value>,
}

/// An error that a client saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its SQLSTATE.
    pub code: String,
    /// Its message.
    pub text: String,
    /// Its detail.
    pub detail: String,
    /// Its hint.
    pub hint: String,
}

impl Transcript {
    /// Reads what [`super::play`] wrote; other lines are passed over.
    #[must_use]
    pub fn read(out: &str) -> Self {
        Self { lines: out.lines().filter_map(|line| serde_json::from_str(line).ok()).collect() }
    }

    /// The types of all messages but notices and settings, as one word: `1 2 C Z`.
    #[must_use]
    pub fn shape(&self) -> String {
        let tags = self.lines.iter().filter_map(tag).filter(|tag| !["N", "S"].contains(tag));
        tags.collect::<Vec<_>>().join(" ")
    }

    /// The errors.
    #[must_use]
    pub fn errors(&self) -> Vec<Refusal> {
        let errors = self.lines.iter().filter(|line| tag(line) == Some("E"));
        let field = |line: &Value, name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let error = |line| Refusal {
            code: field(line, "code"),
            text: field(line, "text"),
            detail: field(line, "detail"),
            hint: field(line, "hint"),
        };
        errors.map(error).collect()
    }

    /// The errors that are weir's.
    #[must_use]
    pub fn refusals(&self) -> Vec<Refusal> {
        self.errors().into_iter().filter(Refusal::is_weirs).collect()
    }

    /// All that came but why: without the details and hints of errors and notices, in which weir says more than a server.
    #[must_use]
    pub fn without_reasons(&self) -> Vec<Value> {
        let mut lines = self.lines.clone();
        for fields in lines.iter_mut().filter_map(Value::as_object_mut) {
            fields.retain(|name, _| !["detail", "hint"].contains(&name.as_str()));
        }
        lines
    }

    /// The command tags.
    #[must_use]
    pub fn tags(&self) -> Vec<&str> {
        self.texts("C")
    }

    /// The transaction status of each ReadyForQuery: `I`, `T` or `E`.
    #[must_use]
    pub fn states(&self) -> String {
        self.texts("Z").concat()
    }

    /// The rows, columns joined by `|`.
    #[must_use]
    pub fn rows(&self) -> Vec<String> {
        let rows = self.lines.iter().filter_map(|line| line.get("row")?.as_array());
        let column = |value: &Value| value.as_str().unwrap_or("NULL").to_owned();
        rows.map(|row| row.iter().map(column).collect::<Vec<_>>().join("|")).collect()
    }

    /// How the connection ended, where it ended before the script did.
    #[must_use]
    pub fn end(&self) -> Option<&str> {
        self.texts("end").first().copied()
    }

    /// Its part for each Query or segment: up to and with its ReadyForQuery.
    #[must_use]
    pub fn segments(&self) -> Vec<Self> {
        let segments = self.lines.split_inclusive(|line| tag(line) == Some("Z"));
        segments.map(|lines| Self { lines: lines.to_vec() }).collect()
    }

    fn texts(&self, wanted: &str) -> Vec<&str> {
        let lines = self.lines.iter().filter(|line| tag(line) == Some(wanted));
        lines.filter_map(|line| line.get("text")?.as_str()).collect()
    }
}

impl Refusal {
    /// Whether weir has refused: by policy, or by a limit of its own or of the target's. A text that no server reads
    /// it refuses in the server's words.
    #[must_use]
    pub fn is_weirs(&self) -> bool {
        let by_name = ["42501", "54000", "53400"].contains(&self.code.as_str()) && self.text.starts_with("weir refused ");
        by_name || self.detail.starts_with("weir did not pass it on")
    }
}

fn tag(line: &Value) -> Option<&str> {
    line.get("tag")?.as_str()
}

//! `kind = "slack"`: a message to an incoming webhook of Slack, or of what understands the same.

use super::failure::Failure;
use super::http::{address, post};
use super::message::Message;
use super::told::Told;
use crate::config::{Table, ca, secret};
use crate::credential::{Source, fetch};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Slack's limits (Block Kit reference), with room: a header's text, a field's, a section's, and the fields of a section.
const HEADER: usize = 150;
const FIELD: usize = 1900;
const SECTION: usize = 2800;
const FIELDS: usize = 10;

/// Its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slack {
    /// Where to, which is a secret.
    pub url: Source,
    /// The CAs to trust instead of the system's.
    pub ca: Option<PathBuf>,
}

impl Slack {
    pub(super) fn read(table: &mut Table<'_, '_>, directory: &Path) -> Option<Self> {
        let url = secret(table, "url", directory);
        let url = table.required("url", url, "the incoming webhook, by reference: url = \"env:WEIR_SLACK_URL\" or \"file:…\"");
        let ca = ca(table, directory);
        Some(Self { url: url?, ca })
    }

    pub(super) async fn send(&self, told: &Told<'_>) -> Result<(), Failure> {
        let url = address(&fetch(&self.url)?.password)?;
        post(&url, self.ca.as_deref(), &[], blocks(&told.message()).to_string().into_bytes()).await
    }
}

/// The message in blocks, and as a text for what shows none.
fn blocks(message: &Message) -> Value {
    // Slack takes a link's address as it stands: a base with such letters is refused at load.
    let link = message.link.as_ref().map(|link| format!("<{link}|Look at it>"));
    let mut blocks =
        vec![json!({ "type": "header", "text": { "type": "plain_text", "text": cut(&message.title, HEADER), "emoji": false } })];
    for facts in message.facts.chunks(FIELDS) {
        let fields: Vec<_> = facts.iter().map(|(name, fact)| markdown(&format!("*{name}*\n{}", escaped(fact, FIELD)))).collect();
        blocks.push(json!({ "type": "section", "fields": fields }));
    }
    if let Some(statement) = &message.statement {
        // A fence in the statement would end the block.
        let fenced = escaped(&statement.replace("```", "`\u{2060}`\u{2060}`"), SECTION);
        blocks.push(json!({ "type": "section", "text": markdown(&format!("```{fenced}```")) }));
    }
    if let Some(link) = &link {
        blocks.push(json!({ "type": "section", "text": markdown(&format!("*{link}*")) }));
    }
    let text = link.map_or_else(String::new, |link| format!(" {link}"));
    json!({ "text": format!("{}{text}", escaped(&message.title, SECTION)), "blocks": blocks, "unfurl_links": false })
}

/// Formatted, but for what looks like a link or a name.
fn markdown(text: &str) -> Value {
    json!({ "type": "mrkdwn", "text": text, "verbatim": true })
}

/// As Slack asks: `&`, `<` and `>`, so that nothing in it is a mention, a link or a command. Cut at so many bytes, marks and all.
fn escaped(text: &str, most: usize) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        let mut own = [0; 4];
        let part = match letter {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            other => other.encode_utf8(&mut own),
        };
        if out.len() + part.len() > most {
            out.push('…');
            break;
        }
        out.push_str(part);
    }
    out
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_message_is_a_mention_a_link_or_the_end_of_a_block() {
        let evil = "<!channel> & <https://evil.example|Look at it> ``` *x*";
        let message = Message {
            title: evil.to_owned(),
            facts: vec![("why", evil.to_owned()); 12],
            statement: Some(evil.repeat(200)),
            link: Some("https://weir.acme.example/holds/h-0000000000007".to_owned()),
        };
        let blocks = blocks(&message);
        let all = blocks["blocks"].as_array().unwrap();
        // Header, two of facts, statement, link.
        assert_eq!(all.len(), 5);
        let texts = |block: &Value| block["fields"].as_array().cloned().unwrap_or_else(|| vec![block["text"].clone()]);
        let texts = all.iter().flat_map(texts).filter(|text| text["type"] == "mrkdwn");
        let formatted: Vec<_> = texts.map(|text| text["text"].as_str().unwrap().to_owned()).collect();
        assert_eq!(formatted.len(), 14);
        let plain = blocks["text"].as_str().unwrap().to_owned();
        for text in formatted.iter().chain([&plain]) {
            let own = text.replace("<https://weir.acme.example/holds/h-0000000000007|Look at it>", "");
            assert!(!own.contains(['<', '>']), "{text}");
            assert!(text.len() <= 3000, "{}", text.len());
        }
        let statement = &formatted[12];
        assert_eq!(statement.matches("```").count(), 2, "its own fences alone");
        assert!(statement.ends_with("…```"), "what is cut says so");
        assert_eq!(escaped("a&b", 100), "a&amp;b");
        assert_eq!(escaped("&&&", 10), "&amp;&amp;…");
    }
}

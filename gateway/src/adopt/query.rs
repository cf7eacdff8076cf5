//! The query of a list of containers: what of it passes, and the job's own label among its filters.

use super::others;
use super::refusal::Refused;

/// The query with the job's own label among its filters.
pub(super) fn with_filters(query: Option<&str>, label: &str) -> Result<String, Refused> {
    let mut given = None;
    let mut kept = Vec::new();
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("filters", value)) if given.is_none() => given = Some(decoded(value)?),
            Some(("all" | "limit" | "size", _)) => kept.push(pair.to_owned()),
            _ => return Err(Refused::new("the query", "weir does not know all of it")),
        }
    }
    kept.push(format!("filters={}", encoded(&others::filters(given.as_deref(), label)?)));
    Ok(kept.join("&"))
}

/// `application/x-www-form-urlencoded`, undone.
fn decoded(text: &str) -> Result<String, Refused> {
    let odd = || Refused::new("the query", "it is not well formed");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().ok_or_else(odd)?, rest.next().ok_or_else(odd)?];
                let digits = std::str::from_utf8(&digits).map_err(|_| odd())?;
                u8::from_str_radix(digits, 16).map_err(|_| odd())?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| odd())
}

fn encoded(text: &str) -> String {
    let one = |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_query_keeps_what_is_known_and_gets_the_label() {
        let query = with_filters(Some("all=1&filters=%7B%22name%22%3A%5B%22x%22%5D%7D"), "weir.run=R").expect("known");
        let (kept, filters) = query.split_once("&filters=").expect("both");
        assert_eq!(kept, "all=1");
        let filters: Value = serde_json::from_str(&decoded(filters).expect("ours")).expect("ours");
        assert_eq!(filters, json!({"name": ["x"], "label": ["weir.run=R"]}));
        assert!(with_filters(Some("filters={}&filters={}"), "weir.run=R").is_err());
        assert!(with_filters(Some("external=1"), "weir.run=R").is_err());
    }
}

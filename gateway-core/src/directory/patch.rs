//! The operations of a PATCH (RFC 7644 §3.5.2), in the forms that Okta and Microsoft Entra send them.

use super::path::Path;
use super::{Kind, MOST_OPERATIONS, Refused, field};
use serde_json::Value;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Beside what is there.
    Add,
    /// Instead of it.
    Replace,
    /// No more of it.
    Remove,
}

/// One change of one attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What is to be done,
    pub verb: Verb,
    /// to what,
    pub path: Path,
    /// with what: null where there is nothing.
    pub value: Value,
}

impl Operation {
    /// Reads the body of a PATCH. What has no path is an object, each key of which is one: Entra writes paths there, too.
    ///
    /// # Errors
    /// Where it is none, or too many.
    pub fn read(body: &Value) -> Result<Vec<Self>, Refused> {
        let syntax = |what: &str| Refused::new(Kind::Syntax, what);
        let body = body.as_object().ok_or_else(|| syntax("a PATCH is an object"))?;
        let operations = field(body, "Operations")?.and_then(Value::as_array);
        let operations = operations.ok_or_else(|| syntax("a PATCH has `Operations`, a list"))?;
        let mut all = Vec::new();
        for operation in operations {
            let operation = operation.as_object().ok_or_else(|| syntax("an operation is an object"))?;
            let verb = field(operation, "op")?.and_then(Value::as_str).and_then(Verb::named);
            let verb = verb.ok_or_else(|| syntax("`op` is add, replace or remove"))?;
            let value = field(operation, "value")?.unwrap_or(&Value::Null);
            match (field(operation, "path")?, value) {
                (Some(Value::String(path)), _) if !path.is_empty() => {
                    all.push(Self { verb, path: Path::read(path)?, value: value.clone() });
                }
                (None | Some(Value::Null | Value::String(_)), Value::Object(fields)) if verb != Verb::Remove => {
                    for (key, value) in fields {
                        all.push(Self { verb, path: Path::read(key)?, value: value.clone() });
                    }
                }
                (None | Some(Value::Null | Value::String(_)), _) if verb == Verb::Remove => {
                    return Err(Refused::new(Kind::NoTarget, "what is removed has a `path`"));
                }
                (None | Some(Value::Null | Value::String(_)), _) => {
                    return Err(Refused::new(Kind::Value, "an operation without a `path` has an object as its `value`"));
                }
                (Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)), _) => {
                    return Err(Refused::new(Kind::Path, "`path` is a text"));
                }
            }
            if all.len() > MOST_OPERATIONS {
                return Err(Refused::new(Kind::TooMany, format!("a PATCH changes at most {MOST_OPERATIONS} things")));
            }
        }
        Ok(all)
    }
}

impl Verb {
    fn named(name: &str) -> Option<Self> {
        let named = |verb: &str| name.eq_ignore_ascii_case(verb);
        [("add", Self::Add), ("replace", Self::Replace), ("remove", Self::Remove)]
            .into_iter()
            .find_map(|(known, verb)| named(known).then_some(verb))
    }
}

//! A group of the directory (RFC 7643 §4.2): people, and no groups in groups.

use super::path::{Path, Select};
use super::{Kind, MOST_MEMBERS, Operation, Refused, Verb, field, line, name};
use crate::model::ids::PersonId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// A group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name, which policies and roles use.
    pub display_name: String,
    /// Which it is at the client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Its people. Kept apart: there may be many.
    #[serde(skip)]
    pub members: BTreeSet<PersonId>,
}

impl Group {
    /// Reads one as a client sends it whole.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read(body: &Value) -> Result<Self, Refused> {
        let body = body.as_object().ok_or_else(|| Refused::new(Kind::Syntax, "a group is an object"))?;
        let mut group = Self::default();
        for key in ["displayName", "externalId", "members"] {
            if let Some(value) = field(body, key)?.filter(|value| !value.is_null()) {
                let path = Path { attribute: Some(key.to_ascii_lowercase()), select: None, part: None };
                group.change(Verb::Replace, &path, value)?;
            }
        }
        if group.display_name.is_empty() {
            return Err(Refused::new(Kind::Value, "`displayName` is needed"));
        }
        Ok(group)
    }

    /// Does all of it, or nothing.
    ///
    /// # Errors
    /// Where any of it can't be done.
    pub fn patched(&self, operations: &[Operation]) -> Result<Self, Refused> {
        let mut group = self.clone();
        for Operation { verb, path, value } in operations {
            group.change(*verb, path, value)?;
        }
        Ok(group)
    }

    fn change(&mut self, verb: Verb, path: &Path, value: &Value) -> Result<(), Refused> {
        let gone = verb == Verb::Remove;
        let Some(attribute) = path.attribute.as_deref() else { return Ok(()) };
        match attribute {
            "displayname" if gone => return Err(Refused::new(Kind::Mutability, "`displayName` can't be removed")),
            "displayname" => self.display_name = group_name(value)?,
            "externalid" => self.external_id = if gone { None } else { line("externalId", value)? },
            "members" => self.change_members(verb, path.select.as_ref(), value)?,
            // Okta sends its id along, and others are not kept.
            _ => {}
        }
        Ok(())
    }

    fn change_members(&mut self, verb: Verb, select: Option<&Select>, value: &Value) -> Result<(), Refused> {
        match (verb, select) {
            (Verb::Remove, Some(select)) if select.part == "value" => {
                if let Ok(person) = select.value.parse() {
                    self.members.remove(&person);
                }
            }
            (Verb::Remove, None) if value.is_null() => self.members.clear(),
            (Verb::Remove, None) => {
                for person in items(value) {
                    // Who is none is not in it.
                    if let Ok(Some(person)) = member(person) {
                        self.members.remove(&person);
                    }
                }
            }
            (Verb::Add, None) => self.members.extend(members(value)?),
            (Verb::Replace, None) => self.members = members(value)?,
            (_, Some(_)) => return Err(Refused::new(Kind::Path, "of members one can be removed: `members[value eq \"…\"]`")),
        }
        if self.members.len() > MOST_MEMBERS {
            return Err(too_many());
        }
        Ok(())
    }
}

fn group_name(value: &Value) -> Result<String, Refused> {
    let text = name("displayName", value)?;
    // What begins so is a role of weir's, and nobody's to give but the configuration's.
    if text.to_ascii_lowercase().starts_with("role:") {
        return Err(Refused::new(Kind::Value, "a group's name can't begin with `role:`"));
    }
    Ok(text)
}

fn items(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        Value::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}

fn members(value: &Value) -> Result<BTreeSet<PersonId>, Refused> {
    let items = items(value);
    if items.len() > MOST_MEMBERS {
        return Err(too_many());
    }
    items.iter().filter_map(|item| member(item).transpose()).collect()
}

/// The person that is meant; none where nobody is.
fn member(item: &Value) -> Result<Option<PersonId>, Refused> {
    let (value, kind) = match item {
        Value::Object(fields) => (field(fields, "value")?, field(fields, "type")?),
        other => (Some(other), None),
    };
    if kind.and_then(Value::as_str).is_some_and(|kind| kind.eq_ignore_ascii_case("group")) {
        return Err(Refused::new(
            Kind::Value,
            "a group's members are people: have the provider send the people of groups in groups",
        ));
    }
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let id = value.as_str().and_then(|text| text.parse().ok());
            id.map(Some).ok_or_else(|| Refused::new(Kind::Value, "a member's `value` is the id of a user here"))
        }
    }
}

fn too_many() -> Refused {
    Refused::new(Kind::TooMany, format!("a group has at most {MOST_MEMBERS} members"))
}

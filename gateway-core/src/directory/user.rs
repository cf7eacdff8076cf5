//! A person of the directory (RFC 7643 §4.1): of all that a client may send, what weir has a use for.

use super::path::{Path, Select};
use super::{Kind, MOST_EMAILS, Operation, Refused, Verb, field, flag, folded, line, name};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// A person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Their name here, which no other has.
    pub user_name: String,
    /// Who they are at the client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Their name as people read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Its parts.
    #[serde(default)]
    pub name: Name,
    /// Their addresses.
    #[serde(default)]
    pub emails: Vec<Email>,
    /// Whether they are there: who is not has left.
    pub active: bool,
}

/// The parts of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// As it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formatted: Option<String>,
    /// The family's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// One's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
}

/// An address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email {
    /// It.
    pub value: String,
    /// `work`, `home` …
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Whether it is the first of them.
    #[serde(default)]
    pub primary: bool,
}

impl User {
    /// Reads one as a client sends it whole. Whether they are active stays as `before` where it is not said.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read(body: &Value, before: Option<&Self>) -> Result<Self, Refused> {
        let body = body.as_object().ok_or_else(|| Refused::new(Kind::Syntax, "a user is an object"))?;
        let mut user = Self { active: before.is_none_or(|before| before.active), ..Self::default() };
        for key in ["userName", "externalId", "displayName", "name", "emails", "active"] {
            // What is null is as if it were not there (RFC 7643 §2.5).
            if let Some(value) = field(body, key)?.filter(|value| !value.is_null()) {
                let path = Path { attribute: Some(key.to_ascii_lowercase()), select: None, part: None };
                user.change(Verb::Replace, &path, value)?;
            }
        }
        if user.user_name.is_empty() {
            return Err(Refused::new(Kind::Value, "`userName` is needed"));
        }
        Ok(user)
    }

    /// Does all of it, or nothing.
    ///
    /// # Errors
    /// Where any of it can't be done.
    pub fn patched(&self, operations: &[Operation]) -> Result<Self, Refused> {
        let mut user = self.clone();
        for Operation { verb, path, value } in operations {
            user.change(*verb, path, value)?;
        }
        Ok(user)
    }

    /// All that somebody may call them by, in lower case.
    #[must_use]
    pub fn names(&self) -> BTreeSet<String> {
        let emails = self.emails.iter().map(|email| folded(&email.value));
        std::iter::once(folded(&self.user_name)).chain(emails).collect()
    }

    /// The attributes in which another is not the same.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let each = [
            ("userName", self.user_name == other.user_name),
            ("externalId", self.external_id == other.external_id),
            ("displayName", self.display_name == other.display_name),
            ("name", self.name == other.name),
            ("emails", self.emails == other.emails),
            ("active", self.active == other.active),
        ];
        each.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }

    fn change(&mut self, verb: Verb, path: &Path, value: &Value) -> Result<(), Refused> {
        let gone = verb == Verb::Remove;
        let given = if gone { &Value::Null } else { value };
        let Some(attribute) = path.attribute.as_deref() else { return Ok(()) };
        match (attribute, path.part.as_deref()) {
            ("username" | "active", _) if gone => {
                return Err(Refused::new(Kind::Mutability, format!("`{attribute}` can't be removed")));
            }
            ("username", None) => self.user_name = name("userName", given)?,
            ("active", None) => self.active = flag("active", given)?,
            ("externalid", None) => self.external_id = line("externalId", given)?,
            ("displayname", None) => self.display_name = line("displayName", given)?,
            ("name", part) => self.name.change(part, given)?,
            ("emails", part) => self.change_emails(verb, path.select.as_ref(), part, given)?,
            ("id" | "meta" | "groups", _) if !path.is_whole() || verb != Verb::Replace => {
                return Err(Refused::new(Kind::Mutability, format!("`{attribute}` can't be changed")));
            }
            // Others are not kept, and so can't be wrong (RFC 7644 §3.3: ignored).
            (_, _) => {}
        }
        Ok(())
    }

    fn change_emails(&mut self, verb: Verb, select: Option<&Select>, part: Option<&str>, value: &Value) -> Result<(), Refused> {
        match (verb, select, part) {
            (Verb::Remove, None, None) => self.emails.clear(),
            (Verb::Remove, Some(select), None | Some("value")) => self.emails.retain(|email| !email.is_meant(select)),
            (Verb::Replace, None, None) => self.emails = Email::all(value)?,
            (Verb::Add, None, None) => {
                for email in Email::all(value)? {
                    self.emails.retain(|known| known.value != email.value || known.kind != email.kind);
                    self.emails.push(email);
                }
            }
            (_, select, part) => self.change_one_email(select, part, value)?,
        }
        self.primary_is_one();
        if self.emails.len() > MOST_EMAILS {
            return Err(Refused::new(Kind::TooMany, format!("a person has at most {MOST_EMAILS} addresses")));
        }
        Ok(())
    }

    /// Changes the one that is meant; makes it where there is none, as Entra expects.
    fn change_one_email(&mut self, select: Option<&Select>, part: Option<&str>, value: &Value) -> Result<(), Refused> {
        let places: Vec<_> =
            (0..self.emails.len()).filter(|at| select.is_none_or(|select| self.emails[*at].is_meant(select))).collect();
        let place = match places.as_slice() {
            [] => None,
            [one] => Some(*one),
            [first, ..] if select.is_some() => Some(*first),
            [..] => return Err(Refused::new(Kind::NoTarget, "say which of the addresses: `emails[type eq \"work\"]`")),
        };
        let mut email = place.map_or_else(|| Email::selected(select), |place| self.emails[place].clone());
        match part {
            None => match value.as_object() {
                Some(fields) => email.fill(fields)?,
                None => email.value = name("emails", value)?,
            },
            Some("value") => email.value = name("emails.value", value)?,
            Some("type") => email.kind = line("emails.type", value)?,
            Some("primary") => email.primary = flag("emails.primary", value)?,
            Some(_) => return Ok(()),
        }
        if email.primary {
            self.emails.iter_mut().for_each(|other| other.primary = false);
        }
        match place.and_then(|place| self.emails.get_mut(place)) {
            Some(known) => *known = email,
            // Without a value it is nothing.
            None if email.value.is_empty() => {}
            None => self.emails.push(email),
        }
        Ok(())
    }

    /// The last that says so is the first (RFC 7643 §2.4: at most one).
    fn primary_is_one(&mut self) {
        let mut found = false;
        for email in self.emails.iter_mut().rev() {
            email.primary &= !found;
            found |= email.primary;
        }
    }
}

impl Name {
    fn change(&mut self, part: Option<&str>, value: &Value) -> Result<(), Refused> {
        match (part, value) {
            (None, Value::Null) => *self = Self::default(),
            (None, Value::Object(fields)) => {
                for key in ["formatted", "familyName", "givenName"] {
                    if let Some(value) = field(fields, key)? {
                        self.change(Some(&key.to_ascii_lowercase()), value)?;
                    }
                }
            }
            (None, _) => return Err(Refused::new(Kind::Value, "`name` is an object")),
            (Some("formatted"), _) => self.formatted = line("name.formatted", value)?,
            (Some("familyname"), _) => self.family_name = line("name.familyName", value)?,
            (Some("givenname"), _) => self.given_name = line("name.givenName", value)?,
            (Some(_), _) => {}
        }
        Ok(())
    }
}

impl Email {
    /// A list of them, one alone, or its address alone.
    fn all(value: &Value) -> Result<Vec<Self>, Refused> {
        let items = match value {
            Value::Null => &[],
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        if items.len() > MOST_EMAILS {
            return Err(Refused::new(Kind::TooMany, format!("a person has at most {MOST_EMAILS} addresses")));
        }
        let mut all = Vec::new();
        for item in items {
            let mut email = Self::default();
            match item {
                Value::Object(fields) => email.fill(fields)?,
                other => email.value = name("emails", other)?,
            }
            // What has no address is none: Entra sends types alone.
            if !email.value.is_empty() {
                all.push(email);
            }
        }
        Ok(all)
    }

    fn fill(&mut self, fields: &Map<String, Value>) -> Result<(), Refused> {
        if let Some(value) = field(fields, "value")?.filter(|value| !value.is_null()) {
            self.value = name("emails.value", value)?;
        }
        if let Some(value) = field(fields, "type")? {
            self.kind = line("emails.type", value)?;
        }
        if let Some(value) = field(fields, "primary")?.filter(|value| !value.is_null()) {
            self.primary = flag("emails.primary", value)?;
        }
        Ok(())
    }

    /// One that is as it is meant.
    fn selected(select: Option<&Select>) -> Self {
        let mut email = Self::default();
        match select {
            Some(Select { part, value }) if part == "type" => email.kind = Some(value.clone()),
            Some(Select { part, value }) if part == "primary" => email.primary = value == "true",
            Some(_) | None => {}
        }
        email
    }

    fn is_meant(&self, select: &Select) -> bool {
        match select.part.as_str() {
            "type" => self.kind.as_ref().is_some_and(|kind| kind.eq_ignore_ascii_case(&select.value)),
            "value" => folded(&self.value) == folded(&select.value),
            "primary" => self.primary == (select.value == "true"),
            _ => false,
        }
    }
}

//! What is looked for: `userName eq "…"`, and several of those joined by `and` (RFC 7644 §3.4.2.2). More is refused: a filter
//! that is read otherwise than it was meant would find somebody else.

use super::path::{Cursor, Path};
use super::user::User;
use super::{Group, Kind, MOST_TERMS, Refused, folded};

/// The longest filter, in bytes.
const LONGEST: usize = 2048;

/// All of these have to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter(Vec<Term>);

/// One thing that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Where.
    pub attribute: Attribute,
    /// What it has to be.
    pub value: String,
}

/// What can be looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// The id that it has here.
    Id,
    /// The id that it has at the client's.
    ExternalId,
    /// A person's name.
    UserName,
    /// A person's or a group's name as people read it.
    DisplayName,
    /// One of a person's addresses.
    Email,
    /// A person of a group's.
    Member,
}

impl Filter {
    /// Reads a filter; nothing is looked for where there is no text.
    ///
    /// # Errors
    /// Where it is none, or asks for more than is known here.
    pub fn read(text: &str) -> Result<Self, Refused> {
        if text.len() > LONGEST {
            return Err(wrong(format!("a filter has at most {LONGEST} bytes")));
        }
        let mut cursor = Cursor::new(text.trim());
        let mut terms = Vec::new();
        loop {
            if terms.len() == MOST_TERMS {
                return Err(wrong(format!("a filter asks for at most {MOST_TERMS} things")));
            }
            terms.push(Term::at(&mut cursor)?);
            if cursor.rest().is_empty() {
                return Ok(Self(terms));
            }
            if !(cursor.blanks() && cursor.keyword("and") && cursor.blanks()) {
                return Err(wrong("what is asked for can be joined by `and` alone"));
            }
        }
    }

    /// What is looked for.
    #[must_use]
    pub fn terms(&self) -> &[Term] {
        &self.0
    }

    /// Whether this person, of this id, is looked for.
    #[must_use]
    pub fn finds_user(&self, id: &str, user: &User) -> bool {
        self.0.iter().all(|Term { attribute, value }| match attribute {
            Attribute::Id => value == id,
            Attribute::ExternalId => user.external_id.as_ref() == Some(value),
            Attribute::UserName => folded(&user.user_name) == folded(value),
            Attribute::DisplayName => user.display_name.as_ref().is_some_and(|name| folded(name) == folded(value)),
            Attribute::Email => user.emails.iter().any(|email| folded(&email.value) == folded(value)),
            Attribute::Member => false,
        })
    }

    /// Whether this group, of this id, is looked for.
    #[must_use]
    pub fn finds_group(&self, id: &str, group: &Group) -> bool {
        self.0.iter().all(|Term { attribute, value }| match attribute {
            Attribute::Id => value == id,
            Attribute::ExternalId => group.external_id.as_ref() == Some(value),
            Attribute::DisplayName => folded(&group.display_name) == folded(value),
            Attribute::Member => value.parse().is_ok_and(|person| group.members.contains(&person)),
            Attribute::UserName | Attribute::Email => false,
        })
    }
}

impl Term {
    fn at(cursor: &mut Cursor<'_>) -> Result<Self, Refused> {
        let path = Path::at(cursor).map_err(|error| wrong(error.detail))?;
        let attribute = Attribute::of(&path)?;
        if !cursor.blanks() || !cursor.keyword("eq") || !cursor.blanks() {
            return Err(wrong("what is looked for can be compared by `eq` alone"));
        }
        let value = cursor.value().ok_or_else(|| wrong("what it is compared with is a text in quotes"))?;
        Ok(Self { attribute, value })
    }
}

impl Attribute {
    fn of(path: &Path) -> Result<Self, Refused> {
        let parts = (path.attribute.as_deref(), path.part.as_deref());
        match parts {
            (Some("emails"), Some("value")) => return Ok(Self::Email),
            (Some("members"), None | Some("value")) if path.select.is_none() => return Ok(Self::Member),
            _ if !path.is_whole() => {}
            (Some("id"), _) => return Ok(Self::Id),
            (Some("externalid"), _) => return Ok(Self::ExternalId),
            (Some("username"), _) => return Ok(Self::UserName),
            (Some("displayname"), _) => return Ok(Self::DisplayName),
            (Some("emails"), _) => return Ok(Self::Email),
            (Some(_) | None, _) => {}
        }
        Err(wrong("id, externalId, userName, displayName, emails.value and members can be looked for"))
    }
}

fn wrong(what: impl Into<String>) -> Refused {
    Refused::new(Kind::Filter, what)
}

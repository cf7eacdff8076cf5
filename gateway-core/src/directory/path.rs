//! What a PATCH changes, and a filter looks at: an attribute, of a list those that are meant, and a part of it
//! (RFC 7644 §3.5.2, figure 1: `PATH`).

use super::{Kind, Refused};

/// The longest path, in bytes.
const LONGEST: usize = 1024;
/// What may stand before an attribute's name.
const SCHEMAS: [&str; 2] = ["urn:ietf:params:scim:schemas:core:2.0:user:", "urn:ietf:params:scim:schemas:core:2.0:group:"];

/// A path. Names are in lower case: SCIM's have none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The attribute; `None` where it is one of an extension that is not known here.
    pub attribute: Option<String>,
    /// Which of a list are meant: `[type eq "work"]`.
    pub select: Option<Select>,
    /// A part of it: `.value`.
    pub part: Option<String>,
}

/// Those of a list whose part has this value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// The part.
    pub part: String,
    /// Its value.
    pub value: String,
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// Where it is none, or selects by anything but `eq`.
    pub fn read(text: &str) -> Result<Self, Refused> {
        let mut cursor = Cursor::new(text);
        let path = Self::at(&mut cursor)?;
        if cursor.rest().is_empty() { Ok(path) } else { Err(wrong(text)) }
    }

    /// Reads the path that a text begins with.
    pub(super) fn at(cursor: &mut Cursor<'_>) -> Result<Self, Refused> {
        let whole = cursor.rest();
        if whole.len() > LONGEST {
            return Err(Refused::new(Kind::Path, format!("a path has at most {LONGEST} bytes")));
        }
        if whole.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:")) {
            let known = |prefix: &&&str| whole.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
            let Some(prefix) = SCHEMAS.iter().find(known) else {
                // Whatever it says, it is none of what is kept here.
                cursor.word(|letter| !letter.is_whitespace());
                return Ok(Self { attribute: None, select: None, part: None });
            };
            cursor.skip(prefix.len());
        }
        let attribute = cursor.name().ok_or_else(|| wrong(whole))?;
        let select = if cursor.take("[") { Some(Self::select(cursor).ok_or_else(|| wrong(whole))?) } else { None };
        let part = if cursor.take(".") { Some(cursor.name().ok_or_else(|| wrong(whole))?) } else { None };
        Ok(Self { attribute: Some(attribute), select, part })
    }

    fn select(cursor: &mut Cursor<'_>) -> Option<Select> {
        cursor.blanks();
        let part = cursor.name()?;
        let apart = cursor.blanks();
        let equal = cursor.keyword("eq") && cursor.blanks();
        let value = cursor.value()?;
        cursor.blanks();
        (apart && equal && cursor.take("]")).then_some(Select { part, value })
    }

    /// Whether it is this attribute as a whole.
    pub(super) fn is_whole(&self) -> bool {
        self.select.is_none() && self.part.is_none()
    }
}

fn wrong(text: &str) -> Refused {
    let shown: String = text.chars().filter(|letter| !letter.is_control()).take(100).collect();
    let how = "an attribute, `name.givenName`, or `emails[type eq \"work\"].value`";
    Refused::new(Kind::Path, format!("{shown:?} is no path that is known here: {how}"))
}

/// A text that is read from its beginning on.
pub(super) struct Cursor<'t>(&'t str);

impl<'t> Cursor<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self(text)
    }

    pub(super) const fn rest(&self) -> &'t str {
        self.0
    }

    fn skip(&mut self, bytes: usize) {
        self.0 = self.0.get(bytes..).unwrap_or_default();
    }

    /// Takes what fits, which may be nothing.
    fn word(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let end = self.0.find(|letter| !fits(letter)).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at_checked(end).unwrap_or((self.0, ""));
        self.0 = rest;
        word
    }

    /// Takes blanks; whether there were any.
    pub(super) fn blanks(&mut self) -> bool {
        !self.word(|letter| letter == ' ').is_empty()
    }

    pub(super) fn take(&mut self, text: &str) -> bool {
        let rest = self.0.strip_prefix(text);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// Takes a word, whatever its case.
    pub(super) fn keyword(&mut self, word: &str) -> bool {
        let found = self.0.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        let alone = self.0.get(word.len()..).is_none_or(|rest| !rest.starts_with(char::is_alphanumeric));
        if found && alone {
            self.skip(word.len());
        }
        found && alone
    }

    /// Takes an attribute's name, in lower case (RFC 7643 §2.1).
    fn name(&mut self) -> Option<String> {
        let begins = self.0.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '$');
        let word = self.word(|letter| letter.is_ascii_alphanumeric() || "-_$".contains(letter));
        (begins && !word.is_empty()).then(|| word.to_ascii_lowercase())
    }

    /// Takes a value as JSON has it: a text, `true` or `false`.
    pub(super) fn value(&mut self) -> Option<String> {
        if !self.0.starts_with('"') {
            let word = self.word(|letter| letter.is_ascii_alphabetic()).to_ascii_lowercase();
            return matches!(word.as_str(), "true" | "false").then_some(word);
        }
        let mut escaped = false;
        let end = self.0.char_indices().skip(1).find(|(_, letter)| {
            let ends = *letter == '"' && !escaped;
            escaped = *letter == '\\' && !escaped;
            ends
        });
        let (text, rest) = self.0.split_at_checked(end?.0 + 1)?;
        self.0 = rest;
        serde_json::from_str(text).ok()
    }
}

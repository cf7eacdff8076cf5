//! What a class's values are replaced by.

use crate::detect::Detectors;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use zeroize::Zeroizing;

/// How the values of a class are shown to who may not see them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Transform {
    /// `[masked]` in types of text, NULL in all others.
    Redact,
    /// NULL.
    Null,
    /// The first and last characters stay, each one between becomes `*`.
    Partial {
        /// Characters that stay at the beginning.
        first: u8,
        /// Characters that stay at the end.
        last: u8,
    },
    /// Another value of the same type, by a keyed hash: the same for the same value, so that joins still work.
    Pseudonym,
    /// Each digit becomes another, by format-preserving encryption (FF1); all else stays where it is.
    Digits,
    /// A date or time, cut to this part.
    Date(DatePart),
    /// Always this.
    Constant(Box<str>),
    /// What these find in free text is replaced by its kind, `[email]`; the rest stays.
    Detect(Detector),
}

impl Transform {
    /// Its name in a configuration: `mask = "partial"`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Redact => "redact",
            Self::Null => "null",
            Self::Partial { .. } => "partial",
            Self::Pseudonym => "pseudonym",
            Self::Digits => "digits",
            Self::Date(_) => "date",
            Self::Constant(_) => "constant",
            Self::Detect(_) => "detect",
        }
    }
}

/// Detectors, as a transform has them. Two are equal where they are the same ones.
#[derive(Clone)]
pub struct Detector(Arc<Detectors>);

impl Detector {
    /// A transform's detectors.
    #[must_use]
    pub const fn new(detectors: Arc<Detectors>) -> Self {
        Self(detectors)
    }

    /// The detectors.
    #[must_use]
    pub fn get(&self) -> &Detectors {
        &self.0
    }
}

impl PartialEq for Detector {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Detector {}

impl Hash for Detector {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl fmt::Debug for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Detector(..)")
    }
}

/// What stays of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DatePart {
    /// The first of January.
    Year,
    /// The first of the month.
    Month,
    /// Midnight.
    Day,
}

/// The secret of pseudonyms: who has it can compute them for guessed values.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// A key of these bytes.
    #[must_use]
    pub const fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

//! What a protocol has to do to a statement's results and texts so that nobody sees what they may not:
//! the mechanism, without the reason.

use crate::mask::{Key, Transform};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How the values of one class are hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassMask {
    /// The class.
    pub class: Arc<str>,
    /// What its values are replaced by.
    pub transform: Transform,
}

/// What becomes of one statement's results, errors and notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskPlan {
    /// Its result's columns.
    pub columns: Columns,
    /// Columns that may not be seen, by relation and number, whatever the plan says of those that read them.
    pub hidden: Arc<BTreeMap<(u32, i16), Arc<ClassMask>>>,
    /// What looks through the columns that none of these cover, where their type is one of texts.
    pub unclassed: Option<Arc<ClassMask>>,
    /// The secret of pseudonyms.
    pub key: Arc<Key>,
    /// How a copy to the client is written, where it is one.
    pub copy: Option<Arc<crate::mask::copy::CopyOptions>>,
    /// What errors and notices may say.
    pub texts: Texts,
    /// Whether its rows stay out of the plain record: the client sees what readers of the record may not.
    pub rows_unrecorded: bool,
    /// Whether its parameters do.
    pub parameters_unrecorded: bool,
}

impl MaskPlan {
    /// Whether any value of its results may be replaced.
    #[must_use]
    pub fn hides(&self) -> bool {
        !self.hidden.is_empty() || self.columns != Columns::Clear || self.unclassed.is_some()
    }
}

/// The columns of a result, by a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Columns {
    /// All of them go through, but for those whose origin is hidden.
    Clear,
    /// These, and no other number of them.
    Each(Vec<Column>),
    /// However many there are: each is replaced as a whole.
    Whole,
}

/// One column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// What becomes of it.
    pub cover: Cover,
    /// Its type by number, where the catalog says it: a copy has no description of its own. 0 for none.
    pub type_oid: u32,
    /// That type's modifier; -1 for none.
    pub typmod: i32,
}

/// What becomes of a column's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cover {
    /// They go through.
    Clear,
    /// They are replaced as their class says.
    Class(Arc<ClassMask>),
    /// They are computed from what is hidden, and replaced as a whole.
    Whole,
}

/// What a statement's errors and notices may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Texts {
    /// All.
    Clear,
    /// No detail, and a message only where its SQLSTATE is known to carry no value.
    Known,
    /// The SQLSTATE alone: code that can raise what it likes runs.
    Code,
}

/// The plans of a text's statements, in their order; none where nothing is hidden.
pub type Plans = Option<Arc<[Option<Arc<MaskPlan>>]>>;
